/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number for each CPU, and the CPU with the least one: a tournament tree, whose inner nodes hold the least below them.
 *
 *              3               one CPU's number is set in log2(CPUs) steps, fewer when nothing changes further up; the least of all is
 *          /       \           found in as many. Among some CPUs only: those outside the set that have less are visited in vain.
 *        3           4
 *      /   \       /   \
 *     7     3     4    none
 *
 * Numbers are hints for other CPUs: the number of a CPU is set under its run queue's lock, the tree is read without one. Setters that
 * meet look again until what is above agrees with what is below, so that the tree is right when all of them are done.
 */
#ifndef SCHED_CPU_TREE_H
#define SCHED_CPU_TREE_H

#include "sched/sched.h"

#define CPU_TREE_NONE INT64_MAX
/* The least power of two that has room for MAX_CPUS. */
#define CPU_TREE_WIDTH (1u << (MAX_CPUS > 1 ? 64 - __builtin_clzll(MAX_CPUS - 1) : 0))

/* All zeros: no CPU has a number. */
struct cpu_tree {
    uint64_t node[2 * CPU_TREE_WIDTH];  /* atomic; node i is above 2i and 2i + 1; kept as ~number without the sign's bit */
};

/* Boot: CPUs 0 to `cpu` are there at least. Each CPU is entered in each tree in use after that. */
void cpu_tree_has_cpu(unsigned cpu);
/* A CPU comes to those that use this tree. */
void cpu_tree_enter(struct cpu_tree *t, unsigned cpu, int64_t number);
void cpu_tree_set(struct cpu_tree *t, unsigned cpu, int64_t number);
/* The CPU of the set that has the least number, if that is below `limit`; the first one of equals; MAX_CPUS: none. */
unsigned cpu_tree_least(const struct cpu_tree *t, const cpu_set *among, int64_t limit);

static inline int64_t cpu_tree_number(const struct cpu_tree *t, unsigned cpu)
{
    return (int64_t)(atomic_load(&t->node[CPU_TREE_WIDTH + cpu]) ^ INT64_MAX);
}

#endif
