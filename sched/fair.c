/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fair policy. Every unit has a virtual time that advances by what it ran, scaled by 256 / weight. Each CPU runs the ready unit
 * whose virtual time is least; a queue is a heap in that order.
 *
 *   virtual time ->    [ least - CREDIT ........ least ..x...x......x ]
 *                        a sleeper wakes no          ready units
 *                        further back than here
 *
 * Sleeping never lowers a virtual time, it is only raised to least - CREDIT at a wake-up. So a unit that used less than its share
 * wakes ahead of a busy neighbour and preempts it at once, and one that sleeps in order to gain gets at most CREDIT more than its share.
 *
 * Each CPU has its own virtual clock; with its offset added, a time can be compared with those of other CPUs. While work is balanced, the
 * clocks go at one rate. An unlucky CPU's ready unit falls behind, and a CPU whose own best is ahead by more than STEAL_MARGIN takes it
 * over when a slice ends. A clock that is more than RESYNC behind that of another busy CPU says nothing about recent shares (the CPU was
 * idle, or has work that cannot move): it is set to the other by its offset. A unit that moves is brought within CREDIT of its new
 * neighbours, but what it owes to those that it left it owes here too.
 *
 * A cap is a budget of CPU time for the group per PERIOD. What was overdrawn is owed, what was not used is lost. A unit whose group has
 * none left is parked on its CPU until the period ends.
 */
#include "sched/cpu_tree.h"
#include "arch/include/cpu.h"
#include "arch/include/time.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "sched/unit_queue.h"

#define CREDIT MSEC(10)
#define STEAL_MARGIN MSEC(5)
#define RESYNC MSEC(200)
#define SLICE MSEC(10)
#define SLICE_MIN MSEC(2)
#define ROUND MSEC(20)          /* everybody ready gets a turn within this, as long as slices stay above the minimum */
#define PERIOD MSEC(10)
#define CAPPED_SLICE MSEC(1)    /* several CPUs draw on one budget: look again soon */
#define CAPPED_SLICE_MIN USEC(50)

struct fair_cpu {
    struct priority_queue queue;    /* ready, least virtual time first */
    struct list parked;         /* ready, but their group's cap is used up */
    unsigned count;             /* in `queue` */
    struct sched_unit *running; /* what pick gave out last */
    int64_t least;              /* least virtual time of what is ready or running; never goes back */
    int64_t offset;             /* to times that can be compared */
    int64_t shown_least;        /* the clock as such a time, for other CPUs */
} ALIGNED(64);

static PER_CPU(struct fair_cpu, fair_cpus);
/*
 * For other CPUs, in times that can be compared. They are brought up to date when something has been chosen, and when a queue changes but by
 * what ran going back to it, which a choice follows.
 */
static struct cpu_tree fronts;  /* the negative of the time from which on a unit has to wait there: the least is the best place */
static struct cpu_tree bests;   /* the time of the first in `queue` that may go */
static struct cpu_tree loads;   /* how many are there */
static struct cpu_tree clocks;  /* the negative of the clock of a CPU where somebody waits, when it last looked at the others */

#define IDLE (-CPU_TREE_NONE)   /* in `fronts`: nobody has to wait */

/* group->policy_data */
enum { GROUP_BUDGET, GROUP_PERIOD_END };
/* unit->policy_data */
/* CPU + 1 whose clock its virtual time is of, 0: comparable; is on `parked`; HOME is 0: what it owed where it was */
enum { UNIT_HOME, UNIT_PARKED, UNIT_DEBT };

static int64_t *budget_of(struct sched_group *g)
{
    return (int64_t *)&g->policy_data[GROUP_BUDGET];
}

static nsec_t quota(const struct sched_group *g)
{
    return PERIOD * READ_ONCE(g->cap) / 100;
}

/* Add the quotas of the periods that have ended. One CPU does it for each period. */
static void refill(struct sched_group *g, nsec_t now)
{
    uint64_t end = atomic_load(&g->policy_data[GROUP_PERIOD_END]), next;
    int64_t budget, filled;
    nsec_t periods;

    if (now < (nsec_t)end)
        return;
    periods = (now - (nsec_t)end) / PERIOD + 1;
    next = end + (uint64_t)(periods * PERIOD);
    if (!atomic_compare_exchange(&g->policy_data[GROUP_PERIOD_END], &end, next))
        return;
    budget = atomic_load(budget_of(g));
    do {
        filled = MIN(budget + MIN(periods, 1000) * quota(g), quota(g));
    } while (!atomic_compare_exchange(budget_of(g), &budget, filled));
}

static bool cap_used_up(struct sched_group *g, nsec_t now)
{
    if (likely(!READ_ONCE(g->cap)))
        return false;
    refill(g, now);
    return atomic_load(budget_of(g)) <= 0;
}

