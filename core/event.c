/* SPDX-License-Identifier: Apache-2.0 */
/* Event channels: the table of ports, and opening and closing them. Delivery is in event_send.c. */
#include "core/event_internal.h"
#include "mem/heap.h"

#define BUCKET_BYTES (CHANNELS_PER_BUCKET * sizeof(struct channel))
/* Ports looked at by one call of event_reset or event_close_all. */
#define SWEEP_PORTS 64

int event_init(struct domain *d, uint32_t limit)
{
    struct event_table *t = &d->events;
    struct channel *c;
    int rc;

    *t = (struct event_table){ .limit = MIN(limit, EVENT_MAX_PORTS_FIFO), .first_free = 1 };
    spin_lock_init(&t->lock, LOCK_EVENT_TABLE);
    t->bucket_slots = MAX(1u, ROUND_UP(t->limit, CHANNELS_PER_BUCKET) / CHANNELS_PER_BUCKET);
    t->buckets = heap_alloc(t->bucket_slots * sizeof(*t->buckets));
    if (!t->buckets)
        return -E_NOMEM;
    spin_lock(&t->lock);
    rc = event_port_find(d, &c);
    spin_unlock(&t->lock);
    if (rc == -E_NOMEM)
        event_free(d);
    return rc == -E_NOMEM ? rc : 0;
}

void event_free(struct domain *d)
{
    struct event_table *t = &d->events;

    ASSERT(t->active == 0);
    ASSERT(!t->fifo);
    for (uint32_t i = 0; i < t->bucket_count; i++)
        heap_free(t->buckets[i], BUCKET_BYTES);
    heap_free(t->buckets, t->bucket_slots * sizeof(*t->buckets));
    t->buckets = NULL;
    t->ports = t->bucket_slots = t->bucket_count = 0;
}

static int add_bucket(struct event_table *t)
{
    uint32_t slot = t->bucket_count;
    struct channel *bucket;

    ASSERT(slot < t->bucket_slots && t->ports == slot * CHANNELS_PER_BUCKET);
    bucket = heap_alloc(BUCKET_BYTES);
    if (!bucket)
        return -E_NOMEM;
    for (uint32_t i = 0; i < CHANNELS_PER_BUCKET; i++) {
        spin_lock_init(&bucket[i].lock, LOCK_CHANNEL);
        bucket[i].port = t->ports + i;
        bucket[i].priority = FIFO_DEFAULT_PRIORITY;
        bucket[i].last_priority = FIFO_DEFAULT_PRIORITY;
    }
    if (slot == 0)
        bucket[0].state = CHANNEL_RESERVED;
    t->buckets[slot] = bucket;
    t->bucket_count++;
    /* Meets the acquire in event_channel(). */
    atomic_store_release(&t->ports, t->ports + CHANNELS_PER_BUCKET);
    return 0;
}

int event_port_find(struct domain *d, struct channel **out)
{
    struct event_table *t = &d->events;
    uint32_t limit = MIN(t->limit, t->fifo ? EVENT_MAX_PORTS_FIFO : event_ports_2l(d));
    bool skipped = false;

    ASSERT(spin_is_held(&t->lock));
    if (t->closing || d->life != DOMAIN_ALIVE)
        return -E_INVAL;
    for (uint32_t port = t->first_free; port < limit; port++) {
        struct channel *c;

        if (port >= t->ports && add_bucket(t) != 0)
            return -E_NOMEM;
        c = &t->buckets[port / CHANNELS_PER_BUCKET][port % CHANNELS_PER_BUCKET];
        if (c->state == CHANNEL_FREE && !(t->fifo && event_fifo_is_linked(t->fifo, port))) {
            *out = c;
            return 0;
        }
        skipped = skipped || c->state == CHANNEL_FREE;
        if (!skipped)
            t->first_free = port + 1;
    }
    return -E_NOSPC;
}

void event_port_open(struct domain *d, struct channel *c, enum channel_state state, unsigned vcpu)
{
    ASSERT(spin_is_held(&d->events.lock));
    ASSERT(spin_is_held(&c->lock));
    ASSERT(c->state == CHANNEL_FREE && state > CHANNEL_RESERVED);
    c->vcpu = (uint16_t)vcpu;
    c->priority = FIFO_DEFAULT_PRIORITY;
    c->fifo_pending = false;
    c->state = (uint8_t)state;
    d->events.active++;
}

