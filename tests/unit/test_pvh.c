/* SPDX-License-Identifier: Apache-2.0 */
/* dom0 of x86: where its memory is, what it is told of the machine's, its ACPI tables. */
#include "tests/unit/unit.h"
#include <string.h>
#include "boot/x86_64/pvh.h"
#include "core/options.h"
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define MODULE_AT (129 * MIB)       /* memory of the simulated machine */
#define UNPACKER (440 * KIB)

static struct boot_info info;
static struct pvh_layout layout;
static struct range_list usable;

static uint8_t *module_bytes(void)
{
    return boot_map(HPA(MODULE_AT), 4096);
}

/* A machine of 2 GiB as QEMU shows it, ourselves at 1 MiB, a bzImage and a ramdisk of odd lengths. */
static void make_machine(void)
{
    uint8_t *p = module_bytes();
    struct module_list *m = &info.modules;

    memset(&info, 0, sizeof(info));
    memset(&boot_options, 0, sizeof(boot_options));
    memset(p, 0, 4096);
    p[0x1fe] = 0x55, p[0x1ff] = 0xaa, p[0x206] = 0x0f, p[0x207] = 2, p[0x236] = 1;
    memcpy(p + 0x202, "HdrS", 4);
    range_add(&info.memory, 0, 636 * KIB);
    range_add(&info.memory, MIB, 2047 * MIB);
    usable = info.memory;
    range_remove(&usable, MIB, 3 * MIB);
    m->module[0] = (struct boot_module){ MODULE_KERNEL, { MODULE_AT, 8 * MIB + 123 }, "console=hvc0" };
    m->module[1] = (struct boot_module){ MODULE_RAMDISK, { MODULE_AT + 8 * MIB + 123, 4 * MIB }, "" };
    m->count = 2;
}

static uint64_t size_of_ram(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < layout.ram.count; i++)
        sum += layout.ram.range[i].size;
    return sum;
}

static bool apart(struct memory_range a, struct memory_range b)
{
    return a.base + a.size <= b.base || b.base + b.size <= a.base;
}

static void check_layout(uint64_t wanted)
{
    const struct memory_range parts[] = { layout.unpacker, layout.start, layout.acpi, info.modules.module[0].at, info.modules.module[1].at };

    assert_int_equal(size_of_ram(), wanted);
    for (unsigned i = 0; i < layout.ram.count; i++)
        assert_true(range_contains(&usable, layout.ram.range[i].base, layout.ram.range[i].size));
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        assert_true(range_contains(&layout.ram, parts[i].base, parts[i].size));
        for (unsigned j = 0; j < i; j++)
            assert_true(apart(parts[i], parts[j]));
    }
}

/* Catches: memory that a kernel cannot do without given to others, modules lost, parts over one another. */
static void memory_is_where_a_kernel_wants_it(void **state)
{
    (void)state;
    make_machine();
    boot_options.dom0_memory = 512 * MIB;
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), 0);
    check_layout(512 * MIB);
    assert_true(range_contains(&layout.ram, 0, 636 * KIB));
    assert_true(range_contains(&layout.ram, 16 * MIB, 400 * MIB));
    assert_false(range_overlaps(&layout.ram, 4 * MIB, 12 * MIB));
    assert_true(layout.unpacker.base > 400 * MIB && layout.start.base > 400 * MIB && layout.acpi.base > 400 * MIB);
}

/* Modules in front of 16 MiB and behind what dom0 takes stay in place too. */
static void modules_stay_where_they_are(void **state)
{
    (void)state;
    make_machine();
    info.modules.module[1].at = (struct memory_range){ 5 * MIB + 77, 3 * MIB };
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), 0);
    check_layout(512 * MIB);
    info.modules.module[1].at = (struct memory_range){ 5 * MIB + 77, 20 * MIB };       /* over 16 MiB: all that dom0 has is one range */
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), 0);
    check_layout(512 * MIB);
    make_machine();
    boot_options.dom0_memory = 64 * MIB;
    info.modules.module[1].at = (struct memory_range){ 1500 * MIB, 3 * MIB };
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), 0);
    check_layout(64 * MIB);
    info.modules.module[1].at = (struct memory_range){ 2 * MIB, 3 * MIB };      /* in ourselves */
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), -E_INVAL);
    info.modules.module[1].at = (struct memory_range){ 2047 * MIB, 3 * MIB };   /* over the end */
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), -E_INVAL);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    make_machine();
    boot_options.dom0_memory = 2048 * MIB;
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), -E_NOMEM);
    boot_options.dom0_memory = 128 * MIB;
    range_remove(&usable, 16 * MIB, 2 * MIB);
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), -E_NOMEM);
    make_machine();
    info.modules.count = 0;
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), -E_INVAL);
    make_machine();
    module_bytes()[0x202] = 'X';
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), -E_INVAL);
}

