/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/boot_info.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"

struct scan {
    struct boot_info *b;
    struct dt_walk walk;
    struct dt_node node;
    const char *path_top;           /* name of the node at depth 1 above the current one */
    const char *names[DT_MAX_DEPTH];    /* of the nodes above the current one and its own */
    bool in_partition;              /* at or below a xen,domain node */
    char uart_path[64];             /* stdout-path without its options */
    bool has_named_uart;
};

bool boot_is_gic(const struct devicetree *t, const struct dt_node *n)
{
    static const char *const names[] = { "arm,gic-v3", "arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a7-gic" };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (dt_is_compatible(t, n, names[i]))
            return true;
    return false;
}

static bool is_kind(const struct scan *s, const char *type)
{
    const char *t = dt_string(&s->b->tree, &s->node, "device_type");

    return t && strcmp(t, type) == 0;
}

static bool is_compatible(const struct scan *s, const char *with)
{
    return dt_is_compatible(&s->b->tree, &s->node, with);
}

static void scan_ranges(struct scan *s, struct range_list *to)
{
    uint64_t base, size;

    for (unsigned i = 0; dt_reg(&s->walk, &s->node, i, &base, &size); i++)
        if (size)
            range_add(to, base, size);
}

static void scan_cpu(struct scan *s)
{
    struct boot_info *b = s->b;
    struct dt_property reg;

    if (!dt_is_enabled(&b->tree, &s->node) || !dt_property(&b->tree, &s->node, "reg", &reg))
        return;
    if (b->cpu_count == MAX_CPUS) {
        log_warning("device tree: more than %u CPUs, the rest stays off", MAX_CPUS);
        return;
    }
    b->cpu_mpidr[b->cpu_count++] = dt_cells(&reg, 0, MIN(reg.length / 4, 2u));
    b->boot_mpidr = b->cpu_mpidr[0];
}

static void scan_chosen(struct scan *s)
{
    struct boot_info *b = s->b;

    b->chosen = s->walk;
    b->chosen.tree = &b->tree;
    const char *own = dt_string(&b->tree, &s->node, "xen,xen-bootargs");

    if (!own)
        own = dt_string(&b->tree, &s->node, "bootargs");
    if (own && string_copy(b->command_line, own, sizeof(b->command_line)) >= sizeof(b->command_line))
        log_warning("command line: longer than %u bytes, the end is lost", COMMAND_LINE_SIZE);
    b->dom0_command_line = dt_string(&b->tree, &s->node, "xen,dom0-bootargs");
}

/* stdout-path: a path or the name of an alias, both perhaps with options behind a colon. */
static void find_console_path(struct scan *s)
{
    struct dt_node chosen = { 0 }, aliases = { 0 };
    const char *path;

    dt_walk_start(&s->walk, &s->b->tree);
    while (dt_walk_next(&s->walk, &s->node)) {
        if (s->node.depth == 1 && strcmp(s->node.name, "chosen") == 0)
            chosen = s->node;
        if (s->node.depth == 1 && strcmp(s->node.name, "aliases") == 0)
            aliases = s->node;
    }
    path = chosen.depth ? dt_string(&s->b->tree, &chosen, "stdout-path") : NULL;
    if (!path)
        return;
    string_copy(s->uart_path, path, sizeof(s->uart_path));
    char *options = strchr(s->uart_path, ':');
    if (options)
        *options = 0;
    path = s->uart_path[0] != '/' && aliases.depth ? dt_string(&s->b->tree, &aliases, s->uart_path) : NULL;
    if (path)
        string_copy(s->uart_path, path, sizeof(s->uart_path));
}

static bool is_console(const struct scan *s)
{
    const char *at = s->uart_path;

    for (unsigned i = 1; i <= s->node.depth; i++) {
        size_t length = strlen(s->names[i]);

        if (*at++ != '/' || strncmp(at, s->names[i], length) != 0)
            return false;
        at += length;
    }
    return *at == 0;
}

