/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d's driver against a model of its units: those that start and those that do not, and interrupts that they remap. */
#include <string.h>

#include "tests/unit/panics.h"
#include "tests/unit/vtd.h"

#define BASE UINT64_C(0x40000)
#define FUNCTION 0x0208

static mfn_t frame(void)
{
    mfn_t mfn;

    assert_int_equal(frame_alloc(&owner, 0, FRAME_ANY, &mfn), 0);
    return mfn;
}

static int start(void *config)
{
    struct acpi_dmar dmar = table_of(config);

    host_vtd_boot(config);
    return vtd_start(&dmar);
}

static void nothing_is_left(void *config UNUSED)
{
    assert_false(iommu_is_present());
    assert_int_equal(heap_pages_used(), heap_before);
}

static void test_start_without_memory(void **state UNUSED)
{
    struct host_vtd_config c = { .units = 2, .levels = 4 };

    boot_without_start(&c);
    heap_before = heap_pages_used();
    assert_true(oom_loop(start, nothing_is_left, &c) > 8);
    assert_true(iommu_is_present());
}

/* One that cannot do what is needed, or does not answer: none is used. */
static void test_unfit_units(void **state UNUSED)
{
    static const struct { uint64_t cap, ecap; const char *why; } lacking[] = {
        { UINT64_C(0x1f) << 8, 0, "tables of neither three nor four levels" }, 
        { 7, 0, "too few domains" }, { 0, BIT(1), "no invalidation queue" }, { UINT64_MAX, UINT64_MAX, "is not there" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(lacking); i++) {
        struct host_vtd_config c = { .units = 2, .levels = 4, .lacks_cap = lacking[i].cap, .lacks_ecap = lacking[i].ecap };

        boot_without_start(&c);
        heap_before = heap_pages_used();
        host_console_clear();
        assert_int_equal(start(&c), -E_NODEV);
        assert_non_null(strstr(host_console_text(), lacking[i].why));
        nothing_is_left(NULL);
    }
}

static void forget_unanswered(void)
{
    (void)!stage2_unmap(&space, GFN(BASE), 0);
}

/* What a device may still reach is not given to anybody else. */
static void test_no_answer(void **state UNUSED)
{
    struct host_vtd_config c = { .units = 2, .levels = 4 };
    struct acpi_dmar dmar = table_of(&c);

    boot_without_start(&c);
    heap_before = heap_pages_used();
    host_vtd_stop(1);
    assert_int_equal(vtd_start(&dmar), -E_IO);
    assert_non_null(strstr(host_console_text(), "no unit is used"));
    nothing_is_left(NULL);
    boot_machine(&c);
    make_space();
    assert_int_equal(iommu_attach(devices, &(struct iommu_streams){ 0, FUNCTION, 1 }), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), frame(), 0, S2_RAM), 0);
    host_vtd_stop(0);
    expect_end(forget_unanswered, "VT-d 0 does not answer");
}

/* -- interrupts -- */

#define MESSAGE(vector) (0xfee00010 | (uint32_t)(vector) << 5)

static struct x86_remapping start_remapping(const struct host_vtd_config *c)
{
    struct x86_remapping r = { .route = NULL };

    boot_machine(c);
    host_pci_clear();
    assert_int_equal(vtd_remap_start(&r), 0);
    return r;
}

static bool sends(uint16_t source, unsigned vector, uint32_t to)
{
    uint8_t came;
    uint32_t apic;

    for (unsigned unit = 0; unit < 2; unit++) {
        if (!host_vtd_message(unit, source, MESSAGE(vector), &came, &apic))
            return false;
        assert_int_equal(came, vector);
        assert_int_equal(apic, to);
    }
    return true;
}

