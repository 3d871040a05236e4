/* SPDX-License-Identifier: Apache-2.0 */
/* sched_op: a guest gives its time away, waits, or ends. (xen/sched.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "lib/print.h"
#include "lib/string.h"

#define FAMILY_SCHED HYPERCALL(__HYPERVISOR_sched_op)
#define POLL_PORTS_MAX 128

static int64_t op_yield(struct vcpu *v, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    sched_yield(&v->unit);
    return 0;
}

static int64_t op_block(struct vcpu *v, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    vcpu_block(v);
    return 0;
}

static int64_t op_shutdown(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct sched_shutdown in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_SCHED, SCHEDOP_shutdown);
    domain_shutdown(v->domain, (uint8_t)in.reason);
    return 0;
}

static int64_t op_poll(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct sched_poll in;
    uint32_t ports[POLL_PORTS_MAX];
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    if (in.nr_ports > POLL_PORTS_MAX)
        return -E_INVAL;
    r = in.nr_ports ? read_guest(v, ports, in.ports.q, in.nr_ports * sizeof(ports[0])) : 0;
    if (r)
        return r;
    subcall_reached(FAMILY_SCHED, SCHEDOP_poll);
    return vcpu_poll(v, ports, in.nr_ports, (nsec_t)MIN(in.timeout, (uint64_t)NSEC_NEVER - 1));
}

static int64_t op_remote_shutdown(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct sched_remote_shutdown in;
    struct domain *d;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    d = domain_find(DOMID(in.domain_id));
    if (!d)
        return -E_SRCH;
    subcall_reached(FAMILY_SCHED, SCHEDOP_remote_shutdown);
    domain_shutdown(d, (uint8_t)in.reason);
    return 0;
}

static void watchdog_bites(struct domain *d, unsigned which)
{
    /* The timer may have been cancelled on another CPU while it was about to fire. */
    if (!d->watchdog_used[which])
        return;
    log_guest("d%u: watchdog %u expired", d->id.v, which + 1);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

static void watchdog_first(struct timer *t)
{
    watchdog_bites(container_of(t, struct domain, watchdog[0]), 0);
}

static void watchdog_second(struct timer *t)
{
    watchdog_bites(container_of(t, struct domain, watchdog[1]), 1);
}

static void (*const watchdog_fire[])(struct timer *) = { watchdog_first, watchdog_second };

static void watchdog_arm(struct domain *d, unsigned which, uint32_t seconds)
{
    if (!d->watchdog_used[which])
        timer_init(&d->watchdog[which], watchdog_fire[which]);
    d->watchdog_used[which] = true;
    timer_set(&d->watchdog[which], arch_time_now() + SEC(seconds));
}

/* id 0: take a free one, answer its id. Otherwise poke it, or with a time of 0 stop it. */
static int watchdog_set(struct domain *d, uint32_t id, uint32_t seconds)
{
    unsigned which = id - 1;

    if (id == 0) {
        if (seconds == 0)
            return -E_INVAL;
        for (which = 0; which < ARRAY_SIZE(d->watchdog); which++) {
            if (d->watchdog_used[which])
                continue;
            watchdog_arm(d, which, seconds);
            return (int)which + 1;
        }
        return -E_NOSPC;
    }
    if (which >= ARRAY_SIZE(d->watchdog) || !d->watchdog_used[which])
        return -E_INVAL;
    if (seconds) {
        watchdog_arm(d, which, seconds);
    } else {
        d->watchdog_used[which] = false;
        timer_cancel(&d->watchdog[which]);
    }
    return 0;
}

static int64_t op_watchdog(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct sched_watchdog in;
    struct domain_locked l;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_SCHED, SCHEDOP_watchdog);
    l = domain_lock(v->domain);
    r = watchdog_set(v->domain, in.id, in.timeout);
    domain_unlock(l);
    return r;
}

const struct subcall sched_subcalls[] = {
    SUBCALL(SCHEDOP_yield, CALLER_ANY, op_yield),
    SUBCALL(SCHEDOP_block, CALLER_ANY, op_block),
    SUBCALL(SCHEDOP_shutdown, CALLER_ANY, op_shutdown),
    SUBCALL(SCHEDOP_poll, CALLER_ANY, op_poll),
    SUBCALL(SCHEDOP_remote_shutdown, CALLER_CONTROL, op_remote_shutdown),
    SUBCALL_MISSING(SCHEDOP_shutdown_code, CALLER_ANY),
    SUBCALL(SCHEDOP_watchdog, CALLER_ANY, op_watchdog),
    SUBCALL_MISSING(SCHEDOP_pin_override, CALLER_CONTROL),
};
STATIC_ASSERT(ARRAY_SIZE(sched_subcalls) == SCHEDOP_pin_override + 1);

int64_t hypercall_sched_op(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, FAMILY_SCHED, args[0], args, NULL);
}
