/* SPDX-License-Identifier: Apache-2.0 */
/* AMD's IOMMU driver against a model of one: devices reach their domain's own memory and what was granted to it, and no longer than it does. */
#include "tests/unit/iommu.h"
#include "drivers/amdvi.h"
#include "drivers/iommu_x86.h"

#define DEVICE 0x18
#define LAST 0x1ff

static uint64_t all_free;
static const struct iommu_streams one = { 0, DEVICE, 1 };

static void boot_host(unsigned units, bool keeps_absent)
{
    host_boot(&(struct host_config){ .memory_mib = 64, .root_level = 0, .root_order = 0, .address_bits = 48 });
    host_amdvi_boot(units, keeps_absent);
}

static struct acpi_ivrs tables(unsigned units)
{
    struct acpi_ivrs v = { .units = units };

    for (unsigned i = 0; i < units; i++)
        v.unit[i] = (struct acpi_amd_iommu){ .base = HOST_AMDVI_BASE(i), .function = HOST_AMDVI_FUNCTION(i), .last_device = LAST };
    return v;
}

static void boot_machine(unsigned units, bool keeps_absent)
{
    struct acpi_ivrs v = tables(units);

    boot_host(units, keeps_absent);
    assert_false(iommu_is_present());
    assert_int_equal(amdvi_start(&v), 0);
    assert_true(iommu_is_present());
    register_owners();
    host_console_clear();
    all_free = frame_free_count();
}

static bool device_reads(uint64_t address, uint64_t *x)
{
    return host_amdvi_access(0, DEVICE, address, x, sizeof(*x), false);
}

static bool device_writes(uint64_t address, uint64_t x)
{
    return host_amdvi_access(0, DEVICE, address, &x, sizeof(x), true);
}

/* -- devices follow -- */

static bool is_for_devices(enum s2_type type)
{
    return type == S2_RAM || type == S2_RAM_RO || type == S2_GRANT_RW || type == S2_GRANT_RO;
}

static const struct view view = { device_reads, device_writes, is_for_devices };

static void change_something(void)
{
    static const enum s2_type types[] = { S2_RAM, S2_RAM_RO, S2_GRANT_RW, S2_GRANT_RO, S2_FOREIGN_RW, S2_FOREIGN_RO, S2_SHARED, S2_DEVICE };

    change_space(types, ARRAY_SIZE(types));
}

/* The model panics, too, when a frame that has become free is still in a cache of its own. */
static void follow(unsigned units, bool keeps_absent)
{
    boot_machine(units, keeps_absent);
    make_space();
    assert_int_equal(space.table_order, 1);
    assert_int_equal(space.iommu_keeps_absent, keeps_absent);
    for (unsigned i = 0; i < units; i++)
        assert_int_equal(iommu_attach(devices, &(struct iommu_streams){ i, 0, LAST + 1 }), 0);
    for (unsigned i = 0; i < 3000; i++) {
        change_something();
        host_time_advance(MSEC(10));
        for (unsigned k = 0; k < 6; k++)
            compare_page(&view, BASE + host_random_below(PAGES));
    }
    for (unsigned i = 0; i < units; i++)
        iommu_detach(devices, &(struct iommu_streams){ i, 0, LAST + 1 });
    assert_false(iommu_has_streams(devices));
    end_space();
    assert_int_equal(owner.frames + other.frames, 0);
}

static void test_devices_follow(void **state UNUSED)
{
    follow(1, false);
    follow(2, false);
}

/* Without being told of what is new a unit would go on to refuse it. */
static void test_what_is_new_is_told(void **state UNUSED)
{
    follow(1, true);
}

