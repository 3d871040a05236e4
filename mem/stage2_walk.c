/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a range of a stage-2 table.
 *
 *   prepare   count the tables that the change needs, allocate them all: the only step that can fail
 *   commit    first pass: empty entries get their leaf; what is in the way is taken out (split where it covers more)
 *             invalidate the TLB, then a second pass fills what the first has emptied (break before make)
 *   finish    references and tables that were taken out are let go, after the invalidation
 */
#include "mem/stage2_walk.h"
#include "lib/error.h"
#include "mem/heap.h"

struct s2_free_table {
    struct s2_free_table *next;
};

void s2_free_table(struct stage2 *s, s2_entry *table)
{
    heap_free_pages(table, s->table_order);
    atomic_fetch_sub(&s->table_pages, BIT(s->table_order));
}

void s2_drop_leaves(struct stage2 *s, uint64_t frame, uint64_t pages, enum s2_type type)
{
    ASSERT(type != S2_EMPTY && type < S2_TYPES);
    if (s2_type_is_memory(type))
        frame_put_range(MFN(frame), pages);
    atomic_fetch_sub(&s->mapped[type], pages);
}

void s2_count_leaves(struct stage2 *s, unsigned level, int64_t n)
{
    ASSERT(level >= 1 && level < S2_LEVELS);
    if (level == 2)
        atomic_fetch_add(&s->blocks_2m, (uint64_t)n);
    else if (level == 1)
        atomic_fetch_add(&s->blocks_1g, (uint64_t)n);
}

/* A table that nothing refers to any more: its leaves, the tables below it, itself. */
static void drop_table(struct stage2 *s, s2_entry *table, unsigned level)
{
    ASSERT(level < S2_LEVELS);
    for (unsigned i = 0; i < S2_ENTRIES; i++) {
        s2_entry e = table[i];

        if (arch_s2_is_table(e, level))
            drop_table(s, s2_subtable(e), level + 1);
        else if (e) {
            s2_count_leaves(s, level, -1);
            s2_drop_leaves(s, arch_s2_frame(e).v, s2_span(level), arch_s2_type(e));
        }
    }
    s2_free_table(s, table);
}

static void invalidate(struct s2_change *c)
{
    struct s2_batch *b = &c->removed;
    uint64_t count = b->entries == 1 && b->item[0].type != S2_EMPTY ? 1 : b->end - b->first;

    if (b->first == b->end)
        return;
    s2_invalidate(c->s, b->first, count, b->end - b->first);
    b->first = b->end = 0;
    b->entries = 0;
}

static void drop_removed(struct s2_change *c)
{
    struct s2_batch *b = &c->removed;

    ASSERT(b->first == b->end);
    for (unsigned i = 0; i < b->count; i++) {
        struct s2_removed *r = &b->item[i];

        if (r->type == S2_EMPTY)
            drop_table(c->s, arch_heap_address(MFN(r->frame)), r->table_level);
        else
            s2_drop_leaves(c->s, r->frame, r->pages, r->type);
    }
    b->count = 0;
}

/* Does the entry continue the last run of frames? */
static bool extends_run(const struct s2_batch *b, uint64_t frame, enum s2_type type)
{
    const struct s2_removed *last;

    if (!b->count || type == S2_EMPTY || type == S2_NEEDS_WORK)
        return false;
    last = &b->item[b->count - 1];
    return last->type == type && last->frame + last->pages == frame;
}

static void batch_add(struct s2_change *c, s2_entry e, unsigned level, uint64_t gfn)
{
    struct s2_batch *b = &c->removed;
    bool is_table = arch_s2_is_table(e, level);
    enum s2_type type = is_table ? S2_EMPTY : arch_s2_type(e);
    uint64_t frame = arch_s2_frame(e).v;

    gfn = ROUND_DOWN(gfn, s2_span(level));
    if (b->count == S2_BATCH && !extends_run(b, frame, type)) {
        /* Rare: more scattered runs than a batch holds are let go with the lock held. */
        invalidate(c);
        drop_removed(c);
    }
    if (extends_run(b, frame, type)) {
        b->item[b->count - 1].pages += s2_span(level);
    } else {
        b->item[b->count++] = (struct s2_removed){ .frame = frame, .pages = s2_span(level), .type = (uint8_t)type,
                                                   .table_level = (uint8_t)(level + 1) };
    }
    if (b->first == b->end)
        b->first = gfn;
    b->end = gfn + s2_span(level);
    b->entries++;
}

