/* SPDX-License-Identifier: Apache-2.0 */
/* What static domains have of others: shared memory, event channels, devices. (The rest of their nodes: test_static_plan.c) */
#include "tests/unit/plans.h"

static uint8_t partials[4][4096], *partial = partials[0];

static void begin_sharer(const char *name, unsigned kernel_at)
{
    begin_domain(name);
    cells("memory", 2, 0, 8192);
    cells("cpus", 1, 1);
    module("multiboot,kernel", kernel_at, 0x1000, NULL);
}

static void share(const char *name, const char *id, unsigned host, unsigned guest, unsigned size)
{
    fdt_begin_node(blob, name);
    fdt_property_string(blob, "compatible", "xen,domain-shared-memory-v1");
    fdt_property_string(blob, "xen,shm-id", id);
    cells("xen,shared-mem", 6, 0, host, 0, guest, 0, size);
    fdt_end_node(blob);
}

static void channel(const char *name, unsigned port, unsigned own, unsigned peer)
{
    fdt_begin_node(blob, name);
    fdt_property_string(blob, "compatible", "xen,evtchn-v1");
    cells("phandle", 1, own);
    cells("xen,evtchn", 2, port, peer);
    fdt_end_node(blob);
}

/* Catches: cells in another order; dom0's nodes given to a domain, or a domain's to dom0; memory that the allocator would hand out. */
static void what_is_shared_is_read(void **state)
{
    struct partition_plan dom0 = { 0 }, *const dom0_too = &dom0;

    (void)state;
    begin_board();
    share("dom0-share", "both", 0x60000000, 0x60000000, 0x4000);
    channel("dom0-end", 7, 1, 2);
    begin_sharer("one", 0x48000000);
    share("share", "both", 0x60000000, 0x70000000, 0x4000);
    channel("end", 10, 2, 1);
    fdt_end_node(blob);
    assert_int_equal(parse_board(), 1);
    static_parse_dom0(&info, &dom0, &report);
    static_check_links(&info, &dom0_too, 0, &report);
    assert_int_equal(line_count, 0);
    assert_int_equal(plans[0]->share_count, 1);
    assert_string_equal(plans[0]->shares[0].id, "both");
    assert_int_equal(plans[0]->shares[0].host, 0x60000000);
    assert_int_equal(plans[0]->shares[0].guest, 0x70000000);
    assert_int_equal(plans[0]->shares[0].size, 0x4000);
    assert_int_equal(plans[0]->channel_count, 1);
    assert_int_equal(plans[0]->channels[0].port, 10);
    assert_int_equal(dom0.share_count, 1);
    assert_int_equal(dom0.channels[0].port, 7);
    assert_int_equal(dom0.channels[0].peer, plans[0]->channels[0].phandle);
    assert_true(range_contains(&info.static_memory, 0x60000000, 0x4000));
}

