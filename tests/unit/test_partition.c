/* SPDX-License-Identifier: Apache-2.0 */
/* Plans become domains: memory in its place and clean, modules and device tree where the guest looks for them, again after a life, and
 * nothing left behind when memory runs out. */
#include "tests/unit/domains.h"
#include <libfdt.h>
#include <string.h>
#include "partition/partition.h"

#define KERNEL_PAGES 5
#define RAMDISK_BYTES 5000
#define RAM UINT64_C(0x40000000)

static struct partition_vcpu vcpus[2];
static struct partition_plan plan;
static mfn_t kernel;

static void make_kernel(unsigned order, uint64_t image_size)
{
    uint64_t *header;
    uint8_t *bytes;

    assert_int_equal(frame_alloc(&hypervisor_owner, order, FRAME_ANY, &kernel), 0);
    bytes = host_ram(kernel);
    for (unsigned i = 0; i < PAGE_SIZE << order; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    header = (uint64_t *)bytes;
    header[1] = 0;                      /* text_offset */
    header[2] = image_size;             /* with bss */
    ((uint32_t *)bytes)[14] = 0x644d5241;
}

/* A kernel and a ramdisk lie in memory that nobody else gets. */
static void make_plan(const char *name)
{
    make_kernel(3, 8 * PAGE_SIZE);
    for (unsigned i = 0; i < 2; i++)
        vcpus[i] = (struct partition_vcpu){ .pin = cpu_set_all() };
    plan = (struct partition_plan){
        .node = name, .vcpu_count = 2, .vcpus = vcpus, .memory = UINT64_C(4) << 20, .enhanced = ENHANCED_FULL,
        .kernel = { kernel.v << PAGE_SHIFT, KERNEL_PAGES * PAGE_SIZE - 100 },
        .ramdisk = { (kernel.v + KERNEL_PAGES) * PAGE_SIZE + 8, RAMDISK_BYTES },
        .command_line = "one two", .policy = { .restart_limit = 5, .restart_window = 60 },
    };
    string_copy(plan.name, name, sizeof(plan.name));
    list_init(&partitions);
}

static struct partition *make_partition(void)
{
    struct partition *p = partition_add(&plan);

    assert_non_null(p);
    return p;
}

static int create(struct partition *p)
{
    int error;

    do
        error = partition_create(p);
    while (error == -E_RESTART);
    return error;
}

static int load(struct partition *p, bool wipe)
{
    int error;

    do
        error = partition_load(p, wipe);
    while (error == -E_RESTART);
    return error;
}

static void read_guest(struct partition *p, uint64_t from, void *to, size_t n)
{
    assert_true(host_guest_read(p->domain, from, to, n));
}

/* All modules are there, and everything else of the first `n` bytes of RAM is zero. */
static void check_memory(struct partition *p, uint64_t n)
{
    static uint8_t found[2 << 20], wanted[2 << 20];
    uint64_t tree_end;

    assert_true(n <= sizeof(found));
    memset(wanted, 0, sizeof(wanted));
    read_guest(p, RAM, found, n);
    assert_int_equal(p->entry, RAM);
    memcpy(wanted, host_ram(kernel), plan.kernel.size);
    memcpy(wanted + (p->ramdisk.base - RAM), (char *)host_ram(mfn_add(kernel, KERNEL_PAGES)) + 8, RAMDISK_BYTES);
    tree_end = p->tree.base + fdt_totalsize(found + (p->tree.base - RAM));
    assert_true(p->tree.base >= RAM + 8 * PAGE_SIZE && tree_end <= p->ramdisk.base);
    memcpy(wanted + (p->tree.base - RAM), found + (p->tree.base - RAM), tree_end - p->tree.base);
    for (uint64_t i = 0; i < n; i++)
        if (found[i] != wanted[i])
            fail_msg("byte %#llx is %#x, not %#x", (unsigned long long)i, found[i], wanted[i]);
}

static void check_tree(struct partition *p)
{
    static uint8_t tree[65536];
    const void *reg;
    int node, length;

    read_guest(p, p->tree.base, tree, p->tree.size);
    assert_int_equal(fdt_check_full(tree, p->tree.size), 0);
    node = fdt_path_offset(tree, "/chosen");
    assert_string_equal(fdt_getprop(tree, node, "bootargs", NULL), "one two");
    assert_int_equal(fdt64_ld(fdt_getprop(tree, node, "linux,initrd-end", NULL)), p->ramdisk.base + RAMDISK_BYTES);
    node = fdt_path_offset(tree, "/memory@40000000");
    reg = fdt_getprop(tree, node, "reg", &length);
    assert_int_equal(length, 16);
    assert_int_equal(fdt64_ld(reg), RAM);
    assert_int_equal(fdt64_ld((const fdt64_t *)reg + 1), plan.memory);
    assert_true(fdt_node_offset_by_compatible(tree, -1, "xen,xen") > 0);
    assert_true(fdt_node_offset_by_compatible(tree, -1, "arm,gic-v3") > 0);
    assert_true(fdt_path_offset(tree, "/cpus/cpu@1") > 0);
    assert_true(fdt_path_offset(tree, "/cpus/cpu@2") < 0);
}

/* Catches: bytes in the wrong place or missing, a tree that libfdt refuses, old bytes that a later life sees. */
static void it_is_loaded_and_loaded_again(void **state)
{
    uint64_t junk = 0x6b6e756a6b6e756a;
    struct partition *p;

    (void)state;
    machine_start(1);
    make_plan("again");
    p = make_partition();
    assert_int_equal(create(p), 0);
    assert_int_equal(load(p, false), 0);
    assert_int_equal(p->domain->vcpus[0]->pause_flags, 0);
    check_memory(p, 2 << 20);
    check_tree(p);
    for (uint64_t at = RAM + 8; at < RAM + plan.memory; at += 1000 * 8)
        assert_true(host_guest_write(p->domain, at, &junk, sizeof(junk)));
    vcpu_down(p->domain->vcpus[0]);
    assert_int_equal(load(p, true), 0);
    check_memory(p, 2 << 20);
    assert_int_equal(load(p, true), -E_EXIST);      /* it runs */
    kill_domain(p->domain);
    assert_null(p->domain);
    assert_int_equal(p->state, PARTITION_STOPPED);
}

#define LARGE_KERNEL ((UINT64_C(2) << 20) + 100 * PAGE_SIZE + 123)

/* A kernel of more than a block, and all that is free has old bytes in it. */
static void make_large_plan(const char *name)
{
    static mfn_t blocks[8];

    make_plan(name);
    make_kernel(10, UINT64_C(3) << 20);
    plan.kernel = (struct partition_module){ kernel.v << PAGE_SHIFT, LARGE_KERNEL };
    plan.ramdisk.size = 0;
    plan.memory = UINT64_C(8) << 20;
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
        assert_int_equal(frame_alloc(&hypervisor_owner, 9, FRAME_ANY, &blocks[i]), 0);
        memset(host_ram(blocks[i]), 0x6b, PAGE_SIZE << 9);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++)
        frame_put_block(blocks[i], 9);
}

