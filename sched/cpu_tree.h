/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number for each CPU, and the CPU with the least one: a tournament tree of eight children a node, whose inner nodes hold the least below
 * them. A group of children is a cache line.
 *
 *            [ 3    5 ]                 one CPU's number is set, and the least of all is found, in a step per level: four for 4,096 CPUs.
 *           /          \                A board of up to eight CPUs has leaves only. Among some CPUs only: groups without any of those are
 *   [ 7 3 9 .. ]   [ 5 none .. ]        not visited; CPUs outside the set that have less beside one of it are visited in vain.
 *
 * Numbers are hints for other CPUs: the number of a CPU is set under its run queue's lock, the tree is read without one. Setters that
 * meet look again until what is above agrees with what is below, so that the tree is right when all of them are done.
 */
#ifndef SCHED_CPU_TREE_H
#define SCHED_CPU_TREE_H

#include "lib/compiler.h"
#include "sched/sched.h"

#define CPU_TREE_NONE INT64_MAX
#define CPU_TREE_LEVELS (MAX_CPUS <= 8 ? 1 : MAX_CPUS <= 64 ? 2 : MAX_CPUS <= 512 ? 3 : 4)
/* Number of the first leaf; node i is above 8i to 8i + 7. */
#define CPU_TREE_WIDTH (1u << 3 * CPU_TREE_LEVELS)

STATIC_ASSERT(MAX_CPUS <= 4096);

/* All zeros: no CPU has a number. */
struct cpu_tree {
    uint64_t node[CPU_TREE_WIDTH + (MAX_CPUS + 7) / 8 * 8];    /* atomic; number ^ CPU_TREE_NONE */
} ALIGNED(64);

/* How many levels lie above the leaves of the CPUs that there are. */
extern unsigned cpu_tree_height;

/* Boot: CPUs 0 to `cpu` are there at least. Each CPU is entered in each tree in use after that. */
void cpu_tree_has_cpu(unsigned cpu);
/* A CPU comes to those that use this tree. */
void cpu_tree_enter(struct cpu_tree *t, unsigned cpu, int64_t number);
/* The number of that CPU has changed: bring what is above up to date. */
void cpu_tree_rise(struct cpu_tree *t, unsigned cpu);
/* The CPU of the filter that has the least number, if that is below `limit`; the first one of equals; MAX_CPUS: none. */
unsigned cpu_tree_least(const struct cpu_tree *t, const struct cpu_filter *among, int64_t limit);

static inline int64_t cpu_tree_number(const struct cpu_tree *t, unsigned cpu)
{
    return (int64_t)(atomic_load(&t->node[CPU_TREE_WIDTH + cpu]) ^ CPU_TREE_NONE);
}

static inline void cpu_tree_set(struct cpu_tree *t, unsigned cpu, int64_t number)
{
    if (cpu_tree_number(t, cpu) == number)
        return;
    atomic_store(&t->node[CPU_TREE_WIDTH + cpu], (uint64_t)number ^ CPU_TREE_NONE);
    if (unlikely(cpu_tree_height))
        cpu_tree_rise(t, cpu);
}

#endif
