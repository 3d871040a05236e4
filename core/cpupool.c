/* SPDX-License-Identifier: Apache-2.0 */
/* CPU pools and the domains in them: sched/ knows which CPUs and groups belong together, here every vCPU is told. */
#include "core/cpupool.h"
#include "lib/error.h"
#include "sched/pool.h"

/* vCPUs told between two runs of a call. */
#define VCPUS_PER_CALL 8

int domain_move_to_pool(struct domain *d, uint32_t pool, unsigned *next)
{
    unsigned start = *next;
    int error = sched_group_move(&d->sched, pool);

    if (error)
        return error;
    for (; *next < d->max_vcpus; ++*next) {
        if (*next - start == VCPUS_PER_CALL)
            return -E_RESTART;
        if (d->vcpus[*next])
            sched_unit_rehome(&d->vcpus[*next]->unit);
    }
    return 0;
}

/* Domains that are ending do not keep the last CPU in their pool. */
static void move_dying_domains(const struct sched_pool *p)
{
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1))) {
        unsigned next = 0;
        int error = 0;

        if (sched_group_pool(&d->sched) == p && atomic_load(&d->life) != DOMAIN_ALIVE)
            while ((error = domain_move_to_pool(d, 0, &next)) == -E_RESTART)
                continue;
        ASSERT(!error);
    }
}

int cpupool_remove_cpu(uint32_t pool, unsigned cpu)
{
    const struct sched_pool *p = sched_pool_find(pool, true);
    int error;

    if (!p)
        return -E_NOENT;
    if (bitmap_count(p->cpus.bits, MAX_CPUS) == 1)
        move_dying_domains(p);
    error = sched_pool_take_cpu(pool, cpu);
    if (error)
        return error;
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
        for (unsigned i = 0; i < d->max_vcpus; i++)
            if (d->vcpus[i] && atomic_load(&d->vcpus[i]->unit.cpu) == cpu)
                sched_unit_recheck(&d->vcpus[i]->unit);
    return sched_cpu_is_drained(cpu) ? 0 : -E_RESTART;
}
