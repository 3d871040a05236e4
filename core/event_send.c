/* SPDX-License-Identifier: Apache-2.0 */
/* Event channels: sending, masking, and the two-level ABI (xen/event_channel.h; xen/xen.h, struct shared_info). */
#include "core/event_internal.h"

/* Tries of event_lock_feeder against a guest that keeps connecting and closing the port. */
#define FEEDER_TRIES 8

HOT void event_upcall(struct vcpu *v)
{
    /* After the selector's or the queue's bit: who moves the structure marks everything pending after it has moved it. */
    struct guest_vcpu_info *info = atomic_load_ordered(&v->info);

    if (!atomic_exchange(&info->upcall_pending, 1))
        arch_vcpu_raise_upcall(v);
}

void event_wake_all_pollers(struct domain *d, uint32_t port)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpus[i];

        /* Acquire: poll_port is what it was set to before the flag. */
        if (likely(!v || !(atomic_load_acquire(&v->pause_flags) & VCPU_POLLING)))
            continue;
        if (v->poll_port == 0 || v->poll_port == port)
            vcpu_wake(v);
    }
}

/* Set the bit of the port's word in the selector: was it set? */
static inline bool select_word(const struct domain *d, struct guest_vcpu_info *info, uint32_t port)
{
    if (domain_layout_is_narrow(d))
        return atomic_test_and_set_bit((uint64_t *)(void *)info, NARROW_SELECTOR_BIT + port / NARROW_PORTS_PER_BIT % 32);
    return atomic_test_and_set_bit(&info->pending_selector, port / 64);
}

/* Pending bit, then the word's bit in the vCPU's selector, then the upcall: the order the guest undoes in reverse. */
static inline void two_level_notify(struct domain *d, const struct channel *c, uint32_t port)
{
    unsigned vcpu = READ_ONCE(c->vcpu);
    struct guest_vcpu_info *info;
    struct vcpu *v;

    ASSERT(vcpu < d->max_vcpus);    /* binding looked at it */
    v = d->vcpus[vcpu];
    if (unlikely(!v))
        return;             /* a vCPU that is still to be made starts with everything pending */
    info = READ_ONCE(v->info);
    if (!select_word(d, info, port))
        event_upcall(v);
}

static inline void two_level_set_pending(struct domain *d, const struct channel *c, uint32_t port)
{
    ASSERT(port < EVENT_MAX_PORTS_2L);
    if (atomic_test_and_set_bit(event_pending_bits(d), port))
        return;
    /* Pending before the look at the mask; the guest clears the mask before it looks at pending. */
    barrier_full();
    if (!atomic_test_bit(event_mask_bits(d), port))
        two_level_notify(d, c, port);
    event_wake_pollers(d, port);
}

static void two_level_unmask(struct domain *d, const struct channel *c)
{
    if (!atomic_test_and_clear_bit(event_mask_bits(d), c->port))
        return;
    barrier_full();         /* meets the one in two_level_set_pending() */
    if (atomic_test_bit(event_pending_bits(d), c->port))
        two_level_notify(d, c, c->port);
}

HOT void event_set_pending(struct domain *d, struct channel *c)
{
    /* Meets the release in event_init_control(). */
    struct event_fifo *f = atomic_load_acquire(&d->events.fifo);

    if (f)
        event_fifo_set_pending(d, f, c);
    else if (likely(c->port < event_ports_2l(d)))
        two_level_set_pending(d, c, c->port);
}

void event_clear_pending(struct domain *d, struct channel *c)
{
    struct event_fifo *f = atomic_load_acquire(&d->events.fifo);

    if (f)
        event_fifo_clear_pending(f, c);
    /* With FIFO too: what was pending before waits there for the port's word. */
    if (c->port < event_ports_2l(d) && d->shared_info)
        (void)atomic_test_and_clear_bit(event_pending_bits(d), c->port);
}

void event_limit_rate(struct domain *d, uint32_t per_second)
{
    ASSERT(d->events.active == 0);
    d->events.send_price = per_second ? SEC(1) / per_second : 0;
}

