/* SPDX-License-Identifier: Apache-2.0 */
/* SCHEDOP_poll: wait for one of several event channels, even masked ones, or for a time. (xen/sched.h) */
#include "core/domain_internal.h"
#include "lib/error.h"

void vcpu_poll_timed_out(struct timer *t)
{
    vcpu_wake(container_of(t, struct vcpu, poll_timer));
}

static bool any_pending(struct domain *d, const uint32_t *ports, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (event_port_is_pending(d, ports[i]))
            return true;
    return false;
}

static int check_ports(struct domain *d, const uint32_t *ports, unsigned count)
{
    struct event_status status;

    for (unsigned i = 0; i < count; i++)
        if (event_status(d, ports[i], &status))
            return -E_INVAL;
    return 0;
}

int vcpu_poll(struct vcpu *v, const uint32_t *ports, unsigned count, nsec_t until)
{
    struct domain *d = v->domain;
    int error = check_ports(d, ports, count);

    ASSERT(v == cpu_current_vcpu());
    if (error)
        return error;
    timer_cancel(&v->poll_timer);
    v->poll_port = count == 1 ? ports[0] : 0;
    (void)atomic_fetch_add(&d->pollers, 1);
    (void)atomic_fetch_or(&v->pause_flags, VCPU_POLLING);
    /* Before the look; meets the order between pending bit and `pollers` in event_wake_pollers, and the barrier in vcpu_wake. */
    barrier_full();
    if (any_pending(d, ports, count) || arch_vcpu_has_interrupt(v)) {
        vcpu_wake(v);
        return 0;
    }
    if (until)
        timer_set(&v->poll_timer, until);
    sched_sleep(&v->unit);
    return 0;
}
