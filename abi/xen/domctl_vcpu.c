/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: vCPUs, where they run and how much. (xen/domctl.h) */
#include "abi/xen/domctl.h"
#include "lib/string.h"

/* vCPUs made between two runs. */
#define VCPUS_PER_RUN 4

static int make_vcpus(struct domain_locked l, uint32_t *left)
{
    for (unsigned i = 0; i < l.d->max_vcpus && *left; i++) {
        struct vcpu *v;
        int r;

        if (l.d->vcpus[i])
            continue;
        r = vcpu_create(l, i, &v);
        if (r)
            return r;
        --*left;
    }
    return 0;
}

/* Those that exist already are left alone, so that the call may simply be run again. */
int64_t domctl_max_vcpus(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    uint32_t left = VCPUS_PER_RUN;
    struct domain_locked l;
    int r;

    if (call->d == v->domain || call->op.u.max_vcpus.max != call->d->max_vcpus)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_max_vcpus);
    l = domain_lock(call->d);
    r = make_vcpus(l, &left);
    domain_unlock(l);
    if (r)
        return r;
    return left ? 0 : -E_RESTART;
}

/* Hold the domain with every vCPU off its CPU, to be let go by let_go(): 0, or -E_RESTART while one still runs. It stays held
 * between the runs of the call; a call that nobody runs again leaves it to the next one. */
static int hold(struct domain_locked l)
{
    if (!l.d->held) {
        l.d->held = true;
        domain_pause(l.d);
    }
    return domain_is_quiet(l.d) ? 0 : -E_RESTART;
}

static void let_go(struct domain_locked l)
{
    if (l.d->held)
        domain_unpause(l.d);
    l.d->held = false;
}

int domctl_while_held(struct vcpu *target, void *state, int (*function)(struct vcpu *target, void *state))
{
    struct domain_locked l = domain_lock(target->domain);
    int r = hold(l);

    if (!r)
        r = function(target, state);
    domain_unlock(l);
    return r;
}

void domctl_let_go(struct domain *d)
{
    struct domain_locked l = domain_lock(d);

    let_go(l);
    domain_unlock(l);
}

int domctl_with_held(struct vcpu *target, void *state, int (*function)(struct vcpu *target, void *state))
{
    int r = domctl_while_held(target, state, function);

    if (r != -E_RESTART)
        domctl_let_go(target->domain);
    return r;
}

static struct vcpu *named_vcpu(struct vcpu *v, const struct domctl_call *call, uint32_t id, int *error)
{
    struct vcpu *target = domain_vcpu(call->d, id);

    ASSERT(!target || target->id == id);
    *error = call->d == v->domain ? -E_INVAL : target ? 0 : -E_SRCH;
    return *error ? NULL : target;
}

static int set_registers(struct vcpu *target, void *c)
{
    return vcpu_context_set(target, c);
}

static int get_registers(struct vcpu *target, void *c)
{
    vcpu_context_get(target, c);
    return 0;
}

int64_t domctl_set_context(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct vcpu_guest_context c;
    int r;
    struct vcpu *target = named_vcpu(v, call, call->op.u.vcpucontext.vcpu, &r);

    if (!target)
        return r;
    if (!guest_address(call->op.u.vcpucontext.ctxt))
        return -E_OPNOTSUPP;        /* would be a reset of the vCPU */
    r = read_guest(v, &c, guest_address(call->op.u.vcpucontext.ctxt), sizeof(c));
    if (r == -E_FAULT)
        domctl_let_go(call->d);
    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_setvcpucontext);
    return domctl_with_held(target, &c, set_registers);
}

int64_t domctl_get_context(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct vcpu_guest_context c;
    int r;
    struct vcpu *target = named_vcpu(v, call, call->op.u.vcpucontext.vcpu, &r);

    if (!target)
        return r;
    if (!target->initialised)
        return -E_NODATA;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_getvcpucontext);
    r = domctl_with_held(target, &c, get_registers);
    return r ? r : write_guest(v, guest_address(call->op.u.vcpucontext.ctxt), &c, sizeof(c));
}

int64_t domctl_vcpu_info(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_getvcpuinfo *info = &call->op.u.getvcpuinfo;
    const struct vcpu *target = domain_vcpu(call->d, info->vcpu);
    uint32_t pause;

    if (!target)
        return info->vcpu < call->d->max_vcpus ? -E_SRCH : -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_getvcpuinfo);
    pause = atomic_load(&target->pause_flags);
    info->online = !(pause & VCPU_DOWN);
    info->blocked = (pause & (VCPU_BLOCKED | VCPU_POLLING)) != 0;
    info->running = sched_unit_is_on_cpu(&target->unit);
    info->cpu_time = (uint64_t)sched_unit_time(&target->unit);
    info->cpu = target->unit.cpu;
    call->copy_back = true;
    return 0;
}

