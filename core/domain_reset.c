/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain that has ended starts anew in its place, with its number. Steps in order, each bounded, under domain control:
 *
 *   quiet       its vCPUs are off their CPUs
 *   stop        nothing acts for it any more: devices, watchdogs
 *   vcpus       down, timers off, where the guest's own pages were used the hypervisor's are
 *   ports       closed (the other ends wait to be bound again)
 *   grace       every CPU has left what it was doing: nobody holds a pointer into those pages
 *   pages       let go
 *   mapped      what it had mapped of others' grants
 *   granted     its table is empty; uses by others go on until they end
 *   interrupts  the interrupt controller and the UART, as after power-on
 *   extent      what was half populated
 *   rest        shared_info, parameters
 *
 * Only memory can run out (granted), and then the same step goes on later; it never runs in between.
 */
#include "core/domain_internal.h"
#include "core/host_device.h"
#include "core/shared_info.h"
#include "lib/error.h"
#include "lib/string.h"
#include "vdev/devices.h"

#define VCPUS_PER_CALL 8

enum grace { GRACE_NONE, GRACE_ASKED, GRACE_OVER };

static int wait_quiet(struct domain *d)
{
    return domain_is_quiet(d) ? 0 : -E_RESTART;
}

static int stop(struct domain *d)
{
    host_devices_block(d);
    devices_stop(d);
    domain_watchdog_cancel(d);
    return 0;
}

/* The next few vCPUs: true when there are none left. */
static bool each_vcpu(struct domain *d, void (*act)(struct vcpu *v))
{
    uint32_t end = MIN(d->reset.next + VCPUS_PER_CALL, d->max_vcpus);

    for (; d->reset.next < end; d->reset.next++)
        if (d->vcpus[d->reset.next])
            act(d->vcpus[d->reset.next]);
    return end == d->max_vcpus;
}

static void put_down(struct vcpu *v)
{
    uint32_t old;

    (void)atomic_fetch_or(&v->pause_flags, VCPU_DOWN);
    old = atomic_fetch_and(&v->pause_flags, VCPU_DOWN);
    if (old & VCPU_POLLING)
        (void)atomic_fetch_sub(&v->domain->pollers, 1);
    vcpu_timers_cancel(v);
    v->initialised = false;
    v->poll_port = 0;
    v->runstate_address = GVA(0);
    if (!v->info_registered)
        return;
    ASSERT(!v->former_info);
    v->former_info = v->info;
    WRITE_ONCE(v->info, vcpu_initial_info(v));
    v->info_registered = false;
}

static int put_vcpus_down(struct domain *d)
{
    return each_vcpu(d, put_down) ? 0 : -E_RESTART;
}

/* Ports that a toolstack opens meanwhile are closed as well. */
static int close_ports(struct domain *d)
{
    int error = event_reset(d);

    return error == -E_AGAIN ? -E_RESTART : error;
}

static void grace_over(struct quiesce_call *c)
{
    atomic_store_release(&container_of(c, struct domain, reset.call)->reset.grace, GRACE_OVER);
    domain_put(container_of(c, struct domain, reset.call));
}

static int wait_grace(struct domain *d)
{
    uint32_t grace = atomic_load_acquire(&d->reset.grace);

    if (grace == GRACE_NONE && domain_get(d)) {
        d->reset.grace = GRACE_ASKED;
        quiesce_defer(&d->reset.call, grace_over);
    }
    return grace == GRACE_OVER ? 0 : -E_RESTART;
}

static int let_pages_go(struct domain *d)
{
    d->reset.grace = GRACE_NONE;
    return each_vcpu(d, vcpu_let_go_former) ? 0 : -E_RESTART;
}

static int reset_granted(struct domain *d)
{
    return grant_reset(d, &d->reset.next);
}

static int reset_shared_devices(struct domain *d)
{
    return devices_reset_some(d, &d->reset.next) ? 0 : -E_RESTART;
}

static void renew(struct vcpu *v)
{
    static const struct vcpu_start nothing;

    devices_reset_vcpu(v);
    arch_vcpu_reset(v, &nothing);
    v->runstate = (struct runstate_times){ .state = RUNSTATE_IS_OFFLINE, .since = arch_time_now() };
    memset(v->dummy_info, 0, sizeof(v->dummy_info));
}

static int renew_vcpus(struct domain *d)
{
    return each_vcpu(d, renew) ? 0 : -E_RESTART;
}

static int reset_rest(struct domain *d)
{
    memset(d->shared_info, 0, PAGE_SIZE);
    d->narrow_layout = false;
    domain_update_wallclock(d);
    for (unsigned i = 0; i < ARRAY_SIZE(d->hvm_params); i++)
        atomic_store(&d->hvm_params[i], 0);
    d->vm_assist = 0;
    console_reset(d);
    return 0;
}

static int (*const steps[])(struct domain *d) = {
    wait_quiet, stop, put_vcpus_down, close_ports, wait_grace, let_pages_go, grant_release_mappings, reset_granted,
    reset_shared_devices, renew_vcpus, domain_extent_undo, reset_rest,
};

static int run_steps(struct domain *d)
{
    struct domain_reset *r = &d->reset;
    int error = 0;

    if (atomic_load(&d->life) != DOMAIN_ALIVE || !atomic_load(&d->shut_down))
        return -E_INVAL;
    ASSERT(r->step < ARRAY_SIZE(steps));
    r->active = true;
    error = steps[r->step](d);
    if (error)
        return error;
    r->next = 0;
    r->step++;
    if (r->step < ARRAY_SIZE(steps))
        return -E_RESTART;
    r->step = 0;
    return 0;
}

int domain_reset(struct domain *d)
{
    struct domain_locked l;
    int error;

    ASSERT(!d->is_control);
    if (!domain_trylock(d, &l))
        return -E_RESTART;
    error = run_steps(d);
    domain_unlock(l);
    return error;
}

int domain_reset_done(struct domain *d)
{
    struct domain_locked l;
    int error;

    if (!domain_trylock(d, &l))
        return -E_RESTART;
    error = atomic_load(&d->life) == DOMAIN_ALIVE ? host_devices_unblock(d) : -E_INVAL;
    if (!error) {
        d->reset.active = false;
        error = domain_resume(l);
    }
    domain_unlock(l);
    return error;
}
