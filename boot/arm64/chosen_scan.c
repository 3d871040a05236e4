/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules and static domains below /chosen, before any of them is read. As the first domain starts behind this, however many follow, each
 * costs as little as may be: only what the order of start and the memory need, by a skim.
 */
#include "boot/arm64/boot_info.h"
#include "lib/assert.h"
#include "lib/devicetree_skim.h"
#include "lib/print.h"
#include "lib/string.h"

/* Of nodes below /chosen. */
enum { P_COMPATIBLE, P_REG, P_SHARED, P_PRIORITY, P_ADDRESS_CELLS, P_SIZE_CELLS, P_STATIC, P_STATIC_ADDRESS_CELLS, P_STATIC_SIZE_CELLS };
static const char *const skimmed[] = {
    [P_COMPATIBLE] = "compatible", [P_REG] = "reg", [P_SHARED] = "xen,shared-mem", [P_PRIORITY] = "vinci,priority", [P_ADDRESS_CELLS] = "#address-cells",
    [P_SIZE_CELLS] = "#size-cells", [P_STATIC] = "xen,static-mem", [P_STATIC_ADDRESS_CELLS] = "#xen,static-mem-address-cells",
    [P_STATIC_SIZE_CELLS] = "#xen,static-mem-size-cells",
};

struct chosen_scan {
    struct boot_info *b;
    struct dt_walk *walk;
    struct dt_skim *skim;
    struct dt_skimmed n;
    uint32_t kinds;
    struct dt_property last_compatible;     /* and what it says: the next node mostly has the same */
    uint32_t last_kinds;
    bool in_partition;              /* below a xen,domain node */
};

static bool is(const struct chosen_scan *s, enum node_kind kind)
{
    return s->kinds & BIT(kind);
}

static const struct dt_property *property(const struct dt_skimmed *n, unsigned which)
{
    return n->has & BIT(which) ? &n->property[which] : NULL;
}

/* A word at a time: the last one overlaps. */
static bool is_same(const uint8_t *a, const uint8_t *b, uint32_t length)
{
    uint64_t x, y;

    if (length < sizeof(x))
        return memcmp(a, b, length) == 0;
    for (uint32_t at = 0;; at = MIN(at + 8, length - 8)) {
        __builtin_memcpy(&x, a + at, sizeof(x));
        __builtin_memcpy(&y, b + at, sizeof(y));
        if (x != y || at == length - 8)
            return x == y;
    }
}

static void read_kinds(struct chosen_scan *s)
{
    const struct dt_property *p = property(&s->n, P_COMPATIBLE);

    s->kinds = 0;
    if (!p)
        return;
    if (p->length != s->last_compatible.length || !is_same(p->value, s->last_compatible.value, p->length)) {
        s->last_compatible = *p;
        s->last_kinds = boot_kinds_of(p);
    }
    s->kinds = s->last_kinds;
}

static void scan_module(struct chosen_scan *s)
{
    const struct dt_node node = dt_skim_node(s->skim, &s->n), *n = &node;
    struct boot_info *b = s->b;
    struct boot_module m = { .kind = MODULE_UNKNOWN };

    if (!dt_reg_untranslated(s->walk, n, 0, &m.at.base, &m.at.size) || m.at.size == 0) {
        log_warning("device tree: module %s has no usable reg, ignored", n->name);
        return;
    }
    if (b->modules.count == MAX_MODULES) {
        log_warning("device tree: more than %u modules, %s ignored", MAX_MODULES, n->name);
        return;
    }
    if (is(s, NODE_KERNEL))
        m.kind = MODULE_KERNEL;
    else if (is(s, NODE_RAMDISK))
        m.kind = MODULE_RAMDISK;
    else if (is(s, NODE_POLICY) || is(s, NODE_TREE))
        m.kind = MODULE_OTHER;
    m.command_line = dt_string(&b->tree, n, "bootargs");
    b->modules.module[b->modules.count++] = m;
}

/* cells: of the node's parent, unless these properties say otherwise. */
static bool static_memory(const struct dt_property *p, const struct dt_property *own_address, const struct dt_property *own_size,
                          uint32_t address_cells, uint32_t size_cells, unsigned i, uint64_t *base, uint64_t *size)
{
    if (own_address)
        address_cells = dt_cell(own_address, 0, 0);
    if (own_size)
        size_cells = dt_cell(own_size, 0, 0);
    if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2)
        return false;
    if ((uint64_t)(i + 1) * (address_cells + size_cells) * 4 > p->length)
        return false;
    *base = dt_cells(p, i * (address_cells + size_cells), address_cells);
    *size = dt_cells(p, i * (address_cells + size_cells) + address_cells, size_cells);
    return true;
}

