/* SPDX-License-Identifier: Apache-2.0 */
/* dom0's device tree: the host's, without what the hypervisor keeps, with what it makes. */
#include "arch/include/arm64_its.h"
#include "boot/arm64/dom0.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/stage2.h"
#include "partition/partition.h"
#include "vdev/arm64/guest_tree.h"

/* Bytes of the names of static domains; those that do not fit are without. */
#define PARTITION_LIST 4096

struct copy {
    const struct boot_info *b;
    const struct domain *d;
    const struct dom0_layout *l;
    struct dt_writer *out;
    uint32_t root_address_cells, root_size_cells;
};

/* Nodes of the root by name, and nodes anywhere by what they are compatible with, that dom0 does not see. */
static const char *const hidden_names[] = { "chosen", "cpus", "psci", "hypervisor", "reserved-memory" };
static const char *const hidden_devices[] = {
    "arm,gic-v3-its", "arm,gic-v2m-frame", "arm,smmu-v3", "arm,psci", "arm,psci-0.2", "arm,psci-1.0",
    "arm,armv8-timer", "arm,armv7-timer", "arm,armv8-pmuv3", "arm,cortex-a57-pmu", "arm,cortex-a53-pmu",
};
/* Properties that point at what is hidden. */
static const char *const hidden_properties[] = { "msi-parent", "iommus", "iommu-map", "iommu-map-mask" };

bool dom0_hides_node(const struct boot_info *b, const struct dt_walk *w, const struct dt_node *n)
{
    const char *type = dt_string(&b->tree, n, "device_type");
    struct dt_property given_away;
    uint64_t base, size;

    if (n->depth == 1 && type && strcmp(type, "memory") == 0)
        return true;
    if (dt_property(&b->tree, n, "xen,passthrough", &given_away))
        return true;
    for (unsigned i = 0; n->depth == 1 && i < ARRAY_SIZE(hidden_names); i++)
        if (strcmp(n->name, hidden_names[i]) == 0)
            return true;
    for (unsigned i = 0; i < ARRAY_SIZE(hidden_devices); i++)
        if (dt_is_compatible(&b->tree, n, hidden_devices[i]))
            return true;
    return b->uart && dt_reg(w, n, 0, &base, &size) && base == b->uart;
}

/* dom0 has an ITS, and no other is named. */
static bool is_usable_msi_map(const struct copy *c, const struct dt_property *p)
{
    for (uint32_t i = 0; (i + 4) * 4 <= p->length; i += 4)
        if (dt_cell(p, i + 1, 0) != c->b->its_phandle)
            return false;
    return c->d->arch.vgic.its;
}

static bool hidden_property(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hidden_properties); i++)
        if (strcmp(name, hidden_properties[i]) == 0)
            return true;
    return false;
}

/* A list of (address, size) in the root's cells. */
static void write_reg(struct copy *c, const char *name, const struct memory_range *ranges, unsigned count)
{
    uint32_t cells[4 * MAX_RANGES];
    unsigned n = 0;

    for (unsigned i = 0; i < count && i < MAX_RANGES; i++) {
        if (c->root_address_cells == 2)
            cells[n++] = (uint32_t)(ranges[i].base >> 32);
        cells[n++] = (uint32_t)ranges[i].base;
        if (c->root_size_cells == 2)
            cells[n++] = (uint32_t)(ranges[i].size >> 32);
        cells[n++] = (uint32_t)ranges[i].size;
    }
    ASSERT(n <= ARRAY_SIZE(cells));
    dt_write_cells(c->out, name, cells, n);
}

/* What the host's /chosen gives that dom0 should have too: entropy. */
static void copy_chosen_seeds(struct copy *c)
{
    static const char *const seeds[] = { "kaslr-seed", "rng-seed" };
    struct dt_walk w;
    struct dt_node n;
    struct dt_property p;

    dt_walk_start(&w, &c->b->tree);
    while (dt_walk_next(&w, &n)) {
        if (n.depth != 1 || strcmp(n.name, "chosen") != 0)
            continue;
        for (unsigned i = 0; i < ARRAY_SIZE(seeds); i++)
            if (dt_property(&c->b->tree, &n, seeds[i], &p))
                dt_write_property(c->out, p.name, p.value, p.length);
    }
}