static struct s2_free_table *pool_take(struct s2_change *c)
{
    struct s2_free_table *t = c->pool;

    ASSERT(t);
    c->pool = t->next;
    t->next = NULL;
    return t;
}

static void pool_free(struct s2_change *c)
{
    while (c->pool)
        s2_free_table(c->s, (s2_entry *)pool_take(c));
}

static int pool_fill(struct s2_change *c, uint64_t tables)
{
    struct stage2 *s = c->s;

    if (s->table_limit && tables && atomic_load(&s->table_pages) + (tables << s->table_order) > s->table_limit)
        return -E_NOMEM;
    while (tables--) {
        struct s2_free_table *t = heap_alloc_pages(s->table_order);

        if (!t) {
            pool_free(c);
            return -E_NOMEM;
        }
        t->next = c->pool;
        c->pool = t;
        atomic_fetch_add(&s->table_pages, BIT(s->table_order));
    }
    return 0;
}

static s2_entry leaf_at(const struct s2_change *c, uint64_t gfn, unsigned level)
{
    return arch_s2_leaf(MFN(c->type == S2_NEEDS_WORK ? c->mfn : c->mfn + (gfn - c->gfn)), c->type, level);
}

/* Is [gfn, end) the whole of an entry of this level, and may that entry be a leaf of the change? */
static ALWAYS_INLINE bool is_one_entry(const struct s2_change *c, unsigned level, uint64_t gfn, uint64_t end)
{
    uint64_t span = s2_span(level);

    if (end - gfn != span || level == 0)
        return false;
    return c->type == S2_EMPTY || c->type == S2_NEEDS_WORK ||
           (level >= c->s->leaf_level && IS_ALIGNED(c->mfn + (gfn - c->gfn), span));
}

static uint64_t entry_end(unsigned level, uint64_t gfn, uint64_t end)
{
    uint64_t next = (gfn | (s2_span(level) - 1)) + 1;

    return MIN(next, end);
}

/* How many tables the change needs in [gfn, end), below this table (NULL: one that is to be made, empty or a split block). */
static uint64_t count_tables(const struct s2_change *c, s2_entry *table, bool split, unsigned level, uint64_t gfn,
                             uint64_t end)
{
    unsigned root_level = arch_stage2_geometry()->root_level;
    uint64_t n = 0;

    /* No entry of the last level has a table. */
    if (level == S2_LEVELS - 1)
        return 0;
    for (uint64_t next; gfn < end; gfn = next) {
        s2_entry e = table ? arch_s2_read(s2_slot(table, level, gfn, root_level)) : 0;
        bool full = e || split;

        next = entry_end(level, gfn, end);
        if (is_one_entry(c, level, gfn, next) || (!full && c->type == S2_EMPTY))
            continue;
        if (arch_s2_is_table(e, level))
            n += count_tables(c, s2_subtable(e), false, level + 1, gfn, next);
        else
            n += 1 + count_tables(c, NULL, full, level + 1, gfn, next);
    }
    return n;
}

/* Take out what is in the slot. */
static void clear_slot(struct s2_change *c, s2_entry *slot, s2_entry old, unsigned level, uint64_t gfn)
{
    s2_write(c->s, slot, 0, level);
    if (!arch_s2_is_table(old, level))
        s2_count_leaves(c->s, level, -1);
    batch_add(c, old, level, gfn);
}

static void change_entry(struct s2_change *c, s2_entry *slot, unsigned level, uint64_t gfn)
{
    s2_entry old = arch_s2_read(slot);

    if (!old) {
        if (c->type != S2_EMPTY) {
            s2_write(c->s, slot, leaf_at(c, gfn, level), level);
            s2_count_leaves(c->s, level, 1);
        }
    } else if (!c->filling) {
        clear_slot(c, slot, old, level, gfn);
        c->emptied = true;
    }
}

