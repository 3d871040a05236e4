/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling. The core of the scheduler keeps units (one embedded in each vCPU), their state and CPU, and asks a policy.
 * It knows nothing of domains: a unit carries the numbers of its group (weight, cap) by pointer.
 *
 *   offline --wake--> ready <--switch--> running --block--> asleep --wake--> ready
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "lib/list.h"
#include "lib/priority_queue.h"
#include "lib/spinlock.h"
#include "lib/types.h"
#include "sched/cpu_set.h"

#define SCHED_MAX_CAP (100 * MAX_VCPUS)
#define SCHED_DEFAULT_WEIGHT 256
#define SCHED_MAX_RATELIMIT_US 500000
#define SCHED_DEFAULT_RATELIMIT_US 30
/* Reservations: the ABI's defaults, with extratime. */
#define SCHED_DEFAULT_PERIOD_US 10000
#define SCHED_DEFAULT_BUDGET_US 4000
#define SCHED_MIN_PERIOD_US 10
#define SCHED_MAX_PERIOD_US UINT32_C(3600000000)

enum unit_state { UNIT_ASLEEP, UNIT_READY, UNIT_RUNNING };

struct sched_policy;
struct sched_pool;

/* What the units of one domain share. */
struct sched_group {
    struct sched_pool *pool;    /* atomic: whose CPUs they run on, see pool.h */
    uint32_t weight;        /* 1..65535, default 256 */
    uint32_t cap;           /* percent of one CPU, 0 = none */
    const uint8_t *handle;  /* 16 bytes by which frames name it, of the embedder's; NULL: none */
    uint64_t policy_data[4]; /* atomic: units of one group run on several CPUs */
};

struct sched_unit {
    struct list queue;              /* the policy's, in one of */
    struct pq_node node;            /* these two queues */
    struct sched_group *group;
    enum unit_state state;
    unsigned cpu;                   /* where it runs or is queued */
    unsigned number;                /* within its group; set by the embedder before sched_unit_init */
    bool on_cpu;                    /* atomic: its registers are live on `cpu` (set by switch, cleared after save) */
    bool migrate;                   /* taken off this CPU because its affinity changed; placed anew once it is saved */
    bool queued;                    /* the policy has it */
    /* Does it want a CPU now? Asked under the runqueue lock at every wake and sleep, so the last change wins. Set by the
     * embedder before sched_unit_init. */
    bool (*wants_cpu)(const struct sched_unit *u);
    /* When it does not: for good, until somebody brings it up again? May be NULL: never. */
    bool (*is_offline)(const struct sched_unit *u);
    const struct sched_policy *policy;      /* that queued it last: whose the fields below are */
    nsec_t ready_since;             /* when it last became ready */
    cpu_set hard, soft;             /* affinity */
    uint32_t period_us, budget_us;  /* sched_set_reservation */
    bool extratime;
    bool has_hard, has_soft;        /* do these sets leave any CPU out? */
    bool is_pinned;                 /* is there one CPU in `hard`? */
    nsec_t ran_since, ran_total;    /* CPU time: running and accounted up to; sum */
    int64_t virtual_time;           /* policy */
    uint64_t policy_data[3];
};

/* Boot, and each CPU as it comes up. */
void sched_init(const char *policy_name);
void sched_cpu_up(unsigned cpu);

/* A unit enters or leaves the scheduler's care; it starts asleep. `remove` needs it asleep and off its CPU. */
int sched_unit_init(struct sched_unit *u, struct sched_group *g) MUST_CHECK;
void sched_unit_remove(struct sched_unit *u);

/* What wants_cpu answers has become true / false. Any CPU, locks before LOCK_RUNQUEUE may be held. wake on a ready or running
 * unit does nothing; sleep of a running unit marks it and kicks its CPU, and takes effect when that CPU next leaves. */
void sched_wake(struct sched_unit *u);
void sched_sleep(struct sched_unit *u);
/* Running unit of this CPU: let others of its rank go first. */
void sched_unit_yield(struct sched_unit *u);

/* Must the CPU choose again (slice over, somebody better woke, running unit asleep)? Cheap: read on every exit. */
bool sched_needed(void);
/* Choose for this CPU: the unit to run next (state becomes running), or NULL to idle. `current` is what ran (may be NULL).
 * Sets the slice timer. No lock held. */
struct sched_unit *sched_pick(struct sched_unit *current);
/* The registers of `u` have been saved: it may run elsewhere. */
void sched_switched_out(struct sched_unit *u);

/* May u run there: is it a CPU of its pool that its affinity allows (or does that name none of the pool)? Under that CPU's lock. */
bool sched_may_run_on(const struct sched_unit *u, unsigned cpu);
/* The CPU or the pool of u has changed: it goes elsewhere if it may not be where it is. `rehome`: and forgets its affinity. */
void sched_unit_recheck(struct sched_unit *u);
void sched_unit_rehome(struct sched_unit *u);

/* The unit that CPU runs, NULL when it idles, and what it could run. For policies and debug keys; racy without the lock. */
struct sched_unit *sched_running(unsigned cpu);
const cpu_set *sched_online(void);
/* The policy of that name ("" and credit2: the fair one), the nth one; NULL: there is none. */
const struct sched_policy *sched_policy_named(const char *name);
const struct sched_policy *sched_policy_nth(unsigned i);

