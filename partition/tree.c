/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree that a partition is given: what the reference writes for its static domains, and its devices'. */
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "partition/partition.h"
#include "vdev/arm64/guest_tree.h"
#include "vdev/arm64/vits.h"
#include "vdev/arm64/vpl011.h"

#define GIC_PHANDLE 65000       /* GUEST_PHANDLE_GIC: partial device trees refer to it */
#define ITS_PHANDLE 65001       /* the same for msi-map, which goes where there is no ITS */
#define TREE_ROOM UINT32_C(0x4000)
/* Guest space for the grant table (xen/arch-arm.h, GUEST_GNTTAB_*). */
#define GRANT_BASE UINT64_C(0x38000000)
#define GRANT_SIZE UINT64_C(0x01000000)
#define LEVEL_HIGH 4
#define PER_VCPU 192            /* bytes of its node, at most */

struct writer {
    const struct partition *p;
    struct dt_writer out;
};

uint32_t partition_tree_room(const struct partition_plan *plan)
{
    uint32_t text = plan->command_line ? (uint32_t)strlen(plan->command_line) : 0;

    return (uint32_t)ROUND_UP(TREE_ROOM + text + plan->vcpu_count * PER_VCPU + plan->partial.size, PAGE_SIZE);
}

static void write_pairs(struct writer *w, const char *name, const struct partition_range *ranges, unsigned count)
{
    uint32_t cells[4 * (PARTITION_PIECES + 1)];

    ASSERT(count <= PARTITION_PIECES + 1);
    for (unsigned i = 0; i < count; i++) {
        cells[4 * i] = (uint32_t)(ranges[i].base >> 32);
        cells[4 * i + 1] = (uint32_t)ranges[i].base;
        cells[4 * i + 2] = (uint32_t)(ranges[i].size >> 32);
        cells[4 * i + 3] = (uint32_t)ranges[i].size;
    }
    dt_write_cells(&w->out, name, cells, 4 * count);
}

static void write_root(struct writer *w)
{
    static const char compatible[] = "xen,xenvm-4.17\0xen,xenvm";

    dt_write_property(&w->out, "compatible", compatible, sizeof(compatible));
    dt_write_string(&w->out, "model", w->p->plan->name);
    dt_write_u32(&w->out, "#address-cells", 2);
    dt_write_u32(&w->out, "#size-cells", 2);
    dt_write_u32(&w->out, "interrupt-parent", GIC_PHANDLE);
}

static void write_chosen(struct writer *w)
{
    const struct partition *p = w->p;
    char path[40];

    dt_write_begin(&w->out, "chosen");
    dt_write_string(&w->out, "bootargs", p->plan->command_line ? p->plan->command_line : "");
    if (p->ramdisk.size) {
        dt_write_u64(&w->out, "linux,initrd-start", p->ramdisk.base);
        dt_write_u64(&w->out, "linux,initrd-end", p->ramdisk.base + p->ramdisk.size);
    }
    if (p->plan->console == CONSOLE_VPL011) {
        format_string(path, sizeof(path), "/sbsa-uart@%llx", (unsigned long long)p->plan->uart);
        dt_write_string(&w->out, "stdout-path", path);
    }
    dt_write_end(&w->out);
}

static void write_memory(struct writer *w)
{
    struct partition_piece ram[PARTITION_PIECES];
    struct partition_range ranges[PARTITION_PIECES];
    unsigned n = partition_ram(w->p->plan, ram);
    char name[32];

    for (unsigned i = 0; i < n; i++)
        ranges[i] = (struct partition_range){ ram[i].guest, ram[i].size };
    format_string(name, sizeof(name), "memory@%llx", (unsigned long long)ram[0].guest);
    dt_write_begin(&w->out, name);
    dt_write_string(&w->out, "device_type", "memory");
    write_pairs(w, "reg", ranges, n);
    dt_write_end(&w->out);
}