static void fill_twin(s2_entry *table, unsigned level)
{
    for (unsigned i = 0; i < S2_ENTRIES; i++)
        table[S2_ENTRIES + i] = iommu_twin(table[i], level);
}

/* A table in place of an empty entry or of a leaf, of which it maps the pieces: their references stay what they are.
 * A twin goes from the one to the other at once: a device's access that finds nothing is lost, and what it finds is the same. */
static s2_entry *make_table(struct s2_change *c, s2_entry *slot, unsigned level, uint64_t gfn)
{
    s2_entry *table = (s2_entry *)pool_take(c), old = arch_s2_read(slot);
    enum s2_type type = arch_s2_type(old);
    uint64_t step = type == S2_NEEDS_WORK ? 0 : s2_span(level + 1);

    if (old) {
        arch_s2_fill(table, arch_s2_frame(old), step, type, level + 1);
        if (c->s->table_order)
            fill_twin(table, level + 1);
        s2_count_leaves(c->s, level, -1);
        s2_count_leaves(c->s, level + 1, S2_ENTRIES);
    }
    if (arch_s2_is_present(old)) {
        arch_s2_write(slot, 0);
        arch_stage2_invalidate(&c->s->arch, GFN(gfn), 1);
    }
    /* The entries before the table: other CPUs and devices walk there as soon as they see it. */
    barrier_write();
    s2_write(c->s, slot, arch_s2_table(arch_heap_frame(table)), level);
    if (old && c->s->iommu)
        iommu_forget(c->s->iommu, GFN(ROUND_DOWN(gfn, s2_span(level))), s2_span(level));
    return table;
}

static void change_table(struct s2_change *c, s2_entry *table, unsigned level, uint64_t gfn, uint64_t end)
{
    unsigned root_level = arch_stage2_geometry()->root_level;

    for (uint64_t next; gfn < end; gfn = next) {
        s2_entry *slot = s2_slot(table, level, gfn, root_level), e;

        next = entry_end(level, gfn, end);
        if (is_one_entry(c, level, gfn, next)) {
            change_entry(c, slot, level, gfn);
            continue;
        }
        e = arch_s2_read(slot);
        if (!e && c->type == S2_EMPTY)
            continue;
        change_table(c, arch_s2_is_table(e, level) ? s2_subtable(e) : make_table(c, slot, level, gfn), level + 1, gfn,
                     next);
    }
}

/* The usual case: the change is one entry whose table exists already, and no table is in the way. */
static bool change_single(struct s2_change *c)
{
    unsigned order = 63 - (unsigned)__builtin_clzll(c->pages), level, target = S2_LEVELS - 1 - order / 9;
    s2_entry *slot;

    if (order % 9 || !IS_ALIGNED(c->gfn, c->pages) || !is_one_entry(c, target, c->gfn, c->gfn + c->pages))
        return false;
    slot = s2_walk(c->s, c->gfn, target, &level);
    if (level != target || arch_s2_is_table(arch_s2_read(slot), level))
        return false;
    change_entry(c, slot, level, c->gfn);
    invalidate(c);
    c->filling = true;
    if (c->emptied)
        change_entry(c, slot, level, c->gfn);
    return true;
}

int s2_change_commit(struct s2_change *c)
{
    unsigned root_level = arch_stage2_geometry()->root_level;
    uint64_t end = c->gfn + c->pages;
    struct stage2 *s = c->s;

    ASSERT(spin_is_held(&s->lock) && s->root && c->pages);
    if (!change_single(c)) {
        int r = pool_fill(c, count_tables(c, s->root, false, root_level, c->gfn, end));

        if (r)
            return r;
        change_table(c, s->root, root_level, c->gfn, end);
        ASSERT(!c->pool);
        invalidate(c);
        c->filling = true;
        if (c->emptied && c->type != S2_EMPTY)
            change_table(c, s->root, root_level, c->gfn, end);
    }
    s2_account(s, c->gfn, c->pages, c->type);
    return 0;
}

void s2_change_finish(struct s2_change *c)
{
    drop_removed(c);
}
