/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that time their sleep, their wake-ups and their yields so as to get more than their weight, against honest ones, in simulated
 * time. However they do it: nobody takes more than its weight from those that compute, and who sleeps honestly is not made to wait.
 */
#include "tests/unit/sched_model.h"

#define LENGTH SEC(3)

static nsec_t until_tick(nsec_t tick)
{
    return tick - arch_time_now() % tick;
}

/* Sleeps just before a tick of 10 ms, over it. */
static void before_the_tick(struct task *t)
{
    nsec_t left = until_tick(MSEC(10));

    t->pause = left <= USEC(20) ? left + USEC(1) : 1;
    t->burst = MAX(until_tick(MSEC(10)) - USEC(10), USEC(1)) + (t->pause > 1 ? MSEC(10) - USEC(20) : 0);
}

/* The same with 1 ms. */
static void before_every_tick(struct task *t)
{
    t->pause = until_tick(MSEC(1)) % USEC(30) + USEC(1);
    t->burst = until_tick(MSEC(1)) + MSEC(1) - USEC(20);
}

static void ten_times_a_slice(struct task *t)
{
    t->burst = USEC(900);
    t->pause = USEC(1);
}

static void hundred_times_a_slice(struct task *t)
{
    t->burst = USEC(95);
    t->pause = USEC(5);
}

/* As often as the minimum run allows. */
static void at_the_minimum(struct task *t)
{
    t->burst = USEC(SCHED_DEFAULT_RATELIMIT_US) - 1;
    t->pause = 1;
}

/* Saves up what sleeping may bring, and spends it. */
static void save_and_spend(struct task *t)
{
    t->burst = MSEC(20);
    t->pause = MSEC(10);
}

static void save_little_spend_much(struct task *t)
{
    t->burst = MSEC(200);
    t->pause = MSEC(11);
}

static void yields(struct task *t)
{
    t->burst = USEC(50);
    t->pause = 0;
}

static void yields_and_sleeps(struct task *t)
{
    t->burst = USEC(1 + host_random_below(500));
    t->pause = host_random_below(3) ? 0 : 1;
}

static void anything(struct task *t)
{
    static void (*const plans[])(struct task *t) = {
        before_the_tick, before_every_tick, ten_times_a_slice, hundred_times_a_slice, at_the_minimum, save_and_spend, yields,
        yields_and_sleeps,
    };

    plans[host_random_below(ARRAY_SIZE(plans))](t);
    t->burst = 1 + t->burst * (nsec_t)host_random_below(200) / 100;
}

static const struct strategy { const char *name; void (*plan)(struct task *t); } strategies[] = {
    { "before the tick", before_the_tick }, { "before every tick", before_every_tick }, { "ten times a slice", ten_times_a_slice },
    { "a hundred times a slice", hundred_times_a_slice }, { "at the minimum", at_the_minimum }, { "save and spend", save_and_spend },
    { "save little, spend much", save_little_spend_much }, { "yields", yields }, { "yields and sleeps", yields_and_sleeps },
    { "anything", anything },
};

static void start(unsigned n)
{
    boot(n);
    assert_int_equal(sched_set_ratelimit_us(SCHED_DEFAULT_RATELIMIT_US), 0);
}

static struct task *add_clever(const struct strategy *s, uint32_t weight)
{
    struct task *t = add(USEC(100), 1, weight);

    t->plan = s->plan;
    return t;
}

static void assert_at_most(const struct task *t, double percent, const char *name)
{
    double share = 100.0 * (double)t->ran / LENGTH;

    if (share > percent)
        fail_msg("%s: task %u ran %.2f %%, more than %.2f", name, (unsigned)(t - tasks), share, percent);
}

static void assert_at_least(const struct task *t, double percent, const char *name)
{
    double share = 100.0 * (double)t->ran / LENGTH;

    if (share < percent)
        fail_msg("%s: task %u ran %.2f %%, less than %.2f", name, (unsigned)(t - tasks), share, percent);
}

static void test_against_a_hog(void **state UNUSED)
{
    static const uint32_t weights[] = { 64, 256, 1024 };

    for (unsigned i = 0; i < ARRAY_SIZE(strategies) * ARRAY_SIZE(weights); i++) {
        uint32_t weight = weights[i % ARRAY_SIZE(weights)];
        const struct strategy *s = &strategies[i / ARRAY_SIZE(weights)];
        double share = 100.0 * weight / (weight + 256);

        start(1);
        add_hog(256);
        add_clever(s, weight);
        warm_up();
        simulate(LENGTH);
        assert_at_most(&tasks[1], share + 1, s->name);
        assert_at_least(&tasks[0], 99 - share, s->name);
    }
}

/* Several of them beside a hog and a guest that computes 30 us each millisecond: the hog has its share, the sleeper does not wait. */
static void test_against_a_sleeper(void **state UNUSED)
{
    for (unsigned i = 0; i < ARRAY_SIZE(strategies); i++) {
        start(1);
        add_hog(256);
        add(USEC(30), USEC(970), 256);
        for (unsigned n = 0; n < 3; n++)
            add_clever(&strategies[i], 256);
        warm_up();
        simulate(LENGTH);
        assert_at_least(&tasks[0], 23.5, strategies[i].name);
        assert_at_least(&tasks[1], 2.85, strategies[i].name);
        assert_true(tasks[1].worst_lateness <= USEC(50));
    }
}

