/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl: schedulers and CPU pools. (xen/sysctl.h) */
#include "abi/xen/sysctl.h"
#include "core/cpupool.h"
#include "lib/string.h"
#include "mem/heap.h"

int64_t sysctl_sched_id(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_sched_id);
    call->op.u.sched_id.sched_id = sched_pool_find(0, true)->policy->abi_id;
    call->copy_back = true;
    return 0;
}

/* The pool of that number or the next one. */
static int64_t pool_info(struct vcpu *v, struct sysctl_call *call)
{
    struct xen_sysctl_cpupool_op *in = &call->op.u.cpupool_op;
    const struct sched_pool *p = sched_pool_find(in->cpupool_id, false);

    if (!p)
        return -E_NOENT;
    in->cpupool_id = p->id;
    in->sched_id = p->policy->abi_id;
    in->n_dom = READ_ONCE(p->groups);
    call->copy_back = true;
    return write_bitmap(v, &in->cpumap, p->cpus.bits, cpu_count());
}

static int64_t pool_free_cpus(struct vcpu *v, struct sysctl_call *call)
{
    cpu_set cpus = sched_free_cpus();

    return write_bitmap(v, &call->op.u.cpupool_op.cpumap, cpus.bits, cpu_count());
}

static int64_t pool_create(struct vcpu *v UNUSED, struct sysctl_call *call)
{
    STATIC_ASSERT(XEN_SYSCTL_CPUPOOL_PAR_ANY == SCHED_POOL_ANY);
    call->copy_back = true;
    return sched_pool_create(&call->op.u.cpupool_op.cpupool_id, call->op.u.cpupool_op.sched_id);
}

static int64_t pool_destroy(struct vcpu *v UNUSED, struct sysctl_call *call)
{
    return sched_pool_destroy(call->op.u.cpupool_op.cpupool_id);
}

static int64_t pool_add_cpu(struct vcpu *v UNUSED, struct sysctl_call *call)
{
    const struct xen_sysctl_cpupool_op *in = &call->op.u.cpupool_op;
    uint32_t cpu = in->cpu;

    if (cpu == XEN_SYSCTL_CPUPOOL_PAR_ANY) {
        cpu_set cpus = sched_free_cpus();

        cpu = bitmap_next_set(cpus.bits, MAX_CPUS, 0);
        if (cpu >= MAX_CPUS)
            return sched_pool_find(in->cpupool_id, true) ? -E_NODEV : -E_NOENT;
    }
    return sched_pool_add_cpu(in->cpupool_id, cpu);
}

static unsigned last_cpu(const struct sched_pool *p)
{
    unsigned last = MAX_CPUS;

    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        if (cpu_set_has(&p->cpus, cpu))
            last = cpu;
    return last;
}

/* The call comes back until the CPU is empty; which CPU that is must not be chosen anew then. */
static int64_t pool_remove_cpu(struct vcpu *v, struct sysctl_call *call)
{
    const struct xen_sysctl_cpupool_op *in = &call->op.u.cpupool_op;
    const struct sched_pool *p = sched_pool_find(in->cpupool_id, true);
    uint32_t cpu = in->cpu;
    int64_t r;

    if (!p)
        return -E_NOENT;
    if (cpu == XEN_SYSCTL_CPUPOOL_PAR_ANY)
        cpu = is_continued(call->args[1]) ? (uint32_t)call->args[1] : last_cpu(p);
    r = cpupool_remove_cpu(in->cpupool_id, cpu);
    hypercall_set_arg(v, 1, r == -E_RESTART ? CONTINUED(cpu) : 0);
    return r;
}

static int64_t pool_move(struct vcpu *v, struct sysctl_call *call)
{
    const struct xen_sysctl_cpupool_op *in = &call->op.u.cpupool_op;
    unsigned next = is_continued(call->args[1]) ? (uint32_t)call->args[1] : 0;
    struct domain *d;
    int64_t r;

    if (in->domid == DOMID_SELF || in->domid == v->domain->id.v)
        return -E_PERM;
    d = in->domid < DOMID_FIRST_RESERVED ? domain_find(DOMID(in->domid)) : NULL;
    if (!d)
        return -E_SRCH;
    r = domain_move_to_pool(d, in->cpupool_id, &next);
    hypercall_set_arg(v, 1, r == -E_RESTART ? CONTINUED(next) : 0);
    return r;
}

