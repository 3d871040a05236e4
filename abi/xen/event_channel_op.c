/* SPDX-License-Identifier: Apache-2.0 */
/* event_channel_op: ports, opened, closed, sent to and asked about. (xen/event_channel.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "core/event_words.h"

#define FAMILY_EVENT HYPERCALL(__HYPERVISOR_event_channel_op)
/* Physical interrupts that the reference answers for on Arm. */
#define PIRQS 1024

/* Answer with a structure that names a new port; a port that the caller cannot learn of is closed again. */
static int64_t answer_port(struct vcpu *v, uint64_t to, const void *out, size_t n, struct domain *d, uint32_t port)
{
    int r = write_guest_result(v, to, out, n);

    if (r)
        event_close(d, port);
    return r;
}

static int64_t op_alloc_unbound(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_alloc_unbound io;
    struct domain *d;
    uint16_t remote;
    int r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    d = target_domain(v, io.dom, &r);
    if (!d)
        return r;
    remote = io.remote_dom == DOMID_SELF ? v->domain->id.v : io.remote_dom;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_alloc_unbound);
    r = event_alloc_unbound(d, DOMID(remote), &io.port);
    return r ? r : answer_port(v, args[1], &io, sizeof(io), d, io.port);
}

static int64_t op_bind_interdomain(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_bind_interdomain io;
    struct domain *remote;
    int r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    remote = io.remote_dom == DOMID_SELF ? v->domain : domain_find(DOMID(io.remote_dom));
    if (!remote)
        return -E_SRCH;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_bind_interdomain);
    r = event_bind_interdomain(v->domain, remote, io.remote_port, &io.local_port);
    return r ? r : answer_port(v, args[1], &io, sizeof(io), v->domain, io.local_port);
}

static int64_t op_bind_virq(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_bind_virq io;
    int r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_bind_virq);
    r = event_bind_virq(v->domain, io.virq, io.vcpu, &io.port);
    return r ? r : answer_port(v, args[1], &io, sizeof(io), v->domain, io.port);
}

static int64_t op_bind_ipi(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_bind_ipi io;
    int r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_bind_ipi);
    r = event_bind_ipi(v->domain, io.vcpu, &io.port);
    return r ? r : answer_port(v, args[1], &io, sizeof(io), v->domain, io.port);
}

/* Guests on Arm get interrupts through their interrupt controller: the reference has no record of a pirq to give, and permits only
 * the control domain to ask for one. */
static int64_t op_bind_pirq(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_bind_pirq in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_bind_pirq);
    if (in.pirq >= PIRQS)
        return -E_INVAL;
    return v->domain->is_control ? -E_NOMEM : -E_PERM;
}

static int64_t op_close(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_close in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_close);
    return event_close(v->domain, in.port);
}

static int64_t op_send(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_send in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (unlikely(r))
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_send);
    return event_send(v->domain, in.port);
}

static void fill_status(const struct event_status *s, struct evtchn_status *out)
{
    static const uint8_t states[] = {
        [CHANNEL_FREE] = EVTCHNSTAT_closed, [CHANNEL_RESERVED] = EVTCHNSTAT_closed,
        [CHANNEL_UNBOUND] = EVTCHNSTAT_unbound, [CHANNEL_INTERDOMAIN] = EVTCHNSTAT_interdomain,
        [CHANNEL_PIRQ] = EVTCHNSTAT_pirq, [CHANNEL_VIRQ] = EVTCHNSTAT_virq, [CHANNEL_IPI] = EVTCHNSTAT_ipi,
    };

    ASSERT(s->state < ARRAY_SIZE(states));
    out->status = states[s->state];
    out->vcpu = s->vcpu;
    if (s->state == CHANNEL_UNBOUND)
        out->u.unbound.dom = s->remote.v;
    if (s->state == CHANNEL_INTERDOMAIN) {
        out->u.interdomain.dom = s->remote.v;
        out->u.interdomain.port = s->remote_port;
    }
    if (s->state == CHANNEL_VIRQ)
        out->u.virq = s->virq;
}

static int64_t op_status(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_status io;
    struct event_status s;
    struct domain *d;
    int r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    d = target_domain(v, io.dom, &r);
    if (!d)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_status);
    r = event_status(d, io.port, &s);
    if (r)
        return r;
    fill_status(&s, &io);
    return write_guest(v, args[1], &io, sizeof(io));
}

static int64_t op_bind_vcpu(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_bind_vcpu in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_bind_vcpu);
    return event_bind_vcpu(v->domain, in.port, in.vcpu);
}

static int64_t op_unmask(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_unmask in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_unmask);
    return event_unmask(v->domain, in.port);
}

static int64_t op_reset(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_reset in;
    struct domain *d;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    d = target_domain(v, in.dom, &r);
    if (!d)
        return r;
    /* Somebody else's ports only while its toolstack holds it paused. */
    if (d != v->domain && !d->controller_pause_count)
        return -E_INVAL;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_reset);
    return event_reset(d);
}

static int64_t op_init_control(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_init_control io;
    int r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_init_control);
    r = event_init_control(v->domain, GFN(io.control_gfn), io.offset, io.vcpu);
    if (r)
        return r;
    io.link_bits = FIFO_LINK_BITS;
    return write_guest_result(v, args[1], &io, sizeof(io));
}

static int64_t op_expand_array(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_expand_array in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_expand_array);
    return event_expand_array(v->domain, GFN(in.array_gfn));
}

static int64_t op_set_priority(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct evtchn_set_priority in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    subcall_reached(FAMILY_EVENT, EVTCHNOP_set_priority);
    return event_set_priority(v->domain, in.port, in.priority);
}

const struct subcall event_channel_subcalls[] = {
    SUBCALL(EVTCHNOP_bind_interdomain, CALLER_ANY, op_bind_interdomain),
    SUBCALL(EVTCHNOP_bind_virq, CALLER_ANY, op_bind_virq),
    SUBCALL_REFUSED(EVTCHNOP_bind_pirq, CALLER_ANY, op_bind_pirq),
    SUBCALL(EVTCHNOP_close, CALLER_ANY, op_close),
    SUBCALL(EVTCHNOP_send, CALLER_ANY, op_send),
    SUBCALL(EVTCHNOP_status, CALLER_ANY, op_status),
    SUBCALL(EVTCHNOP_alloc_unbound, CALLER_ANY, op_alloc_unbound),
    SUBCALL(EVTCHNOP_bind_ipi, CALLER_ANY, op_bind_ipi),
    SUBCALL(EVTCHNOP_bind_vcpu, CALLER_ANY, op_bind_vcpu),
    SUBCALL(EVTCHNOP_unmask, CALLER_ANY, op_unmask),
    SUBCALL(EVTCHNOP_reset, CALLER_ANY, op_reset),
    SUBCALL(EVTCHNOP_init_control, CALLER_ANY, op_init_control),
    SUBCALL(EVTCHNOP_expand_array, CALLER_ANY, op_expand_array),
    SUBCALL(EVTCHNOP_set_priority, CALLER_ANY, op_set_priority),
};
const unsigned event_channel_subcall_count = ARRAY_SIZE(event_channel_subcalls);

int64_t hypercall_event_channel_op(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, FAMILY_EVENT, (uint32_t)args[0], args, NULL);
}
