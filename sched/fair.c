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
#include "sched/sched.h"
#include "arch/include/cpu.h"
#include "arch/include/time.h"
#include "lib/assert.h"
#include "lib/atomic.h"

#define CREDIT MSEC(10)
#define STEAL_MARGIN MSEC(5)
#define RESYNC MSEC(200)
#define SLICE MSEC(10)
#define SLICE_MIN MSEC(2)
#define ROUND MSEC(20)          /* everybody ready gets a turn within this, as long as slices stay above the minimum */
#define PERIOD MSEC(10)
#define CAPPED_SLICE MSEC(1)    /* several CPUs draw on one budget: look again soon */
#define CAPPED_SLICE_MIN USEC(50)
#define STEAL_WALK 16           /* units looked at for one that may run on the thief */

struct fair_cpu {
    struct priority_queue queue;    /* ready, least virtual time first */
    struct list parked;         /* ready, but their group's cap is used up */
    unsigned count;             /* in `queue`; read by other CPUs as a hint */
    struct sched_unit *running; /* what pick gave out last */
    int64_t least;              /* least virtual time of what is ready or running; never goes back */
    int64_t offset;             /* to times that can be compared: the following, for other CPUs */
    int64_t shown_least, shown_best, shown_running;     /* of the clock; of the first in `queue`; of `running` when last accounted */
} ALIGNED(64);

static PER_CPU(struct fair_cpu, fair_cpus);

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

static struct sched_unit *first_of(struct fair_cpu *c)
{
    struct pq_node *n = pq_first(&c->queue);

    return n ? container_of(n, struct sched_unit, node) : NULL;
}

/* The queue or the running unit's time has changed: bring the clock and what others see up to date. */
static void update(struct fair_cpu *c)
{
    struct sched_unit *first = first_of(c);
    int64_t least = INT64_MAX;

    if (c->running)
        least = c->running->virtual_time;
    if (first)
        least = MIN(least, first->virtual_time);
    if (least != INT64_MAX && least > c->least)
        c->least = least;
    atomic_store(&c->shown_least, c->least + c->offset);
    atomic_store(&c->shown_best, first ? first->virtual_time + c->offset : INT64_MAX);
    atomic_store(&c->shown_running, c->running ? c->running->virtual_time + c->offset : INT64_MIN);
}