/* What is sent over c, a channel of d that is not direct; its lock is held. *consumer: whom to tell besides. */
static int send_slowly(struct domain *d, struct channel *c, struct domain **consumer)
{
    if (c->consumed)
        return -E_INVAL;
    if (c->state == CHANNEL_IPI)
        event_set_pending(d, c);
    else if (c->state == CHANNEL_INTERDOMAIN && c->peer->consumed)
        *consumer = c->remote;
    else if (c->state == CHANNEL_INTERDOMAIN)
        event_set_pending(c->remote, c->peer);
    else if (c->state != CHANNEL_UNBOUND)   /* nobody is there yet: dropped without an error */
        return -E_INVAL;
    return 0;
}

static NOINLINE int send_indirect(struct domain *d, struct channel *c)
{
    struct vcpu *v = cpu_current_vcpu();
    struct domain *consumer = NULL;
    int rc = send_slowly(d, c, &consumer);

    spin_unlock(&c->lock);
    /* The consumer's domain stays at least until this CPU's quiescent point. */
    if (consumer)
        consumer->events.consumer(consumer);
    if (d->events.send_price && v && v->domain == d)
        vcpu_pay(v, &d->events.send_pace, d->events.send_price, MAX(d->events.send_price, MSEC(10)));
    return rc;
}

HOT int event_send(struct domain *d, uint32_t port)
{
    struct channel *c = event_channel(&d->events, port);

    if (unlikely(!c))
        return -E_INVAL;
    spin_lock(&c->lock);
    if (unlikely(!c->direct))
        return send_indirect(d, c);
    event_set_pending(c->remote, c->peer);
    spin_unlock(&c->lock);
    return 0;
}

void event_send_consumed(struct domain *d, uint32_t port)
{
    struct channel *c = event_channel(&d->events, port);

    if (!c)
        return;
    spin_lock(&c->lock);
    if (c->consumed && c->state == CHANNEL_INTERDOMAIN)
        event_set_pending(c->remote, c->peer);
    spin_unlock(&c->lock);
}

struct channel *event_lock_feeder(struct channel *c)
{
    for (unsigned try = 0; try < FEEDER_TRIES; try++) {
        struct channel *peer;

        spin_lock(&c->lock);
        peer = c->state == CHANNEL_INTERDOMAIN ? c->peer : c;
        if (peer == c)
            return c;
        spin_unlock(&c->lock);
        /* The peer's memory stays until this CPU's quiescent point. */
        spin_lock_pair(&c->lock, &peer->lock);
        if (c->state == CHANNEL_INTERDOMAIN && c->peer == peer)
            return peer;
        spin_unlock_pair(&c->lock, &peer->lock);
    }
    return NULL;
}

void event_unlock_feeder(struct channel *c, struct channel *feeder)
{
    spin_unlock_pair(&c->lock, &feeder->lock);
}

int event_unmask(struct domain *d, uint32_t port)
{
    struct channel *c = event_channel(&d->events, port), *feeder;
    struct event_fifo *f;

    if (!c)
        return -E_INVAL;
    feeder = event_lock_feeder(c);
    if (!feeder)
        return -E_BUSY;
    f = atomic_load_acquire(&d->events.fifo);
    if (f)
        event_fifo_unmask(d, f, c);
    else if (port < event_ports_2l(d))
        two_level_unmask(d, c);
    event_unlock_feeder(c, feeder);
    return 0;
}

void event_mark_all_pending(struct vcpu *v)
{
    struct guest_vcpu_info *info = READ_ONCE(v->info);

    if (domain_layout_is_narrow(v->domain))
        atomic_store((uint32_t *)(void *)info + NARROW_SELECTOR_BIT / 32, UINT32_MAX);
    else
        atomic_store(&info->pending_selector, UINT64_MAX);
    /* An edge too many does no harm, one too few loses what was pending in the old place. */
    (void)atomic_exchange(&info->upcall_pending, 1);
    arch_vcpu_raise_upcall(v);
}

bool event_port_is_pending(struct domain *d, uint32_t port)
{
    struct channel *c = event_channel(&d->events, port);
    struct event_fifo *f = atomic_load_acquire(&d->events.fifo);

    if (!c)
        return false;
    if (f)
        return event_fifo_is_pending(f, port);
    return port < event_ports_2l(d) && atomic_test_bit(event_pending_bits(d), port);
}

bool event_vcpu_pending(const struct vcpu *v)
{
    const struct guest_vcpu_info *info = READ_ONCE(v->info);

    /* upcall_mask is not looked at: guests with an interrupt controller do not use it (xen/arch-arm.h). */
    return atomic_load(&info->upcall_pending) != 0;
}
