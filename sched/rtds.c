/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real-time policy: each unit has a budget of CPU time for each of its periods, and who has budget runs in the order of deadlines, on
 * all CPUs of the pool (global EDF). Who has used its budget waits for the end of its period, or takes turns with its like in what the
 * others leave over, if it may (extratime).
 *
 * Each unit is a constant bandwidth server (Abeni and Buttazzo, RTSS 1998) with hard reservation: whoever wakes with more budget than its
 * share of the time up to its deadline begins a new period at once; so what it runs with a deadline in any stretch of time is at most its
 * share of that stretch, however it sleeps. What was overdrawn is taken from the next budget.
 *
 * Queues are per CPU. Two trees tell other CPUs the deadline of the best that waits and of the best that is here at all: who wakes goes
 * to the CPU that has the latest, who chooses looks for an earlier one elsewhere, and who has to wait has the CPU asked that should run it.
 */
#include "sched/cpu_tree.h"
#include "arch/include/cpu.h"
#include "arch/include/time.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "sched/unit_queue.h"

#define EXTRA (INT64_MAX / 2)   /* in place of a deadline: in what is left over */
#define NOBODY INT64_MAX
#define EXTRA_SLICE MSEC(1)

struct rtds_cpu {
    struct priority_queue ready;    /* with budget, the earliest deadline first */
    struct priority_queue spent;    /* without, by the ends of their periods */
    struct list extra;              /* those of them that may run all the same, in order of turns */
    struct sched_unit *running;
} ALIGNED(64);

static PER_CPU(struct rtds_cpu, rtds_cpus);
static struct cpu_tree waiting; /* the deadline of the first that waits and may go */
static struct cpu_tree held;    /* the negative of the earliest deadline of what waits or runs: the least is the CPU to be preempted */

/* unit->policy_data */
enum { UNIT_DEADLINE, UNIT_LEFT, UNIT_PLACE };
/* in UNIT_PLACE */
enum { IN_NO_QUEUE, IN_READY, IN_SPENT, IN_EXTRA, ON_THE_MOVE };

static nsec_t period_of(const struct sched_unit *u)
{
    return USEC((nsec_t)READ_ONCE(u->period_us));
}

static nsec_t budget_of(const struct sched_unit *u)
{
    return USEC((nsec_t)READ_ONCE(u->budget_us));
}

static nsec_t deadline_of(const struct sched_unit *u)
{
    return (nsec_t)u->policy_data[UNIT_DEADLINE];
}

static nsec_t left_of(const struct sched_unit *u)
{
    return (nsec_t)u->policy_data[UNIT_LEFT];
}

/* Less goes first. */
static int64_t rank_of(const struct sched_unit *u)
{
    return left_of(u) > 0 ? deadline_of(u) : EXTRA;
}

static struct sched_unit *first_waiting(const struct rtds_cpu *c)
{
    struct sched_unit *u = unit_queue_first(&c->ready);

    return u || list_empty(&c->extra) ? u : list_first(&c->extra, struct sched_unit, queue);
}

static int64_t best_waiting(const struct rtds_cpu *c)
{
    const struct sched_unit *u = first_waiting(c);

    return u ? rank_of(u) : NOBODY;
}

/* The rank of the first that another CPU may take, as far as is looked. */
static int64_t best_to_go(const struct rtds_cpu *c, int64_t best)
{
    const struct pq_node *n = pq_first(&c->ready);

    if (likely(!n || !unit_of(n)->is_pinned))
        return best;
    n = unit_queue_unpinned(n);
    if (n)
        return n->key;
    return list_empty(&c->extra) ? NOBODY : EXTRA;
}

/* The queue or what runs has changed: tell other CPUs. */
static void show(unsigned cpu)
{
    const struct rtds_cpu *c = &rtds_cpus[cpu];
    int64_t best = best_waiting(c);

    cpu_tree_set(&waiting, cpu, best_to_go(c, best));
    cpu_tree_set(&held, cpu, -(c->running ? MIN(best, rank_of(c->running)) : best));
}

static void rtds_cpu_init(unsigned cpu)
{
    rtds_cpus[cpu] = (struct rtds_cpu){ 0 };
    list_init(&rtds_cpus[cpu].extra);
    cpu_tree_enter(&waiting, cpu, NOBODY);
    cpu_tree_enter(&held, cpu, -NOBODY);
}

