/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's bookkeeping off the hot path: units and groups, parameters, figures. */
#include "sched/runqueue.h"
#include "lib/error.h"
#include "lib/print.h"

static uint32_t ratelimit_us = SCHED_DEFAULT_RATELIMIT_US;

int sched_unit_init(struct sched_unit *u, struct sched_group *g)
{
    ASSERT(u->wants_cpu && g && g->weight);
    list_init(&u->queue);
    u->group = g;
    u->state = UNIT_ASLEEP;
    u->cpu = bitmap_next_set(sched_online()->bits, MAX_CPUS, 0) % MAX_CPUS;
    u->on_cpu = u->migrate = u->queued = false;
    for (unsigned i = 0; i < BITMAP_WORDS(MAX_CPUS); i++)
        u->hard.bits[i] = u->soft.bits[i] = ~UINT64_C(0);
    u->ran_since = u->ran_total = u->ready_since = 0;
    u->virtual_time = 0;
    sched_policy->unit_init(u);
    return 0;
}

void sched_unit_remove(struct sched_unit *u)
{
    struct runqueue *rq = sched_lock_unit(u);

    PANIC_IF(u->state != UNIT_ASLEEP || u->queued || sched_unit_is_on_cpu(u), "a unit that runs leaves the scheduler");
    ASSERT(!u->wants_cpu(u));
    spin_unlock(&rq->lock);
}

void sched_group_init(struct sched_group *g)
{
    *g = (struct sched_group){ .weight = SCHED_DEFAULT_WEIGHT };
    sched_policy->group_changed(g, arch_time_now());
}

int sched_set_params(struct sched_group *g, uint32_t weight, uint32_t cap)
{
    if (weight < 1 || weight > 65535 || cap > SCHED_MAX_CAP)
        return -E_INVAL;
    WRITE_ONCE(g->weight, weight);
    WRITE_ONCE(g->cap, cap);
    sched_policy->group_changed(g, arch_time_now());
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

uint32_t sched_ratelimit_us(void)
{
    return atomic_load(&ratelimit_us);
}

int sched_set_ratelimit_us(uint32_t us)
{
    if (us > SCHED_MAX_RATELIMIT_US)
        return -E_INVAL;
    atomic_store(&ratelimit_us, us);
    return 0;
}

void sched_dump(void)
{
    log_info("scheduler %s, rate limit %u us", sched_policy->name, sched_ratelimit_us());
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        struct runqueue *rq = &runqueues[cpu];

        if (!cpu_set_has(sched_online(), cpu))
            continue;
        spin_lock(&rq->lock);
        log_info("CPU %u: %s, %u ready, idle %lld ms", cpu, rq->running ? "busy" : "idle", rq->ready,
                 (long long)(rq->idle_total / MSEC(1)));
        if (rq->running)
            log_info("  runs %p: weight %u, cap %u, virtual time %lld", (void *)rq->running, rq->running->group->weight,
                     rq->running->group->cap, (long long)rq->running->virtual_time);
        spin_unlock(&rq->lock);
    }
}
