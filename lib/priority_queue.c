/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/priority_queue.h"
#include "lib/assert.h"

static bool comes_before(const struct pq_node *a, const struct pq_node *b)
{
    return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static unsigned rank_of(const struct pq_node *n)
{
    return n ? n->rank : 0;
}

/* Make n's children and rank right again; true when its rank has changed. */
static bool repair(struct pq_node *n)
{
    unsigned before = n->rank;

    if (rank_of(n->left) < rank_of(n->right)) {
        struct pq_node *swap = n->left;

        n->left = n->right;
        n->right = swap;
    }
    n->rank = rank_of(n->right) + 1;
    return n->rank != before;
}

static void set_right(struct pq_node *parent, struct pq_node *child)
{
    parent->right = child;
    if (child)
        child->parent = parent;
}

/* One heap of two, neither NULL. Down both ways right, always on with the lesser; then up again. */
static struct pq_node *merge_both(struct pq_node *a, struct pq_node *b)
{
    struct pq_node *root, *at;

    if (comes_before(b, a)) {
        struct pq_node *swap = a;

        a = b;
        b = swap;
    }
    root = at = a;
    root->parent = NULL;
    while (b) {
        struct pq_node *right = at->right;

        if (!right || comes_before(b, right)) {
            set_right(at, b);
            b = right;
        }
        at = at->right;
    }
    for (at = at->parent; at; at = at->parent)
        repair(at);
    return root;
}

static struct pq_node *merge(struct pq_node *a, struct pq_node *b)
{
    struct pq_node *only = a ? a : b;

    if (a && b)
        return merge_both(a, b);
    if (only)
        only->parent = NULL;
    return only;
}

void pq_insert(struct priority_queue *q, struct pq_node *n, int64_t key)
{
    struct pq_node *root = q->root;

    ASSERT(!pq_is_queued(n));
    *n = (struct pq_node){ .key = key, .order = q->inserted++, .rank = 1 };
    if (!root || key < root->key) {
        n->left = root;
        if (root)
            root->parent = n;
        q->root = n;
    } else {
        q->root = merge_both(root, n);
    }
}

void pq_remove(struct priority_queue *q, struct pq_node *n)
{
    struct pq_node *parent = n->parent, *rest = merge(n->left, n->right);

    ASSERT(pq_is_queued(n));
    if (rest)
        rest->parent = parent;
    if (!parent)
        q->root = rest;
    else if (parent->left == n)
        parent->left = rest;
    else
        set_right(parent, rest);
    /* Ranks that change grow on the way up, so at most log2(n + 1) do. */
    while (parent && repair(parent))
        parent = parent->parent;
    *n = (struct pq_node){ 0 };
}

struct pq_node *pq_walk(const struct pq_node *n)
{
    if (n->left)
        return n->left;
    if (n->right)
        return n->right;
    while (n->parent && (n->parent->right == n || !n->parent->right))
        n = n->parent;
    return n->parent ? n->parent->right : NULL;
}