/* Catches: old bytes in the rest of a block, a page that a step leaves out, a module that a restart reads elsewhere. */
static void a_large_kernel_comes_in_blocks(void **state)
{
    static uint8_t found[3 << 20], wanted[3 << 20];
    struct partition *p;
    uint64_t entries[3];

    (void)state;
    machine_start(1);
    make_large_plan("large");
    memcpy(wanted, host_ram(kernel), LARGE_KERNEL);
    p = make_partition();
    assert_int_equal(create(p), 0);
    assert_int_equal(load(p, false), 0);
    stage2_count_entries(&p->domain->stage2, entries);
    assert_int_equal(entries[1], 4);    /* none is in pieces */
    for (unsigned life = 0; life < 2; life++) {
        read_guest(p, RAM, found, sizeof(found));
        assert_memory_equal(found, wanted, sizeof(found));
        memset(found, 0x6a, PAGE_SIZE);
        assert_true(host_guest_write(p->domain, RAM + (1 << 20), found, PAGE_SIZE));
        vcpu_down(p->domain->vcpus[0]);
        if (life == 0)
            assert_int_equal(load(p, true), 0);
    }
    kill_domain(p->domain);
}

/* Catches: a place of RAM that is not where the plan says, or not as large. */
static void memory_lies_where_it_should(void **state)
{
    struct partition_piece ram[PARTITION_PIECES];
    struct partition_plan q = { .memory = UINT64_C(5) << 30 };

    (void)state;
    assert_int_equal(partition_ram(&q, ram), 2);
    assert_int_equal(ram[0].size, UINT64_C(3) << 30);
    assert_int_equal(ram[1].guest, UINT64_C(0x200000000));
    assert_int_equal(ram[1].size, UINT64_C(2) << 30);
    assert_int_equal(ram[1].host, PARTITION_ANYWHERE);
    q.bank_count = 2;
    q.banks[0] = (struct partition_range){ UINT64_C(0x80000000), UINT64_C(2) << 30 };
    q.banks[1] = (struct partition_range){ UINT64_C(0x200000000), UINT64_C(3) << 30 };
    assert_int_equal(partition_ram(&q, ram), 3);
    assert_int_equal(ram[1].guest, UINT64_C(0xc0000000));
    assert_int_equal(ram[1].host, UINT64_C(0x200000000));
    assert_int_equal(ram[1].size, UINT64_C(1) << 30);
    assert_int_equal(ram[2].guest, UINT64_C(0x200000000));
    assert_int_equal(ram[2].host, UINT64_C(0x240000000));
    q.direct_map = true;
    assert_int_equal(partition_ram(&q, ram), 2);
    assert_int_equal(ram[0].guest, UINT64_C(0x80000000));
}

