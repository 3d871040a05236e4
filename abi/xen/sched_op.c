/* SPDX-License-Identifier: Apache-2.0 */
/* sched_op: a guest gives its time away, waits, or ends. (xen/sched.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"

#define FAMILY_SCHED HYPERCALL(__HYPERVISOR_sched_op)
#define POLL_PORTS_MAX 128

static int64_t op_yield(struct vcpu *v, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_SCHED, SCHEDOP_yield);
    sched_unit_yield(&v->unit);
    return 0;
}

static int64_t op_block(struct vcpu *v, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_SCHED, SCHEDOP_block);
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
    int r = READ_STRUCT(v, &in, args[1], NARROW_sched_poll);

    if (r)
        return r;
    if (in.nr_ports > POLL_PORTS_MAX)
        return -E_INVAL;
    r = in.nr_ports ? read_guest(v, ports, guest_address(in.ports), in.nr_ports * sizeof(ports[0])) : 0;
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
    if (!d || atomic_load(&d->life) != DOMAIN_ALIVE)
        return -E_SRCH;
    subcall_reached(FAMILY_SCHED, SCHEDOP_remote_shutdown);
    domain_shutdown(d, (uint8_t)in.reason);
    return 0;
}

/* The reason that a later shutdown will have, if none has been given yet. */
static int64_t op_shutdown_code(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct sched_shutdown in;
    uint8_t none = SHUTDOWN_NONE;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_SCHED, SCHEDOP_shutdown_code);
    (void)atomic_compare_exchange(&v->domain->shutdown_code, &none, (uint8_t)in.reason);
    return 0;
}

static int64_t op_watchdog(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct sched_watchdog in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_SCHED, SCHEDOP_watchdog);
    return domain_watchdog(v->domain, in.id, in.timeout);
}

const struct subcall sched_subcalls[] = {
    SUBCALL(SCHEDOP_yield, CALLER_ANY, op_yield),
    SUBCALL(SCHEDOP_block, CALLER_ANY, op_block),
    SUBCALL(SCHEDOP_shutdown, CALLER_ANY, op_shutdown),
    SUBCALL(SCHEDOP_poll, CALLER_ANY, op_poll),
    SUBCALL(SCHEDOP_remote_shutdown, CALLER_CONTROL, op_remote_shutdown),
    SUBCALL(SCHEDOP_shutdown_code, CALLER_ANY, op_shutdown_code),
    SUBCALL(SCHEDOP_watchdog, CALLER_ANY, op_watchdog),
    SUBCALL_MISSING(SCHEDOP_pin_override, CALLER_CONTROL),
};
STATIC_ASSERT(ARRAY_SIZE(sched_subcalls) == SCHEDOP_pin_override + 1);

int64_t hypercall_sched_op(struct vcpu *v, const uint64_t args[6])
{
    return subcall_run(v, sched_subcalls, ARRAY_SIZE(sched_subcalls), -E_NOSYS, args[0], args, NULL);
}