static void kernels_are_told_apart(void **state)
{
    static const char arm[64] = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267", narrow[64] = "\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3";
    static const char right[64] = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76";

    (void)state;
    make_machine();
    assert_null(pvh_kernel_fault(module_bytes(), 4096));
    assert_non_null(pvh_kernel_fault(module_bytes(), 0x230));
    module_bytes()[0x236] = 0;
    assert_non_null(strstr(pvh_kernel_fault(module_bytes(), 4096), "32-bit"));
    assert_null(pvh_kernel_fault(right, sizeof(right)));
    assert_non_null(strstr(pvh_kernel_fault(arm, sizeof(arm)), "architecture"));
    assert_non_null(strstr(pvh_kernel_fault(narrow, sizeof(narrow)), "32-bit"));
    assert_non_null(pvh_kernel_fault("", 0));
}

/* Every page of the host's map has one answer, and dom0's is RAM only where it is its own. */
static void the_map_tells_the_truth(void **state)
{
    const struct memory_entry host[] = {
        { 0, 636 * KIB, KIND_RAM }, { 636 * KIB, 4 * KIB, KIND_RESERVED }, { 960 * KIB, 64 * KIB, KIND_RESERVED }, { MIB, 2047 * MIB, KIND_RAM },
        { 2 * GIB, 64 * KIB, KIND_ACPI_TABLES }, { 3 * GIB, 256 * MIB, KIND_RESERVED },
    };
    uint64_t ram = 0;

    (void)state;
    make_machine();
    info.modules.module[1].at = (struct memory_range){ 5 * MIB + 77, 3 * MIB };
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), 0);
    assert_int_equal(pvh_plan_map(&layout, host, ARRAY_SIZE(host)), 0);
    for (unsigned i = 0; i < layout.map_count; i++) {
        const struct memory_entry *e = &layout.map[i];

        assert_true(i == 0 || layout.map[i - 1].base + layout.map[i - 1].size <= e->base);
        if (e->kind == KIND_RAM)
            ram += e->size;
        if (e->kind == KIND_RAM)
            assert_true(range_contains(&layout.ram, e->base, e->size));
        if (e->base == 2 * GIB)
            assert_int_equal(e->kind, KIND_ACPI_TABLES);
        if (e->base <= layout.acpi.base && layout.acpi.base < e->base + e->size)
            assert_true(e->kind == KIND_ACPI_TABLES && e->size == layout.acpi.size);
        if (e->base <= 4 * MIB && 4 * MIB < e->base + e->size)
            assert_int_equal(e->kind, KIND_RESERVED);
    }
    assert_int_equal(ram + layout.acpi.size, size_of_ram());
    assert_int_equal(layout.map[layout.map_count - 1].base, 3 * GIB);
}

static const uint8_t *table_at(const uint8_t *buffer, uint64_t at, uint64_t pointer, const char *signature)
{
    const uint8_t *t = buffer + (pointer - at);
    uint32_t length;

    memcpy(&length, t + 4, sizeof(length));
    assert_memory_equal(t, signature, 4);
    assert_int_equal(acpi_sum(t, length), 0);
    return t;
}