static void scan_module(struct scan *s)
{
    struct boot_info *b = s->b;
    struct boot_module m = { .kind = MODULE_UNKNOWN };

    if (!is_compatible(s, "multiboot,module") && !is_compatible(s, "xen,multiboot-module"))
        return;
    if (!dt_reg_untranslated(&s->walk, &s->node, 0, &m.at.base, &m.at.size) || m.at.size == 0) {
        log_warning("device tree: module %s has no usable reg, ignored", s->node.name);
        return;
    }
    if (b->module_count == MAX_MODULES) {
        log_warning("device tree: more than %u modules, %s ignored", MAX_MODULES, s->node.name);
        return;
    }
    if (is_compatible(s, "multiboot,kernel") || is_compatible(s, "xen,linux-zimage"))
        m.kind = MODULE_KERNEL;
    else if (is_compatible(s, "multiboot,ramdisk") || is_compatible(s, "xen,linux-initrd"))
        m.kind = MODULE_RAMDISK;
    else if (is_compatible(s, "xen,xsm-policy") || is_compatible(s, "multiboot,device-tree"))
        m.kind = MODULE_OTHER;
    m.command_line = dt_string(&b->tree, &s->node, "bootargs");
    b->modules[b->module_count++] = m;
}

bool boot_static_memory(const struct dt_walk *w, const struct dt_node *n, unsigned i, uint64_t *base, uint64_t *size)
{
    uint32_t address_cells = w->levels[n->depth - 1].address_cells, size_cells = w->levels[n->depth - 1].size_cells;
    struct dt_property p, cells;

    ASSERT(n->depth > 0);
    if (!dt_property(w->tree, n, "xen,static-mem", &p))
        return false;
    if (dt_property(w->tree, n, "#xen,static-mem-address-cells", &cells))
        address_cells = dt_cell(&cells, 0, 0);
    if (dt_property(w->tree, n, "#xen,static-mem-size-cells", &cells))
        size_cells = dt_cell(&cells, 0, 0);
    if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2)
        return false;
    if ((uint64_t)(i + 1) * (address_cells + size_cells) * 4 > p.length)
        return false;
    *base = dt_cells(&p, i * (address_cells + size_cells), address_cells);
    *size = dt_cells(&p, i * (address_cells + size_cells) + address_cells, size_cells);
    return true;
}

/* A static domain: what of memory must not be handed out before its plan is made. */
static void scan_partition(struct scan *s)
{
    uint64_t base, size;

    s->b->partition_nodes++;
    for (unsigned i = 0; boot_static_memory(&s->walk, &s->node, i, &base, &size); i++)
        if (size && base + size > base)
            range_add_near(&s->b->static_memory, base, size);
}

static void scan_shared_memory(struct scan *s)
{
    uint64_t base, size;

    if (boot_shared_memory(&s->walk, &s->node, &base, &size))
        range_add_near(&s->b->static_memory, base, size);
}

static void scan_partition_module(struct scan *s)
{
    uint64_t base, size;

    scan_shared_memory(s);
    if ((is_compatible(s, "multiboot,module") || is_compatible(s, "xen,multiboot-module")) &&
        dt_reg_untranslated(&s->walk, &s->node, 0, &base, &size) && size)
        range_add_near(&s->b->partition_modules, base, size);
}

static void scan_chosen_child(struct scan *s)
{
    s->in_partition = is_compatible(s, "xen,domain");
    scan_shared_memory(s);
    if (s->in_partition)
        scan_partition(s);
    else
        scan_module(s);
}

/* dom0 sees one region of redistributors: the first, so that is the largest. */
static void put_largest_first(struct memory_range *r, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        if (r[i].size > r[0].size) {
            struct memory_range first = r[0];

            r[0] = r[i];
            r[i] = first;
        }
}