static void rtds_unit_init(struct sched_unit *u)
{
    u->policy_data[UNIT_DEADLINE] = u->policy_data[UNIT_LEFT] = 0;
    u->policy_data[UNIT_PLACE] = IN_NO_QUEUE;
}

/* Is what is left of the budget more than u's share of the time up to its deadline? Products of 32-bit numbers of microseconds. */
static bool has_too_much(const struct sched_unit *u, nsec_t now)
{
    uint64_t left = (uint64_t)MAX(left_of(u), 0), time = (uint64_t)(deadline_of(u) - now);

    return (left + USEC(1) - 1) / USEC(1) * READ_ONCE(u->period_us) > time / USEC(1) * READ_ONCE(u->budget_us);
}

/* The deadline with which u would wake. */
static nsec_t deadline_when_woken(const struct sched_unit *u, nsec_t now)
{
    return now >= deadline_of(u) || (left_of(u) > 0 && has_too_much(u, now)) ? now + period_of(u) : deadline_of(u);
}

static void refill(struct sched_unit *u, nsec_t deadline)
{
    u->policy_data[UNIT_DEADLINE] = (uint64_t)deadline;
    u->policy_data[UNIT_LEFT] = (uint64_t)(budget_of(u) + MIN(left_of(u), 0));
}

static void wake(struct sched_unit *u, nsec_t now)
{
    nsec_t deadline = deadline_when_woken(u, now);

    if (deadline != deadline_of(u))
        refill(u, deadline);
}

/* The period of u, which has used its budget, is over: the next one, or the one that it is by now. */
static void begin_period(struct sched_unit *u, nsec_t now)
{
    nsec_t periods = (now - deadline_of(u)) / period_of(u) + 1;

    ASSERT(periods >= 1 && left_of(u) <= 0);
    refill(u, deadline_of(u) + periods * period_of(u));
}

static void insert(struct rtds_cpu *c, struct sched_unit *u)
{
    bool has_budget = left_of(u) > 0;

    pq_insert(has_budget ? &c->ready : &c->spent, &u->node, deadline_of(u));
    u->policy_data[UNIT_PLACE] = has_budget ? IN_READY : READ_ONCE(u->extratime) ? IN_EXTRA : IN_SPENT;
    if (u->policy_data[UNIT_PLACE] == IN_EXTRA)
        list_push_back(&c->extra, &u->queue);
}

static void take_out(struct rtds_cpu *c, struct sched_unit *u)
{
    uint64_t place = u->policy_data[UNIT_PLACE];

    ASSERT(place >= IN_READY && place <= IN_EXTRA);
    pq_remove(place == IN_READY ? &c->ready : &c->spent, &u->node);
    if (place == IN_EXTRA)
        list_remove(&u->queue);
    u->policy_data[UNIT_PLACE] = IN_NO_QUEUE;
}

static void rtds_enqueue(unsigned cpu, struct sched_unit *u, bool woken, nsec_t now)
{
    struct rtds_cpu *c = &rtds_cpus[cpu];

    if (c->running == u)
        c->running = NULL;
    /* Who was brought over from another CPU was ready all the time. */
    if (woken && u->policy_data[UNIT_PLACE] != ON_THE_MOVE)
        wake(u, now);
    else if (left_of(u) <= 0 && now >= deadline_of(u))
        begin_period(u, now);
    insert(c, u);
    show(cpu);
}

static void rtds_dequeue(unsigned cpu, struct sched_unit *u)
{
    take_out(&rtds_cpus[cpu], u);
    show(cpu);
}

/* Those whose periods are over get their budgets. */
static void release(struct rtds_cpu *c, nsec_t now)
{
    struct sched_unit *u;

    while ((u = unit_queue_first(&c->spent)) && deadline_of(u) <= now) {
        take_out(c, u);
        begin_period(u, now);
        insert(c, u);
    }
}

static struct sched_unit *rtds_pick(unsigned cpu, nsec_t now)
{
    struct rtds_cpu *c = &rtds_cpus[cpu];
    struct sched_unit *u;

    release(c, now);
    u = first_waiting(c);
    if (u)
        take_out(c, u);
    c->running = u;
    show(cpu);
    return u;
}

