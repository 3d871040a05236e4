/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: parameters of the schedulers, of domains and of single vCPUs. (xen/domctl.h) */
#include "abi/xen/domctl.h"
#include "core/domain.h"
#include "lib/error.h"

#define CAP_UNCHANGED 0xffff
/* Entries of the guest's array that one call works on; the structure tells how many, and the tool calls again. */
#define VCPUS_PER_CALL 16

/* A weight of 0 and a cap of all ones leave what is. */
static int64_t set_share(struct domctl_call *call)
{
    const struct xen_domctl_sched_credit2 *in = &call->op.u.scheduler_op.u.credit2;
    struct sched_group *g = &call->d->sched;

    return sched_set_params(g, in->weight ? in->weight : g->weight, in->cap == CAP_UNCHANGED ? g->cap : in->cap);
}

static int64_t get_share(struct domctl_call *call)
{
    struct xen_domctl_sched_credit2 *out = &call->op.u.scheduler_op.u.credit2;

    out->weight = (uint16_t)call->d->sched.weight;
    out->cap = (uint16_t)call->d->sched.cap;
    call->copy_back = true;
    return 0;
}

static int set_reservation(struct vcpu *v, const struct xen_domctl_sched_rtds *in)
{
    uint32_t flags = in->flags;

    return flags & ~XEN_DOMCTL_SCHEDRT_extra ? -E_INVAL
                                             : sched_set_reservation(&v->unit, in->period, in->budget, flags & XEN_DOMCTL_SCHEDRT_extra);
}

/* For all vCPUs that there are. */
static int64_t set_reservations(struct domctl_call *call)
{
    const struct xen_domctl_sched_rtds in = call->op.u.scheduler_op.u.rtds;
    int64_t r = 0;

    for (unsigned i = 0; !r && i < call->d->max_vcpus; i++) {
        struct vcpu *v = domain_vcpu(call->d, i);

        if (v)
            r = set_reservation(v, &in);
    }
    return r;
}

/* What vCPUs begin with: there are no parameters of domains. */
static int64_t get_default_reservation(struct domctl_call *call)
{
    call->op.u.scheduler_op.u.rtds = (struct xen_domctl_sched_rtds){
        .period = SCHED_DEFAULT_PERIOD_US,
        .budget = SCHED_DEFAULT_BUDGET_US,
        .flags = XEN_DOMCTL_SCHEDRT_extra,
    };
    call->copy_back = true;
    return 0;
}

static int get_reservation(struct vcpu *v, struct xen_domctl_sched_rtds *out)
{
    out->period = READ_ONCE(v->unit.period_us);
    out->budget = READ_ONCE(v->unit.budget_us);
    out->flags = READ_ONCE(v->unit.extratime) ? XEN_DOMCTL_SCHEDRT_extra : 0;
    return 0;
}

/* One entry of the guest's array of vCPUs. */
static int one_vcpu(struct vcpu *caller, struct domain *d, uint64_t address, bool set)
{
    struct xen_domctl_schedparam_vcpu p;
    struct vcpu *v;
    int r = read_guest(caller, &p, address, sizeof(p));

    if (r)
        return r;
    v = domain_vcpu(d, p.vcpuid);
    if (!v)
        return -E_INVAL;
    r = set ? set_reservation(v, &p.u.rtds) : get_reservation(v, &p.u.rtds);
    return r || set ? r : write_guest(caller, address, &p, sizeof(p));
}

static int64_t reservations_of_vcpus(struct vcpu *v, struct domctl_call *call, bool set)
{
    struct xen_domctl_scheduler_op *s = &call->op.u.scheduler_op;
    uint32_t n = MIN(s->u.v.nr_vcpus, (uint32_t)VCPUS_PER_CALL), done;
    int64_t r = 0;

    for (done = 0; done < n; done++) {
        r = one_vcpu(v, call->d, guest_address(s->u.v.vcpus) + done * sizeof(struct xen_domctl_schedparam_vcpu), set);
        if (r)
            break;
    }
    s->u.v.nr_vcpus = done;
    call->copy_back = true;
    return r;
}

static int64_t scheduler_of_shares(struct vcpu *v UNUSED, struct domctl_call *call)
{
    switch (call->op.u.scheduler_op.cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        return set_share(call);
    case XEN_DOMCTL_SCHEDOP_getinfo:
        return get_share(call);
    default:
        return -E_INVAL;
    }
}

static int64_t scheduler_of_reservations(struct vcpu *v, struct domctl_call *call)
{
    switch (call->op.u.scheduler_op.cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        return set_reservations(call);
    case XEN_DOMCTL_SCHEDOP_getinfo:
        return get_default_reservation(call);
    case XEN_DOMCTL_SCHEDOP_putvcpuinfo:
        return reservations_of_vcpus(v, call, true);
    case XEN_DOMCTL_SCHEDOP_getvcpuinfo:
        return reservations_of_vcpus(v, call, false);
    default:
        return -E_INVAL;
    }
}

/* Nothing to say of a domain: null as in Xen, so that tools that ask every scheduler go on. */
static int64_t scheduler_without_parameters(struct vcpu *v UNUSED, struct domctl_call *call)
{
    uint32_t cmd = call->op.u.scheduler_op.cmd;

    return cmd == XEN_DOMCTL_SCHEDOP_putinfo || cmd == XEN_DOMCTL_SCHEDOP_getinfo ? 0 : -E_INVAL;
}

static const struct {
    uint32_t id;
    int64_t (*call)(struct vcpu *v, struct domctl_call *call);
} schedulers[] = {
    { XEN_SCHEDULER_CREDIT2, scheduler_of_shares },
    { XEN_SCHEDULER_RTDS, scheduler_of_reservations },
    { XEN_SCHEDULER_NULL, scheduler_without_parameters },
    { XEN_SCHEDULER_ARINC653, scheduler_without_parameters },
};

int64_t domctl_scheduler(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    uint32_t id = call->op.u.scheduler_op.sched_id;

    if (id != sched_group_pool(&call->d->sched)->policy->abi_id)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_scheduler_op);
    for (unsigned i = 0; i < ARRAY_SIZE(schedulers); i++)
        if (schedulers[i].id == id)
            return schedulers[i].call(v, call);
    return -E_INVAL;
}
