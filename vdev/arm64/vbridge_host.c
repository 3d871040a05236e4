/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of the host's bridges. Nothing says where firmware would have put their registers, and where it did they may share pages: when the
 * first of a bridge's is given all others stop decoding, and each that is given gets places that nobody else has.
 */
#include "vdev/arm64/vbridge.h"
#include "arch/include/time.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/print.h"
#include "mem/heap.h"

#define BUS_FUNCTIONS 256
#define NAME_SIZE 288
#define FOUR_GIB BIT(32)
#define RESET_TIME MSEC(100)        /* PCI Express 3.0, 6.6.2 */
/* MSI (PCI Local Bus 3.0, 6.8.1), MSI-X (6.8.2): control in the upper half of the first register */
#define MSI_CONTROL 2
#define MSI_ENABLE BIT(0)
#define MSI_WIDE BIT(7)
#define MSI_MASKS BIT(8)
#define MSIX_ENABLE BIT(15)
/* PCI Express 3.0, 7.8.3, 7.8.4 */
#define DEVICE_CAPABILITIES 4
#define CAN_RESET BIT(28)
#define DEVICE_CONTROL 8
#define RESET BIT(15)

static void write_bars(const struct pci_host_function *f)
{
    for (unsigned n = 0; n < VBRIDGE_BARS; n++) {
        const struct pci_bar *b = &f->bar[n];

        if (!b->size)
            continue;
        arch_pci_write(f->id, b->reg, 4, (uint32_t)b->base);
        if (b->is_64)
            arch_pci_write(f->id, b->reg + 4u, 4, (uint32_t)(b->base >> 32));
    }
}

/* It begins no access and sends nothing; what it has been told is forgotten, where it can be reset. */
static void stop(struct host_device *h)
{
    struct pci_host_function *f = h->function;

    arch_pci_write(f->id, PCI_COMMAND, 2, COMMAND_NO_LINE);
    if (f->msi)
        arch_pci_write(f->id, f->msi + MSI_CONTROL, 2, arch_pci_read(f->id, f->msi + MSI_CONTROL, 2) & ~(uint32_t)MSI_ENABLE);
    if (f->msix)
        arch_pci_write(f->id, f->msix + MSI_CONTROL, 2, arch_pci_read(f->id, f->msix + MSI_CONTROL, 2) & ~(uint32_t)MSIX_ENABLE);
    if (!f->express || !(arch_pci_read(f->id, f->express + DEVICE_CAPABILITIES, 4) & CAN_RESET))
        return;
    arch_pci_write(f->id, f->express + DEVICE_CONTROL, 2, arch_pci_read(f->id, f->express + DEVICE_CONTROL, 2) | RESET);
    f->ready = arch_time_now() + RESET_TIME;
}

/* Its registers are where they were. -E_RESTART: not yet. */
static int start(struct host_device *h)
{
    struct pci_host_function *f = h->function;

    if (arch_time_now() < f->ready)
        return -E_RESTART;
    write_bars(f);
    arch_pci_write(f->id, PCI_COMMAND, 2, COMMAND_MEMORY | COMMAND_NO_LINE);
    return 0;
}

static const struct host_device_life life = { .stop = stop, .start = start };

/* -- the first time -- */

static void silence_all(const struct pci_bridge *b)
{
    for (unsigned n = 0; n < BUS_FUNCTIONS; n++)
        if (pci_is_there(arch_pci_read(b->base + n, PCI_VENDOR, 4)))
            arch_pci_write(b->base + n, PCI_COMMAND, 2, COMMAND_NO_LINE);
}

static bool place_in(struct pci_bridge *b, unsigned w, struct pci_bar *bar, uint64_t *cpu)
{
    uint64_t unit = MAX(bar->size, (uint64_t)PAGE_SIZE), first = b->windows[w].bus + b->windows[w].next;
    uint64_t at = MAX(ROUND_UP(first, unit), unit), end = b->windows[w].bus + b->windows[w].size;

    if (at < first || at > end || unit > end - at || (!bar->is_64 && at + unit > FOUR_GIB))
        return false;
    bar->base = at;
    *cpu = b->windows[w].cpu + (at - b->windows[w].bus);
    if (*cpu & ~PAGE_MASK)
        return false;
    b->windows[w].next = at + unit - b->windows[w].bus;
    return true;
}