bool boot_static_memory(const struct dt_walk *w, const struct dt_node *n, unsigned i, uint64_t *base, uint64_t *size)
{
    struct dt_property p, address, sizes;

    ASSERT(n->depth > 0);
    if (!dt_property(w->tree, n, "xen,static-mem", &p))
        return false;
    bool has_address = dt_property(w->tree, n, "#xen,static-mem-address-cells", &address);
    bool has_size = dt_property(w->tree, n, "#xen,static-mem-size-cells", &sizes);

    return static_memory(&p, has_address ? &address : NULL, has_size ? &sizes : NULL, w->levels[n->depth - 1].address_cells,
                         w->levels[n->depth - 1].size_cells, i, base, size);
}

static void scan_static_memory(struct chosen_scan *s, const struct dt_property *p)
{
    const struct dt_property *address = property(&s->n, P_STATIC_ADDRESS_CELLS), *sizes = property(&s->n, P_STATIC_SIZE_CELLS);
    uint32_t address_cells = s->walk->levels[1].address_cells, size_cells = s->walk->levels[1].size_cells;
    uint64_t base, size;

    for (unsigned i = 0; static_memory(p, address, sizes, address_cells, size_cells, i, &base, &size); i++)
        if (size && base + size > base)
            range_add_coarse(&s->b->static_memory, base, size);
}

/* A static domain: what of memory must not be handed out before its plan is made, and when it starts. */
static void scan_partition(struct chosen_scan *s)
{
    const struct dt_property *priority = property(&s->n, P_PRIORITY), *memory = property(&s->n, P_STATIC), *cells;
    struct boot_info *b = s->b;
    struct dt_walk *w = s->walk;
    unsigned k = b->partition_nodes++;

    w->levels[2].address_cells = (cells = property(&s->n, P_ADDRESS_CELLS)) ? dt_cell(cells, 0, 2) : w->levels[1].address_cells;
    w->levels[2].size_cells = (cells = property(&s->n, P_SIZE_CELLS)) ? dt_cell(cells, 0, 1) : w->levels[1].size_cells;
    if (memory)
        scan_static_memory(s, memory);
    if (k >= MAX_PARTITIONS)
        return;
    b->partitions[k].place = (uint32_t)(s->n.place - b->tree.blob);
    if (priority && priority->length == 4)
        b->partitions[k].priority = (int32_t)dt_cell(priority, 0, 0);
}

static void scan_shared_memory(struct chosen_scan *s)
{
    const struct dt_node node = dt_skim_node(s->skim, &s->n);
    uint64_t base, size;

    if (boot_shared_memory(s->walk, &node, &base, &size))
        range_add_coarse(&s->b->static_memory, base, size);
}

static void scan_in_chosen(struct chosen_scan *s)
{
    read_kinds(s);
    s->in_partition = is(s, NODE_DOMAIN);
    if (unlikely(is(s, NODE_SHARED_MEMORY)))
        scan_shared_memory(s);
    s->b->pool_nodes += is(s, NODE_POOL);
    if (s->in_partition)
        scan_partition(s);
    else if (is(s, NODE_MODULE))
        scan_module(s);
}

/* Memory that it names is spoken for whatever it is: what it says of itself is not compared. */
static void scan_in_partition(struct chosen_scan *s)
{
    const struct dt_property *reg = property(&s->n, P_REG);
    uint64_t base, size;

    if (unlikely(s->n.has & BIT(P_SHARED)))
        scan_shared_memory(s);
    if (reg && dt_entry(reg, s->walk->levels[2].address_cells, s->walk->levels[2].size_cells, 0, &base, &size) && size)
        range_add_coarse(&s->b->partition_modules, base, size);
}

void boot_scan_below_chosen(struct boot_info *b, struct dt_walk *w)
{
    static struct dt_skim skim;     /* too large for a stack */
    struct chosen_scan s = { .b = b, .walk = w, .skim = &skim };

    dt_skim_start(&skim, w, skimmed, ARRAY_SIZE(skimmed));
    while (dt_skim_next(&skim, &s.n))
        if (s.n.depth == 2)
            scan_in_chosen(&s);
        else if (s.n.depth == 3 && s.in_partition)
            scan_in_partition(&s);
}