static int64_t scaled(const struct sched_unit *u, nsec_t ran)
{
    return ran * SCHED_DEFAULT_WEIGHT / (nsec_t)READ_ONCE(u->group->weight);
}

/* The queue or the running unit's time has changed: so may the clock. */
static void advance(struct fair_cpu *c)
{
    struct sched_unit *first = unit_queue_first(&c->queue);
    int64_t least = INT64_MAX;

    if (c->running)
        least = c->running->virtual_time;
    if (first)
        least = MIN(least, first->virtual_time);
    if (least != INT64_MAX && least > c->least)
        c->least = least;
}

static int64_t best_of(const struct fair_cpu *c)
{
    struct sched_unit *first = unit_queue_first(&c->queue);

    return first ? first->virtual_time + c->offset : CPU_TREE_NONE;
}

/* The time of the first that another CPU may take, as far as is looked. */
static int64_t best_to_go(const struct fair_cpu *c, int64_t best)
{
    const struct pq_node *n = pq_first(&c->queue);

    if (likely(!n || !unit_of(n)->is_pinned))
        return best;
    n = unit_queue_unpinned(n);
    return n ? n->key + c->offset : CPU_TREE_NONE;
}

/* The same, and tell other CPUs. */
static void show(unsigned cpu)
{
    struct fair_cpu *c = &fair_cpus[cpu];
    int64_t best = best_of(c);

    advance(c);
    atomic_store(&c->shown_least, c->least + c->offset);
    cpu_tree_set(&fronts, cpu, -(c->running ? MIN(best, c->running->virtual_time + c->offset) : best));
    cpu_tree_set(&bests, cpu, best_to_go(c, best));
    cpu_tree_set(&loads, cpu, c->count + !!c->running);
}

static void fair_cpu_init(unsigned cpu)
{
    struct fair_cpu *c = &fair_cpus[cpu];

    /* The clock goes on: units that slept here in another pool's time may still refer to it. */
    *c = (struct fair_cpu){ .least = c->least, .offset = c->offset };
    list_init(&c->parked);
    atomic_store(&c->shown_least, c->least + c->offset);
    cpu_tree_enter(&fronts, cpu, IDLE);
    cpu_tree_enter(&bests, cpu, CPU_TREE_NONE);
    cpu_tree_enter(&loads, cpu, 0);
    cpu_tree_enter(&clocks, cpu, CPU_TREE_NONE);
}

static void fair_unit_init(struct sched_unit *u)
{
    u->virtual_time = 0;
    u->policy_data[UNIT_HOME] = u->policy_data[UNIT_PARKED] = u->policy_data[UNIT_DEBT] = 0;
}

static void fair_group_changed(struct sched_group *g, nsec_t now)
{
    atomic_store(&g->policy_data[GROUP_PERIOD_END], (uint64_t)(now + PERIOD));
    atomic_store(budget_of(g), quota(g));
}

/* An idle CPU, the last one if it is idle, or MAX_CPUS. */
static unsigned idle_in(const struct cpu_filter *among, unsigned last)
{
    if (cpu_tree_number(&fronts, last) == IDLE && cpu_filter_has(among, last))
        return last;
    return cpu_tree_least(&fronts, among, IDLE + 1);
}

/* The comparable virtual time of u: what it will have when it wakes. */
static int64_t shown_time(const struct sched_unit *u)
{
    uint64_t home = u->policy_data[UNIT_HOME];
    const struct fair_cpu *c;

    if (!home)
        return u->virtual_time;
    c = &fair_cpus[home - 1];
    return MAX(u->virtual_time + atomic_load(&c->offset), atomic_load(&c->shown_least) - CREDIT);
}

/*
 * Where it ran last if that is idle, an idle CPU, where it ran last if it may run there at once, where it may run at once, where it ran
 * last, the least loaded one, or MAX_CPUS. It may run at once where neither what runs nor what waits already, just woken too perhaps, goes
 * before it.
 */
static unsigned place_among(const struct cpu_filter *among, const struct sched_unit *u, unsigned last)
{
    int64_t time, front = cpu_tree_number(&fronts, last);
    bool stays = cpu_filter_has(among, last);
    unsigned cpu;

    if (stays && front == IDLE)
        return last;
    time = shown_time(u);
    stays = stays && u->policy_data[UNIT_HOME];
    cpu = cpu_tree_least(&fronts, among, -time);
    if (cpu != MAX_CPUS)
        return stays && front < -time && cpu_tree_number(&fronts, cpu) != IDLE ? last : cpu;
    return stays ? last : cpu_tree_least(&loads, among, CPU_TREE_NONE);
}

