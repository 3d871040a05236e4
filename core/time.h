/* SPDX-License-Identifier: Apache-2.0 */
/* Software timers per CPU, and the wall clock that dom0 sets. */
#ifndef CORE_TIME_H
#define CORE_TIME_H

#include "lib/priority_queue.h"
#include "lib/types.h"
#include "arch/include/time.h"

/* A timer fires on the CPU it was last set on, in the exit path of that CPU, with no lock held. */
struct timer {
    struct pq_node node;
    nsec_t when;
    unsigned cpu;
    bool armed;
    void (*fire)(struct timer *t);
};

void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* Arm for `when` on this CPU, replacing what was set. In the past: fires at the next exit. */
void timer_set(struct timer *t, nsec_t when);
/* After it returns the timer does not fire (it may be firing on another CPU right now: `fire` must tolerate that). */
void timer_cancel(struct timer *t);
/* The hardware deadline of this CPU follows its first timer again after a near one was cancelled or put off. */
void timer_refresh(void);
/* When this CPU is next interrupted for a timer, as the hardware was told; NSEC_NEVER. Interrupts masked. */
nsec_t timer_next(void);
/* Exit path: fire what is due on this CPU and set the hardware deadline. */
void timer_run_due(void);
void timer_cpu_init(void);
/* A line per CPU and armed timer, for debug keys. */
void timer_dump(void);

/* Wall clock: seconds and nanoseconds since 1970 at host time 0. */
void wallclock_set(uint64_t seconds, uint32_t nanoseconds, nsec_t at);
void wallclock_get(uint64_t *seconds, uint32_t *nanoseconds);

#endif
