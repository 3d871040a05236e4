/* SPDX-License-Identifier: Apache-2.0 */
/* CPU pools: which CPUs and groups belong together. Where units go when that changes is the core's affair (sched.c). */
#include "sched/pool.h"
#include "sched/runqueue.h"
#include "arch/include/cpu.h"
#include "lib/cpu_work.h"
#include "lib/error.h"
#include "mem/heap.h"

#define POOLS_MAX (2 * MAX_CPUS)

static spinlock_t pools_lock;           /* LOCK_POOLS: the list, who belongs where */
static struct list pools;               /* by number */
static unsigned pool_count;
static struct sched_pool pool0;
static uint32_t (*home_of)(unsigned cpu);        /* NULL: every CPU comes up in pool 0 */
static uint32_t ratelimit_us = SCHED_DEFAULT_RATELIMIT_US;      /* of a new pool */

static struct sched_pool new_pool(const struct sched_policy *policy)
{
    return (struct sched_pool){ .policy = policy, .ratelimit_us = policy->has_ratelimit ? atomic_load(&ratelimit_us) : 0 };
}

void pools_init(const struct sched_policy *policy)
{
    spin_lock_init(&pools_lock, LOCK_POOLS);
    list_init(&pools);
    pool0 = new_pool(policy);
    list_push_back(&pools, &pool0.link);
    pool_count = 1;
    home_of = NULL;
}

/* The first whose number is not below id, or NULL. */
static struct sched_pool *first_from(uint32_t id)
{
    struct sched_pool *p;

    ASSERT(spin_is_held(&pools_lock));
    list_for_each(p, &pools, link)
        if (p->id >= id)
            return p;
    return NULL;
}

static struct sched_pool *find(uint32_t id)
{
    struct sched_pool *p = first_from(id);

    return p && p->id == id ? p : NULL;
}

struct sched_pool *sched_pool_find(uint32_t id, bool exact)
{
    struct sched_pool *p;

    spin_lock(&pools_lock);
    p = exact ? find(id) : first_from(id);
    spin_unlock(&pools_lock);
    return p;
}

static const struct sched_policy *policy_of(uint32_t abi_id)
{
    const struct sched_policy *p;

    for (unsigned i = 0; (p = sched_policy_nth(i)); i++)
        if (p->abi_id == abi_id)
            return p;
    return NULL;
}

/* The number that a new pool gets: one above the last, or the first that is free when there is none above. */
static uint32_t next_number(void)
{
    struct sched_pool *p = list_entry(pools.prev, struct sched_pool, link);
    uint32_t id = p->id + 1;

    if (id != SCHED_POOL_ANY)
        return id;
    for (id = 1; find(id); id++)
        ASSERT(id < POOLS_MAX);
    return id;
}

/* Put p in, at *id or the next number. */
static int insert(struct sched_pool *p, uint32_t *id)
{
    uint32_t number = *id == SCHED_POOL_ANY ? next_number() : *id;
    struct sched_pool *next = first_from(number);
    struct list *before = next ? &next->link : &pools;

    if (pool_count == POOLS_MAX)
        return -E_NOSPC;
    if (next && next->id == number)
        return -E_EXIST;
    p->id = *id = number;
    list_insert_between(&p->link, before->prev, before);
    pool_count++;
    return 0;
}

int sched_pool_create(uint32_t *id, uint32_t policy_id)
{
    const struct sched_policy *policy = policy_of(policy_id);
    struct sched_pool *p;
    int error;

    if (!policy)
        return -E_NOENT;
    p = heap_new(struct sched_pool);
    if (!p)
        return -E_NOMEM;
    *p = new_pool(policy);
    spin_lock(&pools_lock);
    error = insert(p, id);
    spin_unlock(&pools_lock);
    if (error)
        heap_delete(p);
    return error;
}

static void free_pool(struct quiesce_call *c)
{
    struct sched_pool *p = container_of(c, struct sched_pool, free_call);

    if (p->frame)
        heap_delete(p->frame);
    heap_delete(p);
}

