/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The null policy: each CPU has one owner and runs nothing else, without a timer. A unit becomes the owner of a CPU that has none when it
 * first wants to run, and stays it while it sleeps; it gives the CPU up when it goes offline, is removed, or moves away. Who finds no CPU
 * waits until one becomes free.
 */
#include "sched/cpu_tree.h"
#include "arch/include/cpu.h"
#include "lib/assert.h"
#include "lib/atomic.h"

struct null_cpu {
    const struct sched_unit *owner; /* read by other CPUs as a hint */
    struct sched_unit *ready;       /* the owner, when it is ready */
    struct list waiting;            /* units without a CPU, in order of arrival */
    unsigned count;                 /* of `waiting` */
} ALIGNED(64);

static PER_CPU(struct null_cpu, null_cpus);
/* For other CPUs. */
static struct cpu_tree owned;       /* 0: has no owner; 1: has one */
static struct cpu_tree crowds;      /* the negative of `count` */

static void null_cpu_init(unsigned cpu)
{
    null_cpus[cpu] = (struct null_cpu){ 0 };
    list_init(&null_cpus[cpu].waiting);
    cpu_tree_enter(&owned, cpu, 0);
    cpu_tree_enter(&crowds, cpu, 0);
}

static bool is_unowned_by_others(unsigned cpu, const struct sched_unit *u)
{
    const struct sched_unit *owner = atomic_load(&null_cpus[cpu].owner);

    return !owner || owner == u;
}

/* Its own CPU, one that has no owner, or where it is. */
static unsigned null_place(const struct sched_unit *u, const struct cpu_filter *allowed)
{
    unsigned last = atomic_load(&u->cpu), cpu;
    bool stays = cpu_filter_has(allowed, last);

    if (stays && is_unowned_by_others(last, u))
        return last;
    cpu = cpu_tree_least(&owned, allowed, 1);
    if (cpu != MAX_CPUS)
        return cpu;
    return stays ? last : cpu_filter_first(allowed);
}

static void make_owner(unsigned cpu, struct sched_unit *u)
{
    struct null_cpu *c = &null_cpus[cpu];

    ASSERT(!c->ready && (!c->owner || c->owner == u));
    atomic_store(&c->owner, u);
    cpu_tree_set(&owned, cpu, 1);
    c->ready = u;
}

static void null_enqueue(unsigned cpu, struct sched_unit *u, bool woken UNUSED, nsec_t now UNUSED)
{
    struct null_cpu *c = &null_cpus[cpu];

    if (!c->owner || c->owner == u) {
        make_owner(cpu, u);
        return;
    }
    list_push_back(&c->waiting, &u->queue);
    cpu_tree_set(&crowds, cpu, -(int64_t)++c->count);
}

static void null_dequeue(unsigned cpu, struct sched_unit *u)
{
    struct null_cpu *c = &null_cpus[cpu];

    if (c->ready == u) {
        c->ready = NULL;
        return;
    }
    ASSERT(c->count);
    list_remove(&u->queue);
    cpu_tree_set(&crowds, cpu, -(int64_t)--c->count);
}

static struct sched_unit *null_pick(unsigned cpu, nsec_t now UNUSED)
{
    struct null_cpu *c = &null_cpus[cpu];
    struct sched_unit *u;

    if (!c->owner && !list_empty(&c->waiting)) {
        u = list_first(&c->waiting, struct sched_unit, queue);
        null_dequeue(cpu, u);
        make_owner(cpu, u);
    }
    u = c->ready;
    c->ready = NULL;
    return u;
}

static void null_account(unsigned cpu UNUSED, struct sched_unit *u UNUSED, nsec_t ran UNUSED, nsec_t now UNUSED)
{
}

static nsec_t null_runs_at(unsigned cpu UNUSED, const struct sched_unit *woken UNUSED, const struct sched_unit *running UNUSED,
                           nsec_t since UNUSED, nsec_t now UNUSED)
{
    return NSEC_NEVER;
}

static nsec_t null_slice(unsigned cpu UNUSED, const struct sched_unit *u UNUSED, nsec_t now UNUSED)
{
    return NSEC_NEVER;
}

/* A CPU without an owner takes one that waits elsewhere. */
static unsigned null_victim(unsigned thief, const struct cpu_filter *among)
{
    unsigned cpu = null_cpus[thief].owner ? MAX_CPUS : cpu_tree_least(&crowds, among, 0);

    return cpu == MAX_CPUS ? thief : cpu;
}

static struct sched_unit *null_steal(unsigned thief, unsigned from)
{
    struct sched_unit *u;

    ASSERT(thief != from);
    list_for_each(u, &null_cpus[from].waiting, queue) {
        if (!sched_may_run_on(u, thief) || sched_unit_is_on_cpu(u))
            continue;
        null_dequeue(from, u);
        return u;
    }
    return NULL;
}

static bool null_leave(unsigned cpu, struct sched_unit *u)
{
    struct null_cpu *c = &null_cpus[cpu];

    if (c->owner != u)
        return false;
    ASSERT(c->ready != u);
    atomic_store(&c->owner, NULL);
    cpu_tree_set(&owned, cpu, 0);
    return true;
}

const struct sched_policy sched_policy_null = {
    .name = "null",
    .abi_id = 9,                /* XEN_SCHEDULER_NULL */
    .cpu_init = null_cpu_init,
    .place = null_place,
    .enqueue = null_enqueue,
    .dequeue = null_dequeue,
    .pick = null_pick,
    .account = null_account,
    .runs_at = null_runs_at,
    .slice = null_slice,
    .victim = null_victim,
    .steal = null_steal,
    .leave = null_leave,
};