/* Is it on a CPU with live registers now? */
bool sched_unit_is_on_cpu(const struct sched_unit *u);

/* Change affinity; -E_INVAL when the set holds no CPU of the pool. */
int sched_set_affinity(struct sched_unit *u, const cpu_set *hard, const cpu_set *soft) MUST_CHECK;
/* Change weight and cap. -E_INVAL when out of range. */
int sched_set_params(struct sched_group *g, uint32_t weight, uint32_t cap) MUST_CHECK;
/*
 * Under a policy with deadlines (rtds): u may run for budget_us in each period_us, and beyond that in what others leave over (extratime).
 * From its next period on. -E_INVAL: not 0 < SCHED_MIN_PERIOD_US <= budget <= period <= SCHED_MAX_PERIOD_US.
 */
int sched_set_reservation(struct sched_unit *u, uint32_t period_us, uint32_t budget_us, bool extratime) MUST_CHECK;
/* Time the unit has run so far, up to now. */
nsec_t sched_unit_time(const struct sched_unit *u);
/* Idle time of a CPU since boot. */
nsec_t sched_idle_time(unsigned cpu);
/*
 * How long a unit runs, in microseconds since it was switched in, before a wake-up may take its CPU (the ABI's ratelimit_us): 0 to
 * SCHED_MAX_RATELIMIT_US. Who has to wait gets its turn when that time ends. A slice that ends earlier, a yield and a block end it.
 * Set for pool 0 and for pools that are made from now on. -E_INVAL when out of range.
 */
int sched_set_ratelimit_us(uint32_t us) MUST_CHECK;
/* A line per CPU and queue, for debug keys. */
void sched_dump(void);

/*
 * A policy decides order, share and place; the core keeps states, CPUs, locks and the migration protocol. Every function with a
 * `cpu` is called with that CPU's runqueue lock held, for units that belong to that CPU; times are passed in, so that a policy
 * runs against simulated time. Eight functions are a policy; those after them may be missing. See sched/null.c.
 */
struct sched_policy {
    const char *name;
    uint32_t abi_id;                                            /* XEN_SCHEDULER_* */
    bool has_ratelimit;         /* what runs is left alone for the pool's ratelimit_us */
    bool has_frame;             /* runs by the pool's frame */
    /* A CPU enters a pool: its queue is empty. */
    void (*cpu_init)(unsigned cpu);
    /* Choose among `allowed` for a waking or moving unit, MAX_CPUS: there is none. No lock: what is read of other CPUs is a hint. */
    unsigned (*place)(const struct sched_unit *u, const struct cpu_filter *allowed);
    /* Take a ready unit in; `woken`: it slept, or comes from another CPU. */
    void (*enqueue)(unsigned cpu, struct sched_unit *u, bool woken, nsec_t now);
    /* Take one out that is not chosen (it goes to sleep, or away). */
    void (*dequeue)(unsigned cpu, struct sched_unit *u);
    /* The best one, taken off the queue, or NULL: none is ready, or all have used up their shares. */
    struct sched_unit *(*pick)(unsigned cpu, nsec_t now);
    /* u, running here, has run for `ran` since it was chosen or last accounted. */
    void (*account)(unsigned cpu, struct sched_unit *u, nsec_t ran, nsec_t now);
    /* When should `woken` (queued here) run instead of `running`, which was last accounted at `since`: now or before, at a time to
     * come, or not before it is asked to choose anyway (NSEC_NEVER)? */
    nsec_t (*runs_at)(unsigned cpu, const struct sched_unit *woken, const struct sched_unit *running, nsec_t since, nsec_t now);
    /* How long u may run before the core asks again; u NULL (idle): how long until pick may find one (NSEC_NEVER: not by itself). */
    nsec_t (*slice)(unsigned cpu, const struct sched_unit *u, nsec_t now);

    /* A unit is about to be queued by this policy, and another or none has queued it before. */
    void (*unit_init)(struct sched_unit *u);
    /* A group begins, or got another weight or cap. No lock. */
    void (*group_changed)(struct sched_group *g, nsec_t now);
    /* u, running here, lets others go first. Missing: there is no such order. */
    void (*yield)(unsigned cpu, struct sched_unit *u);
    /* The CPU among these that has something which `thief`, with this CPU's lock held, should rather run than the best it has queued;
     * `thief`: none. What is read of others is a hint. Missing: nothing moves but by affinity. */
    unsigned (*victim)(unsigned thief, const struct cpu_filter *among);
    /* Take one from `from` that may run on `thief` and is not on a CPU, or NULL. Both locks held; the core enqueues it. With victim. */
    struct sched_unit *(*steal)(unsigned thief, unsigned from);
    /* One order for all CPUs of a pool: each choice looks at the others (victim), and whoever has to wait is offered to the CPU that
     * `place` names. The first one that waits here, or NULL. Missing: each CPU has its own order, idle ones and, now and then, the
     * others look elsewhere. */
    const struct sched_unit *(*waiting)(unsigned cpu);
    /* u, neither queued nor running, goes to another CPU, offline or away. True: this CPU may have something to run now. */
    bool (*leave)(unsigned cpu, struct sched_unit *u);
};
extern const struct sched_policy sched_policy_fair, sched_policy_null, sched_policy_rtds, sched_policy_arinc653;

#endif
