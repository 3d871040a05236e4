/* SPDX-License-Identifier: Apache-2.0 */
/* The reserve of a one-to-one owner, and scrubbing free frames in idle time. */
#include "mem/frame_table.h"
#include "arch/include/cpu.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"

/* [f, f + n) are the owner's for good. Under the lock. */
static void note_home(struct owner *o, uint64_t f, uint64_t n)
{
    o->home_frames += n;
    if (!o->one_to_one) {
        o->one_to_one = true;
        o->home = MFN(f);
    }
}

void frame_mark_reserved(struct owner *o, uint64_t f, uint64_t n)
{
    /* Not dirty: at boot dom0 takes memory as the loader left it, with its kernel in it. */
    frame_fill(f, n, frame_make(FRAME_RESERVED, o->id, 0));
    note_home(o, f, n);
}

void frame_mark_owned(struct owner *o, uint64_t f, uint64_t n)
{
    frame_fill(f, n, frame_make(FRAME_USED, o->id, FRAME_HOME | 1));
    WRITE_ONCE(o->frames, o->frames + n);
    note_home(o, f, n);
}

void frame_reserve(struct owner *o, mfn_t first, uint64_t count)
{
    uint64_t f = first.v, end = first.v + count;

    PANIC_IF(f > frame_top || count > frame_top - f, "reserve %#llx+%#llx lies outside the frame table",
             (unsigned long long)f, (unsigned long long)count);
    spin_lock(&frame_lock);
    while (f < end) {
        uint64_t head = buddy_find(f), head_end, piece_end;
        bool dirty;

        PANIC_IF(head == FRAME_LINK_NONE, "frame %#llx is not free to be reserved", (unsigned long long)f);
        dirty = frame_load(head) & FRAME_DIRTY_BIT;
        head_end = head + BIT(frame_head_order(frame_load(head)));
        piece_end = MIN(head_end, end);
        buddy_remove(head);
        ASSERT(frame_is_body(frame_load(f)) && frame_is_body(frame_load(piece_end - 1)));
        frame_mark_reserved(o, f, piece_end - f);
        frame_free_frames -= piece_end - f;
        buddy_free_range(head, f - head, dirty);
        buddy_free_range(piece_end, head_end - piece_end, dirty);
        f = piece_end;
    }
    spin_unlock(&frame_lock);
}

mfn_t frame_reserve_block(struct owner *o, unsigned order, mfn_t below)
{
    uint64_t best = FRAME_LINK_NONE, limit = MIN(below.v, frame_top);

    if (order > MAX_ORDER)
        return MFN_NONE;
    spin_lock(&frame_lock);
    for (unsigned k = order; k <= MAX_ORDER; k++) {
        for (uint64_t f = buddy_lists[k].first; f != FRAME_LINK_NONE; f = frame_head_next(frame_load(f))) {
            if (f < best && f + BIT(order) <= limit)
                best = f;
        }
    }
    spin_unlock(&frame_lock);
    if (best == FRAME_LINK_NONE)
        return MFN_NONE;
    frame_reserve(o, MFN(best), BIT(order));
    return MFN(best);
}

/* Take n frames whose words are all alike; dirty or not goes to *dirty. */
static int take_alike(struct owner *o, uint64_t f, uint64_t n, bool *dirty)
{
    uint64_t reserved = frame_make(FRAME_RESERVED, o->id, 0);
    int r;

    spin_lock(&frame_lock);
    r = frame_may_charge(o, n, 0);
    *dirty = frame_load(f) & 1;
    if (!frame_all_are(f, n, reserved | *dirty))
        r = -E_INVAL;
    if (!r) {
        /* A count of 0: ours, and nobody can refer to them before they are scrubbed. */
        if (*dirty)
            frame_fill(f, n, frame_make(FRAME_USED, o->id, FRAME_HOME));
        WRITE_ONCE(o->frames, o->frames + n);
    }
    if (!r && !*dirty)
        frame_fill(f, n, frame_make(FRAME_USED, o->id, FRAME_HOME | 1));
    spin_unlock(&frame_lock);
    return r;
}

int frame_take_alike(struct owner *o, mfn_t mfn, unsigned order)
{
    bool dirty;
    int r = take_alike(o, mfn.v, BIT(order), &dirty);

    if (r || !dirty)
        return r;
    arch_frame_scrub(mfn, order);
    /* Meets the acquire of a frame_get that finds the count. */
    barrier_write();
    frame_fill(mfn.v, BIT(order), frame_make(FRAME_USED, o->id, FRAME_HOME | 1));
    return 0;
}

