/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a domain, in pieces. domain_destroy runs the steps in order, each bounded, and answers -E_RESTART while there is more:
 *
 *   ALIVE   condemn: DYING, paused for good, no further frames
 *   DYING   wait until every CPU has left what it was doing (a caller that saw it alive may still act on it) and the vCPUs are off
 *           their CPUs; block its devices; close ports; let go of others' grants; retire vCPUs; undo what
 *           is half populated; take stage 2 apart
 *   DEAD    tell dom0; drop the reference for being whole. What others still hold keeps it in the table:
 *
 *      references    its frames, until the last is home (owner.emptied), and whoever holds a counted pointer
 *           0   ->   release: free ports, grants, vCPUs' processor state, shared pages
 *      shared pages  somebody else may have one mapped (owner.emptied again)
 *           0   ->   leave the table, and after a quiescent period free the rest, the number included; tell dom0 again
 */
#include "core/domain_internal.h"
#include "arch/include/mapping.h"
#include "core/host_device.h"
#include "lib/error.h"
#include "lib/print.h"
#include "mem/heap.h"
#include "vdev/devices.h"

#define VCPUS_PER_CALL 8

static void grace_over(struct quiesce_call *c)
{
    struct domain *d = container_of(c, struct domain, free_call);

    atomic_store_release(&d->grace_passed, true);
}

static int step_condemn(struct domain *d)
{
    domain_pause(d);
    atomic_store_release(&d->life, DOMAIN_DYING);
    if (frame_claim(&d->owner, 0))
        panic("d%u: a claim of nothing was refused", d->id.v);
    owner_set_dying(&d->owner);
    quiesce_defer(&d->free_call, grace_over);
    return 0;
}

static int step_wait(struct domain *d)
{
    return atomic_load_acquire(&d->grace_passed) && domain_is_quiet(d) ? 0 : -E_RESTART;
}

/* Whatever its devices are doing, they reach nothing any more. */
static int step_devices(struct domain *d)
{
    devices_stop(d);
    host_devices_release(d);
    return 0;
}

static int step_retire_vcpus(struct domain *d)
{
    unsigned done = 0;

    domain_watchdog_cancel(d);
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        if (!d->vcpus[i] || d->vcpus[i]->retired)
            continue;
        if (done++ == VCPUS_PER_CALL)
            return -E_RESTART;
        vcpu_retire(d->vcpus[i]);
    }
    console_detach(d);
    devices_retire(d);
    arch_irq_unroute_all(d);
    sched_group_leave(&d->sched);
    /* It executes nothing any more: who gets its frames does not execute what it did. */
    arch_icache_invalidate_all();
    return 0;
}

static int step_extent(struct domain *d)
{
    return domain_extent_undo(d);
}

static int step_stage2(struct domain *d)
{
    return stage2_destroy(&d->stage2);
}

static int step_dead(struct domain *d)
{
    ASSERT(d->life == DOMAIN_DYING);
    atomic_store_release(&d->life, DOMAIN_DEAD);
    domain_put(d);
    return 0;
}

static int (*const steps[])(struct domain *d) = {
    step_condemn, step_wait, step_devices, event_close_all, grant_release_mappings, step_retire_vcpus, step_extent, step_stage2, step_dead,
};

/* Under domain control; *dead: this call has brought it to DEAD. */
static int run_steps(struct domain *d, bool *dead)
{
    int error;

    while (d->destroy_step < ARRAY_SIZE(steps)) {
        ASSERT(spin_is_held(&d->lock));
        error = steps[d->destroy_step](d);
        if (error)
            return error;
        *dead = ++d->destroy_step == ARRAY_SIZE(steps);
    }
    return 0;
}

int domain_destroy(struct domain *d)
{
    struct domain_locked l;
    bool dead = false;
    int error;

    if (d->is_control)
        return -E_INVAL;
    if (!domain_trylock(d, &l))
        return -E_RESTART;
    error = run_steps(d, &dead);
    domain_unlock(l);
    if (dead)
        event_raise_host_virq(CORE_VIRQ_DOM_EXC);
    return error;
}

/* Nobody can find it any more: the memory goes, the number is free. */
static void free_memory(struct quiesce_call *c)
{
    struct domain *d = container_of(c, struct domain, free_call);
    domid id = d->id;

    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            vcpu_free(d->vcpus[i]);
    heap_free(d->vcpus, d->max_vcpus * sizeof(*d->vcpus));
    owner_unregister(&d->owner);
    console_free(d);
    heap_delete(d);
    domain_number_free(id);
    event_raise_host_virq(CORE_VIRQ_DOM_EXC);
}

/* The last shared page is gone. Once only: both release() and the owner's call may find it out. */
static void leave_table(struct domain *d)
{
    if (atomic_exchange(&d->table_left, true))
        return;
    ASSERT(d->life == DOMAIN_DEAD && !d->owner.frames);
    domain_unpublish(d);
    if (d->left_table)
        d->left_table(d);
    quiesce_defer(&d->free_call, free_memory);
}

/* No reference is left, so no frame, no port bound elsewhere and no grant in use. */
static void release(struct quiesce_call *c)
{
    struct domain *d = container_of(c, struct domain, free_call);

    ASSERT(!d->references && d->frames_gone);
    event_free(d);
    grant_free(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            arch_vcpu_destroy(d->vcpus[i]);
    devices_free(d);
    arch_domain_destroy(d);
    iommu_space_destroy(d->iommu);
    shared_page_free(d->shared_info);
    atomic_store(&d->tables_gone, true);
    /* Meets the one in domain_owner_emptied: that sees tables_gone, or this sees the last shared page gone. */
    barrier_full();
    if (!atomic_load(&d->owner.shared))
        leave_table(d);
}

void domain_put(struct domain *d)
{
    uint32_t old = atomic_fetch_sub(&d->references, 1);

    ASSERT(old);
    if (old == 1)
        quiesce_defer(&d->free_call, release);
}

/* A frame or a shared page of a dying domain has come home; its frames are all there. Any lock may be held. */
void domain_owner_emptied(struct owner *o)
{
    struct domain *d = container_of(o, struct domain, owner);

    ASSERT(o->dying);
    if (!atomic_exchange(&d->frames_gone, true))
        domain_put(d);
    /* The last shared page's end before the look; meets the one in release. */
    barrier_full();
    if (atomic_load(&d->tables_gone) && !atomic_load(&o->shared))
        leave_table(d);
}
