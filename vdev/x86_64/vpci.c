/* SPDX-License-Identifier: Apache-2.0 */
#include "core/domain.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "vdev/x86_64/vpci_internal.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define PORT_END 0xd00
#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_BITS 0x80fffffcu
#define SRIOV_CONTROL 8
#define SRIOV_ENABLE BIT(0)
#define RESIZE_BYTES 0x34
#define BUSES_BITS 0xffffffu

static struct { uint64_t base; unsigned first, last; } windows[VPCI_WINDOWS];
static unsigned window_count;

static uint32_t look(const struct vpci_function *f, unsigned reg, unsigned size)
{
    uint32_t value;

    return vpci_msi_read(f, reg & ~3u, &value) ? pci_part(value, reg, size) : arch_pci_read(f->id, reg, size);
}

/* Another device may be where one was that could be taken out. */
static struct vpci_function *find_new(struct vpci *p, uint16_t id)
{
    struct vpci_function *f = vpci_find(p, id);

    if (!f || arch_pci_read(id, PCI_VENDOR, 4) == f->vendor)
        return f;
    vpci_forget(p, f);
    return vpci_find(p, id);
}

uint32_t vpci_read(struct domain *d, uint16_t function, unsigned reg, unsigned size)
{
    struct vpci *p = d->arch.vpci;
    struct vpci_function *f;
    uint32_t value;

    ASSERT(IS_ALIGNED(reg, size) && size <= 4 && reg < PCI_EXTENDED_BYTES);
    spin_lock(&p->lock);
    f = reg < 4 ? find_new(p, function) : vpci_find(p, function);
    value = f ? look(f, reg, size) : pci_part(UINT32_MAX, 0, size);
    spin_unlock(&p->lock);
    return value;
}

/* -- writes -- */

static void write_command(struct vpci *p, struct vpci_function *f, unsigned reg, unsigned size, uint32_t value)
{
    bool is_about = reg == PCI_COMMAND, on = value & COMMAND_MEMORY, was = f->decodes;

    if (is_about && on && vpci_decode(p, f, true))
        value &= ~(uint32_t)COMMAND_MEMORY;
    arch_pci_write(f->id, reg, size, value);
    if (is_about && !on && vpci_decode(p, f, false))
        ASSERT(!"to decode nothing fails");
    if (!was && f->decodes)
        vpci_msix_follow(p, f);
}

static void write_buses(struct vpci *p, struct vpci_function *f, uint32_t value)
{
    uint32_t before = arch_pci_read(f->id, PCI_BUSES, 4);

    arch_pci_write(f->id, PCI_BUSES, 4, value);
    if (!((before ^ value) & BUSES_BITS))
        return;
    vpci_forget_behind(p, f, before);
    vpci_forget_behind(p, f, value);
    if ((value >> 8 & 0xff) > f->id >> 8)
        vpci_scan(p, value >> 8 & 0xff, value >> 16 & 0xff);
}

static bool write_extended(const struct vpci_function *f, unsigned reg, uint32_t value)
{
    if (f->resize && reg - f->resize < RESIZE_BYTES)
        return true;
    if (!f->sriov || reg != f->sriov + (unsigned)SRIOV_CONTROL)
        return false;
    arch_pci_write(f->id, reg, 4, value & ~(uint32_t)SRIOV_ENABLE);
    return true;
}

static void write_function(struct vpci *p, struct vpci_function *f, unsigned reg, unsigned size, uint32_t value)
{
    unsigned at = reg & ~3u;
    uint32_t merged = pci_whole(size == 4 ? 0 : look(f, at, 4), reg, size, value);
    int bar = pci_bar_at(f->bar, at);

    if (at == PCI_COMMAND)
        write_command(p, f, reg, size, value);
    else if (bar >= 0)
        vpci_bar_write(p, f, &f->bar[bar], at, merged);
    else if (f->header == HEADER_BRIDGE && at == PCI_BUSES)
        write_buses(p, f, merged);
    else if (!vpci_msi_write(p, f, at, merged) && !write_extended(f, at, merged))
        arch_pci_write(f->id, reg, size, value);
}

void vpci_write(struct domain *d, uint16_t function, unsigned reg, unsigned size, uint32_t value)
{
    struct vpci *p = d->arch.vpci;
    struct vpci_function *f;

    ASSERT(IS_ALIGNED(reg, size) && size <= 4 && reg < PCI_EXTENDED_BYTES);
    spin_lock(&p->lock);
    f = vpci_find(p, function);
    if (f)
        write_function(p, f, reg, size, value);
    spin_unlock(&p->lock);
}

