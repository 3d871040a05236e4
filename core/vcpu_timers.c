/* SPDX-License-Identifier: Apache-2.0 */
/* The timers of a vCPU: the ABI's periodic and one-shot ones (VCPUOP_set_periodic_timer, VCPUOP_set_singleshot_timer). */
#include "core/domain_internal.h"

/* The guest's own timers: VIRQ_TIMER. */
static void singleshot_fired(struct timer *t)
{
    event_raise_virq(container_of(t, struct vcpu, singleshot_timer), CORE_VIRQ_TIMER);
}

static void periodic_fired(struct timer *t)
{
    struct vcpu *v = container_of(t, struct vcpu, periodic_timer);
    nsec_t period = READ_ONCE(v->period);

    event_raise_virq(v, CORE_VIRQ_TIMER);
    /* Ticks that nobody could take are left out. */
    if (!period)
        return;
    timer_set(t, MAX(t->when + period, arch_time_now()));
    /* Stopped meanwhile, by another CPU that found nothing to cancel: meets the barrier there. */
    barrier_full();
    if (unlikely(!READ_ONCE(v->period)))
        timer_cancel(t);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->poll_timer, vcpu_poll_timed_out);
    timer_init(&v->hold_timer, vcpu_hold_over);
    timer_init(&v->singleshot_timer, singleshot_fired);
    timer_init(&v->periodic_timer, periodic_fired);
}

void vcpu_timers_cancel(struct vcpu *v)
{
    WRITE_ONCE(v->period, 0);
    barrier_full();
    timer_cancel(&v->poll_timer);
    timer_cancel(&v->hold_timer);
    timer_cancel(&v->singleshot_timer);
    timer_cancel(&v->periodic_timer);
}

void vcpu_set_periodic_timer(struct vcpu *v, nsec_t period)
{
    ASSERT(period >= 0);
    WRITE_ONCE(v->period, period);
    if (period) {
        timer_set(&v->periodic_timer, arch_time_now() + period);
        return;
    }
    barrier_full();
    timer_cancel(&v->periodic_timer);
}

void vcpu_set_singleshot_timer(struct vcpu *v, nsec_t when)
{
    if (when == NSEC_NEVER)
        timer_cancel(&v->singleshot_timer);
    else
        timer_set(&v->singleshot_timer, when);
}
