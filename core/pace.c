/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pace.h"
#include "core/domain_internal.h"

void vcpu_hold_over(struct timer *t)
{
    struct vcpu *v = container_of(t, struct vcpu, hold_timer);

    (void)atomic_fetch_and(&v->pause_flags, ~(uint32_t)VCPU_HELD);
    sched_wake(&v->unit);
}

void vcpu_hold(struct vcpu *v, nsec_t until)
{
    uint32_t old = atomic_fetch_or(&v->pause_flags, VCPU_HELD);

    ASSERT(v == cpu_current_vcpu());
    /* The timer is of this CPU, on which nothing fires before the vCPU leaves. */
    if ((old & VCPU_HELD) && until <= v->hold_timer.when)
        return;
    timer_set(&v->hold_timer, until);
    sched_sleep(&v->unit);
}

void vcpu_pay(struct vcpu *v, struct pace *p, nsec_t price, nsec_t burst)
{
    nsec_t now = arch_time_now(), old = atomic_load(&p->mark), mark;

    ASSERT(price >= 0 && burst >= 0);
    do
        mark = MAX(old, now) + price;
    while (!atomic_compare_exchange(&p->mark, &old, mark));
    if (mark - now > burst)
        vcpu_hold(v, mark - burst);
}

bool pace_try(struct pace *p, nsec_t price, nsec_t burst, nsec_t *until)
{
    nsec_t now = arch_time_now(), mark = MAX(p->mark, now) + price;

    ASSERT(price > 0 && burst >= price);
    *until = mark - burst;
    if (*until > now)
        return false;
    p->mark = mark;
    return true;
}
