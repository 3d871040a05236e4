/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs: made, brought up and down, taken away. */
#include "core/domain_internal.h"
#include "core/shared_info.h"
#include "lib/error.h"
#include "mem/heap.h"

STATIC_ASSERT(sizeof(((struct vcpu *)0)->dummy_info) >= sizeof(struct guest_vcpu_info));

static bool unit_wants_cpu(const struct sched_unit *u)
{
    return vcpu_is_runnable(container_of(u, struct vcpu, unit));
}

static bool unit_is_offline(const struct sched_unit *u)
{
    return atomic_load(&container_of(u, struct vcpu, unit)->pause_flags) & VCPU_DOWN;
}

void *vcpu_initial_info(struct vcpu *v)
{
    struct guest_shared_info *s = v->domain->shared_info;

    return v->id < LEGACY_MAX_VCPUS ? (void *)&s->vcpu_info[v->id] : v->dummy_info;
}

int vcpu_create(struct domain_locked l, unsigned id, struct vcpu **out)
{
    struct domain *d = l.d;
    struct vcpu *v;
    int error;

    ASSERT(spin_is_held(&d->lock));
    if (id >= d->max_vcpus || atomic_load(&d->life) != DOMAIN_ALIVE)
        return -E_INVAL;
    if (d->vcpus[id])
        return -E_EXIST;
    v = heap_new(struct vcpu);
    if (!v)
        return -E_NOMEM;
    v->domain = d;
    v->id = (uint16_t)id;
    v->pause_flags = VCPU_DOWN;
    v->info = vcpu_initial_info(v);
    v->runstate = (struct runstate_times){ .state = RUNSTATE_IS_OFFLINE, .since = arch_time_now() };
    v->unit.wants_cpu = unit_wants_cpu;
    v->unit.is_offline = unit_is_offline;
    v->unit.number = id;
    vcpu_timers_init(v);
    error = arch_vcpu_init(v);
    if (error)
        goto no_arch;
    error = sched_unit_init(&v->unit, &d->sched);
    if (error)
        goto no_unit;
    atomic_store_release(&d->vcpus[id], v);
    *out = v;
    return 0;

no_unit:
    arch_vcpu_destroy(v);
no_arch:
    heap_delete(v);
    return error;
}

void vcpu_let_go_former(struct vcpu *v)
{
    if (v->former_info)
        arena_unmap(&v->domain->arena, v->former_info);
    v->former_info = NULL;
}

void vcpu_retire(struct vcpu *v)
{
    void *info = v->info;

    ASSERT(v->domain->life == DOMAIN_DYING && !v->retired);
    vcpu_timers_cancel(v);
    arch_vcpu_retire(v);
    sched_unit_remove(&v->unit);
    if (v->info_registered) {
        WRITE_ONCE(v->info, (void *)v->dummy_info);
        v->info_registered = false;
        arena_unmap(&v->domain->arena, info);
    }
    if (v->runstate_area)
        arena_unmap(&v->domain->arena, v->runstate_area);
    v->runstate_area = NULL;
    vcpu_let_go_former(v);
    v->retired = true;
}

void vcpu_free(struct vcpu *v)
{
    ASSERT(v->retired && !sched_unit_is_on_cpu(&v->unit));
    heap_delete(v);
}

/* The vCPU is down and nobody else brings it up meanwhile. */
static int bring_up(struct vcpu *v, const struct vcpu_start *start)
{
    if (!(atomic_load(&v->pause_flags) & VCPU_DOWN))
        return -E_EXIST;
    /* It has just gone down and its registers are still live on its old CPU. */
    if (sched_unit_is_on_cpu(&v->unit))
        return -E_RESTART;
    if (start)
        arch_vcpu_reset(v, start);
    else if (!v->initialised)
        return -E_INVAL;
    v->initialised = true;
    (void)atomic_fetch_and(&v->pause_flags, ~(uint32_t)VCPU_DOWN);
    sched_wake(&v->unit);
    return 0;
}

int vcpu_up(struct vcpu *v, const struct vcpu_start *start)
{
    int error;

    if (atomic_exchange(&v->starting, true))
        return -E_EXIST;
    error = bring_up(v, start);
    atomic_store_release(&v->starting, false);
    return error;
}

/* As bring_up, but it stays down. */
static int initialise(struct vcpu *v, int (*set)(struct vcpu *v, const void *state), const void *state)
{
    static const struct vcpu_start nothing;
    int error;

    if (!(atomic_load(&v->pause_flags) & VCPU_DOWN) || v->initialised)
        return -E_EXIST;
    if (sched_unit_is_on_cpu(&v->unit))
        return -E_RESTART;
    arch_vcpu_reset(v, &nothing);
    error = set(v, state);
    v->initialised = !error;
    return error;
}

int vcpu_initialise(struct vcpu *v, int (*set)(struct vcpu *v, const void *state), const void *state)
{
    int error;

    if (atomic_exchange(&v->starting, true))
        return -E_EXIST;
    error = initialise(v, set, state);
    atomic_store_release(&v->starting, false);
    return error;
}

void vcpu_down(struct vcpu *v)
{
    (void)atomic_fetch_or(&v->pause_flags, VCPU_DOWN);
    sched_sleep(&v->unit);
}