static void write_chosen(struct copy *c)
{
    const struct boot_module *kernel = module_find(&c->b->modules, MODULE_KERNEL);
    const char *line = kernel->command_line ? kernel->command_line : c->b->dom0_command_line;

    dt_write_begin(c->out, "chosen");
    dt_write_string(c->out, "bootargs", line ? line : "");
    if (c->l->ramdisk.size) {
        dt_write_u64(c->out, "linux,initrd-start", c->l->ramdisk.base);
        dt_write_u64(c->out, "linux,initrd-end", c->l->ramdisk.base + c->l->ramdisk.size);
    }
    copy_chosen_seeds(c);
    dt_write_end(c->out);
}

static void write_memory(struct copy *c)
{
    char name[32];

    format_string(name, sizeof(name), "memory@%llx", (unsigned long long)c->l->ram.range[0].base);
    dt_write_begin(c->out, name);
    dt_write_string(c->out, "device_type", "memory");
    write_reg(c, "reg", c->l->ram.range, c->l->ram.count);
    dt_write_end(c->out);
}

/* What Linux takes at a time: a section of its memory map (arm64, 4 KiB pages). A smaller region is worse than none. */
#define LINUX_SECTION UINT64_C(0x8000000)

static bool holds_section(const struct memory_range *r)
{
    uint64_t base = ROUND_UP(r->base, LINUX_SECTION);

    return base < r->base + r->size && r->base + r->size - base >= LINUX_SECTION;
}

/* Guest-physical space that is RAM of the host but not dom0's, nor reserved: free for foreign mappings and grants. */
static void extended_regions(const struct copy *c, struct range_list *regions)
{
    *regions = c->b->memory;
    for (unsigned i = 0; i < c->l->ram.count; i++)
        range_remove(regions, c->l->ram.range[i].base, c->l->ram.range[i].size);
    for (unsigned i = 0; i < c->b->reserved.count; i++)
        range_remove(regions, c->b->reserved.range[i].base, c->b->reserved.range[i].size);
    for (unsigned i = 0; i < partition_dom0.share_count; i++)
        range_remove(regions, partition_dom0.shares[i].guest, partition_dom0.shares[i].size);
    range_remove(regions, c->l->grant_frames.base, c->l->grant_frames.size);
}

/* Add whole pages to a list that ascends, as Linux wants it. */
static void insert(struct memory_range *list, unsigned count, struct memory_range r)
{
    uint64_t end = ROUND_DOWN(r.base + r.size, PAGE_SIZE);

    ASSERT(count < MAX_RANGES);
    r.base = ROUND_UP(r.base, PAGE_SIZE);
    r.size = end - r.base;
    for (; count && list[count - 1].base > r.base; count--)
        list[count] = list[count - 1];
    list[count] = r;
}

/* "NUMBER NAME" of each static domain, so that dom0 can tell its tools what they are called: vinci-partitions. */
static void write_partitions(struct copy *c)
{
    static char list[PARTITION_LIST];
    struct partition *p;
    size_t used = 0;

    list_for_each(p, &partitions, link) {
        if (!p->domain || used + PARTITION_NAME_SIZE + sizeof("32767 ") > sizeof(list))
            continue;
        used += (size_t)format_string(list + used, sizeof(list) - used, "%u %s", p->domain->id.v, p->plan->name) + 1;
    }
    if (used)
        dt_write_property(c->out, "vinci,partitions", list, (uint32_t)used);
}

/* The first range of the property is where dom0 puts its grant table, the others are the "extended regions".
 * (docs/misc/arm/device-tree/guest.txt of the reference) */
static void write_hypervisor(struct copy *c)
{
    static const char compatible[] = "xen,xen-4.17\0xen,xen";
    struct memory_range list[MAX_RANGES] = { c->l->grant_frames };
    struct range_list regions;
    unsigned count = 1;

    extended_regions(c, &regions);
    for (unsigned i = 0; i < regions.count && count < MAX_RANGES; i++)
        if (holds_section(&regions.range[i]))
            insert(list + 1, count++ - 1, regions.range[i]);
    dt_write_begin(c->out, "hypervisor");
    dt_write_property(c->out, "compatible", compatible, sizeof(compatible));
    write_reg(c, "reg", list, count);
    dt_write_cells(c->out, "interrupts", (uint32_t[]){ 1, c->d->arch.event_ppi - 16, 0xf08 }, 3);
    dt_write_u32(c->out, "interrupt-parent", c->b->gic_phandle);
    write_partitions(c);
    dt_write_end(c->out);
}