/* The distributor, then regions: a GICv3's redistributors (its node says how many), a GICv2's interfaces. */
static void scan_gic(struct scan *s)
{
    struct boot_info *b = s->b;
    struct dt_property p;
    unsigned wanted = GIC_V2_REGIONS, n = 0;
    uint64_t size;

    b->gic_version = is_compatible(s, "arm,gic-v3") ? 3 : 2;
    if (b->gic_version == 3)
        wanted = dt_property(&b->tree, &s->node, "#redistributor-regions", &p) ? dt_cell(&p, 0, 0) : 1;
    if (wanted > MAX_GIC_REGIONS) {
        log_warning("device tree: %u regions of redistributors, only %u are used", wanted, MAX_GIC_REGIONS);
        wanted = MAX_GIC_REGIONS;
    }
    while (n < wanted && dt_reg(&s->walk, &s->node, n + 1, &b->gic_regions[n].base, &b->gic_regions[n].size))
        n++;
    b->gic_region_count = n;
    if (b->gic_version == 3)
        put_largest_first(b->gic_regions, n);
    if (n == 0 || !dt_reg(&s->walk, &s->node, 0, &b->gic_distributor, &size))
        b->gic_version = 0;
    if (dt_property(&b->tree, &s->node, "phandle", &p))
        b->gic_phandle = dt_cell(&p, 0, 0);
    if (dt_property(&b->tree, &s->node, "#address-cells", &p))
        b->gic_address_cells = dt_cell(&p, 0, 0);
}

static const struct {
    const char *compatible;
    enum boot_uart kind;
} uarts[] = {
    { "arm,pl011", BOOT_UART_PL011 },
    { "cdns,uart-r1p8", BOOT_UART_CADENCE },
    { "cdns,uart-r1p12", BOOT_UART_CADENCE },
};

/* Which of the lines above it is; none: their number. */
static unsigned uart_kind(const struct scan *s)
{
    unsigned i = 0;

    while (i < ARRAY_SIZE(uarts) && !is_compatible(s, uarts[i].compatible))
        i++;
    return i;
}

/* The console is the known line that stdout-path names, else the first. */
static void scan_uart(struct scan *s, enum boot_uart kind)
{
    bool is_named = is_console(s);
    struct boot_info *b = s->b;
    struct dt_property p;
    uint64_t base, size;
    uint32_t irq = 0;

    if (!dt_is_enabled(&b->tree, &s->node) || !dt_reg(&s->walk, &s->node, 0, &base, &size))
        return;
    if (dt_property(&b->tree, &s->node, "interrupts", &p) && p.length >= 12 && dt_cell(&p, 0, 1) == 0)
        irq = dt_cell(&p, 1, 0) + 32;
    if (b->uart && (s->has_named_uart || !is_named))
        return;
    s->has_named_uart = is_named;
    b->uart = base;
    b->uart_irq = irq;
    b->uart_kind = kind;
}

static void scan_psci(struct scan *s)
{
    const char *method = dt_string(&s->b->tree, &s->node, "method");

    s->b->has_psci = true;
    s->b->psci_by_hvc = method && strcmp(method, "hvc") == 0;
}

/* Further devices than those that we drive ourselves. */
static void scan_device(struct scan *s)
{
    struct dt_property p;

    if (is_compatible(s, "arm,smmu-v3") || dt_property(&s->b->tree, &s->node, "xen,passthrough", &p))
        s->b->has_host_devices = true;
}

static void scan_node(struct scan *s)
{
    const struct dt_node *n = &s->node;

    s->names[n->depth] = n->name;
    if (n->depth == 1)
        s->path_top = n->name;
    scan_device(s);
    if (n->depth == 1 && is_kind(s, "memory"))
        scan_ranges(s, &s->b->memory);
    else if (n->depth == 2 && strcmp(s->path_top, "reserved-memory") == 0)
        scan_ranges(s, &s->b->reserved);
    else if (n->depth == 2 && strcmp(s->path_top, "cpus") == 0 && is_kind(s, "cpu"))
        scan_cpu(s);
    else if (n->depth == 1 && strcmp(n->name, "chosen") == 0)
        scan_chosen(s);
    else if (n->depth == 2 && strcmp(s->path_top, "chosen") == 0)
        scan_chosen_child(s);
    else if (n->depth == 3 && s->in_partition && strcmp(s->path_top, "chosen") == 0)
        scan_partition_module(s);
    else if (boot_is_gic(&s->b->tree, n))
        scan_gic(s);
    else if (uart_kind(s) < ARRAY_SIZE(uarts))
        scan_uart(s, uarts[uart_kind(s)].kind);
    else if (is_compatible(s, "arm,psci-1.0") || is_compatible(s, "arm,psci-0.2") || is_compatible(s, "arm,psci"))
        scan_psci(s);
}