/* -- ways to it -- */

static void address_port(struct vpci *p, bool is_in, uint32_t *value)
{
    spin_lock(&p->lock);
    if (is_in)
        *value = p->address;
    else
        p->address = *value & ADDRESS_BITS;
    spin_unlock(&p->lock);
}

bool vpci_port(struct domain *d, uint16_t port, unsigned size, bool is_in, uint32_t *value)
{
    struct vpci *p = d->arch.vpci;
    unsigned reg, offset = port & 3u;
    uint32_t address;

    if (!p || port < PORT_ADDRESS || port >= PORT_END || offset + size > 4 || !IS_ALIGNED(port, size))
        return false;
    if (port < PORT_DATA) {
        if (size == 4)
            address_port(p, is_in, value);
        return size == 4;
    }
    address_port(p, true, &address);
    if (!(address & ADDRESS_ENABLE))
        return false;
    reg = (address & 0xfc) + offset;
    if (is_in)
        *value = vpci_read(d, (uint16_t)(address >> 8), reg, size);
    else
        vpci_write(d, (uint16_t)(address >> 8), reg, size, *value);
    return true;
}

static bool window_read(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = size > 4 ? UINT64_MAX : vpci_read(v->domain, (uint16_t)(r->data + (offset >> 12)), offset & 0xfff, size);
    return true;
}

static bool window_write(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t value)
{
    if (size <= 4)
        vpci_write(v->domain, (uint16_t)(r->data + (offset >> 12)), offset & 0xfff, size, (uint32_t)value);
    return true;
}

void vpci_show_window(uint64_t base, unsigned first_bus, unsigned last_bus)
{
    ASSERT(window_count < VPCI_WINDOWS && first_bus <= last_bus && last_bus < 256);
    windows[window_count].base = base;
    windows[window_count].first = first_bus;
    windows[window_count++].last = last_bus;
}

bool vpci_has_window(uint64_t base, unsigned first_bus, unsigned last_bus)
{
    for (unsigned i = 0; i < window_count; i++) {
        if (windows[i].base == base && windows[i].first <= first_bus && windows[i].last >= last_bus)
            return true;
    }
    return false;
}

static bool rest_read(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t *value)
{
    return vpci_table_access(v->domain, offset, size, false, value);
}

static bool rest_write(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t value)
{
    return vpci_table_access(v->domain, offset, size, true, &value);
}

/* -- dom0's word -- */

int vpci_device_add(struct domain *d, uint16_t function)
{
    struct vpci *p = d->arch.vpci;
    int r = -E_NODEV;

    if (!p)
        return r;
    spin_lock(&p->lock);
    if (find_new(p, function))
        r = 0;
    spin_unlock(&p->lock);
    return r;
}

int vpci_device_remove(struct domain *d, uint16_t function)
{
    struct vpci *p = d->arch.vpci;
    struct vpci_function *f;

    if (!p)
        return -E_NODEV;
    spin_lock(&p->lock);
    f = vpci_find(p, function);
    if (f)
        vpci_forget(p, f);
    spin_unlock(&p->lock);
    return f ? 0 : -E_NODEV;
}

/* -- life -- */

int vpci_init(struct domain *d)
{
    static const struct mmio_region rest = { { 0 }, UINT64_MAX, rest_read, rest_write, 0 };
    struct vpci *p = heap_new(struct vpci);
    int error = 0;

    if (!p)
        return -E_NOMEM;
    spin_lock_init(&p->lock, LOCK_VITS);
    list_init(&p->functions);
    p->domain = d;
    for (unsigned i = 0; !error && i < window_count; i++) {
        const struct mmio_region region = {
            { windows[i].base + ((uint64_t)windows[i].first << 20) }, (uint64_t)(windows[i].last - windows[i].first + 1) << 20,
            window_read, window_write, (uint64_t)windows[i].first << 8,
        };

        error = mmio_add(&d->arch.mmio, &region);
    }
    if (error) {
        heap_delete(p);
        return error;
    }
    d->arch.vpci = p;
    d->arch.mmio.rest = &rest;
    spin_lock(&p->lock);
    vpci_scan(p, 0, 255);
    spin_unlock(&p->lock);
    return 0;
}

void vpci_free(struct domain *d)
{
    struct vpci *p = d->arch.vpci;
    struct vpci_function *f, *next;

    if (!p)
        return;
    list_for_each_safe(f, next, &p->functions, link) {
        vpci_msi_free(f);
        list_remove(&f->link);
        heap_delete(f);
    }
    d->arch.vpci = NULL;
    heap_delete(p);
}