static void write_its(struct copy *c)
{
    const struct memory_range reg = { c->b->its, ITS_BYTES };

    if (!c->d->arch.vgic.its)
        return;
    guest_tree_its_begin(c->out, reg.base, c->b->its_phandle);
    write_reg(c, "reg", &reg, 1);
    dt_write_end(c->out);
}

static void write_own_nodes(struct copy *c)
{
    write_chosen(c);
    guest_tree_cpus(c->out, c->d->max_vcpus);
    guest_tree_psci(c->out);
    guest_tree_timer(c->out, c->b->gic_phandle);
    write_memory(c);
    write_hypervisor(c);
    write_its(c);
    if (c->root_address_cells == 2 && c->root_size_cells == 2)
        partition_write_shares(&partition_dom0, c->out);
}

/* The interrupt controller as it is seen by dom0: one distributor, one region of redistributors or the CPU interface, nothing below
 * it. */
static void write_gic(struct copy *c, const struct dt_node *n)
{
    bool is_v2 = c->b->gic_version == 2;
    const struct memory_range reg[] = {
        { c->b->gic_distributor, is_v2 ? 0x1000 : 0x10000 },
        { c->b->gic_regions[0].base, is_v2 ? 0x2000 : c->b->gic_regions[0].size },
    };
    struct dt_property cells;

    dt_write_begin(c->out, n->name);
    dt_write_string(c->out, "compatible", is_v2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
    dt_write_u32(c->out, "#interrupt-cells", 3);
    /* entries of the bridges' interrupt-maps are as wide as this says */
    dt_write_u32(c->out, "#address-cells",
                 dt_property(&c->b->tree, n, "#address-cells", &cells) ? dt_cell(&cells, 0, 0) : 0);
    if (dt_property(&c->b->tree, n, "#size-cells", &cells))
        dt_write_u32(c->out, "#size-cells", dt_cell(&cells, 0, 0));
    dt_write_property(c->out, "interrupt-controller", "", 0);
    if (!is_v2)
        dt_write_u32(c->out, "#redistributor-regions", 1);
    write_reg(c, "reg", reg, ARRAY_SIZE(reg));
    dt_write_u32(c->out, "phandle", c->b->gic_phandle);
    dt_write_end(c->out);
}

static void copy_properties(struct copy *c, const struct dt_node *n)
{
    uint32_t offset = n->properties;
    struct dt_property p;

    while (dt_next(&c->b->tree, &offset, &p) == DT_PROPERTY)
        if (strcmp(p.name, "msi-map") == 0 ? is_usable_msi_map(c, &p) : !hidden_property(p.name))
            dt_write_property(c->out, p.name, p.value, p.length);
}

/* Close output nodes until the next one can be a child at `depth`. The root is closed by the caller. */
static void close_down_to(struct copy *c, unsigned depth)
{
    while (c->out->depth > (int)depth)
        dt_write_end(c->out);
}

uint32_t dom0_write_tree(const struct boot_info *b, const struct domain *d, const struct dom0_layout *l, void *buffer,
                         uint32_t size)
{
    struct dt_writer out;
    struct copy c = { .b = b, .d = d, .l = l, .out = &out };
    unsigned skip_below = UINT32_MAX;       /* depth of a hidden node whose children are hidden too */
    struct dt_walk w;
    struct dt_node n;

    dt_write_start(&out, buffer, size);
    dt_walk_start(&w, &b->tree);
    while (dt_walk_next(&w, &n)) {
        if (n.depth > skip_below)
            continue;
        skip_below = UINT32_MAX;
        close_down_to(&c, n.depth);
        if (n.depth == 0) {
            c.root_address_cells = w.levels[0].address_cells;
            c.root_size_cells = w.levels[0].size_cells;
        }
        bool is_gic = boot_is_gic(&n);
        if (is_gic)
            write_gic(&c, &n);
        if (is_gic || dom0_hides_node(b, &w, &n)) {
            skip_below = n.depth;
            continue;
        }
        dt_write_begin(&out, n.name);
        copy_properties(&c, &n);
    }
    close_down_to(&c, 1);
    write_own_nodes(&c);
    dt_write_end(&out);
    return dt_write_finish(&out);
}
