/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's bookkeeping off the hot path: units and groups, parameters, figures. */
#include "sched/runqueue.h"
#include "lib/error.h"
#include "lib/print.h"

int sched_unit_init(struct sched_unit *u, struct sched_group *g)
{
    ASSERT(u->wants_cpu && g && g->weight);
    list_init(&u->queue);
    u->node = (struct pq_node){ 0 };
    u->group = g;
    u->state = UNIT_ASLEEP;
    u->cpu = bitmap_next_set(sched_group_pool(g)->cpus.bits, MAX_CPUS, 0) % MAX_CPUS;
    u->on_cpu = u->migrate = u->queued = false;
    u->hard = u->soft = cpu_set_all();
    u->has_hard = u->has_soft = u->is_pinned = false;
    u->ran_since = u->ran_total = u->ready_since = 0;
    u->virtual_time = 0;
    u->period_us = SCHED_DEFAULT_PERIOD_US;
    u->budget_us = SCHED_DEFAULT_BUDGET_US;
    u->extratime = true;
    u->policy = NULL;
    return 0;
}

void sched_unit_remove(struct sched_unit *u)
{
    struct runqueue *rq = sched_lock_unit(u);

    PANIC_IF(u->state != UNIT_ASLEEP || u->queued || sched_unit_is_on_cpu(u), "a unit that runs leaves the scheduler");
    ASSERT(!u->wants_cpu(u));
    sched_unit_leaves(u);
    spin_unlock(&rq->lock);
}

int sched_set_params(struct sched_group *g, uint32_t weight, uint32_t cap)
{
    if (weight < 1 || weight > 65535 || cap > SCHED_MAX_CAP)
        return -E_INVAL;
    WRITE_ONCE(g->weight, weight);
    WRITE_ONCE(g->cap, cap);
    if (sched_group_pool(g)->policy->group_changed)
        sched_group_pool(g)->policy->group_changed(g, arch_time_now());
    return 0;
}

int sched_set_reservation(struct sched_unit *u, uint32_t period_us, uint32_t budget_us, bool extratime)
{
    struct runqueue *rq;

    if (budget_us < SCHED_MIN_PERIOD_US || budget_us > period_us || period_us > SCHED_MAX_PERIOD_US)
        return -E_INVAL;
    rq = sched_lock_unit(u);
    WRITE_ONCE(u->period_us, period_us);
    WRITE_ONCE(u->budget_us, budget_us);
    WRITE_ONCE(u->extratime, extratime);
    spin_unlock(&rq->lock);
    return 0;
}

nsec_t sched_unit_time(const struct sched_unit *u)
{
    struct runqueue *rq = sched_lock_unit(u);
    nsec_t total = u->ran_total;

    if (u->state == UNIT_RUNNING)
        total += MAX(arch_time_now() - u->ran_since, 0);
    spin_unlock(&rq->lock);
    return total;
}

nsec_t sched_idle_time(unsigned cpu)
{
    struct runqueue *rq = &runqueues[cpu];
    nsec_t total;

    ASSERT(cpu < MAX_CPUS);
    if (!cpu_set_has(sched_online(), cpu))
        return 0;
    spin_lock(&rq->lock);
    total = rq->idle_total;
    if (rq->idle)
        total += arch_time_now() - rq->idle_since;
    spin_unlock(&rq->lock);
    return total;
}

void sched_dump(void)
{
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        struct runqueue *rq = &runqueues[cpu];

        if (!cpu_set_has(sched_online(), cpu))
            continue;
        spin_lock(&rq->lock);
        log_info("CPU %u: %s (%s), %u ready, idle %lld ms", cpu, rq->running ? "busy" : "idle",
                 rq->pool ? rq->policy->name : "in no pool", rq->ready, (long long)(rq->idle_total / MSEC(1)));
        if (rq->running)
            log_info("  runs %p: weight %u, cap %u, virtual time %lld", (void *)rq->running, rq->running->group->weight,
                     rq->running->group->cap, (long long)rq->running->virtual_time);
        spin_unlock(&rq->lock);
    }
}
