/* SPDX-License-Identifier: Apache-2.0 */
/* The IOMMU's driver against a model of an SMMUv3: devices see what the domain sees, and no longer than it does. */
#include "tests/unit/iommu.h"
#include "arch/include/arm64_its.h"
#include "drivers/smmuv3.h"

#define STREAM 0x208

static uint64_t all_free, heap_before;
static const struct iommu_streams one = { 0, STREAM, 1 };

static void boot_machine(unsigned units, bool stage2, unsigned root_level, unsigned address_bits)
{
    host_boot(&(struct host_config){ .memory_mib = 64, .root_level = root_level, .root_order = root_level, .address_bits = address_bits });
    host_smmu_boot(units, stage2);
    for (unsigned i = 0; i < units; i++) {
        const struct smmuv3_place place = { .base = HOST_SMMU_BASE(i), .event_irq = i == 0 ? HOST_SMMU_IRQ : 0 };

        assert_int_equal(smmuv3_start(&place), 0);
    }
    assert_true(iommu_is_present());
    register_owners();
    host_console_clear();
    heap_before = heap_pages_used();
    all_free = frame_free_count();
}

static bool device_reads(uint64_t address, uint64_t *x)
{
    return host_smmu_access(0, STREAM, address, x, sizeof(*x), false);
}

static bool device_writes(uint64_t address, uint64_t x)
{
    return host_smmu_access(0, STREAM, address, &x, sizeof(x), true);
}

static const struct view view = { device_reads, device_writes, s2_type_is_memory };

static void change_something(void)
{
    static const enum s2_type types[] = { S2_RAM, S2_RAM_RO, S2_GRANT_RW, S2_GRANT_RO, S2_FOREIGN_RW };

    change_space(types, ARRAY_SIZE(types));
}

static void follow(unsigned root_level, unsigned address_bits, bool stage2)
{
    boot_machine(1, stage2, root_level, address_bits);
    make_space();
    assert_int_equal(space.table_order, !stage2);
    assert_int_equal(iommu_attach(devices, &one), 0);
    for (unsigned i = 0; i < 3000; i++) {
        change_something();
        host_time_advance(MSEC(10));
        for (unsigned k = 0; k < 6; k++)
            compare_page(&view, BASE + host_random_below(PAGES));
    }
    iommu_detach(devices, &one);
    assert_false(iommu_has_streams(devices));
    end_space();
    assert_int_equal(owner.frames + other.frames, 0);
}

static void test_twins_follow(void **state UNUSED)
{
    follow(1, 40, false);
    follow(0, 48, false);
}

static void test_stage2_follows(void **state UNUSED)
{
    follow(1, 40, true);
}

/* A root of more address bits than the SMMU can put out is not walked by it. */
static void test_wide_stage2_has_twins(void **state UNUSED)
{
    boot_machine(1, true, 0, 48);
    make_space();
    assert_int_equal(space.table_order, 1);
    end_space();
}

static void test_streams_have_one_owner(void **state UNUSED)
{
    static const struct iommu_streams bus = { 0, 0x300, 256 }, within = { 0, 0x310, 2 }, across = { 0, 0x2ff, 2 };
    static const struct iommu_streams nowhere = { 2, 0, 1 }, beyond = { 0, 4095, 2 }, none = { 0, 1, 0 };
    struct iommu_space *second;
    uint64_t x;

    boot_machine(2, false, 1, 40);
    make_space();
    assert_int_equal(iommu_space_create(2, NULL, &second), 0);
    assert_false(device_reads(0, &x));
    assert_int_equal(iommu_attach(devices, &nowhere), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &beyond), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &none), -E_INVAL);
    check_one_owner(second, &bus, &within, &across);
    iommu_space_destroy(second);
    end_space();
}

static void test_detached_reaches_nothing(void **state UNUSED)
{
    boot_machine(1, false, 1, 40);
    make_space();
    check_attached_only(&view, &one);
    iommu_detach(devices, &one);
    end_space();
}

