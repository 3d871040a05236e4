/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the event channels.
 *
 * Who makes a channel pending holds its *feeder's* lock: the peer's for an interdomain channel (the sender has it anyway), its
 * own for every other kind. So one channel is never made pending by two CPUs at once, and its last_vcpu, last_priority and
 * fifo_pending need no further protection.
 */
#ifndef CORE_EVENT_INTERNAL_H
#define CORE_EVENT_INTERNAL_H

#include "core/domain.h"
#include "core/event_words.h"
#include "core/shared_info.h"
#include "lib/error.h"

struct event_fifo;

/* The port's channel, or NULL when the table does not reach so far. No lock; the channel never moves. */
static inline struct channel *event_channel(struct event_table *t, uint32_t port)
{
    /* Meets the release in add_bucket(). */
    uint32_t ports = atomic_load_acquire(&t->ports);

    if (unlikely(port >= ports))
        return NULL;
    port = (uint32_t)array_index_nospec(port, ports);
    return &t->buckets[port / CHANNELS_PER_BUCKET][port % CHANNELS_PER_BUCKET];
}

/* The two-level ABI's bits of all ports, in the layout that d has, and how many they are. */
static inline uint64_t *event_pending_bits(struct domain *d)
{
    if (domain_layout_is_narrow(d))
        return ((struct narrow_shared_info *)d->shared_info)->pending;
    return ((struct guest_shared_info *)d->shared_info)->pending;
}
static inline uint64_t *event_mask_bits(struct domain *d)
{
    if (domain_layout_is_narrow(d))
        return ((struct narrow_shared_info *)d->shared_info)->mask;
    return ((struct guest_shared_info *)d->shared_info)->mask;
}
static inline uint32_t event_ports_2l(const struct domain *d)
{
    return domain_layout_is_narrow(d) ? NARROW_PORTS_2L : EVENT_MAX_PORTS_2L;
}

/* Find a free port and its channel, under t->lock; the channel stays free until event_port_open. -E_INVAL (dying), -E_NOSPC,
 * -E_NOMEM. */
int event_port_find(struct domain *d, struct channel **out) MUST_CHECK;
/* Give a free channel its state; under the table's and the channel's lock. */
void event_port_open(struct domain *d, struct channel *c, enum channel_state state, unsigned vcpu);

/* Make c, a channel of d, pending: feeder's lock held. */
void event_set_pending(struct domain *d, struct channel *c);
void event_clear_pending(struct domain *d, struct channel *c);
/* Lock c and its feeder; returns the feeder (c itself when it has no peer). */
struct channel *event_lock_feeder(struct channel *c);
void event_unlock_feeder(struct channel *c, struct channel *feeder);
/* Set upcall_pending of v and, on its edge, raise the upcall. */
void event_upcall(struct vcpu *v);
/* Wake the vCPUs of d that poll for this port. */
void event_wake_all_pollers(struct domain *d, uint32_t port);
static inline void event_wake_pollers(struct domain *d, uint32_t port)
{
    /* After the pending bit, which was set by a read-modify-write; a poller counts itself before it looks at the bit: vcpu_poll. */
    if (unlikely(atomic_load_ordered(&d->pollers)))
        event_wake_all_pollers(d, port);
}

bool event_virq_is_global(uint32_t virq);
/* c is being closed: forget it as its vCPU's virq port. Under d's table lock. */
void event_virq_unbind(struct domain *d, struct channel *c);

/* The FIFO ABI. `f` is d->events.fifo, read once by the caller. */
void event_fifo_set_pending(struct domain *d, struct event_fifo *f, struct channel *c);
void event_fifo_clear_pending(struct event_fifo *f, const struct channel *c);
void event_fifo_unmask(struct domain *d, struct event_fifo *f, struct channel *c);
bool event_fifo_is_pending(struct event_fifo *f, uint32_t port);
/* Still on a queue of the guest's, so that the port may not be used again yet? */
bool event_fifo_is_linked(struct event_fifo *f, uint32_t port);
/* Take the guest's pages out of the arena and free f; nobody can be in it. */
void event_fifo_destroy(struct domain *d, struct event_fifo *f);
/* The same as soon as every CPU has passed its quiescent point; f is no longer published. */
void event_fifo_destroy_later(struct domain *d, struct event_fifo *f);

#endif