static int64_t (*const pool_ops[])(struct vcpu *v, struct sysctl_call *call) = {
    [XEN_SYSCTL_CPUPOOL_OP_CREATE] = pool_create,
    [XEN_SYSCTL_CPUPOOL_OP_DESTROY] = pool_destroy,
    [XEN_SYSCTL_CPUPOOL_OP_INFO] = pool_info,
    [XEN_SYSCTL_CPUPOOL_OP_ADDCPU] = pool_add_cpu,
    [XEN_SYSCTL_CPUPOOL_OP_RMCPU] = pool_remove_cpu,
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

/* XEN_SYSCTL_SCHED_RATELIMIT_MIN is above the default here, which a tool must be able to set again. */
static int64_t ratelimit(struct vcpu *v UNUSED, struct sysctl_call *call, struct sched_pool *p)
{
    struct xen_sysctl_scheduler_op *in = &call->op.u.scheduler_op;

    if (in->cmd == XEN_SYSCTL_SCHEDOP_putinfo)
        return sched_pool_set_ratelimit_us(p, in->u.sched_credit2.ratelimit_us);
    in->u.sched_credit2.ratelimit_us = atomic_load(&p->ratelimit_us);
    call->copy_back = true;
    return 0;
}

/* Between the guest's structure and a frame; what does not fit is 0, which no frame has. */
static void frame_from(struct sched_frame *to, const struct xen_sysctl_arinc653_schedule *from)
{
    to->major = (nsec_t)MIN(from->major_frame, (uint64_t)INT64_MAX);
    to->count = MIN(from->num_sched_entries, SCHED_FRAME_WINDOWS);
    for (unsigned i = 0; i < to->count; i++) {
        memcpy(to->windows[i].handle, from->sched_entries[i].dom_handle, sizeof(to->windows[i].handle));
        to->windows[i].number = from->sched_entries[i].vcpu_id;
        to->windows[i].length = (nsec_t)MIN(from->sched_entries[i].runtime, (uint64_t)INT64_MAX);
    }
}

static void frame_to(struct xen_sysctl_arinc653_schedule *to, const struct sched_frame *from)
{
    to->major_frame = (uint64_t)from->major;
    to->num_sched_entries = (uint8_t)from->count;
    for (unsigned i = 0; i < from->count; i++) {
        memcpy(to->sched_entries[i].dom_handle, from->windows[i].handle, sizeof(from->windows[i].handle));
        to->sched_entries[i].vcpu_id = from->windows[i].number;
        to->sched_entries[i].runtime = (uint64_t)from->windows[i].length;
    }
}

/* The two forms of a frame, too large for a stack. */
struct frame_call {
    struct xen_sysctl_arinc653_schedule guest;
    struct sched_frame frame;
};

static int64_t put_frame(struct vcpu *v, struct frame_call *c, uint64_t address, struct sched_pool *p)
{
    int r = read_guest(v, &c->guest, address, sizeof(c->guest));

    if (r)
        return r;
    if (c->guest.num_sched_entries > SCHED_FRAME_WINDOWS)
        return -E_INVAL;
    frame_from(&c->frame, &c->guest);
    return sched_pool_set_frame(p, &c->frame);
}

static int64_t get_frame(struct vcpu *v, struct frame_call *c, uint64_t address, const struct sched_pool *p)
{
    const struct sched_frame *f = atomic_load_acquire(&p->frame);

    if (f)
        frame_to(&c->guest, f);
    return write_guest(v, address, &c->guest, sizeof(c->guest));
}

static int64_t frame(struct vcpu *v, struct sysctl_call *call, struct sched_pool *p)
{
    const struct xen_sysctl_scheduler_op *in = &call->op.u.scheduler_op;
    uint64_t address = guest_address(in->u.sched_arinc653.schedule);
    struct frame_call *c = heap_new(struct frame_call);
    int64_t r;

    STATIC_ASSERT(ARRAY_SIZE(c->guest.sched_entries) == SCHED_FRAME_WINDOWS);
    if (!c)
        return -E_NOMEM;
    r = in->cmd == XEN_SYSCTL_SCHEDOP_putinfo ? put_frame(v, c, address, p) : get_frame(v, c, address, p);
    heap_delete(c);
    return r;
}

static int64_t nothing_to_say(struct vcpu *v UNUSED, struct sysctl_call *call UNUSED, struct sched_pool *p UNUSED)
{
    return 0;
}

static int64_t no_parameters(struct vcpu *v UNUSED, struct sysctl_call *call UNUSED, struct sched_pool *p UNUSED)
{
    return -E_OPNOTSUPP;
}

static const struct {
    uint32_t id;
    int64_t (*call)(struct vcpu *v, struct sysctl_call *call, struct sched_pool *p);
} schedulers[] = {
    { XEN_SCHEDULER_CREDIT2, ratelimit },
    { XEN_SCHEDULER_RTDS, no_parameters },
    { XEN_SCHEDULER_NULL, nothing_to_say },
    { XEN_SCHEDULER_ARINC653, frame },
};

int64_t sysctl_scheduler(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    const struct xen_sysctl_scheduler_op *in = &call->op.u.scheduler_op;
    struct sched_pool *p = sched_pool_find(in->cpupool_id, true);

    if (in->cmd != XEN_SYSCTL_SCHEDOP_putinfo && in->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -E_INVAL;
    if (!p)
        return -E_SRCH;
    if (in->sched_id != p->policy->abi_id)
        return -E_INVAL;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_scheduler_op);
    for (unsigned i = 0; i < ARRAY_SIZE(schedulers); i++)
        if (schedulers[i].id == in->sched_id)
            return schedulers[i].call(v, call, p);
    return -E_INVAL;
}
