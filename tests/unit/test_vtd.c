/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d's driver against a model of its units: devices see what the domain sees, and no longer than it does. */
#include "tests/unit/vtd.h"

#define FUNCTION 0x0208

static const struct iommu_streams one = { 0, FUNCTION, 1 }, all = { 0, 0, 0x10000 };

static bool reads(uint16_t function, uint64_t address, uint64_t *x)
{
    return host_vtd_access(0, function, address, x, sizeof(*x), false);
}

static bool device_reads(uint64_t address, uint64_t *x)
{
    return reads(FUNCTION, address, x);
}

static bool device_writes(uint64_t address, uint64_t x)
{
    return host_vtd_access(0, FUNCTION, address, &x, sizeof(x), true);
}

/* What others own and the domain only looks at is not for its devices. */
static bool is_for_devices(enum s2_type t)
{
    return s2_type_is_memory(t) && t != S2_FOREIGN_RW && t != S2_FOREIGN_RO && t != S2_SHARED;
}

static const struct view view = { device_reads, device_writes, is_for_devices };

static void change_something(void)
{
    static const enum s2_type types[] = { S2_RAM, S2_RAM_RO, S2_GRANT_RW, S2_GRANT_RO, S2_FOREIGN_RW };

    change_space(types, ARRAY_SIZE(types));
}

/* A space that has pages already is given to a device, and changes. */
static void follow(const struct host_vtd_config *c, const struct iommu_streams *streams)
{
    boot_machine(c);
    make_space();
    for (unsigned i = 0; i < 100; i++)
        change_something();
    assert_int_equal(iommu_attach(devices, streams), 0);
    for (unsigned i = 0; i < 2000; i++) {
        change_something();
        host_time_advance(MSEC(10));
        for (unsigned k = 0; k < 6; k++)
            compare_page(&view, BASE + host_random_below(PAGES));
    }
    iommu_detach(devices, streams);
    assert_false(iommu_has_streams(devices));
    /* The bus's page stays when it is the unit's own. */
    heap_before += streams->count < 256;
    end_space_whole();
    assert_int_equal(owner.frames + other.frames, 0);
}

static void test_devices_follow(void **state UNUSED)
{
    follow(&(struct host_vtd_config){ .units = 1, .levels = 4 }, &one);
    follow(&(struct host_vtd_config){ .units = 1, .levels = 4, .no_page_selective = true }, &all);
}

/* Units without blocks of 1 GiB, or of 2 MiB, or that leave it to devices whether caches are looked into. */
static void test_small_blocks_follow(void **state UNUSED)
{
    const uint64_t gib = BASE, pages = BIT(18);
    uint64_t counts[3];

    follow(&(struct host_vtd_config){ .units = 1, .levels = 4, .lacks_cap = BIT(34) | BIT(35), .lacks_ecap = BIT(7) }, &one);
    for (unsigned blocks = 0; blocks < 2; blocks++) {
        boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4, .lacks_cap = blocks ? BIT(35) : 0 });
        make_space();
        assert_int_equal(stage2_map(&space, GFN(gib), MFN(pages), 18, S2_DEVICE), 0);
        stage2_count_entries(&space, counts);
        assert_int_equal(counts[0], !blocks);
        assert_int_equal(counts[1], blocks ? 512 : 0);
        end_space_whole();
    }
}

static void test_three_levels_follow(void **state UNUSED)
{
    follow(&(struct host_vtd_config){ .units = 1, .levels = 3 }, &one);
    follow(&(struct host_vtd_config){ .units = 1, .levels = 3 }, &all);
}

static void test_absent_entries_are_kept(void **state UNUSED)
{
    follow(&(struct host_vtd_config){ .units = 1, .levels = 4, .caching_mode = true }, &one);
    follow(&(struct host_vtd_config){ .units = 1, .levels = 3, .caching_mode = true }, &all);
}

static void test_write_buffer_is_emptied(void **state UNUSED)
{
    follow(&(struct host_vtd_config){ .units = 1, .levels = 4, .write_buffer = true }, &one);
}

static void test_caches_are_written_back(void **state UNUSED)
{
    follow(&(struct host_vtd_config){ .units = 1, .levels = 4, .incoherent = true }, &one);
    follow(&(struct host_vtd_config){ .units = 1, .levels = 3, .incoherent = true, .caching_mode = true }, &all);
}

