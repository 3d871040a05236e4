/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a vCPU does not run: flags of its own (down, blocked, polling), counts of pauses, of it and of its domain. Each change is
 * followed by sched_wake or sched_sleep, which look at all of them under the run queue's lock: the last change wins.
 */
#include "core/domain.h"
#include "lib/error.h"

/* The toolstack's pauses are counted in a byte, as far as anybody can tell. */
#define CONTROLLER_PAUSES 255

bool vcpu_is_runnable(const struct vcpu *v)
{
    return !atomic_load(&v->pause_flags) && !atomic_load(&v->pause_count) && !atomic_load(&v->domain->pause_count);
}

void vcpu_pause(struct vcpu *v)
{
    uint32_t old = atomic_fetch_add(&v->pause_count, 1);

    ASSERT(old < UINT32_MAX);
    sched_sleep(&v->unit);
}

void vcpu_unpause(struct vcpu *v)
{
    uint32_t old = atomic_fetch_sub(&v->pause_count, 1);

    ASSERT(old);
    if (old == 1)
        sched_wake(&v->unit);
}

void domain_pause(struct domain *d)
{
    uint32_t old = atomic_fetch_add(&d->pause_count, 1);

    ASSERT(old < UINT32_MAX);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            sched_sleep(&d->vcpus[i]->unit);
}

void domain_unpause(struct domain *d)
{
    uint32_t old = atomic_fetch_sub(&d->pause_count, 1);

    PANIC_IF(!old, "d%u is unpaused more often than paused", d->id.v);
    if (old > 1)
        return;
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            sched_wake(&d->vcpus[i]->unit);
}

int domain_pause_by_controller(struct domain *d)
{
    uint32_t n = atomic_load(&d->controller_pause_count);

    do {
        if (n >= CONTROLLER_PAUSES)
            return -E_USERS;
    } while (!atomic_compare_exchange(&d->controller_pause_count, &n, n + 1));
    domain_pause(d);
    return 0;
}

int domain_unpause_by_controller(struct domain *d)
{
    uint32_t n = atomic_load(&d->controller_pause_count);

    do {
        if (!n)
            return -E_INVAL;
    } while (!atomic_compare_exchange(&d->controller_pause_count, &n, n - 1));
    atomic_store(&d->started, true);
    domain_unpause(d);
    return 0;
}

bool domain_is_quiet(const struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i] && sched_unit_is_on_cpu(&d->vcpus[i]->unit))
            return false;
    return true;
}

void vcpu_block(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    (void)atomic_fetch_or(&v->pause_flags, VCPU_BLOCKED);
    /* Between the flag and the look; meets the one in vcpu_wake. One of the two sees the other's. */
    barrier_full();
    if (arch_vcpu_has_interrupt(v))
        (void)atomic_fetch_and(&v->pause_flags, ~(uint32_t)VCPU_BLOCKED);
    else
        sched_sleep(&v->unit);
}

void vcpu_wake(struct vcpu *v)
{
    uint32_t old;

    /* What it is woken for comes before the look at its flags, and at on_cpu in vcpu_kick; meets those in vcpu_block, vcpu_poll, vgic_load. */
    barrier_full();
    if (!(atomic_load(&v->pause_flags) & (VCPU_BLOCKED | VCPU_POLLING)))
        return;
    old = atomic_fetch_and(&v->pause_flags, ~(uint32_t)(VCPU_BLOCKED | VCPU_POLLING));
    if (old & VCPU_POLLING)
        (void)atomic_fetch_sub(&v->domain->pollers, 1);
    if (old & (VCPU_BLOCKED | VCPU_POLLING))
        sched_wake(&v->unit);
}

void vcpu_kick(struct vcpu *v)
{
    unsigned cpu = atomic_load(&v->unit.cpu);

    if (sched_unit_is_on_cpu(&v->unit) && cpu != cpu_id())
        cpu_kick(cpu);
}