/* Memory that firmware told devices of is reached where it is one of the domain's ranges of registers, and nothing beside it. */
static void test_firmwares_ranges(void **state UNUSED)
{
    const uint64_t first = HOST_RAM_BASE.v + 0x200;
    uint64_t x;

    boot_machine(1, false);
    iommu_x86_allow(first << PAGE_SHIFT, 3 * PAGE_SIZE);
    iommu_x86_allow(UINT64_MAX - 100, 4096);
    make_space();
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), MFN(HOST_RAM_BASE.v), 0, S2_DEVICE), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(stage2_map(&space, GFN(BASE + i), MFN(first - 1 + i), 0, S2_DEVICE), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(device_reads((BASE + i) << PAGE_SHIFT, &x), i >= 1 && i <= 3);
    /* A block that is more than the range. */
    assert_int_equal(stage2_map(&space, GFN(BASE + 512), MFN(ROUND_DOWN(first, 512)), 9, S2_DEVICE), 0);
    assert_false(device_reads((BASE + 512 + (first & 511)) << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    end_space();
}

/* -- whose a device is -- */

static void test_devices_have_one_owner(void **state UNUSED)
{
    static const struct iommu_streams bus = { 0, 0x100, 256 }, within = { 0, 0x110, 2 }, across = { 0, 0xff, 2 }, beyond = { 0, LAST, 2 };
    static const struct iommu_streams nowhere = { 2, 0, 1 }, none = { 0, 1, 0 }, huge = { 0, 5, UINT32_MAX };
    struct iommu_space *second;
    struct stage2 s;

    boot_machine(2, false);
    make_space();
    assert_int_equal(stage2_init(&s, &other), 0);
    assert_int_equal(iommu_space_create(2, &s, &second), 0);
    assert_int_equal(iommu_attach(devices, &nowhere), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &beyond), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &huge), -E_INVAL);
    assert_int_equal(iommu_attach(devices, &none), -E_INVAL);
    check_one_owner(second, &bus, &within, &across);
    while (stage2_destroy(&s) == -E_RESTART)
        continue;
    iommu_space_destroy(second);
    end_space();
}

static void test_detached_reaches_nothing(void **state UNUSED)
{
    uint64_t x;

    boot_machine(1, false);
    make_space();
    check_attached_only(&view, &one);
    assert_false(device_reads((BASE << PAGE_SHIFT) | BIT(48), &x));
    iommu_detach(devices, &one);
    end_space();
}

/* What firmware says of a device (5.2.2.6, DTE setting) stays in its entry, whosever it is. */
static void test_settings_stay(void **state UNUSED)
{
    struct acpi_ivrs v = tables(1);

    boot_host(1, false);
    v.unit[0].quirk[v.unit[0].quirks].first = DEVICE;
    v.unit[0].quirk[v.unit[0].quirks].last = DEVICE + 1;
    v.unit[0].quirk[v.unit[0].quirks++].setting = 0xd7;
    assert_int_equal(amdvi_start(&v), 0);
    owner = (struct owner){ .id = 1, .limit = UINT64_MAX };
    owner_register(&owner);
    make_space();
    assert_int_equal(iommu_attach(devices, &one), 0);
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t *e = host_amdvi_entry(0, DEVICE);

        assert_int_equal(e[1] >> 40 & 3, 1);
        assert_true(e[2] == (UINT64_C(7) << 56 | UINT64_C(3) << 62));
        assert_true(host_amdvi_entry(0, DEVICE + 1)[2] == e[2] && !host_amdvi_entry(0, DEVICE + 2)[2]);
        if (i == 0)
            iommu_detach(devices, &one);
    }
    end_space();
}

/* -- faults -- */

static void test_faults_are_logged(void **state UNUSED)
{
    uint64_t x;

    boot_machine(1, false);
    make_space();
    assert_false(host_amdvi_access(0, 0x21, 0, &x, 8, false));
    assert_non_null(strstr(host_console_text(), "device 00:04.1 of nobody: access at 0x0 refused"));
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_false(device_writes(0x12345000, 1));
    assert_non_null(strstr(host_console_text(), "device 00:03.0 of d1: write at 0x12345000 refused"));
    /* Beyond the table: known to nobody. */
    assert_false(host_amdvi_access(0, 0x8000, 0x1000, &x, 8, false));
    assert_non_null(strstr(host_console_text(), "device 80:00.0 of nobody"));
    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM), 0);
    host_console_clear();
    for (unsigned i = 0; i < 5000; i++)
        assert_false(device_reads(0x999000, &x));
    assert_true(strlen(host_console_text()) < 4096);
    /* It is not heard any more, and reaches nothing, until it is given anew. */
    assert_non_null(strstr(host_console_text(), "device 00:03.0 makes more than 4000 faults a second"));
    assert_false(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    assert_int_equal(iommu_attach(devices, &one), 0);
    assert_true(device_reads(BASE << PAGE_SHIFT, &x));
    for (unsigned i = 0; i < 5000; i++)
        assert_false(host_amdvi_access(0, 0x8000, 0x1000, &x, 8, false));
    assert_non_null(strstr(host_console_text(), "faults a second: they are not reported any more"));
    assert_true(device_reads(BASE << PAGE_SHIFT, &x));
    iommu_detach(devices, &one);
    end_space();
}

/* -- interrupts -- */

