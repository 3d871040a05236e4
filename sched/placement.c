/* SPDX-License-Identifier: Apache-2.0 */
/* Where units go: affinity, migration from CPU to CPU, and CPUs that look for work. sched.c says which lock keeps what. */
#include "sched/runqueue.h"
#include "arch/include/time.h"
#include "lib/cpu_work.h"
#include "lib/error.h"

#define WORDS BITMAP_WORDS(MAX_CPUS)
/* How many CPUs one that looks for work asks at most: one that names a unit as its best may have none that may go. */
#define PULL_TRIES 4

/* Atomic bits: the CPUs that idle; and the words in which there are any, when there are several. */
static cpu_set idle_cpus;
static uint64_t idle_words[BITMAP_WORDS(WORDS)];

void placement_init(void)
{
    idle_cpus = (cpu_set){ 0 };
    for (unsigned i = 0; i < ARRAY_SIZE(idle_words); i++)
        idle_words[i] = 0;
}

/* Does the affinity of u name a CPU of the pool? Where it is it mostly may be. */
static bool names_one_of(const struct sched_unit *u, const struct cpu_filter *pool)
{
    struct cpu_filter both = { .pool = pool->pool, .hard = &u->hard };

    return cpu_filter_has(&both, u->cpu) || cpu_filter_first(&both) < MAX_CPUS;
}

/* Where u may run: where its affinity allows it within the pool, everywhere in the pool when that names no CPU of it. */
static struct cpu_filter permitted(const struct sched_unit *u, const struct sched_pool *p)
{
    struct cpu_filter r = { .pool = &p->cpus };

    if (unlikely(u->has_hard) && names_one_of(u, &r))
        r.hard = &u->hard;
    return r;
}

bool sched_may_run_on(const struct sched_unit *u, unsigned cpu)
{
    const struct sched_pool *p = atomic_load(&u->group->pool);
    struct cpu_filter allowed;

    if (runqueues[cpu].pool != p)
        return false;
    if (likely(cpu_set_has(&u->hard, cpu)))
        return true;
    allowed = permitted(u, p);
    return cpu_filter_has(&allowed, cpu);
}

unsigned sched_place(const struct sched_unit *u)
{
    for (;;) {
        const struct sched_pool *p = atomic_load(&u->group->pool);
        struct cpu_filter allowed = permitted(u, p);
        unsigned cpu = p->policy->place(u, &allowed);

        ASSERT(cpu <= MAX_CPUS);
        /* The pool has no CPUs because the group is just leaving it, or the CPUs have just changed. */
        if (likely(cpu != MAX_CPUS))
            return cpu;
    }
}

void sched_unit_leaves(struct sched_unit *u)
{
    ASSERT(spin_is_held(&runqueues[u->cpu].lock) && !u->queued);
    /* Its own policy: that of the CPU may be another by now. */
    if (u->policy && u->policy->leave && u->policy->leave(u->cpu, u))
        cpu_work_raise(u->cpu, CPU_WORK_SCHED);
}

void sched_set_cpu(struct runqueue *rq, struct sched_unit *u, unsigned target)
{
    ASSERT(spin_is_held(&rq->lock) && rq == &runqueues[u->cpu] && !u->queued);
    if (target == u->cpu)
        return;
    sched_unit_leaves(u);
    atomic_store(&u->cpu, target);
}

void sched_place_migrating(struct sched_unit *u)
{
    struct runqueue *rq = sched_lock_unit(u);

    while (u->migrate && !sched_unit_is_on_cpu(u)) {
        ASSERT(u->state == UNIT_READY && !u->queued);
        u->migrate = false;
        sched_set_cpu(rq, u, sched_place(u));
        spin_unlock(&rq->lock);
        /* Meanwhile it may have been put to sleep, and even be woken again by somebody who has queued it. */
        rq = sched_lock_unit(u);
        if (u->state != UNIT_READY || u->queued || u->migrate)
            break;
        /* Or its pool has changed. */
        if (sched_may_run_on(u, u->cpu))
            sched_enqueue_woken(rq, u);
        else
            u->migrate = true;
    }
    spin_unlock(&rq->lock);
}

void sched_start_migration(struct runqueue *rq, struct sched_unit *u)
{
    u->state = UNIT_READY;
    /* sched_place_migrating takes the lock anew, and so looks at on_cpu after this; meets the order in sched_switched_out. */
    (void)atomic_exchange(&u->migrate, true);
    spin_unlock(&rq->lock);
    sched_place_migrating(u);
}

/* One of the word's CPUs is not idle any more; perhaps none is. */
static void word_may_have_emptied(unsigned word)
{
    if (atomic_load(&idle_cpus.bits[word]))
        return;
    /* Who sets a bit of the word meanwhile sets the word's after this, or is seen here. */
    atomic_test_and_clear_bit(idle_words, word);
    barrier_full();
    if (atomic_load(&idle_cpus.bits[word]))
        atomic_test_and_set_bit(idle_words, word);
}

void sched_show_idle(unsigned cpu, bool idle)
{
    if (idle) {
        atomic_test_and_set_bit(idle_cpus.bits, cpu);
        if (WORDS > 1)
            atomic_test_and_set_bit(idle_words, cpu / 64);
        return;
    }
    atomic_test_and_clear_bit(idle_cpus.bits, cpu);
    if (WORDS > 1)
        word_may_have_emptied(cpu / 64);
}

