/* SPDX-License-Identifier: Apache-2.0 */
/* The fair policy's shares over one second, over many sets drawn from the seed: weights and caps to 1 % of a CPU. */
#include "tests/unit/sched_model.h"

#define SETS 300
#define SECOND SEC(1)
#define TOLERANCE 1.0           /* percent of a CPU */

static void assert_near(const struct task *t, double expected, const char *what, unsigned set)
{
    double share = 100.0 * (double)t->ran / SECOND;

    if (share < expected - TOLERANCE || share > expected + TOLERANCE)
        fail_msg("%s, set %u: task %u of %u ran %.2f %%, expected %.2f", what, set, (unsigned)(t - tasks), task_count, share, expected);
}

static uint32_t some_weight(void)
{
    return 64u << host_random_below(5);
}

/* Tasks that always want to run have their weights' parts of a CPU. */
static void test_weights(void **state UNUSED)
{
    for (unsigned set = 0; set < SETS; set++) {
        unsigned n = 2 + set % (TASKS - 1), sum = 0;

        boot_with("", 1, set + 1);
        for (unsigned i = 0; i < n; i++)
            sum += add_hog(some_weight())->group->weight;
        warm_up();
        simulate(SECOND);
        for (unsigned i = 0; i < n; i++)
            assert_near(&tasks[i], 100.0 * tasks[i].group->weight / sum, "weights", set);
    }
}

/* Those pinned to a CPU have their parts of that, whatever the other CPUs do. */
static void test_weights_of_pinned(void **state UNUSED)
{
    for (unsigned set = 0; set < SETS / 4; set++) {
        unsigned sums[2] = { 0 };

        boot_with("", 2, set + 1);
        for (unsigned i = 0; i < TASKS; i++) {
            cpu_set one = set_of(1u << i % 2);

            sums[i % 2] += add_hog(some_weight())->group->weight;
            assert_int_equal(sched_set_affinity(&tasks[i].unit, &one, &one), 0);
        }
        warm_up();
        simulate(SECOND);
        for (unsigned i = 0; i < TASKS; i++)
            assert_near(&tasks[i], 100.0 * tasks[i].group->weight / sums[i % 2], "pinned", set);
    }
}

/* Caps hold beside tasks without one, which share what is left by weight. */
static void test_caps(void **state UNUSED)
{
    for (unsigned set = 0; set < SETS; set++) {
        uint32_t cap = 1 + (uint32_t)host_random_below(45), other = 1 + (uint32_t)host_random_below(45);

        boot_with("", 1, set + 1);
        assert_int_equal(sched_set_params(add_hog(256)->group, 16384, cap), 0);
        assert_int_equal(sched_set_params(add_hog(256)->group, 16384, other), 0);
        if (set % 2)
            add_hog(256);
        warm_up();
        simulate(SECOND);
        assert_near(&tasks[0], cap, "cap", set);
        assert_near(&tasks[1], other, "cap", set);
        if (set % 2)
            assert_near(&tasks[2], 100 - cap - other, "beside caps", set);
    }
}

/* A group's cap of several CPUs' time, on several CPUs. */
static void test_caps_of_groups(void **state UNUSED)
{
    for (unsigned set = 0; set < SETS / 4; set++) {
        uint32_t cap = 10 + (uint32_t)host_random_below(290);
        struct sched_group g;
        struct task all = { 0 };

        boot_with("", 4, set + 1);
        assert_int_equal(sched_group_init(&g, 0), 0);
        assert_int_equal(sched_set_params(&g, 256, cap), 0);
        for (unsigned i = 0; i < 4; i++)
            add_to(&g, FOR_EVER, 1);
        warm_up();
        simulate(SECOND);
        for (unsigned i = 0; i < 4; i++)
            all.ran += tasks[i].ran;
        if (100.0 * (double)all.ran / SECOND > cap + 4 * TOLERANCE || 100.0 * (double)all.ran / SECOND < cap - 4 * TOLERANCE)
            fail_msg("set %u: a group ran %.2f %% under a cap of %u", set, 100.0 * (double)all.ran / SECOND, cap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights), cmocka_unit_test(test_weights_of_pinned), cmocka_unit_test(test_caps),
        cmocka_unit_test(test_caps_of_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