static void acpi_fits_the_vcpus(void **state)
{
    static const struct acpi_tables host = { .count = 6, .table = {
        { "FACP", HPA(0x7ffe0000), 244 }, { "DSDT", HPA(0x7ffe1000), 4000 }, { "APIC", HPA(0x7ffe2000), 100 }, { "HPET", HPA(0x7ffe3000), 56 },
        { "WAET", HPA(0x7ffe4000), 40 }, { "IVRS", HPA(0x7ffe5000), 104 },
    } };
    static const struct acpi_madt madt = {
        .io_apics = 1, .io_apic = { { HPA(0xfec00000), 0, 2 } }, .overrides = 1, .override = { { 2, 5, 0 } },
    };
    static uint8_t buffer[PVH_ACPI_SIZE];
    const uint64_t at = 0x1fff0000;
    uint64_t xsdt, entry[3];
    uint32_t length;

    (void)state;
    assert_true(pvh_write_acpi(buffer, sizeof(buffer), at, &host, &madt, 3) > 0);
    assert_memory_equal(buffer, "RSD PTR ", 8);
    assert_int_equal(acpi_sum(buffer, 20), 0);
    assert_int_equal(acpi_sum(buffer, 36), 0);
    memcpy(&xsdt, buffer + 24, sizeof(xsdt));
    const uint8_t *t = table_at(buffer, at, xsdt, "XSDT");

    memcpy(&length, t + 4, sizeof(length));
    assert_int_equal(length, 36 + sizeof(entry));
    memcpy(entry, t + 36, sizeof(entry));
    assert_int_equal(entry[1], 0x7ffe0000);
    assert_int_equal(entry[2], 0x7ffe4000);
    t = table_at(buffer, at, entry[0], "APIC");
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t wanted[] = { 0, 8, (uint8_t)i, (uint8_t)(2 * i), 1, 0, 0, 0 };
        assert_memory_equal(t + 44 + 8 * i, wanted, sizeof(wanted));
    }
    assert_memory_equal(t + 68, "\1\14\2\0\0\0\300\376\0\0\0\0", 12);
    assert_memory_equal(t + 80, "\2\12\0\0\2\0\0\0\5\0", 10);
    for (uint32_t size = 0; size < 196; size++)
        assert_int_equal(pvh_write_acpi(buffer, size, at, &host, &madt, 3), 0);
    assert_true(pvh_write_acpi(buffer, sizeof(buffer), at, &host, &madt, MAX_VCPUS) > 0);
}

static void start_info_names_everything(void **state)
{
    const struct memory_entry host[] = { { 0, 636 * KIB, KIND_RAM }, { MIB, 2047 * MIB, KIND_RAM } };
    static uint8_t buffer[PVH_START_SIZE];
    const struct hvm_start_info *s = (const void *)buffer;

    (void)state;
    make_machine();
    assert_int_equal(pvh_plan(&layout, &info, &usable, UNPACKER), 0);
    assert_int_equal(pvh_plan_map(&layout, host, ARRAY_SIZE(host)), 0);
    assert_true(pvh_write_start(buffer, &layout, &info.modules, layout.acpi.base));
    assert_int_equal(s->magic, XEN_HVM_START_MAGIC_VALUE);
    assert_int_equal(s->flags, 3);
    assert_int_equal(s->rsdp_paddr, layout.acpi.base);
    assert_string_equal(buffer + (s->cmdline_paddr - layout.start.base), "console=hvc0");
    assert_int_equal(s->nr_modules, 2);
    const struct hvm_modlist_entry *m = (const void *)(buffer + (s->modlist_paddr - layout.start.base));

    assert_true(m[0].paddr == MODULE_AT && m[0].size == 8 * MIB + 123);
    assert_true(m[1].paddr == info.modules.module[1].at.base && m[1].size == 4 * MIB);
    const struct hvm_memmap_table_entry *e = (const void *)(buffer + (s->memmap_paddr - layout.start.base));

    assert_int_equal(s->memmap_entries, layout.map_count);
    assert_true(e[0].addr == 0 && e[0].size == 636 * KIB && e[0].type == XEN_HVM_MEMMAP_TYPE_RAM);
}

static int start(void **state)
{
    (void)state;
    host_boot(NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_where_a_kernel_wants_it), cmocka_unit_test(modules_stay_where_they_are),
        cmocka_unit_test(what_cannot_be_is_refused), cmocka_unit_test(kernels_are_told_apart), cmocka_unit_test(the_map_tells_the_truth),
        cmocka_unit_test(acpi_fits_the_vcpus), cmocka_unit_test(start_info_names_everything),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
