/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue that gives the least key first, equal keys in the order of their insertion. The nodes lie in what is queued. A leftist heap
 * (Knuth, The Art of Computer Programming 5.2.3): the way along right children is never longer than along left ones, so it has at
 * most log2(n + 1) nodes, and every operation is bounded by a small multiple of that, the worst case included.
 *
 *            3                 rank = nodes on the way right
 *          /   \
 *         5     8
 *        / \   /
 *       9   6 20
 */
#ifndef LIB_PRIORITY_QUEUE_H
#define LIB_PRIORITY_QUEUE_H

#include "lib/compiler.h"
#include "lib/types.h"

struct pq_node {
    struct pq_node *left, *right, *parent;
    int64_t key;
    uint64_t order;         /* among equal keys */
    unsigned rank;          /* 0: in no queue */
};

struct priority_queue {
    struct pq_node *root;
    uint64_t inserted;
};

/* All zero is an empty queue and a node that is in none. The caller's lock protects both. */
void pq_insert(struct priority_queue *q, struct pq_node *n, int64_t key);
/* n is in q. */
void pq_remove(struct priority_queue *q, struct pq_node *n);

/* The least, or NULL. */
static inline struct pq_node *pq_first(const struct priority_queue *q)
{
    return q->root;
}

static inline bool pq_is_queued(const struct pq_node *n)
{
    return n->rank != 0;
}

/* A walk over all nodes, parents before children: pq_first, then this until NULL. Nothing may change meanwhile. */
struct pq_node *pq_walk(const struct pq_node *n);

#endif