/* Modules without a kind are, in order, the kernel and its ramdisk (as Xen takes them). */
static void guess_module_kinds(struct boot_info *b)
{
    for (unsigned i = 0; i < b->module_count; i++) {
        struct boot_module *m = &b->modules[i];

        if (m->kind == MODULE_UNKNOWN && !boot_module_find(b, MODULE_KERNEL))
            m->kind = MODULE_KERNEL;
        else if (m->kind == MODULE_UNKNOWN && !boot_module_find(b, MODULE_RAMDISK))
            m->kind = MODULE_RAMDISK;
    }
}

int boot_info_scan(struct boot_info *b, const struct devicetree *t, const struct efi_map *efi, const char **why)
{
    struct scan s = { .b = b };
    uint64_t base, size;

    memset(b, 0, sizeof(*b));
    b->tree = *t;
    find_console_path(&s);
    dt_walk_start(&s.walk, t);
    while (dt_walk_next(&s.walk, &s.node))
        scan_node(&s);
    *why = "it breaks off or is nested too deeply";
    if (s.walk.damaged)
        return -E_INVAL;
    if (efi)
        efi_map_read(&b->memory, &b->reserved, efi);
    *why = "it names no memory";
    if (b->memory.count == 0)
        return -E_INVAL;
    for (unsigned i = 0; dt_reservation(t, i, &base, &size); i++)
        range_add(&b->reserved, base, size);
    guess_module_kinds(b);
    *why = NULL;
    return 0;
}

#define SPI_FIRST 32
#define SPI_LAST 1019

struct irq_list {
    uint16_t *irqs;
    unsigned count, max;
};

/* What the interrupt controller is told of one: kind (0: shared), number, flags. */
static void add_irq(struct irq_list *l, const struct dt_property *p, uint32_t cell)
{
    uint32_t irq = dt_cell(p, cell + 1, 0) + SPI_FIRST;

    if (dt_cell(p, cell, 1) != 0 || irq < SPI_FIRST || irq > SPI_LAST || l->count == l->max)
        return;
    for (unsigned i = 0; i < l->count; i++)
        if (l->irqs[i] == irq)
            return;
    l->irqs[l->count++] = (uint16_t)irq;
}

/* An entry of the map: three cells of PCI address, the pin, the controller, its address, the interrupt. */
unsigned boot_node_irqs(const struct boot_info *b, const struct dt_node *n, uint16_t *irqs, unsigned max)
{
    struct irq_list l = { .irqs = irqs, .max = max };
    uint64_t entry = UINT64_C(3) + 1 + 1 + b->gic_address_cells + 3;
    struct dt_property p;

    if (dt_property(&b->tree, n, "interrupts", &p))
        for (uint32_t i = 0; (i + 3) * 4 <= p.length; i += 3)
            add_irq(&l, &p, i);
    if (dt_property(&b->tree, n, "interrupt-map", &p))
        for (uint32_t i = 0; (i + entry) * 4 <= p.length; i += (uint32_t)entry)
            if (dt_cell(&p, i + 4, 0) == b->gic_phandle)
                add_irq(&l, &p, i + (uint32_t)entry - 3);
    return l.count;
}

const struct boot_module *boot_module_find(const struct boot_info *b, enum module_kind kind)
{
    for (unsigned i = 0; i < b->module_count; i++)
        if (b->modules[i].kind == kind)
            return &b->modules[i];
    return NULL;
}
