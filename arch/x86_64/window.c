/* SPDX-License-Identifier: Apache-2.0 */
/* Windows to guests' frames (arch/include/mapping.h): pages of this CPU alone, so their TLB entries are too. */
#include "arch/include/mapping.h"
#include "layout.h"
#include "lib/atomic.h"
#include "processor.h"

STATIC_ASSERT(MAX_CPUS * WINDOWS <= 512 && WINDOW_DEPTH < WINDOWS);

static uint64_t *slot_of(unsigned n)
{
    return &hyp_window_l3[cpu_id() * WINDOWS + n];
}

static inline void show(unsigned n, uint64_t frame, bool was_open)
{
    WRITE_ONCE(*slot_of(n), frame << PAGE_SHIFT | PTE_PAGE_DATA);
    if (was_open)
        invlpg(WINDOW_ADDRESS(cpu_id(), n));
}

unsigned window_open(mfn_t mfn)
{
    return window_hold(&this_cpu()->windows, mfn.v, show);
}

static void forget(uint32_t windows)
{
    for (uint32_t left = windows; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctz(left);

        WRITE_ONCE(*slot_of(n), 0);
        invlpg(WINDOW_ADDRESS(cpu_id(), n));
    }
}

void windows_close(void)
{
    window_close_all(&this_cpu()->windows, forget);
}