static int place_bars(struct pci_bridge *b, struct pci_host_function *f)
{
    bool placed = true;

    for (unsigned n = 0; placed && n < VBRIDGE_BARS; n++) {
        if (!f->bar[n].size)
            continue;
        f->flags[n] = (uint8_t)(arch_pci_read(f->id, f->bar[n].reg, 4) & BAR_FLAGS);
        placed = false;
        for (unsigned w = 0; !placed && w < b->window_count; w++)
            placed = place_in(b, w, &f->bar[n], &f->cpu[n]);
    }
    return placed ? 0 : -E_NOSPC;
}

static void find_capabilities(struct pci_host_function *f)
{
    uint32_t control;

    f->msi = (uint8_t)pci_capability(f->id, CAPABILITY_MSI);
    f->msix = (uint8_t)pci_capability(f->id, CAPABILITY_MSIX);
    f->express = (uint8_t)pci_capability(f->id, CAPABILITY_EXPRESS);
    control = f->msi ? arch_pci_read(f->id, f->msi + MSI_CONTROL, 2) : 0;
    f->is_wide = control & MSI_WIDE;
    f->has_masks = control & MSI_MASKS;
}

static const struct pci_map *find_map(const struct pci_map *maps, unsigned count, uint32_t requester)
{
    for (unsigned i = 0; i < count; i++)
        if (requester - maps[i].requester < maps[i].count)
            return &maps[i];
    return NULL;
}

static int add(const struct host_device *bridge, struct pci_host_function *f, unsigned number, const char *name)
{
    const struct pci_bridge *b = bridge->bridge;
    uint32_t stream = number & b->stream_mask, message = number & b->message_mask;
    const struct pci_map *s = find_map(b->streams, b->stream_count, stream), *m = find_map(b->messages, b->message_count, message);
    struct host_device d = { .path = name, .offered = true, .function = f, .life = &life };

    if (s)
        d.streams[d.stream_count++] = (struct iommu_streams){ s->unit, s->first + stream - s->requester, 1 };
    if (m) {
        d.messages[d.message_count].first = m->first + message - m->requester;
        d.messages[d.message_count++].count = 1;
    }
    return host_device_add(&d);
}

static int make(struct host_device *bridge, unsigned number, const char *name)
{
    struct pci_host_function *f = heap_new(struct pci_host_function);
    unsigned header;
    int error;

    if (!f)
        return -E_NOMEM;
    f->id = bridge->bridge->base + number;
    header = arch_pci_read(f->id, PCI_HEADER, 1) & ~(uint32_t)HEADER_MANY;
    error = header == 0 ? 0 : -E_INVAL;
    if (!error) {
        pci_bars_read(f->id, header, f->bar);
        find_capabilities(f);
        f->pin = (uint8_t)arch_pci_read(f->id, PCI_INTERRUPT + 1, 1);
        error = place_bars(bridge->bridge, f);
    }
    if (!error)
        error = add(bridge, f, number, name);
    if (error)
        heap_delete(f);
    return error;
}

int vbridge_host_function(struct host_device *bridge, unsigned number, struct host_device **out)
{
    char name[NAME_SIZE];
    int error = 0;

    ASSERT(number < BUS_FUNCTIONS);
    if (!bridge->bridge)
        return -E_NODEV;
    if (atomic_load(&bridge->owner) != HOST_DEVICE_NOBODY)
        return -E_BUSY;
    if (!pci_is_there(arch_pci_read(bridge->bridge->base + number, PCI_VENDOR, 4)))
        return -E_NOENT;
    format_string(name, sizeof(name), "%s 00:%02x.%u", bridge->path, number >> 3, number & 7);
    if (!bridge->is_shared)
        silence_all(bridge->bridge);
    bridge->is_shared = true;
    *out = host_device_find(name);
    if (!*out) {
        error = make(bridge, number, name);
        *out = host_device_find(name);
    }
    if (error)
        return error;
    /* The first time no reset is on its way. */
    return start(*out) == -E_RESTART ? -E_BUSY : 0;
}
