/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core of the scheduler: states, CPUs, locks. Where units go is in placement.c, what runs when is the policy's affair.
 *
 * A unit belongs to the CPU in u->cpu; its state changes only under that CPU's runqueue lock. u->cpu changes under the lock of the CPU
 * it leaves, and only while the unit's registers are not live there:
 *
 *   on_cpu   set by sched_pick on the CPU that will run it, cleared by sched_switched_out once it is saved
 *   migrate  READY, in no queue: may not run where it is. Whoever finds it set and on_cpu clear places it anew.
 *
 * A unit that is woken while its registers are still live stays on its CPU; thieves leave it alone. So no unit is ever on two CPUs.
 */
#include "sched/runqueue.h"
#include "sched/cpu_tree.h"
#include "arch/include/time.h"
#include "lib/cpu_work.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"

/* How often a busy CPU looks for what it should rather run elsewhere. */
#define PULL_INTERVAL MSEC(10)
/* The slice of what runs after a yield. */
#define YIELD_SLICE MSEC(1)

struct runqueue runqueues[MAX_CPUS];
static const struct sched_policy *const policies[] = {
    &sched_policy_fair, &sched_policy_null, &sched_policy_rtds, &sched_policy_arinc653,
};
static cpu_set online_cpus;

const struct sched_policy *sched_policy_nth(unsigned i)
{
    return i < ARRAY_SIZE(policies) ? policies[i] : NULL;
}

const struct sched_policy *sched_policy_named(const char *name)
{
    if (!*name || strcmp(name, "credit2") == 0)
        return &sched_policy_fair;
    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++)
        if (strcmp(name, policies[i]->name) == 0)
            return policies[i];
    return NULL;
}

void sched_init(const char *policy_name)
{
    const struct sched_policy *policy = sched_policy_named(policy_name);

    if (!policy)
        log_warning("sched=%s: no such policy; using %s", policy_name, sched_policy_fair.name);
    online_cpus = (cpu_set){ 0 };
    placement_init();
    pools_init(policy ? policy : &sched_policy_fair);
}

static void slice_over(struct timer *t)
{
    struct runqueue *rq = container_of(t, struct runqueue, slice_timer);

    /* The timer fires on the CPU it was set on, which is the queue's. */
    ASSERT(rq == &THIS_CPU(runqueues));
    rq->slice_over = t->when >= rq->slice_end;
    cpu_work_raise(cpu_id(), CPU_WORK_SCHED);
}

void sched_cpu_up(unsigned cpu)
{
    struct runqueue *rq = &runqueues[cpu];

    ASSERT(cpu < MAX_CPUS && !cpu_set_has(&online_cpus, cpu));
    *rq = (struct runqueue){ 0 };
    spin_lock_init(&rq->lock, LOCK_RUNQUEUE);
    timer_init(&rq->slice_timer, slice_over);
    rq->idle_since = arch_time_now();
    atomic_test_and_set_bit(online_cpus.bits, cpu);
    cpu_tree_has_cpu(cpu);
    pools_cpu_up(cpu);
}

/* Lock the CPU that u belongs to. */
struct runqueue *sched_lock_unit(const struct sched_unit *u)
{
    for (;;) {
        unsigned cpu = atomic_load(&u->cpu);

        spin_lock(&runqueues[cpu].lock);
        if (u->cpu == cpu)
            return &runqueues[cpu];
        spin_unlock(&runqueues[cpu].lock);
    }
}

void sched_enqueue(struct runqueue *rq, struct sched_unit *u, bool woken, nsec_t now)
{
    ASSERT(spin_is_held(&rq->lock) && rq == &runqueues[u->cpu]);
    ASSERT(!u->queued && !u->migrate);
    u->state = UNIT_READY;
    u->queued = true;
    rq->ready++;
    if (u->policy != rq->policy) {
        u->policy = rq->policy;
        if (u->policy->unit_init)
            u->policy->unit_init(u);
    }
    rq->policy->enqueue(u->cpu, u, woken, now);
}

void sched_dequeue(struct runqueue *rq, struct sched_unit *u)
{
    ASSERT(spin_is_held(&rq->lock) && u->queued && rq->ready);
    rq->policy->dequeue(u->cpu, u);
    u->queued = false;
    rq->ready--;
}

/* Until when no wake-up takes the CPU from what runs there. */
static nsec_t hold_end(const struct runqueue *rq)
{
    return rq->yielded || rq->slice_over || !rq->pool ? 0 : rq->chosen_at + USEC(atomic_load(&rq->pool->ratelimit_us));
}