/* c goes back to the free ports. Its last_vcpu and last_priority stay: the guest may still have it on that queue. */
static void port_free(struct domain *d, struct channel *c)
{
    struct event_table *t = &d->events;

    ASSERT(spin_is_held(&t->lock));
    ASSERT(spin_is_held(&c->lock));
    ASSERT(t->active > 0);
    event_clear_pending(d, c);
    t->hidden -= c->consumed;
    c->state = CHANNEL_FREE;
    c->vcpu = 0;
    c->fifo_pending = c->direct = c->consumed = c->fixed = false;
    c->remote = NULL;
    c->peer = NULL;
    t->active--;
    t->first_free = MIN(t->first_free, c->port);
}

/* An unbound port for `remote`; with notify one that is consumed. */
static int alloc(struct domain *d, domid remote, void (*notify)(struct domain *d), uint32_t *port)
{
    struct event_table *t = &d->events;
    struct channel *c;
    int rc;

    spin_lock(&t->lock);
    rc = event_port_find(d, &c);
    if (rc == 0) {
        spin_lock(&c->lock);
        event_port_open(d, c, CHANNEL_UNBOUND, 0);
        c->remote_id = remote;
        if (notify) {
            c->consumed = true;
            t->hidden++;
            t->consumer = notify;
        }
        *port = c->port;
        spin_unlock(&c->lock);
    }
    spin_unlock(&t->lock);
    return rc;
}

int event_alloc_unbound(struct domain *d, domid remote, uint32_t *port)
{
    return alloc(d, remote, NULL, port);
}

int event_alloc_consumed(struct domain *d, domid remote, void (*notify)(struct domain *d), uint32_t *port)
{
    ASSERT(notify && (!d->events.consumer || d->events.consumer == notify));
    return alloc(d, remote, notify, port);
}

int event_bind_ipi(struct domain *d, uint32_t vcpu, uint32_t *port)
{
    struct event_table *t = &d->events;
    struct channel *c;
    int rc;

    if (!domain_vcpu(d, vcpu))
        return -E_NOENT;
    spin_lock(&t->lock);
    rc = event_port_find(d, &c);
    if (rc == 0) {
        spin_lock(&c->lock);
        event_port_open(d, c, CHANNEL_IPI, vcpu);
        *port = c->port;
        spin_unlock(&c->lock);
    }
    spin_unlock(&t->lock);
    return rc;
}

/* near, of d, sends to far from now on. Under the locks of both. */
static void join(struct domain *d, struct channel *near, struct domain *remote, struct channel *far)
{
    near->state = CHANNEL_INTERDOMAIN;
    near->remote = remote;
    near->remote_port = far->port;
    near->peer = far;
    near->direct = !near->consumed && !far->consumed && !d->events.send_price;
}

/* Under both tables' locks. The two references are the ends' on each other. */
static int connect(struct domain *d, struct domain *remote, uint32_t remote_port, uint32_t *port)
{
    struct channel *near, *far = event_channel(&remote->events, remote_port);
    int rc = event_port_find(d, &near);

    if (rc != 0)
        return rc;
    if (!far || far->state != CHANNEL_UNBOUND || !domid_eq(far->remote_id, d->id))
        return -E_INVAL;
    ASSERT(near != far);
    spin_lock_pair(&near->lock, &far->lock);
    event_port_open(d, near, CHANNEL_INTERDOMAIN, 0);
    join(d, near, remote, far);
    join(remote, far, d, near);
    /* The peer may have sent while this end did not exist. */
    event_set_pending(d, near);
    *port = near->port;
    spin_unlock_pair(&near->lock, &far->lock);
    return 0;
}

/* The port of that number, free or an end that waits for its other one; under the table's lock. */
static int fixed_port(struct domain *d, uint32_t port, struct channel **out)
{
    struct event_table *t = &d->events;
    struct channel *c;

    if (t->closing || d->life != DOMAIN_ALIVE || !port || port >= MIN(t->limit, (uint32_t)EVENT_MAX_PORTS_2L))
        return -E_INVAL;
    while (port >= t->ports)
        if (add_bucket(t) != 0)
            return -E_NOMEM;
    c = *out = event_channel(t, port);
    ASSERT(c);
    return c->state == CHANNEL_FREE || (c->fixed && c->state == CHANNEL_UNBOUND) ? 0 : -E_BUSY;
}