static void interrupts(const struct host_vtd_config *c)
{
    struct x86_remapping r = start_remapping(c);
    struct host_pci *express = host_pci_add(FUNCTION);
    uint8_t came;
    uint32_t apic;

    express->config[6] = 1 << 4;
    express->config[0x34] = 0x40;
    express->config[0x40] = 0x10;
    assert_false(sends(0x18, 0x50, 0));
    assert_non_null(strstr(host_console_text(), "device 00:03.0: interrupt by entry 0x50 refused: nobody's"));
    assert_false(host_vtd_message(0, 0x18, 0xfee00000, &came, &apic));
    assert_non_null(strstr(host_console_text(), "refused: not remapped"));
    assert_false(host_vtd_message(0, 0x18, MESSAGE(0x150), &came, &apic));
    r.route(0x50, 0x18, true, 3, false);
    r.route(0x51, FUNCTION, true, 0xfe, false);
    r.route(0x52, 0xf0f8, false, 2, true);
    r.route(0x53, FUNCTION + 1, true, 1, false);
    assert_true(sends(0x18, 0x50, 3));
    assert_true(sends(FUNCTION, 0x51, 0xfe));
    assert_true(sends(0xf0f8, 0x52, 2));
    assert_false(sends(0x18, 0x51, 0));
    assert_non_null(strstr(host_console_text(), "device 00:03.0: interrupt by entry 0x51 refused: not this device's"));
    assert_false(sends(0x19, 0x50, 0));
    assert_false(sends(0x18, 0x52, 0));
    /* A conventional device behind a bridge may go by the bridge's number. */
    assert_true(sends(0x0200, 0x53, 1));
    r.route(0x50, 0x18, true, 1, false);
    assert_true(sends(0x18, 0x50, 1));
    r.route(0x50, 0x20, true, 0, false);
    assert_false(sends(0x18, 0x50, 1));
    assert_true(sends(0x20, 0x50, 0));
    r.end(0x50);
    assert_false(sends(0x20, 0x50, 0));
    host_pci_clear();
}

static void test_interrupts(void **state UNUSED)
{
    interrupts(&(struct host_vtd_config){ .units = 2, .levels = 4 });
    interrupts(&(struct host_vtd_config){ .units = 2, .levels = 3, .caching_mode = true, .incoherent = true });
}

static void test_interrupts_to_x2apics(void **state UNUSED)
{
    static const struct host_vtd_config narrow = { .units = 2, .levels = 4, .lacks_ecap = BIT(4) }, none = { .units = 2, .levels = 4, .lacks_ecap = BIT(3) };
    struct x86_remapping r;

    host_has_x2apics(true);
    r = start_remapping(&(struct host_vtd_config){ .units = 2, .levels = 4 });
    r.route(0x60, 0x18, true, 0x12345678, false);
    assert_true(sends(0x18, 0x60, 0x12345678));
    boot_machine(&narrow);
    assert_int_equal(vtd_remap_start(&r), -E_NODEV);
    host_has_x2apics(false);
    boot_machine(&none);
    assert_int_equal(vtd_remap_start(&r), -E_NODEV);
    boot_machine(&narrow);
    assert_int_equal(vtd_remap_start(&r), 0);
}

static int remap(void *out)
{
    return vtd_remap_start(out);
}

static void test_remapping_does_not_start(void **state UNUSED)
{
    struct x86_remapping r = { .route = NULL };

    boot_machine(&(struct host_vtd_config){ .units = 2, .levels = 4 });
    host_vtd_stop(1);
    assert_int_equal(vtd_remap_start(&r), -E_IO);
    assert_int_equal(heap_pages_used(), heap_before);
    assert_null(r.route);
    boot_machine(&(struct host_vtd_config){ .units = 2, .levels = 4 });
    assert_true(oom_loop(remap, NULL, &r) > 0);
    assert_non_null(r.route);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_without_memory),
        cmocka_unit_test(test_unfit_units),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_interrupts),
        cmocka_unit_test(test_interrupts_to_x2apics),
        cmocka_unit_test(test_remapping_does_not_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