static void write_gic(struct writer *w)
{
    const struct vgic_domain *g = &w->p->domain->arch.vgic;
    const struct partition_range reg[] = {
        { g->dist_base.v, g->version == 2 ? 0x1000 : 0x10000 }, { g->redist_base.v, g->redist_size },
    };
    char name[48];

    format_string(name, sizeof(name), "interrupt-controller@%llx", (unsigned long long)g->dist_base.v);
    dt_write_begin(&w->out, name);
    dt_write_string(&w->out, "compatible", g->version == 2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
    dt_write_u32(&w->out, "#interrupt-cells", 3);
    dt_write_u32(&w->out, "#address-cells", 0);
    dt_write_property(&w->out, "interrupt-controller", "", 0);
    write_pairs(w, "reg", reg, ARRAY_SIZE(reg));
    dt_write_u32(&w->out, "phandle", GIC_PHANDLE);
    dt_write_end(&w->out);
}

static void write_its(struct writer *w)
{
    const struct vits *its = w->p->domain->arch.vgic.its;
    struct partition_range reg;

    if (!its)
        return;
    reg = (struct partition_range){ its->base.v, ITS_BYTES };
    guest_tree_its_begin(&w->out, reg.base, ITS_PHANDLE);
    write_pairs(w, "reg", &reg, 1);
    dt_write_end(&w->out);
}

static void write_uart(struct writer *w)
{
    const struct partition_plan *plan = w->p->plan;
    const struct partition_range reg = { plan->uart, VPL011_SIZE };
    char name[32];

    if (plan->console != CONSOLE_VPL011)
        return;
    format_string(name, sizeof(name), "sbsa-uart@%llx", (unsigned long long)plan->uart);
    dt_write_begin(&w->out, name);
    dt_write_string(&w->out, "compatible", "arm,sbsa-uart");
    write_pairs(w, "reg", &reg, 1);
    dt_write_cells(&w->out, "interrupts", (uint32_t[]){ 0, plan->uart_irq - VGIC_PRIVATE, LEVEL_HIGH }, 3);
    dt_write_u32(&w->out, "current-speed", 115200);
    dt_write_end(&w->out);
}

/* The grant table's place, then space without memory for what is mapped from others. (docs/misc/arm/device-tree/guest.txt of the
 * reference) */
static void write_hypervisor(struct writer *w)
{
    static const char compatible[] = "xen,xen-4.17\0xen,xen";
    const struct partition_range reg = { GRANT_BASE, GRANT_SIZE };

    if (w->p->plan->enhanced == ENHANCED_NO)
        return;
    dt_write_begin(&w->out, "hypervisor");
    dt_write_property(&w->out, "compatible", compatible, sizeof(compatible));
    write_pairs(w, "reg", &reg, 1);
    dt_write_cells(&w->out, "interrupts", (uint32_t[]){ 1, w->p->domain->arch.event_ppi - 16, 0xf08 }, 3);
    dt_write_end(&w->out);
}

static bool is_for_guest(const struct writer *w, const char *property)
{
    return strncmp(property, "xen,", 4) != 0 && strncmp(property, "vinci,", 6) != 0 &&
           (w->p->domain->arch.vgic.its || strcmp(property, "msi-map") != 0);
}

/* /aliases and /passthrough of the partial tree, without what was meant for us. */
static void copy_partial(struct writer *w)
{
    const struct devicetree *t = &w->p->plan->partial;
    bool inside = false;
    struct dt_property item;
    struct dt_walk walk;
    struct dt_node n;
    int base = w->out.depth;
    uint32_t offset;

    if (!t->blob)
        return;
    dt_walk_start(&walk, t);
    while (dt_walk_next(&walk, &n)) {
        while (w->out.depth > base && w->out.depth >= base + (int)n.depth)
            dt_write_end(&w->out);
        if (n.depth <= 1)
            inside = n.depth == 1 && (strcmp(n.name, "passthrough") == 0 || strcmp(n.name, "aliases") == 0);
        if (!inside)
            continue;
        dt_write_begin(&w->out, n.name);
        offset = n.properties;
        while (dt_next(t, &offset, &item) == DT_PROPERTY)
            if (is_for_guest(w, item.name))
                dt_write_property(&w->out, item.name, item.value, item.length);
    }
    while (w->out.depth > base)
        dt_write_end(&w->out);
}

uint32_t partition_write_tree(const struct partition *p, void *buffer, uint32_t size)
{
    struct writer w = { .p = p };

    dt_write_start(&w.out, buffer, size);
    dt_write_begin(&w.out, "");
    write_root(&w);
    write_chosen(&w);
    guest_tree_cpus(&w.out, p->plan->vcpu_count);
    guest_tree_psci(&w.out);
    write_memory(&w);
    write_gic(&w);
    write_its(&w);
    guest_tree_timer(&w.out, 0);
    write_uart(&w);
    partition_write_shares(p->plan, &w.out);
    write_hypervisor(&w);
    copy_partial(&w);
    dt_write_end(&w.out);
    return dt_write_finish(&w.out);
}