/* Catches: neighbours who would see different memory under one name, or each other's; a channel with one end. */
static void what_does_not_agree_is_said(void **state)
{
    (void)state;
    begin_board();
    begin_sharer("one", 0x48000000);
    share("share", "both", 0x60000000, 0x70000000, 0x4000);
    channel("end", 10, 2, 9);
    fdt_end_node(blob);
    begin_sharer("two", 0x48100000);
    share("share", "other", 0x60002000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    begin_sharer("three", 0x48200000);
    share("share", "much too long a name", 0x61000000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    begin_sharer("four", 0x48300000);
    share("share", "odd", 0x61000000, 0x70000123, 0x4000);
    share("far", "far", 0xf0000000, 0x70000000, 0x4000);
    channel("end", 5000, 3, 4);
    fdt_end_node(blob);
    begin_sharer("five", 0x48400000);
    share("share", "five", 0xf0000000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    assert_int_equal(parse_board(), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(plans[i]->broken, i != 1);
    assert_true(was_said("one: static event channel 10: the other end's node does not name this one"));
    assert_true(was_said("three: xen,shm-id = \"much too long a name\": expects a text of 1 to 15 characters"));
    assert_true(was_said("four: xen,shared-mem = "));
    assert_true(was_said("four: xen,evtchn = <0x1388 0x4>: expects a port of 1 to 1023"));
    assert_true(was_said("five: shared memory \"five\" at 0xf0000000, 0x4000 bytes, is not all free memory of this board"));
}

/* Two is right but for its overlap with one, which is not broken here. */
static void overlapping_shares_are_said(void **state)
{
    (void)state;
    begin_board();
    begin_sharer("one", 0x48000000);
    share("share", "both", 0x60000000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    begin_sharer("two", 0x48100000);
    share("share", "other", 0x60002000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    assert_int_equal(parse_board(), 2);
    assert_false(plans[0]->broken);
    assert_true(was_said("two: shared memory \"other\" at 0x60002000, 0x4000 bytes, does not agree with \"both\" of /chosen/one"));
}

/* ---- devices ---- */

static void partial_cells(const char *name, const unsigned *value, unsigned n)
{
    fdt32_t v[16];

    for (unsigned i = 0; i < n; i++)
        v[i] = cpu_to_fdt32(value[i]);
    fdt_property(partial, name, v, 4 * (int)n);
}

static void partial_tree(const unsigned *reg, unsigned n, const char *path)
{
    const unsigned two = 2, irq[] = { 0, 40, 4 };

    memset(partial, 0, sizeof(partials[0]));
    fdt_create(partial, sizeof(partials[0]));
    fdt_finish_reservemap(partial);
    fdt_begin_node(partial, "");
    fdt_begin_node(partial, "passthrough");
    partial_cells("#address-cells", &two, 1);
    partial_cells("#size-cells", &two, 1);
    fdt_begin_node(partial, "nic");
    partial_cells("xen,reg", reg, n);
    partial_cells("interrupts", irq, 3);
    if (path)
        fdt_property_string(partial, "xen,path", path);
    fdt_end_node(partial);
    fdt_end_node(partial);
    fdt_end_node(partial);
    assert_int_equal(fdt_finish(partial), 0);
}

static void give_devices(struct partition_plan *plan)
{
    const char *why;

    assert_int_equal(dt_open(&plan->partial, partial, fdt_totalsize(partial), &why), 0);
    static_parse_devices(&info, plan, &report);
}

/* Catches: host and guest address swapped, the wrong node's interrupts, a device that two have. */
static void devices_are_given_once(void **state)
{
    static const unsigned nic[] = { 0, 0xa000000, 0, 0x1000, 0, 0x10000000 }, uart[] = { 0, 0x9000000, 0, 0x1000, 0, 0x9000000 },
                          smmu[] = { 0, 0x9060000, 0, 0x1000, 0, 0x9060000 };
    static const struct range_list taken;

    (void)state;
    begin_board();
    domain_with("first", 0x48100000, NULL, NULL, 0);
    domain_with("second", 0x48200000, NULL, NULL, 0);
    domain_with("third", 0x48300000, NULL, NULL, 0);
    domain_with("fourth", 0x48400000, NULL, NULL, 0);
    domain_with("fifth", 0x48500000, NULL, NULL, 0);
    assert_int_equal(parse_board(), 5);
    partial_tree(nic, 6, "/soc/nic@a000000");
    give_devices(plans[0]);
    give_devices(plans[1]);
    partial = partials[1];
    assert_int_equal(line_count, 0);
    assert_int_equal(plans[0]->register_count, 1);
    assert_int_equal(plans[0]->registers[0].base, 0xa000000);
    assert_int_equal(plans[0]->registers[0].guest, 0x10000000);
    assert_int_equal(plans[0]->irq_count, 2);
    assert_int_equal(plans[0]->irqs[0], 48);
    assert_int_equal(plans[0]->irqs[1], 49);
    assert_string_equal(plans[0]->devices[0].path, "/soc/nic@a000000");
    partial_tree(uart, 6, NULL);
    give_devices(plans[2]);
    assert_int_equal(plans[2]->irqs[0], 72);
    partial = partials[2];
    partial_tree(nic, 5, "/nic@a000000");
    give_devices(plans[3]);
    assert_true(was_said("/chosen/fourth: xen,reg = <0x0 0xa000000 0x0 0x1000 0x0>: expects triples"));
    assert_true(was_said("/chosen/fourth: xen,path = \"/nic@a000000\": is the path of no node"));
    partial = partials[3];
    partial_tree(smmu, 6, NULL);
    give_devices(plans[4]);
    for (unsigned i = 0; i < 5; i++)
        static_check(&info, plans, i, &taken, 288, &report);
    assert_false(plans[0]->broken);
    assert_true(plans[1]->broken && plans[2]->broken && plans[3]->broken);
    assert_true(was_said("/chosen/second: device registers (xen,reg) 0xa000000, 0x1000 bytes, are given to two domains, here and in /chosen/first"));
    assert_true(was_said("/chosen/second: interrupt 48 is given to two domains"));
    assert_true(was_said("/chosen/second: device /soc/nic@a000000 (xen,path) is given to two domains"));
    assert_true(was_said("/chosen/fifth: device registers (xen,reg) 0x9060000, 0x1000 bytes, are the hypervisor's own"));
    assert_true(was_said("/chosen/third: device registers (xen,reg) 0x9000000, 0x1000 bytes, are the hypervisor's own"));
}

/* Catches: a path, a register or an interrupt that is looked for outside the host's tree or the partial one. */
static void damaged_trees_with_devices_do_no_harm(void **state)
{
    static const unsigned reg[] = { 0, 0xa000000, 0, 0x1000, 0, 0x10000000 };
    unsigned seed = 1, size, n;

    (void)state;
    begin_board();
    begin_sharer("one", 0x48000000);
    share("share", "both", 0x60000000, 0x70000000, 0x4000);
    channel("end", 10, 2, 1);
    fdt_end_node(blob);
    begin_sharer("two", 0x48100000);
    channel("end", 11, 1, 2);
    fdt_end_node(blob);
    end_board();
    size = fdt_totalsize(blob);
    for (unsigned round = 0; round < 4000; round++) {
        uint8_t *copy = malloc(size);

        memcpy(copy, blob, size);
        damage(copy, size, 1 + round % 4, &seed);
        line_count = broken_lines = 0;
        n = parse(copy, size);
        partial = partials[0];
        partial_tree(reg, 6, "/soc/nic@a000000");
        if (n)
            give_devices(plans[n - 1]);
        damage(partial, fdt_totalsize(partial), 1 + round % 3, &seed);
        if (n && dt_open(&plans[0]->partial, partial, sizeof(partials[0]), &(const char *){ NULL }) == 0)
            static_parse_devices(&info, plans[0], &report);
        forget_plans();
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shared_is_read),
        cmocka_unit_test(what_does_not_agree_is_said),
        cmocka_unit_test(overlapping_shares_are_said),
        cmocka_unit_test(devices_are_given_once),
        cmocka_unit_test(damaged_trees_with_devices_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
