/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a CPU's few windows shows which frame. A window stays open when its user lets go of it, so that the next look at the
 * same frame costs nothing: no entry is written and no TLB invalidated. What shows a frame never becomes untrue by that, for a
 * window leads to a physical frame. All are closed before the CPU runs another domain.
 *
 * Pure bookkeeping of one CPU; `change` and `forget` do what the processor wants.
 */
#ifndef LIB_WINDOW_SET_H
#define LIB_WINDOW_SET_H

#include "lib/assert.h"
#include "lib/types.h"

#define WINDOWS 16

struct window_set {
    uint64_t shows[WINDOWS];    /* frame + 1; 0: closed */
    uint32_t held;              /* bit n: somebody looks through window n */
    uint32_t open;              /* bit n: shows[n] is not 0 */
};

/* Window n shall show `frame` from now on; was_open: it showed another one, which the TLB must forget first. */
typedef void (*window_change)(unsigned n, uint64_t frame, bool was_open);
/* The windows of this bitmap, not empty, show nothing any more, in the TLB neither. */
typedef void (*window_forget)(uint32_t windows);

static inline bool window_shows(const struct window_set *w, unsigned n, uint64_t frame)
{
    return w->shows[n] == frame + 1;
}

/* A window that shows `frame`, held until window_release. At most WINDOWS - 1 are held at once. */
static inline unsigned window_hold(struct window_set *w, uint64_t frame, window_change change)
{
    unsigned n = (unsigned)frame % WINDOWS;

    ASSERT(w->held != BIT(WINDOWS) - 1);
    while (unlikely(w->held & BIT(n)))
        n = (n + 1) % WINDOWS;
    if (!window_shows(w, n, frame)) {
        change(n, frame, w->shows[n] != 0);
        w->shows[n] = frame + 1;
        w->open |= (uint32_t)BIT(n);
    }
    w->held |= (uint32_t)BIT(n);
    return n;
}

static inline void window_release(struct window_set *w, unsigned n)
{
    ASSERT(n < WINDOWS && (w->held & w->open & BIT(n)));
    w->held &= ~(uint32_t)BIT(n);
}

/* Nobody holds one. */
static inline void window_close_all(struct window_set *w, window_forget forget)
{
    ASSERT(!w->held);
    if (!w->open)
        return;
    forget(w->open);
    for (unsigned n = 0; n < WINDOWS; n++)
        w->shows[n] = 0;
    w->open = 0;
}

#endif
