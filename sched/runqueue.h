/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler core's own: one run queue per CPU. The order of what is ready lies with the policy. */
#ifndef SCHED_RUNQUEUE_H
#define SCHED_RUNQUEUE_H

#include "core/time.h"
#include "sched/sched.h"

struct runqueue {
    spinlock_t lock;                /* LOCK_RUNQUEUE */
    struct sched_unit *running;     /* NULL: idle */
    unsigned ready;                 /* units that the policy has queued here */
    bool slice_over;                /* the slice timer has fired since the last choice */
    bool yielded;                   /* the running unit gave up its turn */
    bool idle;
    nsec_t chosen_at;               /* since when `running` has run without a break */
    nsec_t slice_end;               /* NSEC_NEVER: no end; the slice timer may fire earlier, when a wake-up's wait ends */
    nsec_t idle_since, idle_total;
    struct timer slice_timer;
} ALIGNED(64);

extern struct runqueue runqueues[MAX_CPUS];
extern const struct sched_policy *sched_policy;

/* Lock the run queue of the CPU that u belongs to, which does not change while it is held. */
struct runqueue *sched_lock_unit(const struct sched_unit *u);

#endif
