/* SPDX-License-Identifier: Apache-2.0 */
/* A number for each CPU, and the CPU with the least one. */
#include "lib/assert.h"
#include "lib/atomic.h"
#include "sched/cpu_tree.h"

/* The CPUs that are there lie below one node, this many steps above them. */
static unsigned levels;

void cpu_tree_has_cpu(unsigned cpu)
{
    ASSERT(cpu < CPU_TREE_WIDTH);
    if (cpu == 0)
        levels = 0;
    while (cpu >> levels)
        levels++;
}

static int64_t number_at(const struct cpu_tree *t, unsigned node)
{
    return (int64_t)(atomic_load(&t->node[node]) ^ INT64_MAX);
}

static void store(struct cpu_tree *t, unsigned node, int64_t number)
{
    atomic_store(&t->node[node], (uint64_t)number ^ INT64_MAX);
}

/* Make a node what its children say; true: it was something else. Who stored a child before this looks is seen; who stores later looks. */
static bool refresh(struct cpu_tree *t, unsigned node)
{
    bool changed = false;

    for (;;) {
        int64_t least;

        barrier_full();
        least = MIN(number_at(t, 2 * node), number_at(t, 2 * node + 1));
        if (least == number_at(t, node))
            return changed;
        store(t, node, least);
        changed = true;
    }
}

void cpu_tree_enter(struct cpu_tree *t, unsigned cpu, int64_t number)
{
    unsigned node = CPU_TREE_WIDTH + cpu;

    ASSERT(cpu >> levels == 0);
    store(t, node, number);
    for (unsigned i = 0; i < levels; i++)
        (void)refresh(t, node /= 2);
}

void cpu_tree_set(struct cpu_tree *t, unsigned cpu, int64_t number)
{
    unsigned node = CPU_TREE_WIDTH + cpu;

    ASSERT(cpu >> levels == 0);
    if (number_at(t, node) == number)
        return;
    store(t, node, number);
    for (unsigned i = 0; i < levels; i++)
        if (!refresh(t, node /= 2))
            return;
}

/* May a CPU of the set lie below this node, whose CPUs begin at `first`? */
static bool may_hold(const cpu_set *among, unsigned first, unsigned level)
{
    uint64_t word = among->bits[first / 64];

    return level >= 6 || word & (~UINT64_C(0) >> (64 - (1u << level))) << first % 64;
}

unsigned cpu_tree_least(const struct cpu_tree *t, const cpu_set *among, int64_t limit)
{
    /* At most one node waits on each level, the worse child of the way down. */
    unsigned waiting[32], best = MAX_CPUS, depth = 0;

    waiting[depth++] = CPU_TREE_WIDTH >> levels;
    while (depth) {
        unsigned node = waiting[--depth], level = (unsigned)(__builtin_clz(node) - __builtin_clz(CPU_TREE_WIDTH));
        unsigned first = (node << level) - CPU_TREE_WIDTH;
        int64_t left, right;

        if (first >= MAX_CPUS || number_at(t, node) >= limit || !may_hold(among, first, level))
            continue;
        if (level == 0) {
            limit = number_at(t, node);
            best = first;
            continue;
        }
        left = number_at(t, 2 * node);
        right = number_at(t, 2 * node + 1);
        ASSERT(depth + 2 <= ARRAY_SIZE(waiting));
        waiting[depth++] = 2 * node + (left <= right);
        waiting[depth++] = 2 * node + (left > right);
    }
    return best;
}