static int connect_fixed(struct domain *a, uint32_t port_a, struct domain *b, uint32_t port_b)
{
    struct channel *ca, *cb;
    int rc_a = fixed_port(a, port_a, &ca), rc_b = fixed_port(b, port_b, &cb);

    if (rc_a == -E_BUSY && rc_b == -E_BUSY && ca->state == CHANNEL_INTERDOMAIN && ca->peer == cb)
        return -E_EXIST;
    if (rc_a || rc_b || ca == cb)
        return rc_a ? rc_a : rc_b ? rc_b : -E_INVAL;
    spin_lock_pair(&ca->lock, &cb->lock);
    if (ca->state == CHANNEL_FREE)
        event_port_open(a, ca, CHANNEL_UNBOUND, 0);
    if (cb->state == CHANNEL_FREE)
        event_port_open(b, cb, CHANNEL_UNBOUND, 0);
    join(a, ca, b, cb);
    join(b, cb, a, ca);
    ca->fixed = cb->fixed = true;
    spin_unlock_pair(&ca->lock, &cb->lock);
    return 0;
}

int event_connect_fixed(struct domain *a, uint32_t port_a, struct domain *b, uint32_t port_b)
{
    int rc = -E_INVAL;

    if (!domain_get(a))
        return rc;
    if (domain_get(b)) {
        spin_lock_pair(&a->events.lock, &b->events.lock);
        rc = connect_fixed(a, port_a, b, port_b);
        spin_unlock_pair(&a->events.lock, &b->events.lock);
        if (rc == 0)
            return 0;       /* the ends' references on each other */
        domain_put(b);
    }
    domain_put(a);
    return rc == -E_EXIST ? 0 : rc;
}

int event_bind_interdomain(struct domain *d, struct domain *remote, uint32_t remote_port, uint32_t *port)
{
    int rc;

    if (!domain_get(d))
        return -E_INVAL;
    if (!domain_get(remote)) {
        domain_put(d);
        return -E_SRCH;
    }
    spin_lock_pair(&d->events.lock, &remote->events.lock);
    rc = connect(d, remote, remote_port, port);
    spin_unlock_pair(&d->events.lock, &remote->events.lock);
    if (rc != 0) {
        domain_put(remote);
        domain_put(d);
    }
    return rc;
}

/* Close a port that has no peer, under the table's lock. */
static int close_single(struct domain *d, struct channel *c)
{
    ASSERT(c->state != CHANNEL_INTERDOMAIN);
    if (c->state == CHANNEL_FREE || c->state == CHANNEL_RESERVED)
        return -E_INVAL;
    if (c->state == CHANNEL_VIRQ)
        event_virq_unbind(d, c);
    spin_lock(&c->lock);
    port_free(d, c);
    spin_unlock(&c->lock);
    return 0;
}

/* Under both tables' locks: c is freed, its peer waits for d to bind it again. */
static void disconnect(struct domain *d, struct channel *c)
{
    struct channel *peer = c->peer;

    ASSERT(peer->state == CHANNEL_INTERDOMAIN && peer->peer == c);
    spin_lock_pair(&c->lock, &peer->lock);
    port_free(d, c);
    peer->state = CHANNEL_UNBOUND;
    peer->remote = NULL;
    peer->peer = NULL;
    peer->direct = false;
    peer->remote_id = d->id;
    spin_unlock_pair(&c->lock, &peer->lock);
}

/* The port was seen connected to `remote`, whose table's lock may have to be taken first: look again. */
static int close_connected(struct domain *d, struct channel *c, struct domain *remote)
{
    bool disconnected = false;
    int rc = 0;

    spin_lock_pair(&d->events.lock, &remote->events.lock);
    if (c->state != CHANNEL_INTERDOMAIN) {
        rc = close_single(d, c);
    } else if (c->remote != remote) {
        rc = -E_INVAL;      /* it was free in between */
    } else {
        disconnect(d, c);
        disconnected = true;
    }
    spin_unlock_pair(&d->events.lock, &remote->events.lock);
    if (disconnected) {
        domain_put(remote);
        domain_put(d);
    }
    return rc;
}

