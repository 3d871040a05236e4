/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of domains, and how one comes into being. A number is taken in `numbers` first; the table shows a domain only once it
 * is whole. Both are given back at the very end of domain_destroy.c.
 */
#include "core/domain_internal.h"
#include "core/shared_info.h"
#include "lib/bitmap.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"

static struct domain *table[MAX_DOMAINS];
static uint64_t numbers[BITMAP_WORDS(MAX_DOMAINS)];     /* atomic bits */
static uint32_t last_number;                            /* the last one given out by turn */
/* More CPUs than that at it at once would have to be unlucky each time. */
#define NUMBER_TRIES 64
struct domain *control_domain;

struct domain_locked domain_lock(struct domain *d)
{
    spin_lock(&d->lock);
    return (struct domain_locked){ d };
}

bool domain_trylock(struct domain *d, struct domain_locked *proof)
{
    *proof = (struct domain_locked){ d };
    return spin_trylock(&d->lock);
}

void domain_unlock(struct domain_locked l)
{
    ASSERT(spin_is_held(&l.d->lock));
    spin_unlock(&l.d->lock);
}

void domains_reset(void)
{
    memset(table, 0, sizeof(table));
    memset(numbers, 0, sizeof(numbers));
    last_number = 0;
    control_domain = NULL;
    console_forget_domains();
    quiesce_reset();
}

struct domain *domain_find(domid id)
{
    if (id.v >= MAX_DOMAINS)
        return NULL;
    /* Acquire meets the release in publish(). */
    return atomic_load_acquire(&table[array_index_nospec(id.v, MAX_DOMAINS)]);
}

struct domain *domain_next(domid id)
{
    for (unsigned n = bitmap_next_set(numbers, MAX_DOMAINS, MIN(id.v, MAX_DOMAINS)); n < MAX_DOMAINS;
         n = bitmap_next_set(numbers, MAX_DOMAINS, n + 1)) {
        struct domain *d = domain_find(DOMID(n));

        if (d)
            return d;
    }
    return NULL;
}

bool domain_get(struct domain *d)
{
    uint32_t n = atomic_load(&d->references);

    do {
        if (!n)
            return false;
        ASSERT(n < UINT32_MAX);
    } while (!atomic_compare_exchange(&d->references, &n, n + 1));
    return true;
}

/* Take a number: the given one, or the next free one after the last that was given out (0 is only ever asked for). */
static int take_number(domid *id)
{
    if (id->v != 0xffff) {
        if (id->v >= MAX_DOMAINS)
            return -E_INVAL;
        return atomic_test_and_set_bit(numbers, id->v) ? -E_EXIST : 0;
    }
    for (unsigned tries = 0; tries < NUMBER_TRIES; tries++) {
        unsigned n = bitmap_next_clear(numbers, MAX_DOMAINS, atomic_load(&last_number) + 1);

        if (n == MAX_DOMAINS)
            n = bitmap_next_clear(numbers, MAX_DOMAINS, 1);
        if (n == MAX_DOMAINS)
            return -E_NOSPC;
        if (atomic_test_and_set_bit(numbers, n))
            continue;       /* another CPU was faster */
        atomic_store(&last_number, n);
        *id = DOMID(n);
        return 0;
    }
    return -E_NOSPC;
}

void domain_number_free(domid id)
{
    ASSERT(!table[id.v] && atomic_test_bit(numbers, id.v));
    (void)atomic_test_and_clear_bit(numbers, id.v);
}

void domain_unpublish(struct domain *d)
{
    ASSERT(table[d->id.v] == d);
    atomic_store_release(&table[d->id.v], NULL);
}

/* The parts that cannot fail. */
static void fill_in(struct domain *d, const struct domain_config *c)
{
    d->owner = (struct owner){ .id = d->id.v, .one_to_one = c->direct_mapped, .emptied = domain_owner_emptied };
    /* vcpu_info and FIFO control block of each vCPU, FIFO event array, ring of the emulated UART */
    d->arena.limit = 2 * c->max_vcpus + EVENT_MAX_PORTS_FIFO * sizeof(uint32_t) / PAGE_SIZE + 1;
    d->is_control = c->is_control;
    d->direct_mapped = c->direct_mapped;
    d->dma_identity = c->iommu && c->dma_identity;
    spin_lock_init(&d->lock, LOCK_DOMAIN_CONTROL);
    /* One for being whole, one for its frames: domain_destroy.c. */
    d->references = 2;
    d->pause_count = d->controller_pause_count = 1;
    d->shutdown_code = SHUTDOWN_NONE;
    memcpy(d->uuid, c->uuid, sizeof(d->uuid));
    d->flags = c->flags;
    d->shared_irqs = c->shared_irqs;
    d->max_vcpus = c->max_vcpus;
    d->max_event_port = MIN(c->max_event_port, EVENT_MAX_PORTS_FIFO - 1);
    d->address_size = 64;
    domain_watchdog_init(d);
}

