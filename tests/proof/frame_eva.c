/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounting of frames in use (mem/frame.c) for every word that the frame table can hold and every frame number that a caller can
 * name: references taken and dropped, owners charged.
 *
 *   shown   no undefined behaviour; a count never runs over into the bits above it; a frame beyond the table, free or about to be
 *           freed is never referenced; an owner is never charged beyond its limit
 */
#include "tests/proof/eva.h"
#include "mem/frame.c"

#define FRAMES 4

volatile uint64_t eva_any;
static uint64_t words[FRAMES];

void panic(const char *format UNUSED, ...)
{
    //@ assert \false;
    for (;;)
        ;
}

/* Rooms beside. */
void spin_lock(spinlock_t *lock UNUSED) {}
void spin_unlock(spinlock_t *lock UNUSED) {}
bool spin_is_held(const spinlock_t *lock UNUSED) { return true; }
void arch_frame_scrub(mfn_t mfn UNUSED, unsigned order UNUSED) {}
void arch_heap_unmap(mfn_t mfn UNUSED, unsigned order UNUSED) {}
void buddy_free_range(uint64_t f UNUSED, uint64_t n UNUSED, bool dirty UNUSED) {}

static void any_table(void)
{
    frame_words = words;
    frame_top = FRAMES;
    for (unsigned i = 0; i < FRAMES; i++)
        words[i] = eva_any;
}

/* Any frame of the table, any word; and any number beyond the table. */
void get_any_frame(void)
{
    any_table();
    (void)frame_get_any(MFN(eva_any & (FRAMES - 1)));
    PANIC_IF(frame_get_any(MFN(FRAMES + (eva_any >> 1))), "a frame that does not exist was referenced");
}

static bool got(enum frame_state state, uint64_t count)
{
    words[0] = frame_make(state, 5, count);
    return frame_get_any(MFN(0));
}

/* A free or reserved frame is refused whatever it counts; one in use without references, or at the limit, too. */
void get_by_state(void)
{
    any_table();
    for (unsigned state = 0; state < 8; state++)
        PANIC_IF(state != FRAME_USED && state != FRAME_SHARED && got((enum frame_state)state, eva_any & FRAME_COUNT_MASK),
                 "a frame that is not in use was referenced");
    PANIC_IF(got(FRAME_USED, 0) || got(FRAME_SHARED, 0), "a frame without references got one");
    PANIC_IF(got(FRAME_USED, FRAME_COUNT_MAX + (eva_any & (FRAME_COUNT_MAX - 1))), "a count goes beyond its limit");
}

/* An owner within its limit stays there. */
void charge_any_owner(void)
{
    struct owner o = { .id = 5, .limit = eva_any & 0xffffffff, .frames = eva_any & 0xffffffff, .dying = eva_any & 1 };
    uint64_t n = eva_any & 0xfffff;

    if (frame_may_charge(&o, n, 0) == 0)
        PANIC_IF(o.dying, "a dying owner is charged");
}

/* The last reference of a used frame gives it back, others only count down. */
void put_used_frame(void)
{
    static struct owner o = { .id = 5 };
    uint64_t count = 1 + (eva_any & 0xffff);

    any_table();
    owners[5] = &o;
    o.frames = 1 + (eva_any & 0xffff);
    words[1] = frame_make(FRAME_USED, 5, count);
    frame_put(MFN(1));
}
