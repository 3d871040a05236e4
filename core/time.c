/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Software timers. Each CPU keeps its armed timers in a priority queue. The hardware deadline is moved only when the new first timer comes before it: one that has become too early costs an
 * interrupt that finds nothing due, unless timer_refresh is asked to spare it.
 *
 * t->cpu and t->armed change only under the lock of the CPU that t->cpu names (and of the new one).
 */
#include "core/time.h"
#include "arch/include/cpu.h"
#include "arch/include/upcall.h"
#include "lib/cpu_work.h"
#include "lib/print.h"
#include "lib/spinlock.h"

static struct timer_cpu {
    spinlock_t lock;            /* LOCK_TIMER */
    struct priority_queue queue;    /* armed, by when */
    nsec_t deadline;            /* what the hardware was asked for */
    bool ready;
} ALIGNED(64) timer_cpus[MAX_CPUS];

void timer_cpu_init(void)
{
    struct timer_cpu *c = &THIS_CPU(timer_cpus);

    spin_lock_init(&c->lock, LOCK_TIMER);
    c->queue = (struct priority_queue){ 0 };
    c->deadline = NSEC_NEVER;
    c->ready = true;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    ASSERT(fire);
    *t = (struct timer){ .fire = fire };
}

/* Lock the CPU that t is on together with this one; returns the former. */
static struct timer_cpu *lock_both(struct timer *t, struct timer_cpu *here)
{
    for (;;) {
        struct timer_cpu *c = &timer_cpus[atomic_load(&t->cpu)];

        spin_lock_pair(&c->lock, &here->lock);
        if (c == &timer_cpus[t->cpu])
            return c;
        spin_unlock_pair(&c->lock, &here->lock);
    }
}

static struct timer *first_of(const struct timer_cpu *c)
{
    struct pq_node *n = pq_first(&c->queue);

    return n ? container_of(n, struct timer, node) : NULL;
}

void timer_set(struct timer *t, nsec_t when)
{
    struct timer_cpu *here = &THIS_CPU(timer_cpus), *old;

    ASSERT(here->ready && t->fire);
    old = lock_both(t, here);
    if (t->armed)
        pq_remove(&old->queue, &t->node);
    t->when = when;
    t->armed = true;
    atomic_store(&t->cpu, cpu_id());
    pq_insert(&here->queue, &t->node, when);
    if (when < here->deadline) {
        here->deadline = when;
        arch_timer_set_deadline(when);
    }
    spin_unlock_pair(&old->lock, &here->lock);
}

void timer_cancel(struct timer *t)
{
    struct timer_cpu *here = &THIS_CPU(timer_cpus), *old;

    if (!atomic_load(&t->armed))
        return;
    old = lock_both(t, here);
    if (t->armed)
        pq_remove(&old->queue, &t->node);
    t->armed = false;
    spin_unlock_pair(&old->lock, &here->lock);
}

void timer_refresh(void)
{
    struct timer_cpu *c = &THIS_CPU(timer_cpus);
    const struct timer *t;
    nsec_t first;

    spin_lock(&c->lock);
    t = first_of(c);
    first = t ? t->when : NSEC_NEVER;
    if (first != c->deadline) {
        c->deadline = first;
        arch_timer_set_deadline(first);
    }
    spin_unlock(&c->lock);
}

nsec_t timer_next(void)
{
    /* Written by this CPU only. */
    return THIS_CPU(timer_cpus).deadline;
}

/* The next timer of this CPU that is due, disarmed, or NULL after the hardware has been given the new deadline. */
static struct timer *take_due(struct timer_cpu *c)
{
    struct timer *t;

    spin_lock(&c->lock);
    t = first_of(c);
    if (t && t->when <= arch_time_now()) {
        ASSERT(t->armed && t->cpu == cpu_id());
        pq_remove(&c->queue, &t->node);
        t->armed = false;
        spin_unlock(&c->lock);
        return t;
    }
    c->deadline = t ? t->when : NSEC_NEVER;
    arch_timer_set_deadline(c->deadline);
    spin_unlock(&c->lock);
    return NULL;
}

void timer_run_due(void)
{
    struct timer_cpu *c = &THIS_CPU(timer_cpus);
    struct timer *t;

    spin_assert_none_held();
    while ((t = take_due(c)))
        t->fire(t);
}

void upcall_timer(void)
{
    cpu_work_raise(cpu_id(), CPU_WORK_TIMER);
}

void timer_dump(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct timer_cpu *c = &timer_cpus[cpu];
        const struct timer *t;

        if (!c->ready)
            continue;
        spin_lock(&c->lock);
        log_info("CPU %u: now %lld ns, hardware deadline %lld", cpu, (long long)arch_time_now(), (long long)c->deadline);
        for (const struct pq_node *n = pq_first(&c->queue); n; n = pq_walk(n)) {
            t = container_of(n, const struct timer, node);
            log_info("  %lld: %p", (long long)t->when, (void *)t->fire);
        }
        spin_unlock(&c->lock);
    }
}
