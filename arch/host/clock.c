/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated time: a few nanoseconds pass at each schedule point, and all that is left until the next deadline when every CPU
 * waits. */
#include "arch/include/time.h"
#include "arch/host/internal.h"
#include "arch/include/cpu.h"
#include "lib/assert.h"

#define TICK_NSEC 3
#define COUNTER_KHZ 62500       /* as QEMU's virt board */

static nsec_t now, earliest, tick;
static PER_CPU(nsec_t, deadlines);

void clock_boot(void)
{
    now = SEC(1);
    tick = TICK_NSEC;
    earliest = NSEC_NEVER;
    for (unsigned i = 0; i < MAX_CPUS; i++)
        deadlines[i] = NSEC_NEVER;
}

static void advance(nsec_t by)
{
    now += by;
    if (now < earliest)
        return;
    for (unsigned i = 0; i < cpu_count(); i++) {
        if (deadlines[i] <= now)
            fiber_wake(i);
    }
}

void clock_tick(void)
{
    if (tick)
        advance(tick);
}

void host_stop_ticks(void)
{
    tick = 0;
}

void host_time_advance(nsec_t by)
{
    ASSERT(by >= 0);
    advance(by);
}

nsec_t clock_now(void)
{
    return now;
}

nsec_t clock_deadline(unsigned cpu)
{
    return deadlines[cpu];
}

nsec_t clock_earliest(void)
{
    return earliest;
}

nsec_t arch_time_now(void)
{
    arch_schedule_point();
    return now;
}

void arch_timer_set_deadline(nsec_t when)
{
    deadlines[cpu_id()] = when;
    earliest = NSEC_NEVER;
    for (unsigned i = 0; i < MAX_CPUS; i++)
        earliest = MIN(earliest, deadlines[i]);
}

uint32_t arch_counter_khz(void)
{
    return COUNTER_KHZ;
}

/* In two steps, so that nothing overflows for a century. */
nsec_t arch_ticks_to_nsec(uint64_t ticks)
{
    uint64_t per_second = COUNTER_KHZ * UINT64_C(1000);

    return (nsec_t)(ticks / per_second * 1000000000 + ticks % per_second * 1000000000 / per_second);
}

uint64_t arch_counter(void)
{
    return (uint64_t)now / 1000000 * COUNTER_KHZ + (uint64_t)now % 1000000 * COUNTER_KHZ / 1000000;
}