static bool frame_is_valid(const struct sched_frame *f)
{
    nsec_t sum = 0;

    if (f->count == 0 || f->count > SCHED_FRAME_WINDOWS || f->major <= 0)
        return false;
    for (unsigned i = 0; i < f->count; i++) {
        if (f->windows[i].length < SCHED_MIN_WINDOW || f->windows[i].length > f->major - sum)
            return false;
        sum += f->windows[i].length;
    }
    return true;
}

static void free_frame(struct quiesce_call *c)
{
    heap_delete(container_of(c, struct sched_frame, free_call));
}

int sched_pool_set_frame(struct sched_pool *p, const struct sched_frame *from)
{
    static uint64_t ids;
    struct sched_frame *f, *old;

    if (!p->policy->has_frame)
        return -E_OPNOTSUPP;
    if (!frame_is_valid(from))
        return -E_INVAL;
    f = heap_new(struct sched_frame);
    if (!f)
        return -E_NOMEM;
    *f = *from;
    f->id = atomic_fetch_add(&ids, 1) + 1;
    f->start = arch_time_now();
    old = atomic_exchange(&p->frame, f);
    if (old)
        quiesce_defer(&old->free_call, free_frame);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu_set_has(&p->cpus, cpu))
            cpu_work_raise(cpu, CPU_WORK_SCHED);
    return 0;
}

int sched_pool_destroy(uint32_t id)
{
    struct sched_pool *p;
    int error = -E_NOENT;

    spin_lock(&pools_lock);
    p = find(id);
    if (p)
        error = p == &pool0 || p->groups || bitmap_count(p->cpus.bits, MAX_CPUS) ? -E_BUSY : 0;
    if (!error) {
        list_remove(&p->link);
        pool_count--;
        quiesce_defer(&p->free_call, free_pool);
    }
    spin_unlock(&pools_lock);
    return error;
}

/* A CPU that is free enters p; false: it is not. */
static bool enter(unsigned cpu, struct sched_pool *p)
{
    struct runqueue *rq = &runqueues[cpu];
    bool fits;

    ASSERT(spin_is_held(&pools_lock));
    spin_lock(&rq->lock);
    fits = !rq->pool && !rq->running && !rq->ready;
    if (fits) {
        rq->policy = p->policy;
        rq->policy->cpu_init(cpu);
        rq->pool = p;
        rq->leaving = NULL;
        atomic_test_and_set_bit(p->cpus.bits, cpu);
        cpu_work_raise(cpu, CPU_WORK_SCHED);
    }
    spin_unlock(&rq->lock);
    return fits;
}

/* A CPU of p takes in nothing any more; false: it is not of p. */
static bool leave(unsigned cpu, struct sched_pool *p)
{
    struct runqueue *rq = &runqueues[cpu];
    bool leaves;

    spin_lock(&rq->lock);
    if (rq->pool == p) {
        atomic_test_and_clear_bit(p->cpus.bits, cpu);
        rq->pool = NULL;
        rq->leaving = p;
    }
    leaves = rq->leaving == p;
    spin_unlock(&rq->lock);
    return leaves;
}

bool sched_cpu_is_drained(unsigned cpu)
{
    struct runqueue *rq = &runqueues[cpu];
    bool drained;

    spin_lock(&rq->lock);
    drained = !rq->pool && !rq->running && !rq->ready;
    if (drained)
        rq->leaving = NULL;
    spin_unlock(&rq->lock);
    return drained;
}

cpu_set sched_free_cpus(void)
{
    cpu_set r = { { 0 } };

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct runqueue *rq = &runqueues[cpu];

        if (!cpu_set_has(sched_online(), cpu))
            continue;
        spin_lock(&rq->lock);
        if (!rq->pool && !rq->running && !rq->ready)
            bitmap_set(r.bits, cpu);
        spin_unlock(&rq->lock);
    }
    return r;
}

void sched_set_homes(uint32_t (*of)(unsigned cpu))
{
    home_of = of;
}

