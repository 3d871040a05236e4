/* SPDX-License-Identifier: Apache-2.0 */
/* The priority queue against a sorted array. Catches a wrong order, a lost node, and a heap that has degenerated into a list. */
#include "lib/priority_queue.h"
#include "unit.h"

#define NODES 2000

static struct pq_node nodes[NODES];
static struct priority_queue q;

static unsigned log2_ceiling(unsigned n)
{
    return n <= 1 ? 0 : 32 - (unsigned)__builtin_clz(n - 1);
}

/* Shape and order of the whole heap; how many nodes it has. */
static unsigned check(void)
{
    unsigned count = 0;

    for (const struct pq_node *n = pq_first(&q); n; n = pq_walk(n)) {
        unsigned left = n->left ? n->left->rank : 0, right = n->right ? n->right->rank : 0;

        assert_true(left >= right && n->rank == right + 1);
        assert_true(!n->left || (n->left->parent == n && n->left->key >= n->key));
        assert_true(!n->right || (n->right->parent == n && n->right->key >= n->key));
        count++;
    }
    assert_true(!q.root || (!q.root->parent && q.root->rank <= log2_ceiling(count + 1)));
    return count;
}

static int setup(void **state UNUSED)
{
    host_boot(NULL);
    q = (struct priority_queue){ 0 };
    for (unsigned i = 0; i < NODES; i++)
        nodes[i] = (struct pq_node){ 0 };
    return 0;
}

static void drain(unsigned expected)
{
    int64_t last = INT64_MIN;
    uint64_t order = 0;

    for (; pq_first(&q); expected--) {
        struct pq_node *n = pq_first(&q);

        assert_true(n->key > last || (n->key == last && n->order > order));
        last = n->key;
        order = n->order;
        pq_remove(&q, n);
        assert_false(pq_is_queued(n));
    }
    assert_int_equal(expected, 0);
}

static void test_least_first_and_equals_in_order(void **state UNUSED)
{
    for (unsigned i = 0; i < NODES; i++)
        pq_insert(&q, &nodes[i], (int64_t)host_random_below(NODES / 4) - NODES / 8);
    assert_int_equal(check(), NODES);
    drain(NODES);
}

static void test_sorted_input_does_not_degenerate(void **state UNUSED)
{
    for (unsigned i = 0; i < NODES; i++)
        pq_insert(&q, &nodes[i], i);
    assert_int_equal(check(), NODES);
    for (unsigned i = 0; i < NODES; i += 2)
        pq_remove(&q, &nodes[i]);
    assert_int_equal(check(), NODES / 2);
    drain(NODES / 2);
    for (unsigned i = NODES; i-- > 0;)
        pq_insert(&q, &nodes[i], i);
    assert_int_equal(check(), NODES);
    drain(NODES);
}

static void test_anything_goes_anywhere(void **state UNUSED)
{
    unsigned queued = 0;

    for (unsigned step = 0; step < 20000; step++) {
        struct pq_node *n = &nodes[host_random_below(200)];

        if (pq_is_queued(n)) {
            pq_remove(&q, n);
            queued--;
        } else {
            pq_insert(&q, n, (int64_t)host_random_below(50));
            queued++;
        }
        if (step % 100 == 0)
            assert_int_equal(check(), queued);
    }
    drain(queued);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_least_first_and_equals_in_order, setup),
        cmocka_unit_test_setup(test_sorted_input_does_not_degenerate, setup),
        cmocka_unit_test_setup(test_anything_goes_anywhere, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