int frame_take_reserved(struct owner *o, mfn_t mfn, unsigned order)
{
    uint64_t n;

    if (mfn.v >= frame_top || order > MAX_ORDER || BIT(order) > frame_top - mfn.v)
        return -E_INVAL;
    if (!frame_take_alike(o, mfn, order))
        return 0;
    /* Not all alike: one by one. A look before, so that frames are not taken and given back, and scrubbed for it, in vain. */
    for (n = 0; n < BIT(order); n++) {
        if ((frame_load(mfn.v + n) & ~UINT64_C(1)) != frame_make(FRAME_RESERVED, o->id, 0))
            return -E_INVAL;
    }
    for (n = 0; order && n < BIT(order); n++) {
        int r = frame_take_alike(o, mfn_add(mfn, n), 0);

        if (!r)
            continue;
        frame_put_range(mfn, n);
        return r;
    }
    return order ? 0 : -E_INVAL;
}

void frame_set_aside(struct owner *o, mfn_t first, uint64_t n)
{
    PANIC_IF(first.v > FRAME_LINK_NONE || n > FRAME_LINK_NONE - first.v, "frames %#llx+%#llx cannot be described",
             (unsigned long long)first.v, (unsigned long long)n);
    frame_add_used(n);
    spin_lock(&frame_lock);
    note_home(o, first.v, n);
    spin_unlock(&frame_lock);
}

int frame_adopt(struct owner *o, mfn_t first, unsigned order)
{
    int r;

    ASSERT(first.v < frame_top && BIT(order) <= frame_top - first.v);
    /* Meets the acquire of a frame_get that finds the count. */
    barrier_write();
    spin_lock(&frame_lock);
    r = frame_all_are(first.v, BIT(order), 0) ? frame_may_charge(o, BIT(order), FRAME_IGNORE_LIMIT) : -E_INVAL;
    if (!r) {
        frame_fill(first.v, BIT(order), frame_make(FRAME_USED, o->id, FRAME_HOME | 1));
        WRITE_ONCE(o->frames, o->frames + BIT(order));
    }
    spin_unlock(&frame_lock);
    return r;
}

int frame_take_home(struct owner *o, mfn_t mfn, unsigned order)
{
    ASSERT(mfn.v < frame_top && order == 0);
    if (frame_load(mfn.v))
        return frame_take_reserved(o, mfn, order);
    arch_frame_scrub(mfn, order);
    return frame_adopt(o, mfn, order);
}

/* A dirty block of at most 2^FRAME_MIXED_ORDER frames, off the lists. Under the lock. */
static uint64_t take_dirty(unsigned *order)
{
    for (unsigned k = 0; k <= MAX_ORDER; k++) {
        uint64_t f = buddy_lists[k].last;

        if (f == FRAME_LINK_NONE || !(frame_load(f) & FRAME_DIRTY_BIT))
            continue;
        buddy_remove(f);
        for (*order = k; *order > FRAME_MIXED_ORDER;) {
            --*order;
            buddy_add(f + BIT(*order), *order, true);
        }
        return f;
    }
    return FRAME_LINK_NONE;
}

/* The first frame of a block that goes back dirty is scrubbed again: with one a turn there would be no progress. */
#define SCRUB_LEAST 2u

/* Where the last piece ended; the scrubber's. Frames before it may have become dirty since: a block is clean after a turn from its start. */
static struct { uint64_t block, next; } scrub_from;

/* Scrub up to n dirty ones of the block, fewer when somebody wants this CPU; true when some may be left. */
static bool scrub_some(uint64_t f, unsigned order, unsigned n)
{
    uint64_t first = scrub_from.block == f && scrub_from.next < BIT(order) ? scrub_from.next : 0;
    unsigned done = 0;

    scrub_from.block = f;
    scrub_from.next = 0;
    for (uint64_t i = first; i < BIT(order); i++) {
        if (!frame_body_is_dirty(frame_load(f + i)))
            continue;
        if (done == n || (done >= SCRUB_LEAST && cpu_interrupt_pending())) {
            scrub_from.next = i;
            return true;
        }
        arch_frame_scrub(MFN(f + i), 0);
        frame_store(f + i, frame_body_word(false));
        done++;
    }
    return first != 0;
}

bool frame_scrub_idle(unsigned n)
{
    static uint32_t scrubber;
    unsigned order;
    uint64_t f;
    bool left;

    n = MAX(n, SCRUB_LEAST);
    /* One CPU at a time: several would only stand in line for the lock, in front of those that have work. */
    if (atomic_load(&scrubber) || atomic_exchange(&scrubber, 1u))
        return false;
    spin_lock(&frame_lock);
    f = take_dirty(&order);
    spin_unlock(&frame_lock);
    if (f != FRAME_LINK_NONE) {
        left = scrub_some(f, order, n);
        spin_lock(&frame_lock);
        buddy_free_range(f, BIT(order), left);
        spin_unlock(&frame_lock);
    }
    atomic_store_release(&scrubber, 0u);
    return f != FRAME_LINK_NONE;
}