/* A CPU that has come up: it idles and belongs to nobody yet. */
void pools_cpu_up(unsigned cpu)
{
    struct sched_pool *home;

    spin_lock(&pools_lock);
    home = home_of ? find(home_of(cpu)) : NULL;
    (void)enter(cpu, home ? home : &pool0);
    spin_unlock(&pools_lock);
}

int sched_pool_add_cpu(uint32_t id, unsigned cpu)
{
    cpu_set free_set = sched_free_cpus();
    struct sched_pool *p;
    int error = 0;

    spin_lock(&pools_lock);
    p = find(id);
    if (!p)
        error = -E_NOENT;
    else if (cpu >= cpu_count())
        error = -E_INVAL;
    else if (!cpu_set_has(&free_set, cpu) || !enter(cpu, p))
        error = -E_NODEV;
    spin_unlock(&pools_lock);
    return error;
}

int sched_pool_take_cpu(uint32_t id, unsigned cpu)
{
    struct sched_pool *p;
    int error = 0;

    if (cpu >= cpu_count() || !cpu_set_has(sched_online(), cpu) || (!id && !cpu))
        return -E_INVAL;
    spin_lock(&pools_lock);
    p = find(id);
    if (!p)
        error = -E_NOENT;
    else if (cpu_set_has(&p->cpus, cpu) && p->groups && bitmap_count(p->cpus.bits, MAX_CPUS) == 1)
        error = -E_BUSY;
    else if (!leave(cpu, p))
        error = -E_ADDRNOTAVAIL;
    spin_unlock(&pools_lock);
    return error;
}

int sched_pool_set_ratelimit_us(struct sched_pool *p, uint32_t us)
{
    if (us > SCHED_MAX_RATELIMIT_US)
        return -E_INVAL;
    if (!p->policy->has_ratelimit)
        return -E_OPNOTSUPP;
    atomic_store(&p->ratelimit_us, us);
    return 0;
}

int sched_set_ratelimit_us(uint32_t us)
{
    if (us > SCHED_MAX_RATELIMIT_US)
        return -E_INVAL;
    atomic_store(&ratelimit_us, us);
    /* The command line is read before there are pools. */
    if (pool0.policy && pool0.policy->has_ratelimit)
        atomic_store(&pool0.ratelimit_us, us);
    return 0;
}

struct sched_pool *sched_group_pool(const struct sched_group *g)
{
    return atomic_load(&g->pool);
}

static void tell_policy(const struct sched_pool *p, struct sched_group *g)
{
    if (p->policy->group_changed)
        p->policy->group_changed(g, arch_time_now());
}

int sched_group_init(struct sched_group *g, uint32_t pool)
{
    struct sched_pool *p;
    int error = 0;

    *g = (struct sched_group){ .weight = SCHED_DEFAULT_WEIGHT };
    spin_lock(&pools_lock);
    p = find(pool);
    if (!p)
        error = -E_SRCH;
    else if (!bitmap_count(p->cpus.bits, MAX_CPUS))
        error = -E_NODEV;
    if (!error) {
        g->pool = p;
        p->groups++;
        tell_policy(p, g);
    }
    spin_unlock(&pools_lock);
    return error;
}

/* g belongs to p from now on. */
static void change_pool(struct sched_group *g, struct sched_pool *p)
{
    struct sched_pool *old = g->pool;

    ASSERT(spin_is_held(&pools_lock) && old->groups);
    p->groups++;
    atomic_store(&g->pool, p);
    old->groups--;
}

void sched_group_leave(struct sched_group *g)
{
    spin_lock(&pools_lock);
    /* A pointer to a pool that stays, which does not count it. */
    change_pool(g, &pool0);
    pool0.groups--;
    spin_unlock(&pools_lock);
}

int sched_group_move(struct sched_group *g, uint32_t pool)
{
    struct sched_pool *p;
    int error = 0;

    spin_lock(&pools_lock);
    p = find(pool);
    if (!p || !bitmap_count(p->cpus.bits, MAX_CPUS)) {
        error = -E_NOENT;
    } else if (p != g->pool) {
        change_pool(g, p);
        tell_policy(p, g);
    }
    spin_unlock(&pools_lock);
    return error;
}
