/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/arm64/boot_info.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"

#define CONSOLE_PATH 64
#define CONSOLES 8

/* What the nodes at depth 1 say of those below them. */
enum top { TOP_OTHER, TOP_RESERVED, TOP_CPUS, TOP_CHOSEN, TOP_ALIASES };

/* A serial line that we know. */
struct console {
    char path[CONSOLE_PATH];        /* empty: too long */
    enum boot_uart kind;
    uint64_t base;
    uint32_t irq;
};

struct scan {
    struct boot_info *b;
    struct dt_walk walk;
    struct dt_node node;
    uint32_t kinds;                 /* boot_node_kinds of it */
    enum top top;                   /* of the node at depth 1 above the current one, or itself */
    const char *stdout_path;        /* in the tree; NULL: none */
    struct dt_node aliases;         /* depth 0: none */
    struct console consoles[CONSOLES];
    unsigned console_count;
};

#define NAME(text, kind) { text, sizeof(text) - 1, kind }
static const struct {
    const char *text;
    uint8_t length, kind;
} compatibles[] = {
    NAME("arm,gic-v3", NODE_GIC_V3), NAME("arm,cortex-a15-gic", NODE_GIC_V2), NAME("arm,gic-400", NODE_GIC_V2),
    NAME("arm,cortex-a7-gic", NODE_GIC_V2), NAME("arm,gic-v3-its", NODE_ITS), NAME("arm,smmu-v3", NODE_SMMU),
    NAME("arm,pl011", NODE_PL011), NAME("cdns,uart-r1p8", NODE_CADENCE), NAME("cdns,uart-r1p12", NODE_CADENCE),
    NAME("arm,psci-1.0", NODE_PSCI), NAME("arm,psci-0.2", NODE_PSCI), NAME("arm,psci", NODE_PSCI),
#define BELOW_CHOSEN 12         /* from here on, and these have other first letters */
    NAME("xen,domain", NODE_DOMAIN), NAME("xen,cpupool", NODE_POOL),
    NAME("xen,domain-shared-memory-v1", NODE_SHARED_MEMORY), NAME("xen,evtchn-v1", NODE_CHANNEL), NAME("xen,evtchn", NODE_CHANNEL),
    NAME("multiboot,module", NODE_MODULE), NAME("xen,multiboot-module", NODE_MODULE),
    NAME("multiboot,kernel", NODE_KERNEL), NAME("xen,linux-zimage", NODE_KERNEL),
    NAME("multiboot,ramdisk", NODE_RAMDISK), NAME("xen,linux-initrd", NODE_RAMDISK),
    NAME("multiboot,device-tree", NODE_TREE), NAME("xen,xsm-policy", NODE_POLICY),
};
/* First letters of these: most nodes of a board are told by them to be none. */
#define BOARD_INITIALS (DT_INITIAL('a') | DT_INITIAL('c'))
#define COMPATIBLE_INITIALS (BOARD_INITIALS | DT_INITIAL('x') | DT_INITIAL('m'))

static uint32_t kind_of_string(const char *text, size_t length)
{
    bool is_board = DT_INITIAL(*text) & BOARD_INITIALS;
    unsigned end = is_board ? BELOW_CHOSEN : ARRAY_SIZE(compatibles);

    for (unsigned i = is_board ? 0 : BELOW_CHOSEN; i < end; i++)
        if (length == compatibles[i].length && *text == *compatibles[i].text && memcmp(text, compatibles[i].text, length) == 0)
            return BIT(compatibles[i].kind);
    return 0;
}

uint32_t boot_kinds_of(const struct dt_property *p)
{
    uint32_t kinds = 0;

    for (uint32_t at = 0; at < p->length;) {
        const char *text = (const char *)p->value + at;
        size_t length = strnlen(text, p->length - at);

        if (length == p->length - at)
            break;
        if (DT_INITIAL(*text) & COMPATIBLE_INITIALS)
            kinds |= kind_of_string(text, length);
        at += (uint32_t)length + 1;
    }
    return kinds;
}

uint32_t boot_node_kinds(const struct dt_node *n)
{
    return n->compatible.name && n->compatible_initials & COMPATIBLE_INITIALS ? boot_kinds_of(&n->compatible) : 0;
}

bool boot_next_in_chosen(struct dt_walk *w, struct dt_node *n)
{
    return w->tree && dt_walk_next(w, n) && n->depth > 1;
}