/* Choose again at `when` at the latest. On the CPU of rq. */
static void choose_again_at(struct runqueue *rq, nsec_t when)
{
    ASSERT(rq == &THIS_CPU(runqueues) && spin_is_held(&rq->lock));
    if (!rq->slice_timer.armed || rq->slice_timer.when > when)
        timer_set(&rq->slice_timer, when);
}

/* u waits behind what runs: should it run before that is asked to choose again anyway? */
static void interrupt_running(struct runqueue *rq, struct sched_unit *u, nsec_t now)
{
    nsec_t when = rq->policy->runs_at(u->cpu, u, rq->running, rq->running->ran_since, now);

    if (when == NSEC_NEVER) {
        if (unlikely(rq->policy->waiting))
            sched_offer(rq);
        return;
    }
    when = MAX(when, hold_end(rq));
    if (when > now && u->cpu == cpu_id())
        choose_again_at(rq, when);
    else
        cpu_work_raise(u->cpu, CPU_WORK_SCHED);
    if (when <= now)
        return;
    sched_ask_idle_cpu(u);
}

void sched_enqueue_woken(struct runqueue *rq, struct sched_unit *u)
{
    nsec_t now = arch_time_now();

    u->ready_since = now;
    sched_enqueue(rq, u, true, now);
    if (rq->running)
        interrupt_running(rq, u, now);
    else
        cpu_work_raise(u->cpu, CPU_WORK_SCHED);
}

void sched_wake(struct sched_unit *u)
{
    bool placed = false;

    for (;;) {
        struct runqueue *rq = sched_lock_unit(u);

        if (u->state != UNIT_ASLEEP || !u->wants_cpu(u)) {
            spin_unlock(&rq->lock);
            return;
        }
        if (sched_unit_is_on_cpu(u)) {
            if (sched_may_run_on(u, u->cpu)) {
                sched_enqueue_woken(rq, u);
                spin_unlock(&rq->lock);
            } else {
                sched_start_migration(rq, u);
            }
            return;
        }
        placed |= rq->idle && cpu_set_has(&u->soft, u->cpu);
        if (!placed || !sched_may_run_on(u, u->cpu)) {
            unsigned target = sched_place(u);

            placed = true;
            if (target != u->cpu) {
                sched_set_cpu(rq, u, target);
                spin_unlock(&rq->lock);
                continue;
            }
        }
        sched_enqueue_woken(rq, u);
        spin_unlock(&rq->lock);
        return;
    }
}

/* u sleeps: who is offline gives up what the policy keeps for it. */
static void fall_asleep(struct sched_unit *u)
{
    ASSERT(!u->queued && !u->migrate);
    u->state = UNIT_ASLEEP;
    if (u->is_offline && u->is_offline(u))
        sched_unit_leaves(u);
}

void sched_sleep(struct sched_unit *u)
{
    struct runqueue *rq = sched_lock_unit(u);

    if (!u->wants_cpu(u)) {
        if (u->state == UNIT_READY) {
            if (u->queued)
                sched_dequeue(rq, u);
            u->migrate = false;
            fall_asleep(u);
        } else if (u->state == UNIT_RUNNING) {
            cpu_work_raise(u->cpu, CPU_WORK_SCHED);
        } else {
            fall_asleep(u);
        }
    }
    spin_unlock(&rq->lock);
}

/* Charge the running unit for its time up to now. */
static void account(struct sched_unit *u, nsec_t now)
{
    nsec_t ran = now - u->ran_since;

    ASSERT(u->state == UNIT_RUNNING && ran >= 0);
    u->ran_total += ran;
    u->ran_since = now;
    runqueues[u->cpu].policy->account(u->cpu, u, ran, now);
}

void sched_unit_yield(struct sched_unit *u)
{
    struct runqueue *rq = &THIS_CPU(runqueues);

    spin_lock(&rq->lock);
    ASSERT(rq->running == u);
    if (rq->ready) {
        account(u, arch_time_now());
        if (rq->policy->yield)
            rq->policy->yield(u->cpu, u);
        rq->yielded = true;
        cpu_work_raise(u->cpu, CPU_WORK_SCHED);
    }
    spin_unlock(&rq->lock);
}

bool sched_needed(void)
{
    return cpu_work_pending() & CPU_WORK_SCHED;
}

