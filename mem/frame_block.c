/* SPDX-License-Identifier: Apache-2.0 */
/* Large blocks in bounded pieces. What has been taken is off the lists and charged; its words from `done` on are body words, which
 * nobody else looks at, so that undoing needs no pass over them. */
#include "mem/frame_table.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"

/* Frames that one piece counts when they are clean. A dirty one takes as long as so many. */
#define FILL_BUDGET 1536
#define DIRTY_COST 31
#define ALONE_COST 100            /* when it is not scrubbed together with its neighbours */
#define CHUNK 48
#define CHUNK_ALONE 16
/* A block of so many frames is made of whole blocks of the scrubber's. */
#define WHOLE 512
/* Frames given back in one piece. */
#define UNDO_FRAMES 1024
/* Reserved frames are taken in blocks of these orders: clean ones, others. */
#define HOME_ORDER 9
#define HOME_ORDER_DIRTY 4

int frame_block_take(struct owner *o, unsigned order, struct frame_block *b)
{
    uint64_t first;
    int r;

    ASSERT(!b->frames && !b->done);
    if (order > MAX_ORDER || alloc_should_fail())
        return -E_NOMEM;
    r = frame_take_free(o, order, FRAME_ANY, &first);
    if (r == -E_NOMEM && order > FRAME_MIXED_ORDER) {
        spin_lock(&frame_lock);
        r = buddy_join(order, &b->search);
        spin_unlock(&frame_lock);
        return r ? r : -E_RESTART;
    }
    if (r)
        return r;
    b->first = MFN(first);
    b->frames = BIT(order);
    return 0;
}

void frame_block_want(struct frame_block *b, mfn_t mfn, unsigned order)
{
    ASSERT(!b->frames && !b->done && order <= MAX_ORDER);
    b->first = mfn;
    b->frames = BIT(order);
    b->home = true;
}

/* Scrub the dirty ones of the next n frames and publish all. Returns what it cost. */
static int fill_chunk(const struct frame_block *b, uint64_t n, uint64_t word)
{
    uint64_t f = b->first.v + b->done, dirty = 0;

    for (uint64_t i = 0; i < n; i++)
        dirty += frame_body_is_dirty(frame_load(f + i));
    if (dirty > n / 2 && b->frames >= WHOLE) {
        arch_frame_scrub_within(MFN(f), n);
        dirty = n * DIRTY_COST;
    } else if (dirty) {
        frame_scrub_dirty(f, n);
        dirty *= ALONE_COST;
    }
    /* Meets the acquire of a frame_get that finds the count: the content is zero by then. */
    barrier_write();
    frame_fill(f, n, word);
    return (int)(n + dirty);
}

/* Take the next reserved frames; how many, or an error. */
static int64_t take_home(struct owner *o, struct frame_block *b, int *budget)
{
    mfn_t mfn = mfn_add(b->first, b->done);
    uint64_t left = b->frames - b->done;
    bool dirty;
    int r;

    if (mfn.v >= frame_top || left > frame_top - mfn.v)
        return -E_INVAL;
    dirty = frame_load(mfn.v) & 1;
    if (!dirty && left >= BIT(HOME_ORDER) && !frame_take_alike(o, mfn, HOME_ORDER)) {
        *budget -= (int)BIT(HOME_ORDER);
        return BIT(HOME_ORDER);
    }
    ASSERT(left >= BIT(HOME_ORDER_DIRTY));
    r = frame_take_reserved(o, mfn, HOME_ORDER_DIRTY);
    *budget -= (int)BIT(HOME_ORDER_DIRTY) * DIRTY_COST;
    return r ? r : (int64_t)BIT(HOME_ORDER_DIRTY);
}

int frame_block_fill(struct owner *o, struct frame_block *b)
{
    uint64_t word = frame_make(FRAME_USED, o->id, 1);
    int budget = FILL_BUDGET;

    ASSERT(b->frames && b->done <= b->frames);
    while (b->done < b->frames) {
        int64_t n;

        if (budget <= 0)
            return -E_RESTART;
        if (b->home) {
            n = take_home(o, b, &budget);
            if (n < 0)
                return (int)n;
        } else {
            /* A large chunk, were it dirty, needs all of the budget. */
            n = b->frames >= WHOLE && budget == FILL_BUDGET ? CHUNK : CHUNK_ALONE;
            n = MIN((int64_t)(b->frames - b->done), n);
            /* The scrubber maps one whole block; a piece may have ended anywhere in it. */
            n = MIN((int64_t)(WHOLE - (b->first.v + b->done) % WHOLE), n);
            budget -= fill_chunk(b, (uint64_t)n, word);
        }
        b->done += (uint64_t)n;
    }
    return 0;
}

int frame_block_undo(struct owner *o, struct frame_block *b)
{
    uint64_t n;

    ASSERT(b->done <= b->frames);
    if (b->done < b->frames && !b->home)
        frame_take_back(o, b->first.v + b->done, b->frames - b->done, true, false);
    n = MIN(b->done, (uint64_t)UNDO_FRAMES);
    b->frames = b->done -= n;
    if (n)
        frame_put_range(mfn_add(b->first, b->done), n);
    if (b->done)
        return -E_RESTART;
    *b = (struct frame_block){ 0 };
    return 0;
}

unsigned largest_order(uint64_t frame, uint64_t count)
{
    unsigned order = MAX_ORDER;

    ASSERT(count >= 1);
    while (order && (!IS_ALIGNED(frame, BIT(order)) || count < BIT(order)))
        order--;
    return order;
}