static bool is(const struct scan *s, enum node_kind kind)
{
    return s->kinds & BIT(kind);
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
    struct dt_property reg, phandle;

    if (!dt_is_enabled(&b->tree, &s->node) || !dt_property(&b->tree, &s->node, "reg", &reg))
        return;
    if (b->cpu_count == MAX_CPUS) {
        log_warning("device tree: more than %u CPUs, the rest stays off", MAX_CPUS);
        return;
    }
    if (dt_property(&b->tree, &s->node, "phandle", &phandle))
        b->cpu_phandle[b->cpu_count] = dt_cell(&phandle, 0, 0);
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
    s->stdout_path = dt_string(&b->tree, &s->node, "stdout-path");
    boot_scan_below_chosen(b, &s->walk);
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

    b->gic_version = is(s, NODE_GIC_V3) ? 3 : 2;
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

static void scan_uart(struct scan *s)
{
    struct console c = { .kind = is(s, NODE_PL011) ? BOOT_UART_PL011 : BOOT_UART_CADENCE };
    struct dt_property p;
    uint64_t size;

    if (s->console_count == CONSOLES || !dt_is_enabled(&s->b->tree, &s->node) || !dt_reg(&s->walk, &s->node, 0, &c.base, &size))
        return;
    if (dt_property(&s->b->tree, &s->node, "interrupts", &p) && p.length >= 12 && dt_cell(&p, 0, 1) == 0)
        c.irq = dt_cell(&p, 1, 0) + 32;
    if (!dt_walk_path(&s->walk, c.path, sizeof(c.path)))
        c.path[0] = 0;
    s->consoles[s->console_count++] = c;
}

/* stdout-path: a path or the name of an alias, both perhaps with options behind a colon. */
static void read_stdout(const struct scan *s, char path[CONSOLE_PATH])
{
    const char *alias;
    char *options;

    path[0] = 0;
    if (!s->stdout_path)
        return;
    string_copy(path, s->stdout_path, CONSOLE_PATH);
    options = strchr(path, ':');
    if (options)
        *options = 0;
    alias = path[0] != '/' && s->aliases.depth ? dt_string(&s->b->tree, &s->aliases, path) : NULL;
    if (alias)
        string_copy(path, alias, CONSOLE_PATH);
}

/* The console is the known line that stdout-path names, else the first. */
static void choose_console(struct scan *s)
{
    const struct console *c = s->consoles;
    char path[CONSOLE_PATH];

    if (s->console_count == 0)
        return;
    read_stdout(s, path);
    for (unsigned i = 0; path[0] && i < s->console_count; i++)
        if (strcmp(s->consoles[i].path, path) == 0)
            c = &s->consoles[i];
    s->b->uart = c->base;
    s->b->uart_irq = c->irq;
    s->b->uart_kind = c->kind;
}

static void scan_psci(struct scan *s)
{
    const char *method = dt_string(&s->b->tree, &s->node, "method");

    s->b->has_psci = true;
    s->b->psci_by_hvc = method && strcmp(method, "hvc") == 0;
}

static void scan_its(struct scan *s)
{
    struct boot_info *b = s->b;
    struct dt_property phandle;
    uint64_t base, size;

    if (b->its || !dt_reg(&s->walk, &s->node, 0, &base, &size) || !dt_property(&b->tree, &s->node, "phandle", &phandle))
        return;
    b->its = base;
    b->its_phandle = dt_cell(&phandle, 0, 0);
}

/* Further devices than those of which each board has one; IOMMUs, and what turns messages into interrupts, are no domain's. */
static void scan_device(struct scan *s)
{
    uint64_t base, size;
    struct dt_property p;

    if (is(s, NODE_SMMU) || dt_property(&s->b->tree, &s->node, "xen,passthrough", &p))
        s->b->has_host_devices = true;
    if (!is(s, NODE_SMMU) && !is(s, NODE_ITS))
        return;
    for (unsigned i = 0; dt_reg(&s->walk, &s->node, i, &base, &size); i++)
        if (size)
            range_add_near(&s->b->own_devices, base, size);
    if (is(s, NODE_ITS))
        scan_its(s);
}

/* Of the first node of a name. */
static enum top top_of(const struct scan *s)
{
    static const char *const names[] = {
        [TOP_RESERVED] = "reserved-memory", [TOP_CPUS] = "cpus", [TOP_CHOSEN] = "chosen", [TOP_ALIASES] = "aliases",
    };
    const char *name = s->node.name;

    for (unsigned i = 1; i < ARRAY_SIZE(names); i++)
        if (name[0] == names[i][0] && strcmp(name, names[i]) == 0)
            return i == TOP_CHOSEN && s->b->chosen.tree ? TOP_OTHER : (enum top)i;
    return TOP_OTHER;
}

static void scan_other(struct scan *s)
{
    if (s->node.depth == 1 && dt_is_type(&s->node, "memory"))
        scan_ranges(s, &s->b->memory);
    else if (is(s, NODE_GIC_V3) || is(s, NODE_GIC_V2))
        scan_gic(s);
    else if (is(s, NODE_PL011) || is(s, NODE_CADENCE))
        scan_uart(s);
    else if (is(s, NODE_PSCI))
        scan_psci(s);
}

static void scan_node(struct scan *s)
{
    unsigned depth = s->node.depth;

    if (depth == 0)
        return;
    s->kinds = boot_node_kinds(&s->node);
    if (depth == 1)
        s->top = top_of(s);
    scan_device(s);
    if (s->top == TOP_OTHER)
        scan_other(s);
    else if (s->top == TOP_CHOSEN)
        scan_chosen(s);
    else if (s->top == TOP_ALIASES && depth == 1)
        s->aliases = s->node;
    else if (s->top == TOP_RESERVED && depth == 2)
        scan_ranges(s, &s->b->reserved);
    else if (s->top == TOP_CPUS && depth == 2 && dt_is_type(&s->node, "cpu"))
        scan_cpu(s);
}

/* Modules without a kind are, in order, the kernel and its ramdisk (as Xen takes them). */
static void guess_module_kinds(struct boot_info *b)
{
    for (unsigned i = 0; i < b->modules.count; i++) {
        struct boot_module *m = &b->modules.module[i];

        if (m->kind == MODULE_UNKNOWN && !module_find(&b->modules, MODULE_KERNEL))
            m->kind = MODULE_KERNEL;
        else if (m->kind == MODULE_UNKNOWN && !module_find(&b->modules, MODULE_RAMDISK))
            m->kind = MODULE_RAMDISK;
    }
}

int boot_info_scan(struct boot_info *b, const struct devicetree *t, const struct efi_map *efi, const char **why)
{
    struct scan s = { .b = b };
    uint64_t base, size;

    memset(b, 0, sizeof(*b));
    b->tree = *t;
    dt_walk_start(&s.walk, t);
    while (dt_walk_next(&s.walk, &s.node))
        scan_node(&s);
    *why = "it breaks off or is nested too deeply";
    if (s.walk.damaged)
        return -E_INVAL;
    choose_console(&s);
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
