/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/x86_64/iommu.h"
#include "arch/include/boot.h"
#include "boot/x86_64/board.h"
#include "core/host_device.h"
#include "core/options.h"
#include "drivers/amdvi.h"
#include "drivers/iommu_x86.h"
#include "drivers/vtd.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "vdev/x86_64/vpci.h"

#define NO_FUNCTION UINT32_MAX

/* What of the units dom0 is not to have, and the devices behind them. */
static struct {
    uint64_t base, size;
    uint32_t function;              /* of PCI, which the unit is itself, or NO_FUNCTION */
    uint32_t last_device;
} units[X86_IOMMU_UNITS];
static unsigned count;
static struct range_list ranges;

static void add_range(uint64_t base, uint64_t size)
{
    uint64_t first = ROUND_DOWN(base, PAGE_SIZE), end = ROUND_UP(base + size, PAGE_SIZE);

    range_add(&ranges, first, end - first);
    iommu_x86_allow(first, end - first);
}

static void add_unit(uint64_t base, uint64_t size, uint32_t function, uint32_t last_device)
{
    ASSERT(count < X86_IOMMU_UNITS);
    units[count].base = base;
    units[count].size = size;
    units[count].function = function;
    units[count++].last_device = last_device;
}

/* -- interrupts -- */

/* False: the table does not say. */
static bool find_source(const struct acpi_io_apic_source *sources, unsigned n, uint8_t id, uint16_t *out)
{
    for (unsigned i = 0; i < n; i++) {
        if (sources[i].id != id)
            continue;
        *out = sources[i].source;
        return true;
    }
    return false;
}

/* IO-APICs are in the MADT's order for arch_io_apic, too. why: why not, NULL: nothing is known against it. */
static void remap(const char *name, const struct acpi_io_apic_source *sources, unsigned n, int (*start)(struct x86_remapping *out), const char *why)
{
    struct x86_remapping r = { .route = NULL };

    STATIC_ASSERT(ACPI_IO_APICS <= X86_IO_APICS);
    for (unsigned i = 0; i < board.madt.io_apics; i++)
        if (!find_source(sources, n, board.madt.io_apic[i].id, &r.io_apic[i]))
            why = "firmware does not name all IO-APICs";
    if (!why && start(&r))
        why = "a unit cannot do that";
    if (why) {
        log_warning("%s: interrupts are not remapped: %s", name, why);
        return;
    }
    arch_boot_remapping(&r);
    log_info("%s: interrupts are remapped", name);
}

/* -- AMD-Vi -- */

static struct acpi_ivrs ivrs;

static const char *read_amd(const void *table, uint32_t length)
{
    return acpi_read_ivrs(table, length, &ivrs);
}

static void start_amd(void)
{
    if (ivrs.left_out)
        log_warning("ACPI: %u IOMMUs or ranges of memory of the IVRS are not used", ivrs.left_out);
    for (unsigned i = 0; i < ivrs.ranges; i++)
        add_range(ivrs.range[i].base, ivrs.range[i].size);
    if (amdvi_start(&ivrs))
        return;
    for (unsigned i = 0; i < ivrs.units; i++)
        add_unit(ivrs.unit[i].base.v, AMDVI_BYTES, ivrs.unit[i].function, amdvi_last_device(i));
    remap("AMD-Vi", ivrs.io_apic, ivrs.io_apics, amdvi_remap_start, NULL);
}

/* -- VT-d -- */

static struct acpi_dmar dmar;

static const char *read_intel(const void *table, uint32_t length)
{
    return acpi_read_dmar(table, length, &dmar);
}

static void start_intel(void)
{
    if (vtd_start(&dmar))
        return;
    if (dmar.left_out)
        log_warning("ACPI: %u ranges of memory of the DMAR are not used", dmar.left_out);
    for (unsigned i = 0; i < dmar.ranges; i++)
        add_range(dmar.range[i].base, dmar.range[i].size);
    for (unsigned i = 0; i < dmar.units; i++)
        add_unit(dmar.unit[i].v, vtd_bytes(i), NO_FUNCTION, VTD_LAST_STREAM);
    remap("VT-d", dmar.io_apic, dmar.io_apics, vtd_remap_start, dmar.remaps ? NULL : "firmware does not want it");
}

/* -- any -- */

static const struct kind {
    char signature[5];
    const char *(*read)(const void *table, uint32_t length);
    void (*start)(void);
} kinds[] = { { "IVRS", read_amd, start_amd }, { "DMAR", read_intel, start_intel } };

static void start_kind(const struct kind *k, const struct acpi_table *t)
{
    void *p = boot_map(t->at, t->length);
    const char *why;

    if (!p) {
        log_warning("ACPI: the %s is out of reach: no IOMMU is used", k->signature);
        return;
    }
    why = k->read(p, t->length);
    boot_unmap(p, t->length);
    if (why)
        log_warning("ACPI: %s: no IOMMU is used", why);
    else
        k->start();
}

void board_start_iommus(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kinds) && !boot_options.no_iommu && !count; i++) {
        const struct acpi_table *t = acpi_find(&board.acpi, kinds[i].signature, 0);

        if (t)
            start_kind(&kinds[i], t);
    }
}

void board_hide_iommus(struct range_list *rest)
{
    for (unsigned i = 0; i < count; i++) {
        range_remove(rest, units[i].base, units[i].size);
        vpci_keep_out(units[i].base, units[i].size);
        if (units[i].function != NO_FUNCTION)
            vpci_hide((uint16_t)units[i].function);
    }
}

const struct range_list *board_iommu_ranges(void)
{
    return &ranges;
}

int board_add_iommu_devices(void)
{
    int error = 0;

    for (unsigned i = 0; !error && i < count; i++) {
        const struct host_device all = { .path = "PCI", .streams = { { i, 0, units[i].last_device + 1 } }, .stream_count = 1 };

        error = host_device_add(&all);
    }
    return error;
}
