/* SPDX-License-Identifier: Apache-2.0 */
/* Clearing a large range of a stage-2 table in bounded pieces, mapping one where nothing is, and what sizes the entries have. */
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "mem/stage2_walk.h"

/* Of one call, in frames let go from a block. What else a step does costs as many as it takes longer. */
#define CALL_BUDGET 1024
#define STEP_COST 32
#define SPLIT_COST 800
/* Pages of a table are looked at and unmapped so many at a time; each may be let go alone. */
#define GROUP_ORDER 4
#define GROUP BIT(GROUP_ORDER)
#define GROUP_COST 400
#define TABLE_ORDER 9

/* What lies at a place: `pages` of it alike. */
struct piece {
    uint64_t pages;
    unsigned order;             /* pieces that it is unmapped in */
    int cost;                   /* of unmapping one */
    bool empty, own, in_table;
};

static struct piece look_at_group(const s2_entry *slot)
{
    struct piece p = { .pages = GROUP, .order = GROUP_ORDER, .cost = GROUP_COST, .empty = true, .own = true, .in_table = true };

    for (unsigned i = 0; i < GROUP; i++) {
        s2_entry e = arch_s2_read(&slot[i]);

        p.empty = p.empty && !e;
        p.own = p.own && s2_type_is_own(arch_s2_type(e));
    }
    return p;
}

static struct piece look_at(struct stage2 *s, uint64_t gfn, uint64_t end, unsigned order)
{
    struct stage2_locked l = stage2_lock(s);
    unsigned level;
    s2_entry *slot = s2_walk(s, gfn, S2_LEVELS - 1, &level), e = arch_s2_read(slot);
    struct piece p;

    if (level == S2_LEVELS - 1) {
        p = look_at_group(slot);
    } else {
        uint64_t left = s2_span(level) - (gfn & (s2_span(level) - 1));

        p = (struct piece){ .pages = MIN(left, end - gfn), .order = MIN(order, (unsigned)TABLE_ORDER), .empty = !e };
        p.own = s2_type_is_own(arch_s2_type(e));
        p.cost = (int)BIT(p.order) + (p.order < s2_shift(level) ? SPLIT_COST : STEP_COST);
    }
    stage2_unlock(l);
    return p;
}

static bool is_right(const struct piece *p, enum stage2_clear what)
{
    return what == S2_CLEAR_ANY || p->own;
}

/* The last group of a table that the range covers as a whole: let go of the table. */
static int drop_table_before(struct stage2 *s, uint64_t gfn, unsigned order, const struct piece *p, int *budget)
{
    if (!p->in_table || order < TABLE_ORDER || !IS_ALIGNED(gfn, BIT(TABLE_ORDER)))
        return 0;
    *budget -= GROUP_COST;
    return stage2_unmap(s, GFN(gfn - BIT(TABLE_ORDER)), TABLE_ORDER);
}

int stage2_clear(struct stage2 *s, gfn_t gfn, unsigned order, enum stage2_clear what, uint64_t *done)
{
    int budget = CALL_BUDGET, r = 0;

    ASSERT(order >= GROUP_ORDER && order <= MAX_ORDER && IS_ALIGNED(gfn.v, BIT(order)));
    if (gfn.v >= s2_space_pages() || BIT(order) > s2_space_pages() - gfn.v)
        return -E_INVAL;
    while (!r && *done < BIT(order)) {
        uint64_t at = gfn.v + *done;
        struct piece p;

        if (budget <= 0)
            return -E_RESTART;
        p = look_at(s, at, gfn.v + BIT(order), order);
        budget -= STEP_COST;
        if (!is_right(&p, what))
            return -E_INVAL;
        if (!p.empty && what != S2_LOOK_OWN) {
            budget -= p.cost;
            p.pages = BIT(p.order);
            r = stage2_unmap(s, GFN(at), p.order);
        }
        if (!r)
            *done += p.pages;
        if (!r && what != S2_LOOK_OWN)
            r = drop_table_before(s, gfn.v + *done, order, &p, &budget);
    }
    return r;
}

static bool is_empty_table(const s2_entry *table)
{
    s2_entry any = 0;

    for (unsigned i = 0; i < S2_ENTRIES; i++)
        any |= arch_s2_read(&table[i]);
    return !any;
}

bool s2_is_vacant(const struct stage2 *s, uint64_t gfn, unsigned order)
{
    unsigned target = S2_LEVELS - 1 - order / 9, level;
    s2_entry *slot = s2_walk(s, gfn, target, &level), any = 0, first = arch_s2_read(slot);

    ASSERT(spin_is_held(&s->lock) && order <= MAX_ORDER);
    if (level < target)
        return !first;
    if (order == s2_shift(level) && arch_s2_is_table(first, level))
        return is_empty_table(s2_subtable(first));
    for (uint64_t i = 0; i < BIT(order) >> s2_shift(level); i++)
        any |= arch_s2_read(&slot[i]);
    return !any;
}

void stage2_count_entries(const struct stage2 *s, uint64_t counts[3])
{
    uint64_t pages = 0;

    for (unsigned type = 0; type < S2_TYPES; type++)
        pages += atomic_load(&s->mapped[type]);
    counts[0] = atomic_load(&s->blocks_1g);
    counts[1] = atomic_load(&s->blocks_2m);
    counts[2] = pages - (counts[0] << s2_shift(1)) - (counts[1] << s2_shift(2));
}