/* The CPUs of a word that u could be fetched by. */
static uint64_t idle_in(const struct cpu_filter *allowed, const struct sched_unit *u, unsigned word)
{
    uint64_t idle = atomic_load(&idle_cpus.bits[word]) & cpu_filter_word(allowed, word);

    return u->cpu / 64 == word ? idle & ~BIT(u->cpu % 64) : idle;
}

void sched_ask_idle_cpu(const struct sched_unit *u)
{
    struct cpu_filter allowed = { .pool = &atomic_load(&u->group->pool)->cpus, .hard = u->has_hard ? &u->hard : NULL };
    unsigned word = 0;

    /* The unit is queued before the idle are looked for; meets the one in choose(). */
    barrier_full();
    if (WORDS > 1)
        word = bitmap_next_set(idle_words, WORDS, 0);
    while (word < WORDS) {
        uint64_t idle = idle_in(&allowed, u, word);

        if (idle) {
            cpu_work_raise(word * 64 + (unsigned)__builtin_ctzll(idle), CPU_WORK_SCHED);
            return;
        }
        word = WORDS > 1 ? bitmap_next_set(idle_words, WORDS, word + 1) : WORDS;
    }
}

void sched_offer(struct runqueue *rq)
{
    const struct sched_unit *u = rq->policy->waiting(runqueue_cpu(rq));
    unsigned target;

    ASSERT(spin_is_held(&rq->lock));
    if (!u || !rq->pool)
        return;
    target = sched_place(u);
    if (target != u->cpu)
        cpu_work_raise(target, CPU_WORK_SCHED);
}

void sched_ask_for_waiting(const struct sched_unit *u)
{
    struct runqueue *rq;

    if (likely(!u->policy->waiting)) {
        sched_ask_idle_cpu(u);
        return;
    }
    rq = sched_lock_unit(u);
    if (rq->policy->waiting)
        sched_offer(rq);
    spin_unlock(&rq->lock);
}

/* Bring one unit over from `other`, if there is one. Drops the lock of rq for a moment. */
static bool pull_from(struct runqueue *rq, struct runqueue *other, nsec_t now)
{
    unsigned here = cpu_id(), from = runqueue_cpu(other);
    struct sched_unit *u = NULL;

    ASSERT(rq != other);
    spin_unlock(&rq->lock);
    spin_lock_pair(&rq->lock, &other->lock);
    if (rq->pool && rq->pool == other->pool)
        u = rq->policy->steal(here, from);
    if (u) {
        ASSERT(u->cpu == from && u->queued && !atomic_load(&u->on_cpu));
        other->ready--;
        u->queued = false;
        sched_set_cpu(other, u, here);
        sched_enqueue(rq, u, true, now);
    }
    spin_unlock(&other->lock);
    return u;
}

/* Each of the others is asked once at most. */
void sched_pull(struct runqueue *rq, nsec_t now)
{
    const struct sched_pool *p = rq->pool;
    unsigned here = cpu_id(), asked[1 + PULL_TRIES], from;
    struct cpu_filter among = { .except = asked, .exceptions = 1 };

    asked[0] = here;
    rq->pulled_at = now;
    if (!p || !rq->policy->victim)
        return;
    among.pool = &p->cpus;
    /* The pool may change while the lock is dropped; it is not freed before this CPU has passed a quiescent point. */
    while (rq->pool == p && among.exceptions < ARRAY_SIZE(asked) && (from = rq->policy->victim(here, &among)) != here) {
        ASSERT(from < MAX_CPUS);
        asked[among.exceptions++] = from;
        if (pull_from(rq, &runqueues[from], now))
            return;
    }
}

/* u goes elsewhere if it may not be where it is. Called with the lock, which it drops. */
static void recheck(struct runqueue *rq, struct sched_unit *u)
{
    if (!sched_may_run_on(u, u->cpu)) {
        if (u->state == UNIT_RUNNING) {
            cpu_work_raise(u->cpu, CPU_WORK_SCHED);
        } else if (u->state == UNIT_ASLEEP && !sched_unit_is_on_cpu(u)) {
            sched_set_cpu(rq, u, sched_place(u));
        } else if (u->state == UNIT_READY && u->queued) {
            sched_dequeue(rq, u);
            sched_start_migration(rq, u);
            return;
        }
    }
    spin_unlock(&rq->lock);
}

void sched_unit_recheck(struct sched_unit *u)
{
    recheck(sched_lock_unit(u), u);
}

/* Under the lock of its CPU. */
static void set_affinity(struct sched_unit *u, const cpu_set *hard, const cpu_set *soft)
{
    ASSERT(spin_is_held(&runqueues[u->cpu].lock));
    u->hard = *hard;
    u->soft = *soft;
    u->has_hard = !cpu_set_is_all(hard);
    u->has_soft = !cpu_set_is_all(soft);
    u->is_pinned = bitmap_count(hard->bits, MAX_CPUS) == 1;
}

void sched_unit_rehome(struct sched_unit *u)
{
    struct runqueue *rq = sched_lock_unit(u);
    cpu_set all = cpu_set_all();

    set_affinity(u, &all, &all);
    recheck(rq, u);
}

int sched_set_affinity(struct sched_unit *u, const cpu_set *hard, const cpu_set *soft)
{
    struct cpu_filter usable = { .pool = &atomic_load(&u->group->pool)->cpus, .hard = hard };
    struct runqueue *rq;

    if (cpu_filter_first(&usable) == MAX_CPUS)
        return -E_INVAL;
    rq = sched_lock_unit(u);
    set_affinity(u, hard, soft);
    recheck(rq, u);
    return 0;
}
