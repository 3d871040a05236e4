/* SPDX-License-Identifier: Apache-2.0 */
/* Units in the order of a key, as the policies queue them: a priority queue of their `node`. Under the run queue's lock. */
#ifndef SCHED_UNIT_QUEUE_H
#define SCHED_UNIT_QUEUE_H

#include "sched/sched.h"

/* Units of a queue that are looked at for one that another CPU may take. */
#define STEAL_WALK 16

static inline struct sched_unit *unit_of(const struct pq_node *n)
{
    return container_of(n, struct sched_unit, node);
}

/* The one that goes first; NULL: none. */
static inline struct sched_unit *unit_queue_first(const struct priority_queue *q)
{
    return pq_first(q) ? unit_of(pq_first(q)) : NULL;
}

/* From n on, in the order of pq_walk, one that is not pinned where it is, as far as is looked; NULL: none. */
static inline const struct pq_node *unit_queue_unpinned(const struct pq_node *n)
{
    unsigned left = STEAL_WALK;

    for (; n && left && unit_of(n)->is_pinned; left--)
        n = pq_walk(n);
    return left ? n : NULL;
}

#endif
