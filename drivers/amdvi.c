/* SPDX-License-Identifier: Apache-2.0 */
/* AMD-Vi: switching units on with every device refused. (48882, 3.4, 5.2) */
#include "drivers/amdvi_internal.h"
#include "arch/include/pci.h"
#include "arch/include/x86_irq.h"

/* IVHD flags (5.2.2.1) and the control bits that they ask for. */
static const struct { uint8_t flag; uint64_t control; } wanted[] = {
    { 1 << 0, CONTROL_TUNNEL }, { 1 << 1, CONTROL_PASS_POSTED }, { 1 << 2, CONTROL_PASS_RESPONSES }, { 1 << 3, CONTROL_ISOCHRONOUS },
    { 1 << 5, CONTROL_COHERENT },
};

/* PCI (Local Bus 3.0, 6.7, 6.8.1): capabilities, and messages. */
#define CAPABILITY_MSI 0x05
#define CAPABILITY_SECURE 0x0f          /* an IOMMU's */
#define MSI_CONTROL 2
#define MSI_ENABLE BIT(0)
#define MSI_WIDE BIT(7)

struct amdvi_unit amdvi_units[X86_IOMMU_UNITS];

uint32_t amdvi_last_device(unsigned unit)
{
    ASSERT(unit < X86_IOMMU_UNITS && amdvi_units[unit].base);
    return amdvi_units[unit].last_device;
}

static bool keeps_absent(uint16_t function)
{
    unsigned at = pci_capability(function, CAPABILITY_SECURE);

    return at && arch_pci_read(function, at, 4) & CAPABILITY_KEEPS_ABSENT;
}

/* Without messages the unit's events are not heard of; it works as well. */
static bool connect(struct amdvi_unit *u)
{
    unsigned at = pci_capability(u->function, CAPABILITY_MSI), control;
    int vector = at ? arch_boot_own_message(amdvi_take_events, u) : -E_NODEV;

    if (vector < 0)
        return false;
    control = arch_pci_read(u->function, at + MSI_CONTROL, 2);
    arch_pci_write(u->function, at + 4, 4, arch_message_address(0));
    if (control & MSI_WIDE)
        arch_pci_write(u->function, at + 8, 4, 0);
    arch_pci_write(u->function, at + (control & MSI_WIDE ? 12 : 8), 2, (uint32_t)vector);
    /* One message. */
    arch_pci_write(u->function, at + MSI_CONTROL, 2, (control & ~UINT32_C(0x70)) | (uint32_t)MSI_ENABLE);
    return true;
}

static void switch_on(struct amdvi_unit *u)
{
    mmio_write64(u->base, CONTROL, 0);
    mmio_write64(u->base, EXCLUSION_BASE, 0);
    mmio_write64(u->base, DEVICE_TABLE, amdvi_address(u->devices) | (BIT(u->device_order) - 1));
    mmio_write64(u->base, COMMAND_BASE, amdvi_address(u->commands) | RING_256);
    mmio_write64(u->base, EVENT_BASE, amdvi_address(u->events) | RING_256);
    mmio_write64(u->base, COMMAND_HEAD, 0);
    mmio_write64(u->base, COMMAND_TAIL, 0);
    mmio_write64(u->base, EVENT_HEAD, 0);
    mmio_write64(u->base, EVENT_TAIL, 0);
    mmio_write64(u->base, STATUS, STATUS_OVERFLOW | STATUS_INTERRUPTS);
    mmio_barrier();
    mmio_write64(u->base, CONTROL, u->control);
    spin_lock(&u->lock);
    amdvi_forget_everything(u);
    spin_unlock(&u->lock);
}

static int set_up(struct amdvi_unit *u, const struct acpi_amd_iommu *from)
{
    u->last_device = from->last_device;
    while ((PAGE_SIZE << u->device_order) < (u->last_device + 1) * (uint64_t)DEVICE_BYTES)
        u->device_order++;
    u->base = arch_boot_device(from->base, AMDVI_BYTES);
    u->devices = heap_alloc_pages(u->device_order);
    u->commands = heap_alloc_pages(0);
    u->events = heap_alloc_pages(0);
    u->answer = heap_alloc_pages(0);
    if (!u->base || !u->devices || !u->commands || !u->events || !u->answer)
        return -E_NOMEM;
    for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++)
        if (from->flags & wanted[i].flag)
            u->control |= wanted[i].control;
    u->forgets_all = mmio_read32(u->base, EXTENDED_FEATURE) & FEATURE_INVALIDATE_ALL;
    u->control |= CONTROL_ENABLE | CONTROL_COMMANDS | CONTROL_EVENTS;
    if (connect(u))
        u->control |= CONTROL_EVENT_INTERRUPT;
    amdvi_fill_table(u, from);
    switch_on(u);
    return 0;
}

int amdvi_start(const struct acpi_ivrs *ivrs)
{
    bool absent = false;

    ASSERT(ivrs->units && ivrs->units <= X86_IOMMU_UNITS);
    for (unsigned i = 0; i < ivrs->units; i++) {
        struct amdvi_unit *u = &amdvi_units[i];
        int r;

        *u = (struct amdvi_unit){ .number = i, .function = ivrs->unit[i].function };
        spin_lock_init(&u->lock, LOCK_IOMMU);
        r = set_up(u, &ivrs->unit[i]);
        if (r) {
            log_warning("AMD-Vi at 0x%llx does not start (error %d): no IOMMU is used", (unsigned long long)ivrs->unit[i].base.v, r);
            return r;
        }
        absent = absent || keeps_absent(u->function);
        log_info("AMD-Vi at 0x%llx: devices 0 to 0x%x%s", (unsigned long long)ivrs->unit[i].base.v, u->last_device,
                 u->control & CONTROL_EVENT_INTERRUPT ? "" : "; faults are not reported");
    }
    iommu_x86_use(absent ? &amdvi_kind_keeps_absent : &amdvi_kind, ivrs->units);
    return 0;
}
