/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free blocks: a buddy system whose doubly linked lists lie in the words of the frame table itself.
 *
 *   block of order 2 at f:   [f] HEAD order=2 next prev   [f+1] BODY   [f+2] BODY   [f+3] BODY
 */
#include "mem/frame_table.h"
#include "lib/atomic.h"
#include "lib/error.h"

struct buddy_list buddy_lists[MAX_ORDER + 1];
static uint32_t nonempty;           /* bit k: the list of order k has a block */

STATIC_ASSERT(MAX_ORDER < 32);

void buddy_init(void)
{
    for (unsigned k = 0; k <= MAX_ORDER; k++)
        buddy_lists[k] = (struct buddy_list){ FRAME_LINK_NONE, FRAME_LINK_NONE };
    nonempty = 0;
}

static uint64_t head_word(unsigned order, bool dirty, uint32_t next, uint32_t prev)
{
    return (uint64_t)(dirty ? FRAME_HEAD_DIRTY : FRAME_HEAD) << FRAME_STATE_SHIFT | (uint64_t)order << 56 |
           (uint64_t)next << FRAME_LINK_BITS | prev;
}

static void set_next(uint32_t f, uint32_t next)
{
    uint64_t w = frame_load(f);

    ASSERT(frame_is_head(w));
    frame_store(f, head_word(frame_head_order(w), w & FRAME_DIRTY_BIT, next, frame_head_prev(w)));
}

static void set_prev(uint32_t f, uint32_t prev)
{
    uint64_t w = frame_load(f);

    ASSERT(frame_is_head(w));
    frame_store(f, head_word(frame_head_order(w), w & FRAME_DIRTY_BIT, frame_head_next(w), prev));
}

void buddy_add(uint64_t f, unsigned order, bool dirty)
{
    struct buddy_list *l = &buddy_lists[order];

    ASSERT(order <= MAX_ORDER && IS_ALIGNED(f, BIT(order)) && f + BIT(order) <= frame_top);
    ASSERT(frame_is_body(frame_load(f)));
    nonempty |= 1u << order;
    if (dirty) {
        frame_store(f, head_word(order, true, FRAME_LINK_NONE, l->last));
        if (l->last != FRAME_LINK_NONE)
            set_next(l->last, (uint32_t)f);
        else
            l->first = (uint32_t)f;
        l->last = (uint32_t)f;
    } else {
        frame_store(f, head_word(order, false, l->first, FRAME_LINK_NONE));
        if (l->first != FRAME_LINK_NONE)
            set_prev(l->first, (uint32_t)f);
        else
            l->last = (uint32_t)f;
        l->first = (uint32_t)f;
    }
}

void buddy_remove(uint64_t f)
{
    uint64_t w = frame_load(f);
    uint32_t next = frame_head_next(w), prev = frame_head_prev(w);
    struct buddy_list *l = &buddy_lists[frame_head_order(w)];

    ASSERT(frame_is_head(w));
    if (prev != FRAME_LINK_NONE)
        set_next(prev, next);
    else
        l->first = next;
    if (next != FRAME_LINK_NONE)
        set_prev(next, prev);
    else
        l->last = prev;
    if (l->first == FRAME_LINK_NONE)
        nonempty &= ~(1u << frame_head_order(w));
    frame_store(f, frame_body_word(w & FRAME_DIRTY_BIT));
}

/* May the free block at f, of this order and cleanness, merge with its buddy at b? */
static bool can_merge(uint64_t b, unsigned order, bool dirty)
{
    uint64_t w;

    if (order >= MAX_ORDER || b + BIT(order) > frame_top)
        return false;
    w = frame_load(b);
    return frame_is_head(w) && frame_head_order(w) == order &&
           (order < FRAME_MIXED_ORDER || !!(w & FRAME_DIRTY_BIT) == dirty);
}

static void free_block(uint64_t f, unsigned order, bool dirty)
{
    for (uint64_t b; b = f ^ BIT(order), can_merge(b, order, dirty); order++) {
        dirty |= !!(frame_load(b) & FRAME_DIRTY_BIT);
        buddy_remove(b);
        f &= ~BIT(order);
    }
    buddy_add(f, order, dirty);
}

void buddy_free_range(uint64_t f, uint64_t n, bool dirty)
{
    ASSERT(spin_is_held(&frame_lock));
    while (n) {
        unsigned order = f ? (unsigned)__builtin_ctzll(f) : MAX_ORDER;

        order = MIN(order, 63 - (unsigned)__builtin_clzll(n));
        order = MIN(order, (unsigned)MAX_ORDER);
        free_block(f, order, dirty);
        f += BIT(order);
        n -= BIT(order);
    }
}

/* Of one search, in first frames looked at: a region of the largest order may have twice as many. */
#define JOIN_STEPS 256

/* Is the aligned region free, in blocks that only cleanness keeps apart? Smaller ones would have merged if all of it were free. */
static bool is_free_region(uint64_t f, unsigned order, unsigned *looked)
{
    for (uint64_t at = f; at < f + BIT(order);) {
        uint64_t w = frame_load(at);

        ++*looked;
        if (!frame_is_head(w) || frame_head_order(w) < FRAME_MIXED_ORDER)
            return false;
        at += BIT(frame_head_order(w));
    }
    return true;
}

static void join_region(uint64_t f, unsigned order)
{
    for (uint64_t at = f; at < f + BIT(order);) {
        unsigned k = frame_head_order(frame_load(at));

        buddy_remove(at);
        at += BIT(k);
    }
    free_block(f, order, true);
}

int buddy_join(unsigned order, uint64_t *from)
{
    ASSERT(spin_is_held(&frame_lock) && order <= MAX_ORDER && IS_ALIGNED(*from, BIT(order)));
    for (unsigned looked = 0; looked < JOIN_STEPS;) {
        uint64_t f = *from;

        if (order <= FRAME_MIXED_ORDER || f >= frame_top || BIT(order) > frame_top - f)
            return -E_NOMEM;
        *from += BIT(order);
        if (is_free_region(f, order, &looked)) {
            join_region(f, order);
            return 0;
        }
    }
    return -E_RESTART;
}

static uint64_t find_block(unsigned order, uint64_t below)
{
    for (uint32_t mask = nonempty >> order << order; mask; mask &= mask - 1) {
        uint32_t f = buddy_lists[__builtin_ctz(mask)].first;

        while (f != FRAME_LINK_NONE && f + BIT(order) > below)
            f = frame_head_next(frame_load(f));
        if (f != FRAME_LINK_NONE)
            return f;
    }
    return FRAME_LINK_NONE;
}

uint64_t buddy_take(unsigned order, uint64_t below)
{
    uint64_t f = find_block(order, below);
    unsigned k;
    bool dirty;

    ASSERT(spin_is_held(&frame_lock));
    if (f == FRAME_LINK_NONE)
        return f;
    k = frame_head_order(frame_load(f));
    dirty = frame_load(f) & FRAME_DIRTY_BIT;
    buddy_remove(f);
    while (k-- > order)
        buddy_add(f + BIT(k), k, dirty);
    return f;
}

uint64_t buddy_find(uint64_t f)
{
    for (unsigned k = 0; k <= MAX_ORDER; k++) {
        uint64_t head = ROUND_DOWN(f, BIT(k)), w = frame_load(head);

        if (frame_is_head(w) && frame_head_order(w) >= k && head + BIT(frame_head_order(w)) > f)
            return head;
    }
    return FRAME_LINK_NONE;
}
