/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partial device tree: which devices of the board a static domain gets. Below /passthrough a node names the registers
 * (xen,reg = <host address, size, guest address>), the host's node (xen,path), whose interrupts it gets under the same numbers, and whether
 * it may do without an IOMMU (xen,force-assign-without-iommu). A node without xen,path gets the interrupts that it lists itself.
 * (docs/misc/arm/passthrough.txt and docs/features/dom0less.pandoc of the reference)
 */
#include "boot/arm64/static_plan.h"
#include "lib/assert.h"
#include "lib/string.h"

struct scan {
    const struct boot_info *b;
    struct partition_plan *plan;
    const struct static_report *report;
    struct dt_walk walk;
    struct dt_node node;
};

#define SPI_FIRST 32u
#define GIC_CELLS 3             /* kind, number, flags */
#define KIND_SPI 0

static void problem(const struct scan *s, const struct dt_property *p, const char *text)
{
    static_problem(s->report, s->plan, p, p->name, text);
}

static void read_registers(struct scan *s, const struct dt_property *p)
{
    struct partition_plan *plan = s->plan;
    uint32_t address = s->walk.levels[s->node.depth - 1].address_cells, size = s->walk.levels[s->node.depth - 1].size_cells;
    uint32_t entry = 2 * address + size;

    ASSERT(s->node.depth > 0);
    if (address < 1 || address > 2 || size < 1 || size > 2 || p->length == 0 || p->length % (4 * entry))
        return problem(s, p, "expects triples of host address, size, guest address in the cells of the node above");
    for (uint32_t i = 0; i < p->length / 4; i += entry) {
        struct partition_registers r = {
            .base = dt_cells(p, i, address), .size = dt_cells(p, i + address, size), .guest = dt_cells(p, i + address + size, address),
        };

        if (r.size == 0 || (r.base | r.size | r.guest) & ~PAGE_MASK || r.base + r.size < r.base || r.guest + r.size < r.guest)
            return problem(s, p, "expects whole pages of 4 KiB");
        if (plan->register_count == PARTITION_REGISTERS)
            return problem(s, p, "is more than 16 ranges of registers for one domain");
        plan->registers[plan->register_count++] = r;
    }
}

static void read_interrupts(struct scan *s, const struct dt_property *p)
{
    struct partition_plan *plan = s->plan;

    if (p->length % (4 * GIC_CELLS))
        return problem(s, p, "expects three cells for each interrupt of the GIC");
    for (uint32_t i = 0; i < p->length / 4; i += GIC_CELLS) {
        uint32_t irq = dt_cell(p, i + 1, 0) + SPI_FIRST;

        if (dt_cell(p, i, 0) != KIND_SPI || irq < SPI_FIRST || irq > 1019)
            return problem(s, p, "only shared interrupts can be given to a domain");
        if (plan->irq_count == PARTITION_IRQS)
            return problem(s, p, "is more than 32 interrupts for one domain");
        plan->irqs[plan->irq_count++] = irq;
    }
}

/* Those of the board's node under their own numbers: its own, and the pins' of a PCI host bridge. */
static void add_host_interrupts(struct scan *s, const struct dt_node *host, const struct dt_property *path)
{
    struct partition_plan *plan = s->plan;
    uint16_t irqs[PARTITION_IRQS];
    unsigned n = boot_node_irqs(s->b, host, irqs, ARRAY_SIZE(irqs));

    if (plan->irq_count + n > PARTITION_IRQS)
        return problem(s, path, "is more than 32 interrupts for one domain");
    for (unsigned i = 0; i < n; i++)
        plan->irqs[plan->irq_count++] = irqs[i];
}

/* The node of that path, names with their unit addresses. */
static bool find_path(const struct devicetree *t, const char *path, struct dt_node *out)
{
    unsigned matched = 0;       /* nodes of the path so far, not counting the root */
    struct dt_walk w;

    dt_walk_start(&w, t);
    while (*path == '/' && dt_walk_next(&w, out)) {
        size_t length = strlen(out->name);

        if (out->depth && out->depth <= matched)
            return false;       /* it is not in the node that matched last */
        if (out->depth != matched + 1 || strncmp(path + 1, out->name, length) != 0)
            continue;
        if (path[1 + length] && path[1 + length] != '/')
            continue;
        path += 1 + length;
        matched++;
        if (!*path)
            return true;
    }
    return false;
}

static void read_path(struct scan *s, const struct dt_property *p)
{
    struct partition_plan *plan = s->plan;
    struct dt_property v, force, functions;
    struct dt_node host;

    if (p->length < 2 || p->value[p->length - 1] || !find_path(&s->b->tree, (const char *)p->value, &host))
        return problem(s, p, "is the path of no node in the board's tree");
    if (dt_property(&plan->partial, &s->node, "vinci,pci", &functions))
        return static_read_pci(s->b, plan, &s->walk, &s->node, &host, s->report);
    if (!dt_property(&s->b->tree, &host, "xen,passthrough", &v))
        static_say(s->report, plan, false, "device %s has no property xen,passthrough: dom0 sees it too", (const char *)p->value);
    if (plan->device_count == PARTITION_DMA_DEVICES)
        return problem(s, p, "is more than 8 devices for one domain");
    plan->devices[plan->device_count++] = (struct partition_device){
        .path = (const char *)p->value,
        .without_iommu = dt_property(&plan->partial, &s->node, "xen,force-assign-without-iommu", &force),
    };
    add_host_interrupts(s, &host, p);
}

static void scan_node(struct scan *s)
{
    const struct devicetree *t = &s->plan->partial;
    struct dt_property reg, path, interrupts;
    bool has_reg = dt_property(t, &s->node, "xen,reg", &reg), has_path = dt_property(t, &s->node, "xen,path", &path);

    if (dt_property(t, &s->node, "vinci,pci", &interrupts) && !has_path)
        return problem(s, &interrupts, "needs xen,path, which names the host bridge");
    if (has_reg)
        read_registers(s, &reg);
    if (has_path)
        read_path(s, &path);
    else if (has_reg && dt_property(t, &s->node, "interrupts", &interrupts))
        read_interrupts(s, &interrupts);
}

void static_parse_devices(const struct boot_info *b, struct partition_plan *plan, const struct static_report *report)
{
    struct scan s = { .b = b, .plan = plan, .report = report };
    bool inside = false, found = false;

    dt_walk_start(&s.walk, &plan->partial);
    while (dt_walk_next(&s.walk, &s.node)) {
        if (s.node.depth == 1)
            inside = strcmp(s.node.name, "passthrough") == 0;
        found |= inside;
        if (inside && s.node.depth > 1)
            scan_node(&s);
    }
    if (s.walk.damaged)
        static_say(report, plan, true, "the partial device tree breaks off or is nested too deeply");
    else if (!found)
        static_say(report, plan, true, "the partial device tree has no node /passthrough");
}
