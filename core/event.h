/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event channels: one table per domain, grown bucket by bucket, with the two-level ABI (bits in shared_info) and the FIFO
 * ABI (linked queues in pages of the guest). Semantics: xen/event_channel.h.
 *
 * The bucket array is published by release; a port's `struct channel` never moves. Lock order: event table (allocate, bind,
 * close), then channel (two by address), then FIFO queue. Send takes only the channel's lock (and the remote needs no lock:
 * the pair is changed under both locks).
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include "core/pace.h"
#include "lib/spinlock.h"
#include "lib/types.h"
#include "mem/arena.h"

struct domain;
struct vcpu;

enum channel_state { CHANNEL_FREE, CHANNEL_RESERVED, CHANNEL_UNBOUND, CHANNEL_INTERDOMAIN, CHANNEL_PIRQ, CHANNEL_VIRQ, CHANNEL_IPI };

struct channel {
    spinlock_t lock;            /* LOCK_CHANNEL */
    uint8_t state;              /* enum channel_state */
    uint8_t priority;           /* FIFO: 0 highest .. 15, default 7 */
    uint8_t last_priority, last_vcpu_low;
    uint16_t vcpu;              /* notified vCPU */
    uint16_t last_vcpu;         /* queue it is linked on */
    bool fifo_pending;          /* pending before its array page existed */
    bool direct;                /* sending is making `peer` pending and nothing else */
    bool fixed;                 /* connected by event_connect_fixed */
    bool consumed;              /* what is sent to it goes to the hypervisor: see event_alloc_consumed */
    uint32_t port;
    uint32_t remote_port;
    struct domain *remote;      /* interdomain: counted reference */
    struct channel *peer;       /* interdomain: the other end */
    domid remote_id;            /* unbound: who may bind */
    uint32_t virq;
};

#define CHANNELS_PER_BUCKET 64
#define EVENT_MAX_PORTS_2L 4096
#define EVENT_MAX_PORTS_FIFO (1u << 17)
#define EVENT_VIRQS 24

struct event_fifo;

struct event_table {
    spinlock_t lock;            /* LOCK_EVENT_TABLE */
    struct channel **buckets;   /* release-published */
    uint32_t bucket_slots, bucket_count;
    uint32_t ports;             /* that look-ups find, multiple of CHANNELS_PER_BUCKET; 0 again once all are closed for good */
    uint32_t limit;             /* highest port + 1 that the domain may use */
    uint32_t first_free;        /* no port below it is free */
    uint32_t active;            /* ports neither free nor reserved */
    uint32_t hidden;            /* of these, the hypervisor's */
    void (*consumer)(struct domain *d); /* who is told of what is sent to them */
    nsec_t send_price;          /* time between two sent on average; 0: no limit */
    struct pace send_pace;
    uint32_t sweep_next;        /* where event_reset or event_close_all goes on; 0 = none under way */
    bool closing;               /* event_close_all has begun: no new ports */
    struct event_fifo *fifo;    /* NULL: two-level */
};

/* limit: highest port allowed + 1, clamped to what the FIFO ABI has. Under domain control. -E_NOMEM, nothing left then. */
int event_init(struct domain *d, uint32_t limit) MUST_CHECK;
/* Close every port and let go of the guest's FIFO pages; bounded: -E_RESTART while there is more. d is dying and its vCPUs are
 * quiet; peers are told by their ports becoming unbound. shared_info and vcpu_info are not written once it has returned 0. */
int event_close_all(struct domain *d) MUST_CHECK;
/* Memory of the table, after event_close_all and when nobody can have found d any more. Accepts a table never made. */
void event_free(struct domain *d);

/* The ABI's operations, on decoded arguments. `d` is the domain whose port is meant. Errors as in the ABI: -E_INVAL, -E_NOSPC,
 * -E_NOMEM, -E_PERM, -E_BUSY, -E_EXIST, -E_NOENT. Ports are returned through *port. No lock held. (xen/event_channel.h)
 *   event_reset         one bounded piece; -E_RESTART while there is more, -E_AGAIN when ports were opened meanwhile
 *   event_init_control  -E_NOENT no such vCPU, -E_INVAL bad place or already set, -E_NOMEM, -E_RESTART
 *   event_expand_array  -E_OPNOTSUPP without a control block, -E_NOSPC array complete, -E_INVAL, -E_NOMEM, -E_RESTART
 *   event_set_priority  -E_NOSYS while the domain uses the two-level ABI */
int event_alloc_unbound(struct domain *d, domid remote, uint32_t *port) MUST_CHECK;
/*
 * The same for a port by which the hypervisor, as d's emulated device, talks to a backend in `remote`: what that sends ends in `notify`
 * (any CPU, no lock; one per domain), which d's guest cannot see, send to or close. event_send_consumed sends to the backend.
 */
int event_alloc_consumed(struct domain *d, domid remote, void (*notify)(struct domain *d), uint32_t *port) MUST_CHECK;
void event_send_consumed(struct domain *d, uint32_t port);
void event_close_consumed(struct domain *d, uint32_t port);
/* Most notifications that d sends per second on average, 0: any number. A vCPU that sends more than the next hundredth of that at once is
 * held until it has not. Before d has a port. */
void event_limit_rate(struct domain *d, uint32_t per_second);
int event_bind_interdomain(struct domain *d, struct domain *remote, uint32_t remote_port, uint32_t *port) MUST_CHECK;
int event_bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port) MUST_CHECK;
int event_bind_ipi(struct domain *d, uint32_t vcpu, uint32_t *port) MUST_CHECK;
/* Connect two ports of given numbers, which are free, or were connected so before: the ends of a static event channel. 0 also when they are
 * connected; -E_BUSY: one is used for something else; -E_INVAL: no such port, or the domain is dying; -E_NOMEM. */
int event_connect_fixed(struct domain *a, uint32_t port_a, struct domain *b, uint32_t port_b) MUST_CHECK;
int event_close(struct domain *d, uint32_t port);
int event_send(struct domain *d, uint32_t port) MUST_CHECK;
int event_bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu) MUST_CHECK;
int event_unmask(struct domain *d, uint32_t port) MUST_CHECK;
int event_reset(struct domain *d) MUST_CHECK;
int event_set_priority(struct domain *d, uint32_t port, uint32_t priority) MUST_CHECK;
int event_init_control(struct domain *d, gfn_t control, uint32_t offset, uint32_t vcpu) MUST_CHECK;
int event_expand_array(struct domain *d, gfn_t array) MUST_CHECK;

struct event_status {
    enum channel_state state;
    uint32_t vcpu;
    domid remote;
    uint32_t remote_port;
    uint32_t virq;
};
int event_status(struct domain *d, uint32_t port, struct event_status *out) MUST_CHECK;

/* Virtual IRQs: raise a per-vCPU one on v, or a global one of d (the vCPU that bound it). */
void event_raise_virq(struct vcpu *v, uint32_t virq);
void event_raise_global_virq(struct domain *d, uint32_t virq);
/* To the control domain (dom0), e.g. VIRQ_DOM_EXC, VIRQ_CONSOLE. */
void event_raise_host_virq(uint32_t virq);

/* vcpu_info has just been moved or a vCPU came up: everything counts as pending. */
void event_mark_all_pending(struct vcpu *v);
/* Is an event pending and not masked for SCHEDOP_poll / block? */
bool event_port_is_pending(struct domain *d, uint32_t port);
bool event_vcpu_pending(const struct vcpu *v);

#endif
