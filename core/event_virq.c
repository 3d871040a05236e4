/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual interrupts: conditions that the hypervisor reports through an event channel (xen/xen.h, VIRQ_*). */
#include "core/event_internal.h"

/* Those that each vCPU binds for itself: TIMER, DEBUG, XENOPROF, XENPMU. */
#define PER_VCPU_VIRQS (BIT(0) | BIT(1) | BIT(7) | BIT(13))

bool event_virq_is_global(uint32_t virq)
{
    ASSERT(virq < EVENT_VIRQS);
    return !(PER_VCPU_VIRQS >> virq & 1);
}

int event_bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port)
{
    struct event_table *t = &d->events;
    struct vcpu *v;
    struct channel *c;
    int rc;

    if (virq >= EVENT_VIRQS)
        return -E_INVAL;
    virq = (uint32_t)array_index_nospec(virq, EVENT_VIRQS);
    if (event_virq_is_global(virq) && vcpu != 0)
        return -E_INVAL;
    v = domain_vcpu(d, vcpu);
    if (!v)
        return -E_NOENT;
    spin_lock(&t->lock);
    rc = v->virq_port[virq] ? -E_EXIST : event_port_find(d, &c);
    if (rc == 0) {
        spin_lock(&c->lock);
        event_port_open(d, c, CHANNEL_VIRQ, vcpu);
        c->virq = virq;
        *port = c->port;
        spin_unlock(&c->lock);
        atomic_store_release(&v->virq_port[virq], *port);
    }
    spin_unlock(&t->lock);
    return rc;
}

void event_virq_unbind(struct domain *d, struct channel *c)
{
    struct vcpu *v = d->vcpus[event_virq_is_global(c->virq) ? 0 : c->vcpu];

    ASSERT(spin_is_held(&d->events.lock));
    ASSERT(v->virq_port[c->virq] == c->port);
    atomic_store(&v->virq_port[c->virq], 0);
}

/* The port may be closed, and opened as something else, between the look at virq_port and the lock: check again under it. */
static void raise(struct vcpu *v, uint32_t virq)
{
    struct domain *d = v->domain;
    uint32_t port = atomic_load_acquire(&v->virq_port[virq]);
    struct channel *c = port ? event_channel(&d->events, port) : NULL;

    if (!c)
        return;
    spin_lock(&c->lock);
    if (c->state == CHANNEL_VIRQ && c->virq == virq && atomic_load(&v->virq_port[virq]) == port)
        event_set_pending(d, c);
    spin_unlock(&c->lock);
}

void event_raise_virq(struct vcpu *v, uint32_t virq)
{
    ASSERT(virq < EVENT_VIRQS && !event_virq_is_global(virq));
    raise(v, virq);
}

void event_raise_global_virq(struct domain *d, uint32_t virq)
{
    struct vcpu *v = domain_vcpu(d, 0);

    ASSERT(event_virq_is_global(virq));
    if (v)
        raise(v, virq);
}

void event_raise_host_virq(uint32_t virq)
{
    struct domain *d = control_domain;

    if (d)
        event_raise_global_virq(d, virq);
}