static void expect(uint16_t device, uint32_t data, unsigned apic)
{
    unsigned to = 0, vector = 0;

    assert_true(host_amdvi_message(0, device, data, &vector, &to));
    assert_int_equal(vector, data);
    assert_int_equal(to, apic);
}

/* What is not routed does not come, nor what is no plain vector; what was routed comes as it is now, and no longer than it is. */
static void test_interrupts_are_remapped(void **state UNUSED)
{
    struct x86_remapping r = { .route = NULL };
    unsigned to, vector;

    boot_machine(2, false);
    assert_int_equal(amdvi_remap_start(&r), 0);
    assert_true(r.in_place);
    assert_false(host_amdvi_message(0, DEVICE, 0x40, &vector, &to));
    r.route(0x40, DEVICE, true, 3, false);
    expect(DEVICE, 0x40, 3);
    assert_false(host_amdvi_message(0, DEVICE, 0x440, &vector, &to));
    assert_false(host_amdvi_message(0, DEVICE, 0xf0, &vector, &to));
    r.route(0x40, DEVICE, true, 5, false);
    expect(DEVICE, 0x40, 5);
    r.end(0x40);
    assert_false(host_amdvi_message(0, DEVICE, 0x40, &vector, &to));
    r.route(0x40, DEVICE + 1, false, 1, true);
    expect(DEVICE + 1, 0x40, 1);
    /* Whose memory a device reaches is another matter. */
    make_space();
    assert_int_equal(iommu_attach(devices, &one), 0);
    r.route(0x41, DEVICE, true, 2, false);
    expect(DEVICE, 0x41, 2);
    iommu_detach(devices, &one);
    expect(DEVICE, 0x41, 2);
    end_space();
}

static void test_remapping_without_memory(void **state UNUSED)
{
    struct x86_remapping r = { .route = NULL };

    boot_machine(1, false);
    alloc_fail_nth(1);
    assert_int_equal(amdvi_remap_start(&r), -E_NOMEM);
    alloc_fail_nth(0);
    assert_null(r.route);
    assert_int_equal(host_amdvi_entry(0, DEVICE)[2], 0);
}

/* -- no memory -- */

static int everything(void *arg UNUSED)
{
    static const struct iommu_streams bus = { 0, 0x100, 0x80 };

    return make_and_end_space(&bus);
}

static void test_memory_runs_out(void **state UNUSED)
{
    boot_machine(1, false);
    assert_true(oom_loop(everything, NULL, NULL) > 2);
    assert_int_equal(everything(NULL), 0);
    assert_int_equal(frame_free_count(), all_free);
}

static int start(void *arg UNUSED)
{
    struct acpi_ivrs v = tables(1);

    return amdvi_start(&v);
}

/* A unit that does not start is not used, and no other one is. */
static void test_start_runs_out(void **state UNUSED)
{
    for (unsigned nth = 1; nth <= 5; nth++) {
        boot_host(1, false);
        alloc_fail_nth(nth);
        assert_int_equal(start(NULL), -E_NOMEM);
        alloc_fail_nth(0);
        assert_false(iommu_is_present());
        assert_non_null(strstr(host_console_text(), "no IOMMU is used"));
    }
}

static void test_space_numbers_run_out(void **state UNUSED)
{
    static struct iommu_space *all[X86_IOMMU_SPACES];
    static struct stage2 s[X86_IOMMU_SPACES];
    unsigned n = 0;

    boot_machine(1, false);
    for (; stage2_init(&s[n], &owner) == 0 && iommu_space_create(1, &s[n], &all[n]) == 0; n++)
        continue;
    assert_int_equal(n, X86_IOMMU_SPACES - 1);
    for (unsigned i = 0; i <= n; i++) {
        while (stage2_destroy(&s[i]) == -E_RESTART)
            continue;
        iommu_space_destroy(i < n ? all[i] : NULL);
    }
    assert_int_equal(frame_free_count(), all_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices_follow),
        cmocka_unit_test(test_what_is_new_is_told),
        cmocka_unit_test(test_firmwares_ranges),
        cmocka_unit_test(test_devices_have_one_owner),
        cmocka_unit_test(test_detached_reaches_nothing),
        cmocka_unit_test(test_settings_stay),
        cmocka_unit_test(test_faults_are_logged),
        cmocka_unit_test(test_interrupts_are_remapped),
        cmocka_unit_test(test_remapping_without_memory),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_start_runs_out),
        cmocka_unit_test(test_space_numbers_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