static cpu_set cpus_in_both(cpu_set a, const cpu_set *b)
{
    for (unsigned i = 0; i < ARRAY_SIZE(a.bits); i++)
        a.bits[i] &= b->bits[i];
    return a;
}

/* Nothing asked for, or a set of CPUs without an address. FORCE undoes SCHEDOP_pin_override, which is not provided. */
static bool affinity_is_malformed(const struct xen_domctl_vcpuaffinity *in)
{
    const uint32_t known = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT | XEN_VCPUAFFINITY_FORCE;

    return !in->flags || in->flags & ~known || (in->flags & XEN_VCPUAFFINITY_HARD && !guest_address(in->cpumap_hard.bitmap)) ||
           (in->flags & XEN_VCPUAFFINITY_SOFT && !guest_address(in->cpumap_soft.bitmap));
}

/* The affinity that `in` asks for; what it does not speak of stays. */
static int wanted_affinity(struct vcpu *v, const struct xen_domctl_vcpuaffinity *in, cpu_set *hard, cpu_set *soft)
{
    int r = 0;

    if (in->flags & XEN_VCPUAFFINITY_HARD)
        r = read_bitmap(v, &in->cpumap_hard, hard->bits, MAX_CPUS);
    if (!r && in->flags & XEN_VCPUAFFINITY_SOFT)
        r = read_bitmap(v, &in->cpumap_soft, soft->bits, MAX_CPUS);
    return r;
}

/* Tell what has come of it: the CPUs of the pool. */
static int tell_effective(struct vcpu *v, const struct domctl_call *call, const cpu_set *hard, const cpu_set *soft)
{
    const struct xen_domctl_vcpuaffinity *in = &call->op.u.vcpuaffinity;
    cpu_set effective = cpus_in_both(sched_group_pool(&call->d->sched)->cpus, hard);
    int r = 0;

    if (in->flags & XEN_VCPUAFFINITY_HARD)
        r = write_bitmap(v, &in->cpumap_hard, effective.bits, cpu_count());
    effective = cpus_in_both(effective, soft);
    if (!r && in->flags & XEN_VCPUAFFINITY_SOFT)
        r = write_bitmap(v, &in->cpumap_soft, effective.bits, cpu_count());
    return r;
}

int64_t domctl_set_affinity(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_vcpuaffinity *in = &call->op.u.vcpuaffinity;
    struct vcpu *target = domain_vcpu(call->d, in->vcpu);
    cpu_set hard, soft;
    int r;

    if (!target)
        return in->vcpu < call->d->max_vcpus ? -E_SRCH : -E_INVAL;
    if (affinity_is_malformed(in))
        return -E_INVAL;
    hard = target->unit.hard;
    soft = target->unit.soft;
    r = wanted_affinity(v, in, &hard, &soft);
    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_setvcpuaffinity);
    r = sched_set_affinity(&target->unit, &hard, &soft);
    return r ? r : tell_effective(v, call, &hard, &soft);
}

int64_t domctl_get_affinity(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_vcpuaffinity *in = &call->op.u.vcpuaffinity;
    const struct vcpu *target = domain_vcpu(call->d, in->vcpu);
    int r = 0;

    if (!target)
        return in->vcpu < call->d->max_vcpus ? -E_SRCH : -E_INVAL;
    if (affinity_is_malformed(in))
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_getvcpuaffinity);
    if (in->flags & XEN_VCPUAFFINITY_HARD)
        r = write_bitmap(v, &in->cpumap_hard, target->unit.hard.bits, cpu_count());
    if (!r && in->flags & XEN_VCPUAFFINITY_SOFT)
        r = write_bitmap(v, &in->cpumap_soft, target->unit.soft.bits, cpu_count());
    return r;
}

/* There is one node. */
int64_t domctl_set_node_affinity(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    uint64_t nodes = 0;
    int r = read_bitmap(v, &call->op.u.nodeaffinity.nodemap, &nodes, 1);

    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_setnodeaffinity);
    return nodes ? 0 : -E_INVAL;
}

int64_t domctl_get_node_affinity(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    uint64_t nodes = 1;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_getnodeaffinity);
    return write_bitmap(v, &call->op.u.nodeaffinity.nodemap, &nodes, 1);
}
