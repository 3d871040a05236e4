/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event channels: the FIFO ABI (xen/event_channel.h; Xen's design document "event channels FIFO").
 *
 *   control block of a vCPU            event array, one word per port
 *   +-------+  ready: bit per queue    +----------+     +----------+     +----------+
 *   | ready |                          | port 5   |     | port 9   |     | port 7   |
 *   |head[0]|------------------------->| LINK = 9 |---->| LINK = 7 |---->| LINK = 0 |<-- tail, kept here, not
 *   |  ...  |                          +----------+     +----------+     +----------+    shown to the guest
 *
 * The guest takes ports off at the head: it clears LINKED and LINK of a word in one step. The hypervisor appends: it sets LINKED
 * of the new word, then puts the port into the tail's LINK if the tail is still LINKED, or else into the head. Everything in
 * these pages may be changed by the guest at any time; nothing read from them is used as an index.
 */
#include "core/event_internal.h"
#include "lib/print.h"
#include "mem/arena.h"
#include "mem/heap.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(uint32_t))
#define ARRAY_PAGES (EVENT_MAX_PORTS_FIFO / WORDS_PER_PAGE)
/* Ports that one call looks at for what waited. */
#define RAISE_PORTS 256
/* A guest may change a linked word four times for good reasons (mask, unmask, clear PENDING, unlink). */
#define LINK_TRIES 5

struct fifo_queue {
    spinlock_t lock;            /* LOCK_EVENT_QUEUE */
    uint32_t tail;              /* port appended last, 0 = none */
};

struct fifo_vcpu {
    struct guest_fifo_control *control;     /* arena; release-published */
    struct fifo_queue queues[FIFO_PRIORITIES];
};

struct event_fifo {
    struct quiesce_call free_call;
    struct domain *domain;      /* counted while free_call is pending */
    uint32_t ports;             /* words there are; release-published */
    uint32_t raised;            /* below it nothing waits that became pending before its word was there; under the table's lock */
    gfn_t newest;               /* the page that was given last */
    uint32_t vcpu_count;
    uint32_t *array[ARRAY_PAGES];
    struct fifo_vcpu vcpus[];
};

static size_t fifo_bytes(uint32_t vcpus)
{
    return sizeof(struct event_fifo) + vcpus * sizeof(struct fifo_vcpu);
}

/* The port's word, or NULL while the guest has not given the page. */
static uint32_t *fifo_word(struct event_fifo *f, uint32_t port)
{
    /* Meets the release in event_expand_array(). */
    uint32_t ports = atomic_load_acquire(&f->ports);

    if (unlikely(port >= ports))
        return NULL;
    return f->array[port / WORDS_PER_PAGE] + port % WORDS_PER_PAGE;
}

/* Let `word`, the tail of a queue, link to `port` if the guest has not taken it off. Against a guest that keeps changing the word
 * BUSY asks it to stop; one that goes on loses the event. */
static bool link_tail(uint32_t *word, uint32_t port)
{
    uint32_t old = atomic_load(word);

    for (unsigned try = 0; try < LINK_TRIES; try++) {
        if (!(old & FIFO_LINKED)) {
            if (old & FIFO_BUSY)
                (void)atomic_fetch_and(word, ~FIFO_BUSY);
            return false;
        }
        if (atomic_compare_exchange(word, &old, (old & ~(FIFO_BUSY | FIFO_LINK_MASK)) | port))
            return true;
        if (try == 0)
            old = atomic_fetch_or(word, FIFO_BUSY) | FIFO_BUSY;
    }
    (void)atomic_fetch_and(word, ~FIFO_BUSY);
    log_guest("event channels: a guest keeps changing the word that port %u is to be linked to", port);
    return true;
}

/* Append c, whose LINKED bit is clear, to its queue; feeder's lock held. True when the queue was empty. */
static bool append(struct event_fifo *f, struct channel *c, uint32_t *word, struct fifo_vcpu *fv, unsigned vcpu,
                   unsigned priority)
{
    struct fifo_queue *q = &fv->queues[priority];
    struct fifo_queue *old = &f->vcpus[c->last_vcpu].queues[c->last_priority];
    uint32_t *tail;
    bool linked = true;

    spin_lock_pair(&q->lock, &old->lock);
    if (!(atomic_fetch_or(word, FIFO_LINKED) & FIFO_LINKED)) {
        /* As a tail it ended a queue that is empty now; nothing may be linked behind it there. */
        if (old->tail == c->port)
            old->tail = 0;
        c->last_vcpu = (uint16_t)vcpu;
        c->last_priority = (uint8_t)priority;
        tail = q->tail ? fifo_word(f, q->tail) : NULL;
        linked = tail && link_tail(tail, c->port);
        if (!linked)
            atomic_store(&fv->control->head[priority], c->port);
        q->tail = c->port;
    }
    spin_unlock_pair(&q->lock, &old->lock);
    return !linked;
}

void event_fifo_set_pending(struct domain *d, struct event_fifo *f, struct channel *c)
{
    unsigned vcpu = READ_ONCE(c->vcpu), priority = READ_ONCE(c->priority);
    uint32_t *word = fifo_word(f, c->port), old;
    struct fifo_vcpu *fv;

    if (unlikely(!word)) {
        c->fifo_pending = true;
        return;
    }
    ASSERT(vcpu < f->vcpu_count && priority < FIFO_PRIORITIES);
    fv = &f->vcpus[vcpu];
    if (unlikely(!atomic_load_acquire(&fv->control)))
        return;             /* the guest may not bind events to a vCPU before its control block is there */
    old = atomic_fetch_or(word, FIFO_PENDING);
    if (!(old & (FIFO_MASKED | FIFO_LINKED)) && append(f, c, word, fv, vcpu, priority) &&
        !(atomic_fetch_or(&fv->control->ready, UINT32_C(1) << priority) >> priority & 1))
        event_upcall(d->vcpus[vcpu]);
    if (!(old & FIFO_PENDING))
        event_wake_pollers(d, c->port);
}

void event_fifo_clear_pending(struct event_fifo *f, const struct channel *c)
{
    uint32_t *word = fifo_word(f, c->port);

    /* It may stay linked: the guest takes it off and ignores it. */
    if (word)
        (void)atomic_fetch_and(word, ~FIFO_PENDING);
}

void event_fifo_unmask(struct domain *d, struct event_fifo *f, struct channel *c)
{
    uint32_t *word = fifo_word(f, c->port);

    if (word && atomic_fetch_and(word, ~FIFO_MASKED) & FIFO_PENDING)
        event_fifo_set_pending(d, f, c);
}

bool event_fifo_is_pending(struct event_fifo *f, uint32_t port)
{
    uint32_t *word = fifo_word(f, port);

    return word && atomic_load(word) & FIFO_PENDING;
}

bool event_fifo_is_linked(struct event_fifo *f, uint32_t port)
{
    uint32_t *word = fifo_word(f, port);

    return word && atomic_load(word) & FIFO_LINKED;
}

int event_set_priority(struct domain *d, uint32_t port, uint32_t priority)
{
    struct channel *c = event_channel(&d->events, port);

    if (!c)
        return -E_INVAL;
    if (!atomic_load(&d->events.fifo))
        return -E_NOSYS;
    if (priority >= FIFO_PRIORITIES)
        return -E_INVAL;
    /* For future events; one that is linked stays where it is. */
    WRITE_ONCE(c->priority, (uint8_t)priority);
    return 0;
}

/* Keep a page of d's own memory mapped. */
static int map_guest_page(struct domain *d, gfn_t gfn, void **out)
{
    enum s2_type type;
    mfn_t mfn;
    int rc = stage2_get_frame(&d->stage2, gfn, true, &mfn, &type);

    if (rc == -E_AGAIN)
        return stage2_resolve(&d->stage2, gfn, true) == 0 ? -E_RESTART : -E_INVAL;
    if (rc != 0)
        return -E_INVAL;
    if (!s2_type_is_own(type)) {
        frame_put(mfn);
        return -E_INVAL;
    }
    *out = arena_map(&d->arena, mfn);
    if (!*out) {
        frame_put(mfn);
        return -E_NOMEM;
    }
    return 0;
}

static struct event_fifo *fifo_create(struct domain *d)
{
    struct event_fifo *f = heap_alloc(fifo_bytes(d->max_vcpus));

    if (!f)
        return NULL;
    f->domain = d;
    f->vcpu_count = d->max_vcpus;
    for (uint32_t i = 0; i < f->vcpu_count; i++)
        for (unsigned p = 0; p < FIFO_PRIORITIES; p++)
            spin_lock_init(&f->vcpus[i].queues[p].lock, LOCK_EVENT_QUEUE);
    return f;
}

/* Under the table's lock; *spare is used, and set to NULL, when there is no FIFO yet. */
static int set_control(struct domain *d, struct event_fifo **spare, void *control, uint32_t vcpu)
{
    struct event_table *t = &d->events;
    struct event_fifo *f = t->fifo ? t->fifo : *spare;

    if (t->closing || !f)
        return -E_INVAL;
    ASSERT(vcpu < f->vcpu_count);
    if (f->vcpus[vcpu].control)
        return -E_INVAL;
    atomic_store_release(&f->vcpus[vcpu].control, control);
    if (!t->fifo) {
        *spare = NULL;
        /* d leaves the two-level ABI: what is pending there is carried over when the array's pages come. */
        atomic_store_release(&t->fifo, f);
    }
    return 0;
}

int event_init_control(struct domain *d, gfn_t control, uint32_t offset, uint32_t vcpu)
{
    struct event_table *t = &d->events;
    struct event_fifo *spare = NULL;
    void *page;
    int rc;

    if (!domain_vcpu(d, vcpu))
        return -E_NOENT;
    if (offset > PAGE_SIZE - sizeof(struct guest_fifo_control) || offset % 8 != 0)
        return -E_INVAL;
    rc = map_guest_page(d, control, &page);
    if (rc != 0)
        return rc;
    if (!atomic_load(&t->fifo)) {
        spare = fifo_create(d);
        if (!spare) {
            arena_unmap(&d->arena, page);
            return -E_NOMEM;
        }
    }
    spin_lock(&t->lock);
    rc = set_control(d, &spare, (char *)page + offset, vcpu);
    spin_unlock(&t->lock);
    if (rc != 0)
        arena_unmap(&d->arena, page);
    heap_free(spare, fifo_bytes(d->max_vcpus));
    return rc;
}

/* Was c pending in the two-level ABI, or became so before its word was there? Not any more. The feeder's lock is held. */
static bool take_waiting(struct domain *d, struct channel *c)
{
    bool waiting = c->fifo_pending;

    c->fifo_pending = false;
    if (c->port < event_ports_2l(d) && atomic_test_bit(event_pending_bits(d), c->port)) {
        (void)atomic_test_and_clear_bit(event_pending_bits(d), c->port);
        waiting = true;
    }
    return waiting;
}

/* Raise what waited for its word, a piece per call: -E_RESTART while there is more. Under the table's lock. */
static int raise_waiting(struct domain *d, struct event_fifo *f)
{
    uint32_t end = MIN(f->raised + RAISE_PORTS, f->ports);

    ASSERT(spin_is_held(&d->events.lock));
    for (uint32_t port = f->raised; port < end && port < d->events.ports; port++) {
        struct channel *c = event_channel(&d->events, port), *feeder;

        if (c->state <= CHANNEL_RESERVED)
            continue;
        feeder = event_lock_feeder(c);
        ASSERT(feeder);     /* ports do not change hands under the table's lock */
        if (take_waiting(d, c))
            event_fifo_set_pending(d, f, c);
        event_unlock_feeder(c, feeder);
    }
    f->raised = end < d->events.ports ? end : f->ports;
    return f->raised < f->ports ? -E_RESTART : 0;
}

/* Under the table's lock: may a page be added to the array? -E_RESTART: after the one before has been dealt with. */
static int may_expand(struct event_table *t)
{
    if (!t->fifo || t->closing)
        return -E_OPNOTSUPP;
    if (t->fifo->raised < t->fifo->ports)
        return -E_RESTART;
    return t->fifo->ports == EVENT_MAX_PORTS_FIFO ? -E_NOSPC : 0;
}

/* The call comes again for the page that it has added: go on with it. With another page it waits. 0: add it; 1: done. */
static int finish_newest(struct domain *d, gfn_t array)
{
    struct event_table *t = &d->events;
    int rc;

    spin_lock(&t->lock);
    rc = may_expand(t);
    if (rc == -E_RESTART && t->fifo->newest.v == array.v) {
        rc = raise_waiting(d, t->fifo);
        rc = rc ? rc : 1;
    }
    spin_unlock(&t->lock);
    return rc;
}

int event_expand_array(struct domain *d, gfn_t array)
{
    struct event_table *t = &d->events;
    void *page;
    int rc = finish_newest(d, array);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = map_guest_page(d, array, &page);
    if (rc != 0)
        return rc;
    spin_lock(&t->lock);
    rc = may_expand(t);
    if (rc == 0) {
        struct event_fifo *f = t->fifo;

        f->array[f->ports / WORDS_PER_PAGE] = page;
        f->newest = array;
        page = NULL;
        atomic_store_release(&f->ports, f->ports + (uint32_t)WORDS_PER_PAGE);
        rc = raise_waiting(d, f);
    }
    spin_unlock(&t->lock);
    if (page)
        arena_unmap(&d->arena, page);
    return rc;
}

void event_fifo_destroy(struct domain *d, struct event_fifo *f)
{
    ASSERT(f->domain == d);
    for (uint32_t i = 0; i < f->ports / WORDS_PER_PAGE; i++)
        arena_unmap(&d->arena, f->array[i]);
    for (uint32_t i = 0; i < f->vcpu_count; i++)
        if (f->vcpus[i].control)
            arena_unmap(&d->arena, f->vcpus[i].control);
    heap_free(f, fifo_bytes(f->vcpu_count));
}

static void destroy_quiesced(struct quiesce_call *call)
{
    struct event_fifo *f = container_of(call, struct event_fifo, free_call);
    struct domain *d = f->domain;

    event_fifo_destroy(d, f);
    domain_put(d);
}

void event_fifo_destroy_later(struct domain *d, struct event_fifo *f)
{
    /* Whoever resets holds a pointer that is good until the hypercall returns, so the domain is not freed yet. */
    if (domain_get(d))
        quiesce_defer(&f->free_call, destroy_quiesced);
    else
        event_fifo_destroy(d, f);
}