/* By the guest, or for its end: then the hypervisor's ports go too. */
static int close_port(struct domain *d, struct channel *c, bool hidden_too)
{
    struct event_table *t = &d->events;
    struct domain *remote = NULL;
    int rc = 0;

    spin_lock(&t->lock);
    if (c->consumed && !hidden_too)
        rc = -E_INVAL;
    else if (c->state == CHANNEL_INTERDOMAIN)
        remote = c->remote;
    else
        rc = close_single(d, c);
    spin_unlock(&t->lock);
    return remote ? close_connected(d, c, remote) : rc;
}

int event_close(struct domain *d, uint32_t port)
{
    struct channel *c = event_channel(&d->events, port);

    return c ? close_port(d, c, false) : -E_INVAL;
}

void event_close_consumed(struct domain *d, uint32_t port)
{
    struct channel *c = event_channel(&d->events, port);

    int error UNUSED = c && c->consumed ? close_port(d, c, true) : -E_INVAL;

    ASSERT(!error);
}

/* Close up to SWEEP_PORTS ports from where the last call ended; true when the end of the table is reached. */
static bool sweep(struct domain *d)
{
    struct event_table *t = &d->events;
    uint32_t port = MAX(1u, t->sweep_next), end = port + SWEEP_PORTS;

    for (; port < end; port++) {
        struct channel *c = event_channel(t, port);

        if (!c || atomic_load(&t->active) == (t->closing ? 0 : t->hidden)) {
            t->sweep_next = 0;
            return true;
        }
        if (c->state > CHANNEL_RESERVED)
            close_port(d, c, t->closing);
    }
    t->sweep_next = port;
    return false;
}

int event_close_all(struct domain *d)
{
    struct event_table *t = &d->events;
    struct event_fifo *f;

    spin_lock(&t->lock);
    if (!t->closing) {
        t->closing = true;
        t->sweep_next = 0;
    }
    spin_unlock(&t->lock);
    if (!sweep(d))
        return -E_RESTART;
    ASSERT(t->active == 0);
    spin_lock(&t->lock);
    f = t->fifo;
    t->fifo = NULL;
    /* Who finds the domain from now on finds no channel; a quiescent period later event_free may take the memory. */
    atomic_store(&t->ports, 0);
    spin_unlock(&t->lock);
    if (f)
        event_fifo_destroy(d, f);
    return 0;
}

int event_reset(struct domain *d)
{
    struct event_table *t = &d->events;
    struct event_fifo *f = NULL;
    int rc = 0;

    if (t->closing)
        return -E_INVAL;
    if (!sweep(d))
        return -E_RESTART;
    spin_lock(&t->lock);
    if (t->active > t->hidden) {
        rc = -E_AGAIN;
    } else if (!t->closing) {
        f = t->fifo;
        atomic_store_release(&t->fifo, NULL);
        t->first_free = 1;
    }
    spin_unlock(&t->lock);
    if (f)
        event_fifo_destroy_later(d, f);
    return rc;
}

int event_status(struct domain *d, uint32_t port, struct event_status *out)
{
    struct event_table *t = &d->events;
    struct channel *c = event_channel(t, port);

    if (!c)
        return -E_INVAL;
    *out = (struct event_status){ 0 };
    if (c->consumed)
        return -E_ACCES;
    spin_lock(&t->lock);
    out->state = c->state;
    out->vcpu = c->vcpu;
    if (c->state == CHANNEL_UNBOUND)
        out->remote = c->remote_id;
    if (c->state == CHANNEL_INTERDOMAIN) {
        out->remote = c->remote->id;
        out->remote_port = c->remote_port;
    }
    if (c->state == CHANNEL_VIRQ)
        out->virq = c->virq;
    spin_unlock(&t->lock);
    return 0;
}

int event_bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu)
{
    struct event_table *t = &d->events;
    struct channel *c = event_channel(t, port);
    int rc = 0;

    if (!domain_vcpu(d, vcpu))
        return -E_NOENT;
    if (!c || c->consumed)
        return -E_INVAL;
    spin_lock(&t->lock);
    switch (c->state) {
    case CHANNEL_VIRQ:
        if (!event_virq_is_global(c->virq)) {
            rc = -E_INVAL;
            break;
        }
        /* fall through */
    case CHANNEL_UNBOUND:
    case CHANNEL_INTERDOMAIN:
        WRITE_ONCE(c->vcpu, (uint16_t)vcpu);
        break;
    default:
        rc = -E_INVAL;
    }
    spin_unlock(&t->lock);
    return rc;
}
