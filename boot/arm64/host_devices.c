/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bindings: arm,smmu-v3 and iommus (Linux' devicetree/bindings/iommu), iommu-map (bindings/pci/pci-iommu.txt),
 * xen,passthrough (docs/misc/arm/passthrough.txt of the reference).
 */
#include "boot/arm64/host_devices.h"
#include "arch/include/arm64_its.h"
#include "arch/include/mmio.h"
#include "core/host_device.h"
#include "core/options.h"
#include "drivers/smmuv3.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/heap.h"
#include "vdev/arm64/vbridge.h"

#define PATH_SIZE 256
#define PCI_BUS_BYTES 0x100000

struct scan {
    const struct boot_info *b;
    struct dt_walk walk;
    struct dt_node node;
    char path[PATH_SIZE];
    uint32_t smmu_phandle[SMMU_UNITS];
    unsigned smmus;
};

static bool property(const struct scan *s, const char *name, struct dt_property *p)
{
    return dt_property(&s->b->tree, &s->node, name, p);
}

/* -- IOMMUs -- */

/* A shared interrupt of the interrupt controller: type 0, number, flags. */
static unsigned spi_at(const struct dt_property *p, uint32_t cell)
{
    return dt_cell(p, cell, 1) == 0 && p->length >= 4 * (cell + 3) ? dt_cell(p, cell + 1, 0) + 32 : 0;
}

static unsigned named_interrupt(const struct scan *s, const char *name)
{
    struct dt_property names, interrupts;
    uint32_t n = 0;

    if (!property(s, "interrupt-names", &names) || !property(s, "interrupts", &interrupts))
        return 0;
    for (uint32_t i = 0; i < names.length; n++) {
        const char *at = (const char *)names.value + i;
        size_t length = strnlen(at, names.length - i);

        if (length == strlen(name) && memcmp(at, name, length) == 0)
            return spi_at(&interrupts, 3 * n);
        i += (uint32_t)length + 1;
    }
    return 0;
}

static void start_smmu(struct scan *s)
{
    struct smmuv3_place place = { .event_irq = named_interrupt(s, "eventq"), .error_irq = named_interrupt(s, "gerror") };
    struct dt_property phandle;
    uint64_t base, size;

    if (!dt_is_enabled(&s->b->tree, &s->node) || !dt_reg(&s->walk, &s->node, 0, &base, &size) || !property(s, "phandle", &phandle))
        return;
    place.base = HPA(base);
    if (smmuv3_start(&place))
        return;
    ASSERT(s->smmus < SMMU_UNITS);
    s->smmu_phandle[s->smmus++] = dt_cell(&phandle, 0, 0);
}

static void start_smmus(struct scan *s)
{
    dt_walk_start(&s->walk, &s->b->tree);
    while (dt_walk_next(&s->walk, &s->node))
        if (!boot_options.no_iommu && dt_is_compatible(&s->b->tree, &s->node, "arm,smmu-v3"))
            start_smmu(s);
}

/* -- devices -- */

static void add_streams(const struct scan *s, struct host_device *d, uint32_t phandle, uint32_t first, uint32_t count)
{
    for (unsigned unit = 0; count && unit < s->smmus; unit++) {
        if (s->smmu_phandle[unit] != phandle)
            continue;
        if (d->stream_count == HOST_DEVICE_STREAMS) {
            log_warning("device tree: %s has more than %u ranges of streams, the rest is refused", d->path, HOST_DEVICE_STREAMS);
            return;
        }
        d->streams[d->stream_count++] = (struct iommu_streams){ unit, first, count };
    }
}

/* iommus: <phandle stream> ...; iommu-map: <requester phandle stream count> ... */
static void read_streams(const struct scan *s, struct host_device *d)
{
    struct dt_property p;

    if (property(s, "iommus", &p))
        for (uint32_t i = 0; (i + 2) * 4 <= p.length; i += 2)
            add_streams(s, d, dt_cell(&p, i, 0), dt_cell(&p, i + 1, 0), 1);
    if (property(s, "iommu-map", &p))
        for (uint32_t i = 0; (i + 4) * 4 <= p.length; i += 4)
            add_streams(s, d, dt_cell(&p, i + 1, 0), dt_cell(&p, i + 2, 0), dt_cell(&p, i + 3, 0));
}

/* msi-map: <requester phandle device count> ... */
static void read_messages(const struct scan *s, struct host_device *d)
{
    struct dt_property p;

    if (!s->b->its || !property(s, "msi-map", &p))
        return;
    for (uint32_t i = 0; (i + 4) * 4 <= p.length && d->message_count < HOST_DEVICE_STREAMS; i += 4) {
        if (dt_cell(&p, i + 1, 0) != s->b->its_phandle)
            continue;
        d->messages[d->message_count].first = dt_cell(&p, i + 2, 0);
        d->messages[d->message_count++].count = dt_cell(&p, i + 3, 0);
    }
}

static void add_range(struct host_device *d, uint64_t base, uint64_t size)
{
    if (size == 0 || base + size < base || d->range_count == HOST_DEVICE_RANGES)
        return;
    d->frames[d->range_count].first = base >> PAGE_SHIFT;
    d->frames[d->range_count++].last = (base + size - 1) >> PAGE_SHIFT;
}

/* Registers, and a host bridge's windows: three cells of PCI address, the CPU's address, the size. */
static void read_ranges(const struct scan *s, struct host_device *d)
{
    const char *type = dt_string(&s->b->tree, &s->node, "device_type");
    uint32_t depth = s->node.depth, parent = s->walk.levels[depth - 1].address_cells, cells = s->walk.levels[depth].size_cells;
    uint32_t entry = 3 + parent + cells;
    uint64_t base, size;
    struct dt_property p;

    for (unsigned i = 0; dt_reg(&s->walk, &s->node, i, &base, &size); i++)
        add_range(d, base, size);
    if (!type || strcmp(type, "pci") != 0 || !property(s, "ranges", &p))
        return;
    for (uint32_t i = 0; (i + entry) * 4 <= p.length; i += entry)
        add_range(d, dt_cells(&p, i + 3, parent), dt_cells(&p, i + 3 + parent, cells));
}

/* So that it can be told to be quiet when its owner is gone. */
static void map_config(const struct scan *s, struct host_device *d)
{
    uint64_t base, size;

    if (!d->offered || !dt_is_compatible(&s->b->tree, &s->node, "pci-host-ecam-generic"))
        return;
    if (dt_reg(&s->walk, &s->node, 0, &base, &size) && size >= PCI_BUS_BYTES)
        d->config = arch_boot_device(HPA(base), PCI_BUS_BYTES);
    if (!d->config)
        log_warning("device %s: its configuration space cannot be mapped, it is not stopped when its owner ends", s->path);
}

/* -- PCI host bridges whose functions can be given one by one -- */

static uint32_t mask_of(const struct scan *s, const char *name)
{
    struct dt_property p;

    return property(s, name, &p) ? dt_cell(&p, 0, UINT32_MAX) : UINT32_MAX;
}

static void read_function_maps(const struct scan *s, struct pci_bridge *b)
{
    struct dt_property p;

    b->stream_mask = mask_of(s, "iommu-map-mask");
    b->message_mask = mask_of(s, "msi-map-mask");
    if (property(s, "iommu-map", &p))
        for (uint32_t i = 0; (i + 4) * 4 <= p.length; i += 4)
            for (unsigned unit = 0; unit < s->smmus && b->stream_count < HOST_DEVICE_STREAMS; unit++)
                if (s->smmu_phandle[unit] == dt_cell(&p, i + 1, 0))
                    b->streams[b->stream_count++] = (struct pci_map){ dt_cell(&p, i, 0), unit, dt_cell(&p, i + 2, 0), dt_cell(&p, i + 3, 0) };
    if (s->b->its && property(s, "msi-map", &p))
        for (uint32_t i = 0; (i + 4) * 4 <= p.length && b->message_count < HOST_DEVICE_STREAMS; i += 4)
            if (dt_cell(&p, i + 1, 0) == s->b->its_phandle)
                b->messages[b->message_count++] = (struct pci_map){ dt_cell(&p, i, 0), 0, dt_cell(&p, i + 2, 0), dt_cell(&p, i + 3, 0) };
}

/* Those for memory. */
static void read_bridge_windows(const struct scan *s, struct pci_bridge *b)
{
    uint32_t depth = s->node.depth, parent = s->walk.levels[depth - 1].address_cells, cells = s->walk.levels[depth].size_cells;
    uint32_t entry = 3 + parent + cells;
    struct dt_property p;

    if (!property(s, "ranges", &p))
        return;
    for (uint32_t i = 0; (i + entry) * 4 <= p.length && b->window_count < PCI_BRIDGE_WINDOWS; i += entry) {
        uint64_t bus = dt_cells(&p, i + 1, 2), cpu = dt_cells(&p, i + 3, parent), size = dt_cells(&p, i + 3 + parent, cells);

        if ((dt_cell(&p, i, 0) >> 24 & 3) < 2 || !size || bus + size < bus || cpu + size < cpu)
            continue;
        b->windows[b->window_count].bus = bus;
        b->windows[b->window_count].cpu = cpu;
        b->windows[b->window_count++].size = size;
    }
}

static void add_bridge(const struct scan *s, struct host_device *d)
{
    int number = d->config ? arch_boot_pci_bridge(d->config) : -E_NODEV;

    if (number < 0)
        return;
    d->bridge = heap_new(struct pci_bridge);
    if (!d->bridge)
        return;
    d->bridge->base = (uint32_t)number << 16;
    read_function_maps(s, d->bridge);
    read_bridge_windows(s, d->bridge);
}

static void read_device(struct scan *s)
{
    struct host_device d = { .path = s->path };
    struct dt_property p;

    d.offered = property(s, "xen,passthrough", &p);
    read_streams(s, &d);
    read_messages(s, &d);
    if ((!d.offered && !d.stream_count && !d.message_count) || !dt_walk_path(&s->walk, s->path, sizeof(s->path)))
        return;
    read_ranges(s, &d);
    map_config(s, &d);
    add_bridge(s, &d);
    d.irq_count = boot_node_irqs(s->b, &s->node, d.irqs, HOST_DEVICE_IRQS);
    if (host_device_add(&d))
        log_warning("device %s: no memory to keep it", s->path);
}

static void read_devices(struct scan *s)
{
    dt_walk_start(&s->walk, &s->b->tree);
    while (dt_walk_next(&s->walk, &s->node))
        if (dt_is_enabled(&s->b->tree, &s->node))
            read_device(s);
}

void boot_host_devices(const struct boot_info *b)
{
    struct scan s = { .b = b };

    if (b->its)
        arch_boot_its(HPA(b->its));
    if (!b->has_host_devices)
        return;
    start_smmus(&s);
    read_devices(&s);
}

void boot_dom0_devices(const struct boot_info *b)
{
    struct scan s = { .b = b };

    if (b->its && !b->has_host_devices)
        read_devices(&s);
}
