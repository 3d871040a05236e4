/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl: the scheduler, and the one CPU pool that holds every CPU. (xen/sysctl.h) */
#include "abi/xen/sysctl.h"

int64_t sysctl_sched_id(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_sched_id);
    call->op.u.sched_id.sched_id = sched_policy_in_use()->abi_id;
    call->copy_back = true;
    return 0;
}

static uint32_t count_domains(void)
{
    uint32_t n = 0;

    for (const struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
        n++;
    return n;
}

/* The pool of that number or the next one. */
static int64_t pool_info(struct vcpu *v, struct sysctl_call *call)
{
    struct xen_sysctl_cpupool_op *in = &call->op.u.cpupool_op;
    uint64_t cpus[BITMAP_WORDS(MAX_CPUS)] = { 0 };

    if (in->cpupool_id != 0)
        return -E_NOENT;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu_is_online(cpu))
            bitmap_set(cpus, cpu);
    in->sched_id = sched_policy_in_use()->abi_id;
    in->n_dom = count_domains();
    call->copy_back = true;
    return write_bitmap(v, &in->cpumap, cpus, cpu_count());
}

static int64_t pool_free_cpus(struct vcpu *v, struct sysctl_call *call)
{
    uint64_t none[BITMAP_WORDS(MAX_CPUS)] = { 0 };

    return write_bitmap(v, &call->op.u.cpupool_op.cpumap, none, cpu_count());
}

/* A second pool cannot be made. */
static int64_t pool_create(struct vcpu *v UNUSED, struct sysctl_call *call UNUSED)
{
    return -E_OPNOTSUPP;
}

/* The one pool is in use and so are its CPUs. */
static int64_t pool_in_use(struct vcpu *v UNUSED, struct sysctl_call *call)
{
    return call->op.u.cpupool_op.cpupool_id ? -E_NOENT : -E_BUSY;
}

/* Every domain is where it may be. */
static int64_t pool_move(struct vcpu *v UNUSED, struct sysctl_call *call)
{
    const struct xen_sysctl_cpupool_op *in = &call->op.u.cpupool_op;

    if (in->domid >= DOMID_FIRST_RESERVED || !domain_find(DOMID(in->domid)))
        return -E_SRCH;
    return in->cpupool_id ? -E_NOENT : 0;
}

static int64_t (*const pool_ops[])(struct vcpu *v, struct sysctl_call *call) = {
    [XEN_SYSCTL_CPUPOOL_OP_CREATE] = pool_create,
    [XEN_SYSCTL_CPUPOOL_OP_DESTROY] = pool_in_use,
    [XEN_SYSCTL_CPUPOOL_OP_INFO] = pool_info,
    [XEN_SYSCTL_CPUPOOL_OP_ADDCPU] = pool_in_use,
    [XEN_SYSCTL_CPUPOOL_OP_RMCPU] = pool_in_use,
    [XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN] = pool_move,
    [XEN_SYSCTL_CPUPOOL_OP_FREEINFO] = pool_free_cpus,
};

int64_t sysctl_cpupool(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    uint32_t which = call->op.u.cpupool_op.op;

    if (which >= ARRAY_SIZE(pool_ops))
        return -E_NOSYS;
    which = (uint32_t)array_index_nospec(which, ARRAY_SIZE(pool_ops));
    if (!pool_ops[which])
        return -E_NOSYS;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_cpupool_op);
    return pool_ops[which](v, call);
}

int64_t sysctl_scheduler(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_scheduler_op *in = &call->op.u.scheduler_op;
    uint32_t us = in->u.sched_credit2.ratelimit_us;

    if (in->cpupool_id)
        return -E_SRCH;
    if (in->sched_id != sched_policy_in_use()->abi_id)
        return -E_INVAL;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_scheduler_op);
    switch (in->cmd) {
    case XEN_SYSCTL_SCHEDOP_putinfo:
        /* XEN_SYSCTL_SCHED_RATELIMIT_MIN is above the default here, which a tool must be able to set again. */
        return sched_set_ratelimit_us(us);
    case XEN_SYSCTL_SCHEDOP_getinfo:
        in->u.sched_credit2.ratelimit_us = sched_ratelimit_us();
        call->copy_back = true;
        return 0;
    default:
        return -E_INVAL;
    }
}