/* The table that a unit of three levels begins with comes with the first page, and goes with the last. */
static void test_first_table_changes(void **state UNUSED)
{
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 3 });
    make_space();
    assert_int_equal(iommu_attach(devices, &all), 0);
    assert_false(device_reads(BASE << PAGE_SHIFT, &x));
    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM), 0);
    assert_true(device_writes(BASE << PAGE_SHIFT, 3));
    assert_false(device_reads(UINT64_C(1) << 39, &x));
    assert_non_null(strstr(host_console_text(), "address too large"));
    /* As when a domain ends with its devices still there. */
    while (stage2_destroy(&space) == -E_RESTART)
        continue;
    assert_false(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &all);
    end_space_whole();
}

static void test_streams_have_one_owner(void **state UNUSED)
{
    static const struct iommu_streams bus = { 0, 0x300, 256 }, within = { 0, 0x310, 2 }, across = { 0, 0x2ff, 2 };
    static const struct iommu_streams nowhere = { 2, 0, 1 }, beyond = { 0, 0xffff, 2 }, far = { 0, UINT32_MAX, 2 }, none = { 0, 1, 0 };
    struct iommu_space *second;
    struct stage2 more;
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 2, .levels = 4 });
    make_space();
    assert_int_equal(stage2_init(&more, &other), 0);
    assert_int_equal(iommu_space_create(2, &more, &second), 0);
    assert_false(device_reads(0, &x));
    assert_int_equal(iommu_attach(devices, &nowhere), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &beyond), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &far), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &none), -E_INVAL);
    check_one_owner(second, &bus, &within, &across);
    assert_int_equal(iommu_attach(devices, &bus), 0);
    iommu_detach(second, &within);
    assert_int_equal(iommu_attach(second, &all), -E_BUSY);
    iommu_detach(devices, &bus);
    assert_int_equal(iommu_attach(devices, &all), 0);
    assert_int_equal(iommu_attach(devices, &(struct iommu_streams){ 1, 5, 1 }), 0);
    iommu_detach(devices, &all);
    assert_true(iommu_has_streams(devices));
    iommu_detach(devices, &(struct iommu_streams){ 1, 5, 1 });
    while (stage2_destroy(&more) == -E_RESTART)
        continue;
    iommu_space_destroy(second);
    /* Pages of buses 2 and 3, and of bus 0 of the other unit. */
    heap_before += 3;
    end_space_whole();
}

static void test_detached_reaches_nothing(void **state UNUSED)
{
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4 });
    make_space();
    check_attached_only(&view, &one);
    assert_false(reads(FUNCTION + 1, BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    heap_before++;
    end_space_whole();
}

static void test_faults_are_logged(void **state UNUSED)
{
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4 });
    make_space();
    assert_false(reads(0x18, 0x5000, &x));
    assert_non_null(strstr(host_console_text(), "VT-d 0: device 00:03.0 of nobody: read at 0x5000 refused: bus of nobody"));
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM_RO), 0);
    assert_false(device_writes(0x12345678, 1));
    assert_non_null(strstr(host_console_text(), "device 02:01.0 of d1: write at 0x12345000 refused: not writable"));
    assert_false(device_writes(BASE << PAGE_SHIFT, 1));
    assert_non_null(strstr(host_console_text(), "write at 0x40000000 refused: not writable"));
    assert_false(device_reads(0x999000, &x));
    assert_non_null(strstr(host_console_text(), "read at 0x999000 refused: not readable"));
    iommu_detach(devices, &one);
    heap_before++;
    end_space_whole();
}

/* More than there are registers for, before any is looked at: those that are lost are lost, and further ones are told. */
static void test_faults_overflow(void **state UNUSED)
{
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4 });
    make_space();
    assert_int_equal(iommu_attach(devices, &all), 0);
    host_hold_messages(true);
    for (uint64_t i = 1; i < 20; i++)
        assert_false(device_reads(i << PAGE_SHIFT, &x));
    assert_int_equal(strlen(host_console_text()), 0);
    host_hold_messages(false);
    assert_non_null(strstr(host_console_text(), "read at 0x4000 refused"));
    assert_null(strstr(host_console_text(), "read at 0x5000 refused"));
    assert_false(device_reads(0x99000, &x));
    assert_non_null(strstr(host_console_text(), "read at 0x99000 refused"));
    iommu_detach(devices, &all);
    end_space_whole();
}