/* An idle CPU it likes, any idle CPU, a busy one, which it likes if it likes any. */
static NOINLINE unsigned place_liked(const struct cpu_filter *allowed, const struct sched_unit *u, unsigned last)
{
    struct cpu_filter liked = *allowed;
    unsigned cpu;

    liked.soft = &u->soft;
    cpu = idle_in(&liked, last);
    if (cpu == MAX_CPUS)
        cpu = idle_in(allowed, last);
    if (cpu == MAX_CPUS)
        cpu = place_among(&liked, u, last);
    return cpu == MAX_CPUS ? place_among(allowed, u, last) : cpu;
}

static unsigned fair_place(const struct sched_unit *u, const struct cpu_filter *allowed)
{
    unsigned last = atomic_load(&u->cpu);

    return unlikely(u->has_soft) ? place_liked(allowed, u, last) : place_among(allowed, u, last);
}

/* In order; after those of equal time. */
static void insert(struct fair_cpu *c, struct sched_unit *u)
{
    pq_insert(&c->queue, &u->node, u->virtual_time);
    u->policy_data[UNIT_PARKED] = false;
    c->count++;
}

static void take_out(struct fair_cpu *c, struct sched_unit *u)
{
    ASSERT(c->count && u->node.key == u->virtual_time);
    pq_remove(&c->queue, &u->node);
    c->count--;
}

/* u comes from another CPU: its time becomes one of this clock. Whoever owes much owes it here; else clocks that differ would forgive it. */
static void arrive(struct fair_cpu *c, struct sched_unit *u)
{
    int64_t debt = (int64_t)u->policy_data[UNIT_DEBT];

    ASSERT(!u->policy_data[UNIT_HOME]);
    if (debt > CREDIT)
        u->virtual_time = c->least + debt;
    else
        u->virtual_time = MIN(u->virtual_time - c->offset, c->least + CREDIT);
}

static void fair_enqueue(unsigned cpu, struct sched_unit *u, bool woken, nsec_t now UNUSED)
{
    struct fair_cpu *c = &fair_cpus[cpu];

    if (c->running == u)
        c->running = NULL;
    if (!u->policy_data[UNIT_HOME]) {
        arrive(c, u);
        woken = true;
    }
    ASSERT(!u->policy_data[UNIT_HOME] || u->policy_data[UNIT_HOME] == cpu + 1);
    if (woken)
        u->virtual_time = MAX(u->virtual_time, c->least - CREDIT);
    u->policy_data[UNIT_HOME] = cpu + 1;
    insert(c, u);
    if (woken)
        show(cpu);
    else
        advance(c);
}

static bool fair_leave(unsigned cpu, struct sched_unit *u)
{
    struct fair_cpu *c = &fair_cpus[cpu];

    if (u->policy == &sched_policy_fair && u->policy_data[UNIT_HOME] == cpu + 1) {
        u->policy_data[UNIT_DEBT] = (uint64_t)(u->virtual_time - c->least);
        u->virtual_time += c->offset;
        u->policy_data[UNIT_HOME] = 0;
    }
    return false;
}

static void fair_dequeue(unsigned cpu, struct sched_unit *u)
{
    struct fair_cpu *c = &fair_cpus[cpu];

    if (u->policy_data[UNIT_PARKED])
        list_remove(&u->queue);
    else
        take_out(c, u);
    u->policy_data[UNIT_PARKED] = false;
    show(cpu);
}

static void park(struct fair_cpu *c, struct sched_unit *u)
{
    take_out(c, u);
    list_push_back(&c->parked, &u->queue);
    u->policy_data[UNIT_PARKED] = true;
}

static void unpark(struct fair_cpu *c, nsec_t now)
{
    struct sched_unit *u, *next;

    list_for_each_safe(u, next, &c->parked, queue) {
        if (cap_used_up(u->group, now))
            continue;
        list_remove(&u->queue);
        u->virtual_time = MAX(u->virtual_time, c->least - CREDIT);
        insert(c, u);
    }
}

static struct sched_unit *fair_pick(unsigned cpu, nsec_t now)
{
    struct fair_cpu *c = &fair_cpus[cpu];
    struct sched_unit *u;

    if (unlikely(!list_empty(&c->parked)))
        unpark(c, now);
    while ((u = unit_queue_first(&c->queue)) && cap_used_up(u->group, now))
        park(c, u);
    if (u)
        take_out(c, u);
    c->running = u;
    show(cpu);
    return u;
}

static void fair_account(unsigned cpu, struct sched_unit *u, nsec_t ran, nsec_t now)
{
    ASSERT(ran >= 0);
    u->virtual_time += scaled(u, ran);
    if (READ_ONCE(u->group->cap)) {
        refill(u->group, now);
        atomic_fetch_sub(budget_of(u->group), ran);
    }
    advance(&fair_cpus[cpu]);
}

