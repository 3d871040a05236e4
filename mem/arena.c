/* SPDX-License-Identifier: Apache-2.0 */
#include "mem/arena.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/bitmap.h"
#include "lib/spinlock.h"
#include "mem/frame.h"

static spinlock_t arena_lock = SPINLOCK(LOCK_ARENA);
static uint64_t taken[BITMAP_WORDS(ARENA_SLOTS)];
static unsigned lowest;            /* no slot below it is free; slots are taken lowest first, so that few tables show them */
static uint32_t slot_frame[ARENA_SLOTS];    /* whose reference the slot holds */

/* ARENA_SLOTS when none is free or the quota is used up. */
static unsigned take_slot(struct arena_quota *q)
{
    unsigned slot = ARENA_SLOTS;

    spin_lock(&arena_lock);
    if (q->used < q->limit) {
        slot = bitmap_next_clear(taken, ARENA_SLOTS, lowest);
        lowest = slot;
    }
    if (slot < ARENA_SLOTS) {
        bitmap_set(taken, slot);
        lowest = slot + 1;
        q->used++;
    }
    spin_unlock(&arena_lock);
    return slot;
}

static void give_slot(struct arena_quota *q, unsigned slot)
{
    spin_lock(&arena_lock);
    ASSERT(bitmap_test(taken, slot) && q->used);
    bitmap_clear(taken, slot);
    lowest = MIN(lowest, slot);
    q->used--;
    spin_unlock(&arena_lock);
}

void *arena_map(struct arena_quota *q, mfn_t mfn)
{
    unsigned slot = take_slot(q);
    void *p;

    ASSERT(frame_count(mfn) && mfn.v <= UINT32_MAX);
    if (slot == ARENA_SLOTS)
        return NULL;
    p = arch_arena_map(slot, mfn);
    if (!p) {
        give_slot(q, slot);
        return NULL;
    }
    slot_frame[slot] = (uint32_t)mfn.v;
    return p;
}

void arena_unmap(struct arena_quota *q, void *address)
{
    unsigned slot = arch_arena_slot(address);
    mfn_t mfn;

    ASSERT(slot < ARENA_SLOTS);
    mfn = MFN(slot_frame[slot]);
    arch_arena_unmap(slot);
    give_slot(q, slot);
    frame_put(mfn);
}
