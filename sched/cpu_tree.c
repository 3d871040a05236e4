/* SPDX-License-Identifier: Apache-2.0 */
/* A number for each CPU, and the CPU with the least one. */
#include "sched/cpu_tree.h"
#include "lib/assert.h"

#define NO_NODE 0

unsigned cpu_tree_height;
static unsigned last_cpu;

void cpu_tree_has_cpu(unsigned cpu)
{
    ASSERT(cpu < MAX_CPUS);
    last_cpu = MAX(last_cpu, cpu);
    while (last_cpu >> 3 * (cpu_tree_height + 1))
        cpu_tree_height++;
}

static int64_t number_at(const struct cpu_tree *t, unsigned node)
{
    return (int64_t)(atomic_load(&t->node[node]) ^ CPU_TREE_NONE);
}

/* Make a node what its children say; true: it was something else. Who stored a child before this looks is seen; who stores later looks. */
static bool refresh(struct cpu_tree *t, unsigned node)
{
    bool changed = false;

    for (;;) {
        int64_t least = CPU_TREE_NONE;

        barrier_full();
        for (unsigned i = 0; i < 8; i++)
            least = MIN(least, number_at(t, 8 * node + i));
        if (least == number_at(t, node))
            return changed;
        atomic_store(&t->node[node], (uint64_t)least ^ CPU_TREE_NONE);
        changed = true;
    }
}

void cpu_tree_enter(struct cpu_tree *t, unsigned cpu, int64_t number)
{
    unsigned node = CPU_TREE_WIDTH + cpu;

    ASSERT(cpu <= last_cpu);
    atomic_store(&t->node[node], (uint64_t)number ^ CPU_TREE_NONE);
    /* With its neighbours, above whom there may have been nothing until now. */
    for (unsigned i = 0; i < cpu_tree_height; i++) {
        node /= 8;
        for (unsigned k = node & ~7u; k <= (node | 7) && 8 * k + 7 < ARRAY_SIZE(t->node); k++)
            (void)refresh(t, k);
    }
}

void cpu_tree_rise(struct cpu_tree *t, unsigned cpu)
{
    unsigned node = CPU_TREE_WIDTH + cpu;

    ASSERT(cpu <= last_cpu);
    for (unsigned i = 0; i < cpu_tree_height; i++)
        if (!refresh(t, node /= 8))
            return;
}

/* Is a CPU of the filter, exceptions or not, below this node of that height? */
static inline bool may_hold(const struct cpu_filter *among, unsigned node, unsigned height)
{
    unsigned first = (node << 3 * height) - CPU_TREE_WIDTH;

    if (height == 0)
        return cpu_filter_has(among, first);
    if (height == 1)
        return cpu_filter_word(among, first / 64) >> first % 64 & 0xff;
    for (unsigned i = first / 64; i < MIN((first + (1u << 3 * height)) / 64, (unsigned)BITMAP_WORDS(MAX_CPUS)); i++)
        if (cpu_filter_word(among, i))
            return true;
    return false;
}

/* Of the children from `first` on that are not in `visited` the one with the least number, if that is below `limit`. */
static inline unsigned least_child(const struct cpu_tree *t, unsigned first, unsigned visited, unsigned height,
                                   const struct cpu_filter *among, int64_t limit)
{
    unsigned count = height == cpu_tree_height ? (last_cpu >> 3 * height) + 1 : 8, least = NO_NODE;

    for (unsigned i = 0; i < count; i++) {
        int64_t number = number_at(t, first + i);

        if (number < limit && !(visited & 1u << i) && may_hold(among, first + i, height)) {
            limit = number;
            least = first + i;
        }
    }
    return least;
}

/* On a board of more than eight CPUs: way down, and up again to the groups that may have a lesser one. */
static NOINLINE unsigned least_of_many(const struct cpu_tree *t, const struct cpu_filter *among, int64_t limit)
{
    struct {
        unsigned first, visited;
    } way[CPU_TREE_LEVELS];
    const unsigned top = cpu_tree_height;
    unsigned best = MAX_CPUS, height = top;
    int64_t floor = INT64_MIN;

    ASSERT(height < ARRAY_SIZE(way));
    way[height].first = CPU_TREE_WIDTH >> 3 * height;
    way[height].visited = 0;
    for (;;) {
        unsigned node = least_child(t, way[height].first, way[height].visited, height, among, limit);

        if (height == 0 && node != NO_NODE) {
            limit = number_at(t, node);
            best = node - CPU_TREE_WIDTH;
            if (limit <= floor)
                return best;
        } else if (node != NO_NODE) {
            /* Whatever is below another child of the root has this much at least. */
            if (height == top)
                floor = number_at(t, node);
            way[height].visited |= 1u << node % 8;
            height--;
            way[height].first = 8 * node;
            way[height].visited = 0;
            continue;
        }
        if (height++ == top)
            return best;
    }
}

unsigned cpu_tree_least(const struct cpu_tree *t, const struct cpu_filter *among, int64_t limit)
{
    unsigned leaf;

    if (unlikely(cpu_tree_height))
        return least_of_many(t, among, limit);
    leaf = least_child(t, CPU_TREE_WIDTH, 0, 0, among, limit);
    return leaf == NO_NODE ? MAX_CPUS : leaf - CPU_TREE_WIDTH;
}