static nsec_t fair_runs_at(unsigned cpu UNUSED, const struct sched_unit *woken, const struct sched_unit *running, nsec_t since,
                           nsec_t now)
{
    ASSERT(woken != running);
    if (woken->virtual_time >= running->virtual_time + scaled(running, now - since))
        return NSEC_NEVER;
    return cap_used_up(woken->group, now) ? (nsec_t)atomic_load(&woken->group->policy_data[GROUP_PERIOD_END]) : now;
}

/* When the first of the parked may go on. */
static nsec_t parked_until(struct fair_cpu *c, nsec_t now)
{
    nsec_t first = NSEC_NEVER;
    struct sched_unit *u;

    list_for_each(u, &c->parked, queue)
        first = MIN(first, (nsec_t)atomic_load(&u->group->policy_data[GROUP_PERIOD_END]));
    return first == NSEC_NEVER ? NSEC_NEVER : MAX(first - now, 0);
}

static nsec_t fair_slice(unsigned cpu, const struct sched_unit *u, nsec_t now)
{
    struct fair_cpu *c = &fair_cpus[cpu];
    nsec_t slice = NSEC_NEVER;

    if (u) {
        slice = MIN(SLICE, MAX(SLICE_MIN, ROUND / (nsec_t)(c->count + 1)));
        if (READ_ONCE(u->group->cap))
            slice = MIN(slice, MAX(MIN(CAPPED_SLICE, atomic_load(budget_of(u->group))), CAPPED_SLICE_MIN));
    }
    if (unlikely(!list_empty(&c->parked)))
        slice = MIN(slice, parked_until(c, now));
    return slice;
}

/* Behind the first of those that wait, so that at least one goes before it. */
static void fair_yield(unsigned cpu, struct sched_unit *u)
{
    struct sched_unit *first = unit_queue_first(&fair_cpus[cpu].queue);

    if (first)
        u->virtual_time = MAX(u->virtual_time, first->virtual_time);
}

/* The clock is far behind that of others: set it. */
static void resync(unsigned cpu, const struct cpu_filter *among)
{
    struct fair_cpu *c = &fair_cpus[cpu];
    unsigned furthest = cpu_tree_least(&clocks, among, -(c->least + c->offset + RESYNC));
    int64_t behind = furthest == MAX_CPUS ? 0 : -cpu_tree_number(&clocks, furthest) - (c->least + c->offset);

    /* It may have changed since. */
    if (behind <= RESYNC)
        return;
    atomic_store(&c->offset, c->offset + behind);
    show(cpu);
}

static unsigned fair_victim(unsigned thief, const struct cpu_filter *among)
{
    struct fair_cpu *c = &fair_cpus[thief];
    unsigned cpu = cpu_tree_least(&bests, among, CPU_TREE_NONE);
    int64_t ours = best_of(c), theirs = cpu == MAX_CPUS ? CPU_TREE_NONE : cpu_tree_number(&bests, cpu);

    cpu_tree_set(&clocks, thief, c->count ? -(c->least + c->offset) : CPU_TREE_NONE);
    if (theirs == CPU_TREE_NONE)
        return thief;
    /* What comes here from afar has slept too long for this clock and would be no better than this. */
    if (ours == CPU_TREE_NONE || MAX(theirs, c->least + c->offset - CREDIT) + STEAL_MARGIN < ours)
        return cpu;
    resync(thief, among);
    return thief;
}

/* The best of those near the front that may go: the first if it may. */
static struct sched_unit *fair_steal(unsigned thief, unsigned from)
{
    struct fair_cpu *c = &fair_cpus[from];
    struct sched_unit *u, *best = NULL;
    unsigned left = STEAL_WALK;

    ASSERT(thief != from);
    for (struct pq_node *n = pq_first(&c->queue); n && left; n = pq_walk(n), left--) {
        u = unit_of(n);
        if ((best && u->virtual_time >= best->virtual_time) || !sched_may_run_on(u, thief) || sched_unit_is_on_cpu(u))
            continue;
        best = u;
        if (u == unit_queue_first(&c->queue))
            break;
    }
    if (best)
        fair_dequeue(from, best);
    return best;
}

const struct sched_policy sched_policy_fair = {
    .name = "fair",
    .abi_id = 6,                /* XEN_SCHEDULER_CREDIT2 */
    .has_ratelimit = true,
    .cpu_init = fair_cpu_init,
    .unit_init = fair_unit_init,
    .group_changed = fair_group_changed,
    .place = fair_place,
    .enqueue = fair_enqueue,
    .dequeue = fair_dequeue,
    .pick = fair_pick,
    .account = fair_account,
    .runs_at = fair_runs_at,
    .slice = fair_slice,
    .yield = fair_yield,
    .victim = fair_victim,
    .steal = fair_steal,
    .leave = fair_leave,
};