/* Three hogs' work on two CPUs; the third is a clever one that hops between them. */
static void test_hopping(void **state UNUSED)
{
    for (unsigned i = 0; i < ARRAY_SIZE(strategies); i++) {
        start(2);
        add_hog(256);
        add_hog(256);
        add_clever(&strategies[i], 256);
        warm_up();
        simulate(LENGTH);
        assert_at_most(&tasks[2], 67.7, strategies[i].name);
        assert_at_least(&tasks[0], 62, strategies[i].name);
        assert_at_least(&tasks[1], 62, strategies[i].name);
    }
}

/* What a guest owes after its turn it owes on any CPU: one of little weight does not get rid of it by moving. */
static void test_debt_moves_along(void **state UNUSED)
{
    for (unsigned i = 0; i < ARRAY_SIZE(strategies); i++) {
        start(2);
        add_hog(256);
        add_hog(256);
        add_clever(&strategies[i], 4);
        add_clever(&strategies[i], 4);
        warm_up();
        simulate(LENGTH);
        assert_at_most(&tasks[2], 2.5, strategies[i].name);
        assert_at_most(&tasks[3], 2.5, strategies[i].name);
    }
}

/* A move that the toolstack makes forgives CREDIT at most: a fair share here is 3 %, of a slice and nothing else it would be 20. */
static void test_pinned_to_and_fro(void **state UNUSED)
{
    struct task *t;

    start(2);
    for (unsigned i = 0; i < 4; i++) {
        cpu_set one = set_of(1u << i % 2);

        assert_int_equal(sched_set_affinity(&add_hog(256)->unit, &one, &one), 0);
    }
    t = add_clever(&strategies[0], 16);
    warm_up();
    for (unsigned i = 0; i < LENGTH / MSEC(3); i++) {
        cpu_set one = set_of(1u << i % 2);

        host_pose_as(0);
        assert_int_equal(sched_set_affinity(&t->unit, &one, &one), 0);
        simulate(MSEC(3));
    }
    assert_at_most(t, 5, "pinned to and fro");
}

/* CPUs whose clocks have gone apart (one idled, one ran a heavy load) still share what comes later. */
static void test_clocks_apart(void **state UNUSED)
{
    cpu_set first = set_of(1), both = set_of(3);

    start(2);
    for (unsigned i = 0; i < 3; i++)
        add_hog(256);
    assert_int_equal(sched_set_affinity(&tasks[0].unit, &first, &first), 0);
    tasks[1].wakes_at = tasks[2].wakes_at = arch_time_now() + SEC(20);
    simulate(SEC(19));
    assert_int_equal(sched_set_affinity(&tasks[0].unit, &both, &both), 0);
    simulate(SEC(2));
    warm_up();
    simulate(LENGTH);
    for (unsigned i = 0; i < 3; i++)
        assert_at_least(&tasks[i], 62, "after 20 s of idling");
}

/* A guest that wakes does not wait for a hog's slice on any CPU, whoever else is on the one where it last ran. */
static void test_wakes_where_it_may_run(void **state UNUSED)
{
    start(4);
    for (unsigned i = 0; i < 4; i++)
        add_hog(256);
    for (unsigned i = 0; i < 4; i++)
        add(USEC(200), USEC(1300 + 7 * i), 256);
    warm_up();
    simulate(LENGTH);
    for (unsigned i = 4; i < 8; i++) {
        assert_true(tasks[i].wakes > 1500);
        assert_true(tasks[i].worst_lateness <= USEC(50));
    }
}

/* A cap holds for a guest that sleeps cleverly too, and one that is within it gets it beside a hog. */
static void test_caps_of_sleepers(void **state UNUSED)
{
    static const uint32_t caps[] = { 5, 20, 40 };

    for (unsigned i = 0; i < ARRAY_SIZE(strategies) * ARRAY_SIZE(caps); i++) {
        const struct strategy *s = &strategies[i / ARRAY_SIZE(caps)];
        uint32_t cap = caps[i % ARRAY_SIZE(caps)];

        start(1);
        add_hog(256);
        assert_int_equal(sched_set_params(add_clever(s, 1024)->group, 1024, cap), 0);
        warm_up();
        simulate(LENGTH);
        assert_at_most(&tasks[1], cap * 1.03, s->name);
        if (s->plan == ten_times_a_slice || s->plan == hundred_times_a_slice)
            assert_at_least(&tasks[1], cap * 0.95, s->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_hog), cmocka_unit_test(test_against_a_sleeper), cmocka_unit_test(test_hopping),
        cmocka_unit_test(test_debt_moves_along), cmocka_unit_test(test_pinned_to_and_fro), cmocka_unit_test(test_clocks_apart),
        cmocka_unit_test(test_wakes_where_it_may_run), cmocka_unit_test(test_caps_of_sleepers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
