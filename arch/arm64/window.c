/* SPDX-License-Identifier: Apache-2.0 */
/* Windows to guests' frames (arch/include/mapping.h): pages of this CPU alone, so their TLB entries are too. */
#include "arch/include/mapping.h"
#include "layout.h"
#include "lib/atomic.h"
#include "sysreg.h"

STATIC_ASSERT(MAX_CPUS * WINDOWS <= 512 && WINDOW_DEPTH < WINDOWS);

static uint64_t *slot_of(unsigned n)
{
    return &hyp_window_l3[cpu_id() * WINDOWS + n];
}

static void forget_window(unsigned n)
{
    tlbi_arg(vae2, WINDOW_ADDRESS(cpu_id(), n) >> PAGE_SHIFT);
}

/* Break before make (D8.14.1), for one that showed something else. */
static inline void show(unsigned n, uint64_t frame, bool was_open)
{
    uint64_t *slot = slot_of(n);

    if (was_open) {
        WRITE_ONCE(*slot, 0);
        dsb(nshst);
        forget_window(n);
        dsb(nsh);
    }
    WRITE_ONCE(*slot, frame << PAGE_SHIFT | PTE_PAGE_DATA);
    dsb(nshst);
    isb();
}

unsigned window_open(mfn_t mfn)
{
    return window_hold(&this_cpu()->windows, mfn.v, show);
}

static uint32_t without_lowest(uint32_t bits)
{
    return bits & (bits - 1);
}

/* One or two by address; for more the whole TLB of this CPU's hypervisor. */
static void forget(uint32_t windows)
{
    bool many = without_lowest(without_lowest(windows)) != 0;

    for (uint32_t left = windows; left; left = without_lowest(left))
        WRITE_ONCE(*slot_of((unsigned)__builtin_ctz(left)), 0);
    dsb(nshst);
    if (many)
        tlbi(alle2);
    for (uint32_t left = many ? 0 : windows; left; left = without_lowest(left))
        forget_window((unsigned)__builtin_ctz(left));
    dsb(nsh);
}

void windows_close(void)
{
    window_close_all(&this_cpu()->windows, forget);
}