/* What ran is charged and goes back where it belongs: asleep, queued, or off to another CPU. */
static void settle(struct runqueue *rq, struct sched_unit *u, nsec_t now)
{
    ASSERT(rq->running == u && atomic_load(&u->on_cpu));
    account(u, now);
    rq->running = NULL;
    u->ready_since = now;
    if (!u->wants_cpu(u)) {
        fall_asleep(u);
    } else if (sched_may_run_on(u, u->cpu)) {
        sched_enqueue(rq, u, false, now);
    } else {
        u->state = UNIT_READY;
        u->migrate = true;
    }
}

/* Must u, which runs, go on until its minimum is over? */
static bool is_held(const struct runqueue *rq, const struct sched_unit *u, nsec_t now)
{
    return now < hold_end(rq) && u->wants_cpu(u) && sched_may_run_on(u, u->cpu);
}

static void set_idle(struct runqueue *rq, bool idle, nsec_t now)
{
    if (idle == rq->idle)
        return;
    rq->idle = idle;
    if (idle)
        rq->idle_since = now;
    else
        rq->idle_total += now - rq->idle_since;
    sched_show_idle(runqueue_cpu(rq), idle);
}

static struct sched_unit *choose(struct runqueue *rq, nsec_t now)
{
    bool has_one_order = rq->policy->waiting != NULL;
    struct sched_unit *next;

    /* Also where units that never use up their slices take turns. */
    if (rq->slice_over || now - rq->pulled_at > PULL_INTERVAL || has_one_order)
        sched_pull(rq, now);
    rq->slice_over = rq->yielded = false;
    next = rq->policy->pick(cpu_id(), now);
    if (!next) {
        /* Idle first, so that whoever queues something after this look asks us; meets the queueing under the other lock. */
        set_idle(rq, true, now);
        barrier_full();
        sched_pull(rq, now);
        next = rq->policy->pick(cpu_id(), now);
    }
    if (unlikely(has_one_order))
        sched_offer(rq);
    return next;
}

/* Make u (NULL: idle) what this CPU runs, for that long at most. */
static void run(struct runqueue *rq, struct sched_unit *u, nsec_t now, nsec_t longest)
{
    nsec_t slice = MIN(rq->policy->slice(cpu_id(), u, now), longest);
    bool was_near = rq->slice_timer.armed && rq->slice_timer.when < rq->slice_end;

    ASSERT(spin_is_held(&rq->lock));
    rq->running = u;
    set_idle(rq, !u, now);
    if (u) {
        ASSERT(u->queued && u->cpu == cpu_id());
        rq->ready--;
        u->queued = false;
        u->state = UNIT_RUNNING;
        u->ran_since = now;
        atomic_store(&u->on_cpu, true);
    }
    rq->slice_end = slice == NSEC_NEVER ? NSEC_NEVER : now + slice;
    if (slice == NSEC_NEVER)
        timer_cancel(&rq->slice_timer);
    else
        timer_set(&rq->slice_timer, rq->slice_end);
    if (was_near)
        timer_refresh();
}

struct sched_unit *sched_pick(struct sched_unit *current)
{
    struct runqueue *rq = &THIS_CPU(runqueues);
    struct sched_unit *next;
    nsec_t now, longest;

    spin_lock(&rq->lock);
    now = arch_time_now();
    ASSERT(rq->running == current);
    if (current && is_held(rq, current, now)) {
        choose_again_at(rq, hold_end(rq));
        spin_unlock(&rq->lock);
        return current;
    }
    if (current)
        settle(rq, current, now);
    /* Who yields waits for something that another does soon, not for a whole slice of that. */
    longest = rq->yielded ? YIELD_SLICE : NSEC_NEVER;
    next = choose(rq, now);
    if (next != current)
        rq->chosen_at = now;
    run(rq, next, now, longest);
    spin_unlock(&rq->lock);
    return next;
}

void sched_switched_out(struct sched_unit *u)
{
    /* What the switch saved is visible to whoever sees on_cpu clear (acquire in sched_unit_is_on_cpu, which steal asks). */
    (void)atomic_exchange(&u->on_cpu, false);
    /* Meets the order between migrate and on_cpu in sched_start_migration: one of the two places it. */
    if (unlikely(atomic_load_ordered(&u->migrate)))
        sched_place_migrating(u);
    else if (atomic_load(&u->state) == UNIT_READY)
        sched_ask_for_waiting(u);
}

bool sched_unit_is_on_cpu(const struct sched_unit *u)
{
    return atomic_load_acquire(&u->on_cpu);
}

struct sched_unit *sched_running(unsigned cpu)
{
    ASSERT(cpu < MAX_CPUS);
    return atomic_load(&runqueues[cpu].running);
}

const cpu_set *sched_online(void)
{
    return &online_cpus;
}
