/* SPDX-License-Identifier: Apache-2.0 */
/* The usual case of a window (arch/include/mapping.h), where it is used: it shows the frame already. */
#ifndef ARCH_COMMON_WINDOW_H
#define ARCH_COMMON_WINDOW_H

#include "arch/include/cpu.h"
#include "layout.h"

/* The processor's window.c: any other case. The number of the window, which is held. */
unsigned window_open(mfn_t mfn);

static inline void *arch_window_map(mfn_t mfn)
{
    struct window_set *w = &this_cpu()->windows;
    unsigned n = (unsigned)mfn.v % WINDOWS;

    if (likely(window_shows(w, n, mfn.v) && !(w->held & BIT(n))))
        w->held |= (uint32_t)BIT(n);
    else
        n = window_open(mfn);
    return (void *)WINDOW_ADDRESS(cpu_id(), n);
}

/* Whoever holds the window too does not mind. */
static inline void *arch_window_glance(mfn_t mfn)
{
    unsigned n = (unsigned)mfn.v % WINDOWS;

    if (unlikely(!window_shows(&this_cpu()->windows, n, mfn.v))) {
        n = window_open(mfn);
        window_release(&this_cpu()->windows, n);
    }
    return (void *)WINDOW_ADDRESS(cpu_id(), n);
}

static inline void arch_window_glance_end(void *address UNUSED)
{
}

static inline void arch_window_unmap(void *address)
{
    unsigned n = (unsigned)((uint64_t)address >> PAGE_SHIFT) % WINDOWS;

    ASSERT(WINDOW_ADDRESS(cpu_id(), n) == ((uint64_t)address & PAGE_MASK));
    window_release(&this_cpu()->windows, n);
}

#endif