/* One that comes as the handler is about to end is the next message's, and not a storm. */
static void test_a_fault_behind_the_last_look(void **state UNUSED)
{
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4 });
    make_space();
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM), 0);
    host_vtd_fault_late(0, FUNCTION, 0x77000);
    assert_false(device_reads(0x99000, &x));
    assert_non_null(strstr(host_console_text(), "read at 0x99000 refused"));
    assert_non_null(strstr(host_console_text(), "read at 0x77000 refused"));
    assert_null(strstr(host_console_text(), "cut off"));
    assert_true(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    heap_before++;
    end_space_whole();
}

/* Who makes too many faults is not heard any more, and reaches nothing, until it is given anew; the others on its bus go on. */
static void storm(const struct iommu_streams *streams, uint64_t pages_left)
{
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4, .caching_mode = true });
    make_space();
    assert_int_equal(iommu_attach(devices, streams), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM), 0);
    host_console_clear();
    for (unsigned i = 0; i < 9000; i++)
        assert_false(device_reads(0x999000, &x));
    assert_true(strlen(host_console_text()) < 4096);
    assert_non_null(strstr(host_console_text(), "device 02:01.0 makes more than 4000 faults a second: it is cut off"));
    assert_null(strstr(host_console_text(), "not reported any more"));
    assert_false(device_reads(BASE << PAGE_SHIFT, &x));
    assert_int_equal(reads(FUNCTION + 1, BASE << PAGE_SHIFT, &x), streams->count > 1);
    iommu_detach(devices, streams);
    assert_int_equal(iommu_attach(devices, streams), 0);
    assert_true(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, streams);
    assert_false(iommu_has_streams(devices));
    heap_before += pages_left;
    end_space_whole();
}

static void test_storms_are_cut_off(void **state UNUSED)
{
    storm(&one, 1);
    storm(&all, 1);
}

/* A stream of nobody's, whose bus has no page, too. */
static void test_storm_of_nobody(void **state UNUSED)
{
    uint64_t x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4 });
    make_space();
    for (unsigned i = 0; i < 9000; i++)
        assert_false(device_reads(0x999000, &x));
    assert_non_null(strstr(host_console_text(), "it is cut off"));
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM), 0);
    assert_true(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    heap_before++;
    end_space_whole();
}

/* Registers of the domain's are not for devices, but for what firmware has told them of. */
static void test_firmwares_memory(void **state UNUSED)
{
    uint64_t at = mfn_add(HOST_RAM_BASE, 64).v, x;

    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4 });
    iommu_x86_allow(at << PAGE_SHIFT, PAGE_SIZE);
    make_space();
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_int_equal(stage2_map(&space, GFN(at), MFN(at), 0, S2_DEVICE), 0);
    assert_int_equal(stage2_map(&space, GFN(at + 1), MFN(at + 1), 0, S2_DEVICE), 0);
    assert_true(device_reads(at << PAGE_SHIFT, &x));
    assert_false(device_reads((at + 1) << PAGE_SHIFT, &x));
    assert_int_equal(stage2_unmap(&space, GFN(at), 0), 0);
    assert_false(device_reads(at << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    heap_before++;
    end_space_whole();
}

static int everything(void *arg UNUSED)
{
    static const struct iommu_streams bus = { 0, 0x100, 0x180 };

    return make_and_end_space(&bus);
}

/* What stays is a bus's own page: it is the board's from then on. */
static void test_memory_runs_out(void **state UNUSED)
{
    boot_machine(&(struct host_vtd_config){ .units = 1, .levels = 4 });
    assert_true(oom_loop(everything, NULL, NULL) > 6);
    assert_int_equal(heap_pages_used(), heap_before + 1);
    assert_int_equal(everything(NULL), 0);
    assert_int_equal(heap_pages_used(), heap_before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices_follow),
        cmocka_unit_test(test_small_blocks_follow),
        cmocka_unit_test(test_three_levels_follow),
        cmocka_unit_test(test_absent_entries_are_kept),
        cmocka_unit_test(test_write_buffer_is_emptied),
        cmocka_unit_test(test_caches_are_written_back),
        cmocka_unit_test(test_first_table_changes),
        cmocka_unit_test(test_streams_have_one_owner),
        cmocka_unit_test(test_detached_reaches_nothing),
        cmocka_unit_test(test_faults_are_logged),
        cmocka_unit_test(test_faults_overflow),
        cmocka_unit_test(test_a_fault_behind_the_last_look),
        cmocka_unit_test(test_storms_are_cut_off),
        cmocka_unit_test(test_storm_of_nobody),
        cmocka_unit_test(test_firmwares_memory),
        cmocka_unit_test(test_memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
