/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions there are, and what they have. */
#include "core/domain.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "vdev/x86_64/vpci_internal.h"

#define BUSES 256
#define DEVICES 32
#define FUNCTIONS 8
#define SECONDARY(buses) ((buses) >> 8 & 0xff)
#define SUBORDINATE(buses) ((buses) >> 16 & 0xff)
#define HIDDEN 16

static uint16_t hidden[HIDDEN];
static unsigned hidden_count;

void vpci_hide(uint16_t function)
{
    PANIC_IF(hidden_count == HIDDEN, "more than %u PCI functions are the hypervisor's", HIDDEN);
    hidden[hidden_count++] = function;
}

bool vpci_is_hidden(uint16_t id)
{
    for (unsigned i = 0; i < hidden_count; i++) {
        if (hidden[i] == id)
            return true;
    }
    return false;
}

static struct vpci_function *add(struct vpci *p, uint16_t id, uint32_t vendor)
{
    struct vpci_function *f = heap_new(struct vpci_function);

    if (!f)
        return NULL;
    f->id = id;
    f->vendor = vendor;
    f->header = arch_pci_read(id, PCI_HEADER, 1) & ~(uint32_t)HEADER_MANY;
    f->bars = (uint8_t)pci_bar_count(f->header);
    pci_bars_read(id, f->header, f->bar);
    if (vpci_msi_init(f, pci_capability(id, CAPABILITY_MSI), pci_capability(id, CAPABILITY_MSIX))) {
        heap_delete(f);
        return NULL;
    }
    f->sriov = (uint16_t)pci_find_extended(id, EXTENDED_SRIOV);
    f->resize = (uint16_t)pci_find_extended(id, EXTENDED_RESIZE);
    list_push_back(&p->functions, &f->link);
    if ((arch_pci_read(id, PCI_COMMAND, 2) & COMMAND_MEMORY) && !vpci_decode(p, f, true))
        vpci_msix_follow(p, f);
    return f;
}

struct vpci_function *vpci_find(struct vpci *p, uint16_t id)
{
    struct vpci_function *f;
    uint32_t vendor;

    ASSERT(spin_is_held(&p->lock));
    list_for_each(f, &p->functions, link) {
        if (f->id == id)
            return f;
    }
    if (vpci_is_hidden(id))
        return NULL;
    vendor = arch_pci_read(id, PCI_VENDOR, 4);
    return pci_is_there(vendor) ? add(p, id, vendor) : NULL;
}

void vpci_forget(struct vpci *p, struct vpci_function *f)
{
    /* Off cannot fail. */
    if (vpci_decode(p, f, false))
        ASSERT(!"registers were in the way of nothing");
    vpci_msi_free(f);
    list_remove(&f->link);
    heap_delete(f);
}

static void scan_device(struct vpci *p, unsigned bus, unsigned device, uint64_t reached[BITMAP_WORDS(BUSES)])
{
    unsigned functions = 1;

    for (unsigned n = 0; n < functions; n++) {
        uint16_t id = PCI_ID(bus, device, n);
        struct vpci_function *f = vpci_find(p, id);

        if (n == 0 && (arch_pci_read(id, PCI_VENDOR, 4) == NO_DEVICE))
            return;
        if (n == 0 && (arch_pci_read(id, PCI_HEADER, 1) & HEADER_MANY))
            functions = FUNCTIONS;
        if (f && f->header == HEADER_BRIDGE)
            bitmap_set(reached, SECONDARY(arch_pci_read(id, PCI_BUSES, 4)));
    }
}

/* A bridge's bus has a higher number than the one that it is on. */
void vpci_scan(struct vpci *p, unsigned first_bus, unsigned last_bus)
{
    uint64_t reached[BITMAP_WORDS(BUSES)] = { 0 };

    bitmap_set(reached, first_bus);
    for (unsigned bus = first_bus; bus <= last_bus; bus++) {
        if (!bitmap_test(reached, bus))
            continue;
        for (unsigned device = 0; device < DEVICES; device++)
            scan_device(p, bus, device, reached);
    }
}

void vpci_forget_behind(struct vpci *p, const struct vpci_function *bridge, uint32_t buses)
{
    struct vpci_function *f, *next;
    unsigned own = bridge->id >> 8;

    list_for_each_safe(f, next, &p->functions, link) {
        unsigned bus = f->id >> 8;

        if (bus != own && bus >= SECONDARY(buses) && bus <= SUBORDINATE(buses))
            vpci_forget(p, f);
    }
}
