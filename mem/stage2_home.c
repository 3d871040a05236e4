/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory with a place of its own in the host's, zeroed by and by: nobody's frames (mem/frame.h, frame_set_aside) until they are mapped, known by
 * NEEDS_WORK entries alone. All of it happens under the table's lock: a page in one go, a block of 2 MiB in pieces, as long as
 * nobody touches a page of it: then it is no block any more.
 */
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "mem/stage2_walk.h"

#define BLOCK_ORDER 9
/* Pages that are zeroed in one piece: below 20,000 instructions. */
#define PIECE_PAGES 64

/* The distance of gfn and mfn, which is one for all pages of an entry; cookie 0 is another kind of work. */
#define COOKIE_HOME BIT(35)
#define COOKIE_DISTANCE (COOKIE_HOME - 1)

mfn_t stage2_home_cookie(gfn_t gfn, mfn_t mfn)
{
    return MFN(COOKIE_HOME | ((mfn.v - gfn.v) & COOKIE_DISTANCE));
}

static mfn_t home_frame(struct stage2_locked l, gfn_t gfn, unsigned order)
{
    unsigned found;
    mfn_t cookie;

    if (l.s->dying || stage2_lookup(l, gfn, &cookie, &found) != S2_NEEDS_WORK || !(cookie.v & COOKIE_HOME) || found < order)
        return MFN_NONE;
    return MFN((gfn.v + cookie.v) & COOKIE_DISTANCE);
}

mfn_t stage2_home_frame(struct stage2 *s, gfn_t gfn, unsigned order)
{
    struct stage2_locked l = stage2_lock(s);
    mfn_t mfn = home_frame(l, gfn, order);

    stage2_unlock(l);
    return mfn;
}

static void zero(uint64_t first, uint64_t n)
{
    uint64_t block = BIT(BLOCK_ORDER), in_block;

    for (; n; first += in_block, n -= in_block) {
        in_block = MIN(n, block - first % block);
        arch_frame_scrub_within(MFN(first), in_block);
    }
}

/* The frames get their owner, and the guest gets to see them. */
static int commit(struct s2_change *c, int (*take)(struct owner *o, mfn_t mfn, unsigned order))
{
    unsigned order = largest_order(0, c->pages);
    int r = take(c->s->owner, MFN(c->mfn), order) ? -E_NOENT : 0;

    if (r)
        return r;
    r = s2_change_commit(c);
    if (r)
        frame_put_block(MFN(c->mfn), order);
    return r;
}

/* 2^order pages at once. */
static int place(struct stage2 *s, gfn_t gfn, unsigned order, int (*take)(struct owner *o, mfn_t mfn, unsigned order))
{
    struct s2_change c = s2_change_init(s, gfn, order, MFN_NONE, S2_RAM);
    struct stage2_locked l = stage2_lock(s);
    mfn_t mfn = home_frame(l, gfn, order);
    int r = -E_BUSY;

    c.mfn = mfn.v;
    if (!mfn_eq(mfn, MFN_NONE))
        r = commit(&c, take);
    stage2_unlock(l);
    s2_change_finish(&c);
    return r;
}

/* A piece of the block at c->gfn; with the last one it is mapped. */
static int fill_piece(struct s2_change *c)
{
    struct s2_home_block *h = &c->s->home;

    zero(h->mfn + h->done, PIECE_PAGES);
    h->done += PIECE_PAGES;
    if (h->done < BIT(BLOCK_ORDER))
        return -E_RESTART;
    *h = (struct s2_home_block){ 0 };
    return commit(c, frame_adopt);
}

int stage2_fill_home(struct stage2 *s, gfn_t gfn)
{
    struct s2_home_block *h = &s->home;
    struct s2_change c = s2_change_init(s, gfn, BLOCK_ORDER, MFN_NONE, S2_RAM);
    struct stage2_locked l = stage2_lock(s);
    mfn_t mfn = home_frame(l, gfn, BLOCK_ORDER);
    int r = -E_NOENT;

    ASSERT(IS_ALIGNED(gfn.v, BIT(BLOCK_ORDER)));
    if (h->gfn != gfn.v || h->mfn != mfn.v)
        *h = (struct s2_home_block){ .gfn = gfn.v, .mfn = mfn.v };
    c.mfn = mfn.v;
    if (!mfn_eq(mfn, MFN_NONE))
        r = fill_piece(&c);
    stage2_unlock(l);
    s2_change_finish(&c);
    return r;
}

int s2_resolve_home(struct stage2 *s, gfn_t gfn)
{
    int r;

    mfn_t mfn = stage2_home_frame(s, gfn, 0);

    /* Most numbers that guests make up end here. */
    if (mfn_eq(mfn, MFN_NONE))
        return -E_NOENT;
    r = frame_reach(mfn);
    if (r)
        return r;
    r = place(s, gfn, 0, frame_take_home);
    /* Somebody else has been faster: then there is nothing left to do. */
    return r == -E_BUSY ? 0 : r;
}

int stage2_place_home(struct stage2 *s, gfn_t gfn, unsigned order)
{
    mfn_t mfn = stage2_home_frame(s, gfn, order);

    while (!mfn_eq(mfn, MFN_NONE) && frame_reach(mfn_add(mfn, BIT(order) - 1)))
        continue;
    return place(s, gfn, order, frame_adopt);
}