static void fair_cpu_init(unsigned cpu)
{
    struct fair_cpu *c = &fair_cpus[cpu];

    /* The clock goes on: units that slept here in another pool's time may still refer to it. */
    *c = (struct fair_cpu){ .least = c->least, .offset = c->offset };
    list_init(&c->parked);
    update(c);
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

static bool is_idle(const struct fair_cpu *c)
{
    return !atomic_load(&c->running) && !atomic_load(&c->count);
}

/* An idle CPU of the set, the preferred one if it is idle, or MAX_CPUS. */
static unsigned idle_in(const cpu_set *set, unsigned preferred)
{
    if (cpu_set_has(set, preferred) && is_idle(&fair_cpus[preferred]))
        return preferred;
    for (unsigned cpu = bitmap_next_set(set->bits, MAX_CPUS, 0); cpu < MAX_CPUS;
         cpu = bitmap_next_set(set->bits, MAX_CPUS, cpu + 1))
        if (is_idle(&fair_cpus[cpu]))
            return cpu;
    return MAX_CPUS;
}

static unsigned least_loaded(const cpu_set *set)
{
    unsigned best = MAX_CPUS, least = UINT_MAX;

    for (unsigned cpu = bitmap_next_set(set->bits, MAX_CPUS, 0); cpu < MAX_CPUS;
         cpu = bitmap_next_set(set->bits, MAX_CPUS, cpu + 1)) {
        unsigned load = atomic_load(&fair_cpus[cpu].count) + !!atomic_load(&fair_cpus[cpu].running);

        if (load < least) {
            least = load;
            best = cpu;
        }
    }
    ASSERT(best < MAX_CPUS);
    return best;
}

/* Soft affinity narrows the choice while it leaves any. */
static cpu_set preferred_of(const struct sched_unit *u, const cpu_set *allowed)
{
    cpu_set r = *allowed;
    uint64_t any = 0;

    for (unsigned i = 0; i < BITMAP_WORDS(MAX_CPUS); i++) {
        r.bits[i] &= u->soft.bits[i];
        any |= r.bits[i];
    }
    return any ? r : *allowed;
}

/* Neither what runs on c nor what already waits there, just woken too perhaps, goes before a unit of that time. */
static bool goes_first(const struct fair_cpu *c, int64_t time)
{
    return atomic_load(&c->shown_running) > time && atomic_load(&c->shown_best) > time;
}

/* Where a unit of that time goes first: the CPU whose running unit is furthest ahead; or MAX_CPUS. */
static unsigned most_ahead(const cpu_set *set, int64_t time)
{
    unsigned best = MAX_CPUS;
    int64_t furthest = time;

    for (unsigned cpu = bitmap_next_set(set->bits, MAX_CPUS, 0); cpu < MAX_CPUS;
         cpu = bitmap_next_set(set->bits, MAX_CPUS, cpu + 1)) {
        int64_t running = atomic_load(&fair_cpus[cpu].shown_running);

        if (running > furthest && goes_first(&fair_cpus[cpu], time)) {
            furthest = running;
            best = cpu;
        }
    }
    return best;
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

/* Every CPU of `liked` is busy: where it ran last if it may run there at once, where it may run at once, where it ran last, the least
 * loaded one. */
static unsigned place_busy(const struct sched_unit *u, const cpu_set *liked, unsigned last)
{
    int64_t time = shown_time(u);
    bool stays = u->policy_data[UNIT_HOME] && cpu_set_has(liked, last);
    unsigned cpu;

    if (stays && goes_first(&fair_cpus[last], time))
        return last;
    cpu = most_ahead(liked, time);
    if (cpu != MAX_CPUS)
        return cpu;
    return stays ? last : least_loaded(liked);
}

/* Where it ran last if that is idle, an idle CPU it likes, any idle CPU, a busy one. */
static unsigned fair_place(const struct sched_unit *u, const cpu_set *allowed)
{
    cpu_set liked = preferred_of(u, allowed);
    unsigned last = atomic_load(&u->cpu), cpu;

    cpu = idle_in(&liked, last);
    if (cpu == MAX_CPUS)
        cpu = idle_in(allowed, last);
    return cpu != MAX_CPUS ? cpu : place_busy(u, &liked, last);
}

/* In order; after those of equal time. */
static void insert(struct fair_cpu *c, struct sched_unit *u)
{
    pq_insert(&c->queue, &u->node, u->virtual_time);
    u->policy_data[UNIT_PARKED] = false;
    atomic_store(&c->count, c->count + 1);
}

static void take_out(struct fair_cpu *c, struct sched_unit *u)
{
    ASSERT(c->count && u->node.key == u->virtual_time);
    pq_remove(&c->queue, &u->node);
    atomic_store(&c->count, c->count - 1);
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
    update(c);
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
    update(c);
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
    while ((u = first_of(c)) && cap_used_up(u->group, now))
        park(c, u);
    if (u)
        take_out(c, u);
    atomic_store(&c->running, u);
    update(c);
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
    update(&fair_cpus[cpu]);
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
    struct sched_unit *first = first_of(&fair_cpus[cpu]);

    if (first)
        u->virtual_time = MAX(u->virtual_time, first->virtual_time);
}

/* The clock of c is far behind `other`: set it. */
static void resync(struct fair_cpu *c, int64_t other)
{
    int64_t behind = other - (c->least + c->offset);

    if (behind <= RESYNC)
        return;
    atomic_store(&c->offset, c->offset + behind);
    update(c);
}

static unsigned fair_victim(unsigned thief, const cpu_set *among)
{
    struct fair_cpu *c = &fair_cpus[thief];
    /* What comes here from afar has slept too long for this clock and would be no better than this. */
    int64_t ours = c->shown_best, no_better = c->shown_least - CREDIT, furthest = INT64_MIN;

    for (unsigned cpu = bitmap_next_set(among->bits, MAX_CPUS, 0); cpu < MAX_CPUS;
         cpu = bitmap_next_set(among->bits, MAX_CPUS, cpu + 1)) {
        int64_t theirs = atomic_load(&fair_cpus[cpu].shown_best);

        if (!atomic_load(&fair_cpus[cpu].count) || theirs == INT64_MAX)
            continue;
        if (ours == INT64_MAX || MAX(theirs, no_better) + STEAL_MARGIN < ours)
            return cpu;
        furthest = MAX(furthest, atomic_load(&fair_cpus[cpu].shown_least));
    }
    if (furthest != INT64_MIN)
        resync(c, furthest);
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
        u = container_of(n, struct sched_unit, node);
        if ((best && u->virtual_time >= best->virtual_time) || !sched_may_run_on(u, thief) || sched_unit_is_on_cpu(u))
            continue;
        best = u;
        if (u == first_of(c))
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