/* Catches: an order other than by priority, and by the tree where that is equal. */
static void the_list_is_in_order(void **state)
{
    static const int32_t priorities[] = { 0, 5, -1, 5, 0, 9 };
    static const unsigned wanted[] = { 5, 1, 3, 0, 4, 2 };
    static struct partition_plan plans[6];
    struct partition *p;
    unsigned n = 0;

    (void)state;
    machine_start(1);
    list_init(&partitions);
    for (unsigned i = 0; i < 6; i++) {
        plans[i] = (struct partition_plan){ .node = "x", .vcpu_count = 1, .priority = priorities[i] };
        assert_non_null(partition_add(&plans[i]));
    }
    list_for_each(p, &partitions, link)
        assert_ptr_equal(p->plan, &plans[wanted[n++]]);
    assert_int_equal(n, 6);
}

static int attempt(void *arg UNUSED)
{
    struct partition *p = partition_add(&plan);
    int error;

    if (!p)
        return -E_NOMEM;
    error = create(p);
    if (!error)
        error = load(p, false);
    if (error && p->state != PARTITION_FAILED)
        partition_give_up(p);
    if (!error)
        kill_domain(p->domain);
    /* Failed ones are taken apart by a timer. */
    for (unsigned i = 0; i < 1000 && p->reaper.armed; i++) {
        host_time_advance(MSEC(1));
        timer_run_due();
        settle();
    }
    assert_false(p->reaper.armed);
    assert_null(p->domain);
    list_remove(&p->link);
    heap_delete(p);
    return error;
}

/* Catches: what an error leaves behind. */
static void nothing_is_left_when_memory_runs_out(void **state)
{
    uint64_t objects;

    (void)state;
    machine_start(1);
    make_plan("oom");
    assert_int_equal(attempt(NULL), 0);     /* what is kept for the next one is there */
    settle();
    frames_at_start = frame_free_count();
    objects = heap_objects_used();
    assert_true(oom_loop(attempt, NULL, NULL) > 5);
    expect_all_home();
    assert_int_equal(heap_objects_used(), objects);
}

