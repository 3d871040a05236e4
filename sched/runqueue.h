/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler core's own: one run queue per CPU. The order of what is ready lies with the policy. */
#ifndef SCHED_RUNQUEUE_H
#define SCHED_RUNQUEUE_H

#include "core/time.h"
#include "sched/pool.h"

struct runqueue {
    spinlock_t lock;                /* LOCK_RUNQUEUE */
    struct sched_pool *pool;        /* NULL: the CPU is free, or about to be; nothing is placed here */
    const struct sched_pool *leaving;       /* the pool it is being taken from, until it is empty; only compared */
    const struct sched_policy *policy;      /* of the pool that it is or was in last */
    struct sched_unit *running;     /* NULL: idle */
    unsigned ready;                 /* units that the policy has queued here */
    bool slice_over;                /* the slice timer has fired since the last choice */
    bool yielded;                   /* the running unit gave up its turn */
    bool idle;
    nsec_t chosen_at;               /* since when `running` has run without a break */
    nsec_t pulled_at;               /* when it last looked at other CPUs */
    nsec_t slice_end;               /* NSEC_NEVER: no end; the slice timer may fire earlier, when a wake-up's wait ends */
    nsec_t idle_since, idle_total;
    struct timer slice_timer;
} ALIGNED(64);

extern struct runqueue runqueues[MAX_CPUS];

/* Lock the run queue of the CPU that u belongs to, which does not change while it is held. */
struct runqueue *sched_lock_unit(const struct sched_unit *u);

static inline unsigned runqueue_cpu(const struct runqueue *rq)
{
    return (unsigned)(rq - runqueues);
}

/* --- sched.c; with the lock --- */
/* Take u, which wants a CPU, into the queue of its CPU; `woken` as in struct sched_policy. */
void sched_enqueue(struct runqueue *rq, struct sched_unit *u, bool woken, nsec_t now);
/* Take u, which is queued, out. */
void sched_dequeue(struct runqueue *rq, struct sched_unit *u);
/* Queue u, which has become ready, on its CPU and have it run as soon as it should. */
void sched_enqueue_woken(struct runqueue *rq, struct sched_unit *u);

/* --- placement.c --- */
void placement_init(void);
/* u, in no queue and off its CPU or about to be, leaves what its policy keeps for it there. Under the lock of its CPU. */
void sched_unit_leaves(struct sched_unit *u);
/* The CPU where u should go. Under the lock of its CPU. */
unsigned sched_place(const struct sched_unit *u);
/* u, in no queue and not on its CPU, belongs to `target` from now on. Called with the lock of the CPU that it leaves. */
void sched_set_cpu(struct runqueue *rq, struct sched_unit *u, unsigned target);
/* u must leave its CPU; it is in no queue. Called with the lock, which it drops. */
void sched_start_migration(struct runqueue *rq, struct sched_unit *u);
/* Give a unit that was taken off a CPU it may not use (`migrate`) a new one. Whoever comes second finds nothing to do. No lock. */
void sched_place_migrating(struct sched_unit *u);
/* This CPU goes idle, or is idle no more: a hint whom to ask when a unit must wait. */
void sched_show_idle(unsigned cpu, bool idle);
/* Let one idle CPU that u may run on look for work, as u has to wait where it is. Locked or not. */
void sched_ask_idle_cpu(const struct sched_unit *u);
/* One order for all CPUs: whoever waits here first is offered to the CPU that should run it. Called with the lock. */
void sched_offer(struct runqueue *rq);
/* u, which ran until now, waits where others may fetch it. No lock. */
void sched_ask_for_waiting(const struct sched_unit *u);
/* Bring one unit over from another CPU of the pool when that is better. With the lock of this CPU, which it drops for moments. */
void sched_pull(struct runqueue *rq, nsec_t now);

/* --- pool.c: boot, and a CPU that has come up enters pool 0 --- */
void pools_init(const struct sched_policy *policy);
void pools_cpu_up(unsigned cpu);

#endif