static void rtds_account(unsigned cpu, struct sched_unit *u, nsec_t ran, nsec_t now UNUSED)
{
    ASSERT(ran >= 0 && rtds_cpus[cpu].running == u);
    if (left_of(u) > 0)
        u->policy_data[UNIT_LEFT] = (uint64_t)(left_of(u) - ran);
    show(cpu);
}

static nsec_t rtds_runs_at(unsigned cpu UNUSED, const struct sched_unit *woken, const struct sched_unit *running, nsec_t since UNUSED,
                           nsec_t now)
{
    ASSERT(woken != running);
    return rank_of(woken) < rank_of(running) ? now : NSEC_NEVER;
}

/* Until the budget is used, a turn is over, or somebody gets a new budget. */
static nsec_t rtds_slice(unsigned cpu, const struct sched_unit *u, nsec_t now)
{
    const struct sched_unit *next = unit_queue_first(&rtds_cpus[cpu].spent);
    nsec_t slice = NSEC_NEVER;

    if (u)
        slice = left_of(u) > 0 ? left_of(u) : MIN(EXTRA_SLICE, MAX(deadline_of(u) - now, 0));
    return next ? MIN(slice, MAX(deadline_of(next) - now, 0)) : slice;
}

/* Where it was if nobody is there, the CPU with the latest deadline if u's is earlier, where it was. */
static unsigned rtds_place(const struct sched_unit *u, const struct cpu_filter *allowed)
{
    unsigned last = atomic_load(&u->cpu), cpu;
    bool stays = cpu_filter_has(allowed, last);
    nsec_t now = arch_time_now(), deadline = u->queued ? deadline_of(u) : deadline_when_woken(u, now);
    int64_t rank = left_of(u) > 0 || now >= deadline_of(u) ? deadline : EXTRA;

    if (stays && cpu_tree_number(&held, last) == -NOBODY)
        return last;
    cpu = cpu_tree_least(&held, allowed, -rank);
    if (cpu != MAX_CPUS)
        return cpu;
    return stays ? last : cpu_filter_first(allowed);
}

static const struct sched_unit *rtds_waiting(unsigned cpu)
{
    return first_waiting(&rtds_cpus[cpu]);
}

static unsigned rtds_victim(unsigned thief, const struct cpu_filter *among)
{
    unsigned cpu = cpu_tree_least(&waiting, among, best_waiting(&rtds_cpus[thief]));

    return cpu == MAX_CPUS ? thief : cpu;
}

static bool may_go(const struct sched_unit *u, unsigned thief)
{
    return sched_may_run_on(u, thief) && !sched_unit_is_on_cpu(u);
}

/* The earliest of those near the front that may go and is earlier than what the thief has; else one that runs in what is left over. */
static struct sched_unit *rtds_steal(unsigned thief, unsigned from)
{
    struct rtds_cpu *c = &rtds_cpus[from];
    int64_t limit = best_waiting(&rtds_cpus[thief]);
    struct sched_unit *u, *best = NULL;
    unsigned left = STEAL_WALK;

    ASSERT(thief != from);
    for (struct pq_node *n = pq_first(&c->ready); n && left; n = pq_walk(n), left--) {
        u = unit_of(n);
        if (deadline_of(u) < limit && may_go(u, thief)) {
            best = u;
            limit = deadline_of(u);
        }
    }
    list_for_each(u, &c->extra, queue) {
        if (best || limit <= EXTRA || !left--)
            break;
        if (may_go(u, thief))
            best = u;
    }
    if (!best)
        return NULL;
    rtds_dequeue(from, best);
    best->policy_data[UNIT_PLACE] = ON_THE_MOVE;
    return best;
}

const struct sched_policy sched_policy_rtds = {
    .name = "rtds",
    .abi_id = 8,                /* XEN_SCHEDULER_RTDS */
    .cpu_init = rtds_cpu_init,
    .place = rtds_place,
    .enqueue = rtds_enqueue,
    .dequeue = rtds_dequeue,
    .pick = rtds_pick,
    .account = rtds_account,
    .runs_at = rtds_runs_at,
    .slice = rtds_slice,
    .unit_init = rtds_unit_init,
    .victim = rtds_victim,
    .steal = rtds_steal,
    .waiting = rtds_waiting,
};