/* An empty table: a few pieces. */
static void free_stage2(struct domain *d)
{
    while (stage2_destroy(&d->stage2) == -E_RESTART)
        continue;
}

static int init_spaces(struct domain *d, bool with_iommu)
{
    int error;

    owner_register(&d->owner);
    error = stage2_init(&d->stage2, &d->owner);
    if (error)
        goto no_stage2;
    if (with_iommu)
        error = iommu_space_create(d->id.v, d->dma_identity ? NULL : &d->stage2, &d->iommu);
    if (error)
        goto no_iommu;
    error = -E_NOMEM;
    d->shared_info = shared_page_alloc(&d->owner);
    if (!d->shared_info)
        goto no_shared_info;
    d->vcpus = heap_alloc(d->max_vcpus * sizeof(*d->vcpus));
    if (!d->vcpus)
        goto no_vcpus;
    return 0;

no_vcpus:
    shared_page_free(d->shared_info);
no_shared_info:
no_iommu:
    free_stage2(d);
    iommu_space_destroy(d->iommu);
no_stage2:
    owner_unregister(&d->owner);
    return error;
}

static void free_spaces(struct domain *d)
{
    heap_free(d->vcpus, d->max_vcpus * sizeof(*d->vcpus));
    shared_page_free(d->shared_info);
    free_stage2(d);
    iommu_space_destroy(d->iommu);
    owner_unregister(&d->owner);
}

/* Undo event_init of a domain that nobody knows: its ports are closed at once. */
static void free_events(struct domain *d)
{
    while (event_close_all(d) == -E_RESTART)
        continue;
    event_free(d);
}

static int init_parts(struct domain *d, const struct domain_config *c)
{
    int error = init_spaces(d, c->iommu);

    if (error)
        return error;
    error = event_init(d, d->max_event_port + 1);
    if (error)
        goto no_events;
    error = grant_init(d, c->max_grant_frames, c->max_maptrack_frames);
    if (error)
        goto no_grants;
    error = arch_domain_init(d);
    if (error)
        goto no_arch;
    return 0;

no_arch:
    grant_free(d);
no_grants:
    free_events(d);
no_events:
    free_spaces(d);
    return error;
}

/* From here on everybody sees it. */
static void publish(struct domain *d)
{
    domain_update_wallclock(d);
    if (d->is_control)
        control_domain = d;
    atomic_store_release(&table[d->id.v], d);
}

int domain_create(domid id, const struct domain_config *config, struct domain **out)
{
    struct domain *d;
    int error;

    if (config->max_vcpus < 1 || config->max_vcpus > MAX_VCPUS)
        return -E_INVAL;
    error = take_number(&id);
    if (error)
        return error;
    d = heap_new(struct domain);
    if (!d) {
        domain_number_free(id);
        return -E_NOMEM;
    }
    d->id = id;
    fill_in(d, config);
    error = sched_group_init(&d->sched, config->cpupool);
    if (error)
        goto no_pool;
    d->sched.handle = d->uuid;
    error = init_parts(d, config);
    if (error)
        goto no_parts;
    publish(d);
    *out = d;
    return 0;

no_parts:
    sched_group_leave(&d->sched);
no_pool:
    heap_delete(d);
    domain_number_free(id);
    return error;
}

int domain_set_address_size(struct domain_locked l, uint32_t bits)
{
    static const struct vcpu_start nothing;
    struct domain *d = l.d;

    ASSERT(spin_is_held(&d->lock));
    if (bits != 64 && (bits != 32 || !arch_has_narrow_guests()))
        return -E_INVAL;
    if (atomic_load(&d->owner.frames))
        return -E_BUSY;
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i] && d->vcpus[i]->initialised)
            return -E_BUSY;
    d->address_size = bits;
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            arch_vcpu_reset(d->vcpus[i], &nothing);
    return 0;
}