/* The same of a block that is on its way. */
static void nothing_is_left_of_a_large_one(void **state)
{
    (void)state;
    machine_start(1);
    make_large_plan("oom");
    assert_int_equal(attempt(NULL), 0);
    settle();
    frames_at_start = frame_free_count();
    assert_true(oom_loop(attempt, NULL, NULL) > 5);
    expect_all_home();
}

/* What two share is the same memory, and the ends of a channel find each other whoever comes first; both are there again after a life. */
static void sharing_outlives_both(void **state)
{
    static struct partition_plan second;
    struct partition *p, *q;
    struct event_status s;
    uint32_t word = 0;
    mfn_t region;

    (void)state;
    machine_start(1);
    make_plan("left");
    /* Memory that the allocator has not got: as boot holds it back. */
    assert_int_equal(frame_alloc(&hypervisor_owner, 4, FRAME_ANY, &region), 0);
    plan.shares[0] = (struct partition_share){ .host = region.v << PAGE_SHIFT, .guest = 0x70000000, .size = 16 * PAGE_SIZE, .id = "words" };
    plan.share_count = plan.channel_count = 1;
    plan.channels[0] = (struct partition_channel){ .port = 200, .phandle = 1, .peer = 2 };
    second = plan;
    string_copy(second.name, "right", sizeof(second.name));
    second.shares[0].guest = 0x78001000;
    second.channels[0] = (struct partition_channel){ .port = 3, .phandle = 2, .peer = 1 };
    p = make_partition();
    q = partition_add(&second);
    assert_int_equal(create(p), 0);
    assert_int_equal(load(p, false), 0);
    assert_int_equal(event_status(p->domain, 200, &s), -E_INVAL);
    assert_int_equal(create(q), 0);
    assert_int_equal(load(q, false), 0);
    assert_int_equal(event_send(p->domain, 200), 0);
    assert_true(event_port_is_pending(q->domain, 3));
    assert_true(host_guest_write(p->domain, 0x70000ffc, &(uint32_t){ 0xbeef }, 4));
    assert_true(host_guest_read(q->domain, 0x78001ffc, &word, 4));
    assert_int_equal(word, 0xbeef);
    /* It lets go of everything and starts again. */
    vcpu_down(p->domain->vcpus[0]);
    while (event_reset(p->domain) == -E_RESTART)
        continue;
    assert_int_equal(event_status(q->domain, 3, &s), 0);
    assert_int_equal(s.state, CHANNEL_UNBOUND);
    assert_int_equal(stage2_unmap_page(&p->domain->stage2, GFN(0x70002), BIT(S2_FOREIGN_RW)), 0);
    assert_int_equal(load(p, true), 0);
    assert_int_equal(event_status(q->domain, 3, &s), 0);
    assert_int_equal(s.state, CHANNEL_INTERDOMAIN);
    assert_int_equal(s.remote_port, 200);
    assert_true(host_guest_read(p->domain, 0x70000ffc, &word, 4));
    assert_int_equal(word, 0xbeef);
    assert_true(host_guest_read(p->domain, 0x70002000, &word, 4));
    kill_domain(p->domain);
    kill_domain(q->domain);
    assert_int_equal(frame_count(region), 1);
    frame_check_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_loaded_and_loaded_again), cmocka_unit_test(a_large_kernel_comes_in_blocks),
        cmocka_unit_test(sharing_outlives_both), cmocka_unit_test(memory_lies_where_it_should),
        cmocka_unit_test(the_list_is_in_order), cmocka_unit_test(nothing_is_left_when_memory_runs_out),
        cmocka_unit_test(nothing_is_left_of_a_large_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