static void test_faults_are_logged(void **state UNUSED)
{
    uint64_t x;

    boot_machine(1, false, 1, 40);
    make_space();
    assert_false(host_smmu_access(0, 5, 0, &x, 8, false));
    assert_non_null(strstr(host_console_text(), "stream 0x5 of nobody"));
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM_RO), 0);
    assert_false(device_writes(0x12345000, 1));
    assert_non_null(strstr(host_console_text(), "stream 0x208 of d1: write at 0x12345000 refused: not mapped"));
    assert_false(device_writes(BASE << PAGE_SHIFT, 1));
    assert_non_null(strstr(host_console_text(), "write at 0x40000000 refused: not permitted"));
    /* Many more than the queue holds: it goes on to work, and the log is not filled with them. */
    host_console_clear();
    for (unsigned i = 0; i < 5000; i++)
        assert_false(device_reads(0x999000, &x));
    assert_true(strlen(host_console_text()) < 4096);
    /* It is not heard any more, and reaches nothing, until it is given anew. */
    assert_non_null(strstr(host_console_text(), "stream 0x208 makes more than 4000 faults a second"));
    assert_false(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_true(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    end_space();
}

static void make_identity(void)
{
    assert_int_equal(iommu_space_create(1, NULL, &devices), 0);
    assert_int_equal(iommu_attach(devices, &one), 0);
}

static void test_identity_counts_uses(void **state UNUSED)
{
    mfn_t mfn, own;
    uint64_t x, at;

    boot_machine(1, false, 1, 40);
    make_identity();
    own = frames(&owner, 9);
    mfn = frames(&other, 0);
    at = mfn.v << PAGE_SHIFT;
    assert_int_equal(iommu_map_own(devices, own, 512), 0);
    assert_true(device_writes(mfn_add(own, 511).v << PAGE_SHIFT, 1));
    assert_false(device_reads(at, &x));
    assert_int_equal(iommu_use(devices, (struct iommu_use){ mfn, false }), 0);
    assert_true(device_reads(at, &x));
    assert_false(device_writes(at, 1));
    assert_int_equal(iommu_use(devices, (struct iommu_use){ mfn, true }), 0);
    assert_true(device_writes(at, 1));
    assert_int_equal(iommu_use(devices, (struct iommu_use){ own, true }), 0);
    iommu_unuse(devices, &(struct iommu_use){ mfn, true }, 1);
    assert_false(device_writes(at, 1));
    assert_true(device_reads(at, &x));
    iommu_unuse(devices, (struct iommu_use[]){ { mfn, false }, { own, true } }, 2);
    assert_false(device_reads(at, &x));
    assert_true(device_reads(own.v << PAGE_SHIFT, &x));
    /* The model panics if a device could still reach it. */
    frame_put(mfn);
    iommu_detach(devices, &one);
    iommu_space_destroy(devices);
    frame_put_block(own, 9);
    assert_int_equal(owner.frames + other.frames, 0);
}

/* Pages beside a block of its own, and uses of its own pages. */
static void test_identity_of_odd_ranges(void **state UNUSED)
{
    uint64_t x;
    mfn_t own;

    boot_machine(1, false, 1, 40);
    make_identity();
    own = frames(&owner, 10);
    assert_int_equal(iommu_map_own(devices, mfn_add(own, 500), 600 - 500), 0);
    assert_int_equal(iommu_use(devices, (struct iommu_use){ mfn_add(own, 550), true }), 0);
    assert_int_equal(iommu_map_own(devices, mfn_add(own, 512), 512), 0);
    iommu_unuse(devices, &(struct iommu_use){ mfn_add(own, 550), true }, 1);
    for (unsigned i = 0; i < 1024; i += 7)
        assert_int_equal(device_reads(mfn_add(own, i).v << PAGE_SHIFT, &x), i >= 500);
    iommu_detach(devices, &one);
    iommu_space_destroy(devices);
    frame_put_block(own, 10);
}

/* Where messages are written: devices reach it, processors do not; in a stage 2 and in an identity. */
static void test_doorbell(void **state UNUSED)
{
    uint64_t x = 0;
    mfn_t page;

    boot_machine(1, true, 1, 40);
    arch_boot_its(HPA(0x8080000));
    make_space();
    assert_int_equal(iommu_attach(devices, &one), 0);
    page = frames(&owner, 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), page, 0, S2_DOORBELL), 0);
    assert_true(device_writes(BASE << PAGE_SHIFT, 7));
    assert_int_equal(*(uint64_t *)host_ram(page), 7);
    assert_false(host_access(&space, BASE << PAGE_SHIFT, &x, sizeof(x), true));
    assert_int_equal(stage2_unmap(&space, GFN(BASE), 0), 0);
    assert_false(device_writes(BASE << PAGE_SHIFT, 8));
    iommu_detach(devices, &one);
    end_space();
    make_identity();
    assert_int_equal(iommu_map_doorbell(devices, page), 0);
    assert_true(device_writes(page.v << PAGE_SHIFT, 9));
    assert_false(device_writes((page.v + 1) << PAGE_SHIFT, 9));
    iommu_detach(devices, &one);
    iommu_space_destroy(devices);
    frame_put(page);
}

static int everything(void *arg UNUSED)
{
    static const struct iommu_streams bus = { 0, 0x100, 0x180 };
    struct stage2 s;
    struct iommu_space *follows = NULL, *identity = NULL;
    int r = stage2_init(&s, &owner);

    if (r)
        return r;
    r = iommu_space_create(1, &s, &follows);
    if (!r)
        r = iommu_space_create(2, NULL, &identity);
    if (!r)
        r = iommu_attach(follows, &bus);
    if (!r)
        iommu_detach(follows, &bus);
    if (!r)
        r = iommu_map_own(identity, MFN(0x8000), 700);
    if (!r)
        r = iommu_use(identity, (struct iommu_use){ MFN(0x9000), true });
    while (stage2_destroy(&s) == -E_RESTART)
        continue;
    iommu_space_destroy(follows);
    iommu_space_destroy(identity);
    return r;
}

/* What stays is a group's own table: it is the board's from then on. */
static void test_memory_runs_out(void **state UNUSED)
{
    uint64_t used;

    boot_machine(1, false, 1, 40);
    assert_true(oom_loop(everything, NULL, NULL) > 8);
    used = heap_pages_used();
    assert_int_equal(everything(NULL), 0);
    assert_int_equal(heap_pages_used(), used);
    assert_true(used <= heap_before + 8);
}

static void test_space_numbers_run_out(void **state UNUSED)
{
    static struct iommu_space *all[300];
    unsigned n = 0;

    boot_machine(1, false, 1, 40);
    while (iommu_space_create(1, NULL, &all[n]) == 0)
        n++;
    assert_int_equal(n, 255);
    assert_int_equal(iommu_space_create(1, NULL, &all[n]), -E_NOSPC);
    for (unsigned i = 0; i < n; i++)
        iommu_space_destroy(all[i]);
    assert_int_equal(frame_free_count(), all_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twins_follow),
        cmocka_unit_test(test_stage2_follows),
        cmocka_unit_test(test_wide_stage2_has_twins),
        cmocka_unit_test(test_streams_have_one_owner),
        cmocka_unit_test(test_detached_reaches_nothing),
        cmocka_unit_test(test_faults_are_logged),
        cmocka_unit_test(test_identity_counts_uses),
        cmocka_unit_test(test_identity_of_odd_ranges),
        cmocka_unit_test(test_doorbell),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_space_numbers_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
