/* SPDX-License-Identifier: Apache-2.0 */
/* What dom0 gets of the hardware: every device of the tree that the hypervisor does not keep, one to one. */
#include "arch/include/mmio.h"
#include "arch/include/arm64_vgic_hw.h"
#include "boot/arm64/dom0.h"
#include "boot/arm64/host_devices.h"
#include "boot/dom0_parts.h"
#include "core/domain.h"
#include "core/host_device.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "vdev/arm64/vits.h"

/* Map [base, base+size), widened to pages. RAM is never mapped this way. */
static int map_registers(const struct boot_info *b, struct domain *d, uint64_t base, uint64_t size)
{
    uint64_t frame = base >> PAGE_SHIFT, end = (base + size + PAGE_SIZE - 1) >> PAGE_SHIFT;

    if (size == 0 || end <= frame)
        return 0;
    if (range_overlaps(&b->memory, frame << PAGE_SHIFT, (end - frame) << PAGE_SHIFT)) {
        log_warning("dom0: device registers at 0x%llx lie over memory, not mapped", (unsigned long long)base);
        return 0;
    }
    return dom0_map_registers(d, frame, end);
}

/* A PCI host bridge's windows: entries of three cells of PCI address, the CPU's address, the size. */
static int map_pci_windows(const struct boot_info *b, struct domain *d, const struct dt_walk *w, const struct dt_node *n)
{
    const char *type = dt_string(&b->tree, n, "device_type");
    uint32_t parent_cells, size_cells, entry;
    struct dt_property p;
    int error = 0;

    if (n->depth == 0 || !type || strcmp(type, "pci") != 0 || !dt_property(&b->tree, n, "ranges", &p))
        return 0;
    parent_cells = w->levels[n->depth - 1].address_cells;
    size_cells = w->levels[n->depth].size_cells;
    entry = 3 + parent_cells + size_cells;
    for (uint32_t i = 0; !error && (i + entry) * 4 <= p.length; i += entry)
        error = map_registers(b, d, dt_cells(&p, i + 3, parent_cells), dt_cells(&p, i + 3 + parent_cells, size_cells));
    return error;
}

static int map_node(const struct boot_info *b, struct domain *d, const struct dt_walk *w, const struct dt_node *n)
{
    uint64_t base, size;
    int error = 0;

    if (!dt_is_enabled(&b->tree, n))
        return 0;
    for (unsigned i = 0; !error && dt_reg(w, n, i, &base, &size); i++)
        error = map_registers(b, d, base, size);
    return error ? error : map_pci_windows(b, d, w, n);
}

/* All shared interrupts but the console's, IOMMUs', partitions' and those of devices that are offered to others. */
static int route_interrupts(const struct boot_info *b, struct domain *d)
{
    unsigned end = 32 + arch_irq_spi_count();
    int error = 0;

    for (unsigned irq = 32; !error && irq < end; irq++) {
        if (irq != b->uart_irq && !arch_irq_is_own(irq) && !host_device_offers_irq(irq))
            error = arch_irq_route(d, irq);
        if (error == -E_BUSY)
            error = 0;
    }
    return error;
}

int dom0_map_devices(const struct boot_info *b, struct domain *d)
{
    unsigned skip_below = UINT32_MAX;
    struct dt_walk w;
    struct dt_node n;
    int error = 0;

    ASSERT(d->direct_mapped);
    dt_walk_start(&w, &b->tree);
    while (!error && dt_walk_next(&w, &n)) {
        if (n.depth > skip_below)
            continue;
        skip_below = UINT32_MAX;
        if (boot_is_gic(&n) || dom0_hides_node(b, &w, &n))
            skip_below = n.depth;
        else if (n.depth > 0)
            error = map_node(b, d, &w, &n);
    }
    if (!error)
        error = route_interrupts(b, d);
    if (error)
        return error;
    boot_dom0_devices(b);
    error = host_devices_assign_rest(d);
    return error ? error : vits_create(d);
}
