/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large extents of a domain's memory come and go in bounded pieces, each a run of the hypercall; the domain keeps the place:
 *
 *   populate      TAKE frames -> FILL (scrub, count) -> MAP in one piece; CLEAR first if something is mapped there
 *   depopulate    LOOK (is all of it the domain's own?) -> CLEAR
 *   UNDO          give back what has been taken: an error, another call after this one was left alone, the domain's end
 *
 * A run belongs to what is under way when it names the same extent, whoever makes it: two callers of the same extent help each other,
 * and the one that comes after it is finished starts anew, as if the calls had come one after the other. A call for another extent waits;
 * it takes over when nobody has come back for a second.
 */
#include "core/domain_internal.h"
#include "lib/error.h"

#define ABANDONED SEC(1)

enum extent_phase { EXTENT_NONE, EXTENT_TAKE, EXTENT_FILL, EXTENT_MAP, EXTENT_LOOK, EXTENT_CLEAR, EXTENT_UNDO };

static int next_phase(struct domain_extent *e, enum extent_phase phase)
{
    e->phase = (uint8_t)phase;
    e->done = 0;
    return 0;
}

static int take(struct domain *d, struct domain_extent *e)
{
    int r = 0;

    if (d->direct_mapped)
        frame_block_want(&e->block, MFN(e->gfn.v), e->order);
    else
        r = frame_block_take(&d->owner, e->order, &e->block);
    return r ? r : next_phase(e, EXTENT_FILL);
}

static int fill(struct domain *d, struct domain_extent *e)
{
    int r = frame_block_fill(&d->owner, &e->block);

    return r ? r : next_phase(e, EXTENT_MAP);
}

static int map(struct domain *d, struct domain_extent *e)
{
    int r = stage2_map_vacant(&d->stage2, e->gfn, e->block.first, e->order, S2_RAM);

    if (r == -E_BUSY) {
        next_phase(e, EXTENT_CLEAR);
        return -E_RESTART;
    }
    if (r)
        return r;
    e->block = (struct frame_block){ 0 };
    return next_phase(e, EXTENT_NONE);
}

static int look(struct domain *d, struct domain_extent *e)
{
    int r = stage2_clear(&d->stage2, e->gfn, e->order, S2_LOOK_OWN, &e->done);

    return r ? r : next_phase(e, EXTENT_CLEAR);
}

static int clear(struct domain *d, struct domain_extent *e)
{
    int r = stage2_clear(&d->stage2, e->gfn, e->order, e->populate ? S2_CLEAR_ANY : S2_CLEAR_OWN, &e->done);

    return r ? r : next_phase(e, e->populate ? EXTENT_MAP : EXTENT_NONE);
}

static int undo(struct domain *d, struct domain_extent *e)
{
    int r = frame_block_undo(&d->owner, &e->block);

    if (r)
        return r;
    next_phase(e, EXTENT_NONE);
    return e->error;
}

static int (*const phases[])(struct domain *d, struct domain_extent *e) = {
    [EXTENT_TAKE] = take, [EXTENT_FILL] = fill, [EXTENT_MAP] = map,
    [EXTENT_LOOK] = look, [EXTENT_CLEAR] = clear, [EXTENT_UNDO] = undo,
};

static int run(struct domain *d)
{
    struct domain_extent *e = &d->extent;
    int r = 0;

    ASSERT(spin_is_held(&d->lock));
    while (!r && e->phase != EXTENT_NONE) {
        ASSERT(e->phase < ARRAY_SIZE(phases));
        r = phases[e->phase](d, e);
    }
    if (r && r != -E_RESTART && e->phase != EXTENT_NONE) {
        e->error = r;
        next_phase(e, EXTENT_UNDO);
        r = e->block.frames ? -E_RESTART : undo(d, e);
    }
    e->last = arch_time_now();
    return r;
}

/* Is the call's extent under way (now, if nothing was)? */
static bool claim(struct domain_extent *e, bool populate, gfn_t gfn, unsigned order)
{
    if (e->phase == EXTENT_NONE) {
        e->populate = populate;
        e->order = (uint8_t)order;
        e->gfn = gfn;
        e->error = 0;
        next_phase(e, populate ? EXTENT_TAKE : EXTENT_LOOK);
    }
    return e->populate == populate && e->order == order && e->gfn.v == gfn.v;
}

/* Another's is under way: it is undone when it was left alone. */
static void make_way(struct domain *d)
{
    struct domain_extent *e = &d->extent;

    if (e->phase != EXTENT_UNDO && arch_time_now() - e->last < ABANDONED)
        return;
    if (e->phase != EXTENT_UNDO) {
        e->error = -E_RESTART;
        next_phase(e, EXTENT_UNDO);
    }
    (void)undo(d, e);
}

int domain_extent(struct domain *d, bool populate, gfn_t gfn, unsigned order)
{
    struct domain_locked l;
    int r = -E_RESTART;

    if (!domain_trylock(d, &l))
        return r;
    if (claim(&d->extent, populate, gfn, order))
        r = run(d);
    else
        make_way(d);
    domain_unlock(l);
    return r;
}

int domain_extent_undo(struct domain *d)
{
    struct domain_extent *e = &d->extent;

    if (e->phase == EXTENT_NONE)
        return 0;
    if (e->phase != EXTENT_UNDO)
        next_phase(e, EXTENT_UNDO);
    e->error = 0;
    return undo(d, e);
}
