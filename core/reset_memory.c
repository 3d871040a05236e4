/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory map of a domain that starts anew: one walk from the bottom to the top of its address space.
 *
 *   RAM       every frame has one reference, the map's: kept. Another one: its page is replaced. Nothing there: a new page; not touched
 *             yet: kept as it is
 *   devices   kept: only a toolstack or boot maps them
 *   the rest  (what it had mapped or populated where there was nothing at first) unmapped
 */
#include "core/domain.h"
#include "lib/error.h"

/* Of one call. A look at a frame's word costs 1; a table entry, a page that is replaced, a block that is split. */
#define CALL_BUDGET 1024
#define LOOK_COST 8
#define REPLACE_COST 256
#define UNMAP_COST 512
#define LARGEST_UNMAP 9         /* order */

struct place {
    uint64_t gfn, end;          /* what is looked at: alike in the map, all RAM or none of it */
    const struct domain_ram *ram;   /* NULL: none of it */
    enum s2_type type;
    mfn_t mfn;
};

/* From gfn to the end of the RAM that it is in, or to the beginning of the next. */
static void find_ram(const struct domain_ram *ram, unsigned n, struct place *p)
{
    p->ram = NULL;
    for (unsigned i = 0; i < n; i++) {
        uint64_t first = ram[i].gfn.v, end = first + ram[i].pages;

        if (p->gfn >= end)
            continue;
        if (p->gfn >= first) {
            p->ram = &ram[i];
            p->end = MIN(p->end, end);
        } else {
            p->end = MIN(p->end, first);
        }
        return;
    }
}

static struct place look(struct domain *d, const struct domain_ram *ram, unsigned n, uint64_t gfn)
{
    struct stage2_locked l = stage2_lock(&d->stage2);
    struct place p = { .gfn = gfn };
    unsigned order;

    p.type = stage2_lookup(l, GFN(gfn), &p.mfn, &order);
    stage2_unlock(l);
    p.end = (gfn | (BIT(order) - 1)) + 1;
    find_ram(ram, n, &p);
    ASSERT(p.end > gfn);
    return p;
}

static mfn_t frame_for(const struct place *p)
{
    return mfn_eq(p->ram->host, MFN_NONE) ? MFN_NONE : mfn_add(p->ram->host, p->gfn - p->ram->gfn.v);
}

/* A new page, in place of what is at p->gfn. */
static int replace(struct domain *d, struct place *p, int *budget)
{
    mfn_t mfn = frame_for(p);
    int error;

    *budget -= REPLACE_COST;
    if (mfn_eq(mfn, MFN_NONE))
        error = frame_alloc(&d->owner, 0, FRAME_IGNORE_LIMIT, &mfn);
    else
        error = frame_take_home(&d->owner, mfn, 0) ? -E_BUSY : 0;
    if (error)
        return error;
    error = stage2_map(&d->stage2, GFN(p->gfn), mfn, 0, S2_RAM);
    if (error)
        frame_put(mfn);
    p->end = p->gfn + 1;
    return error;
}

/* The map's own reference, and nobody else's? */
static bool is_undivided(const struct domain *d, const struct place *p, uint64_t i)
{
    mfn_t mfn = mfn_add(p->mfn, i), wanted = frame_for(p);

    return frame_owner(mfn) == d->id.v && frame_count(mfn) == 1 && (mfn_eq(wanted, MFN_NONE) || mfn_eq(mfn, mfn_add(wanted, i)));
}

/* As far as all is well, or until the budget is used up; a page at the start that is not is replaced. */
static int check_ram(struct domain *d, struct place *p, int *budget)
{
    uint64_t n = 0;

    if (p->type == S2_NEEDS_WORK)
        return 0;
    if (p->type != S2_RAM)
        return replace(d, p, budget);
    while (p->gfn + n < p->end && *budget > 0 && is_undivided(d, p, n)) {
        n++;
        --*budget;
    }
    if (n) {
        p->end = p->gfn + n;
        return 0;
    }
    return mfn_eq(frame_for(p), MFN_NONE) ? replace(d, p, budget) : -E_BUSY;
}

/* Nothing of it was there at first. */
static int clear(struct domain *d, struct place *p, int *budget)
{
    unsigned order = MIN(largest_order(p->gfn, p->end - p->gfn), (unsigned)LARGEST_UNMAP);

    if (p->type == S2_EMPTY || p->type == S2_DEVICE || p->type == S2_DOORBELL)
        return 0;
    *budget -= order ? UNMAP_COST : REPLACE_COST;
    p->end = p->gfn + BIT(order);
    return stage2_unmap(&d->stage2, GFN(p->gfn), order);
}

int domain_reset_memory(struct domain *d, const struct domain_ram *ram, unsigned n, gfn_t *gfn)
{
    uint64_t top = MAX(d->stage2.highest.v + 1, ram[n - 1].gfn.v + ram[n - 1].pages);
    int budget = CALL_BUDGET, error = 0;

    ASSERT(d->shut_down && n);
    while (!error && gfn->v < top && budget > 0) {
        struct place p = look(d, ram, n, gfn->v);

        error = p.ram ? check_ram(d, &p, &budget) : clear(d, &p, &budget);
        if (error)
            break;
        gfn->v = p.end;
        budget -= LOOK_COST;
    }
    if (error)
        return error;
    return gfn->v < top ? -E_RESTART : 0;
}
