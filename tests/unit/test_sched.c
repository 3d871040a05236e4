/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler, core and fair policy, against the model; the last tests let the CPUs run at once. */
#include "tests/unit/sched_model.h"

static void test_equal_hogs(void **state UNUSED)
{
    boot(1);
    for (unsigned i = 0; i < 4; i++)
        add_hog(256);
    simulate(SEC(4));
    for (unsigned i = 0; i < 4; i++)
        assert_share(&tasks[i], SEC(4), 24.5, 25.5);
}

static void test_weights(void **state UNUSED)
{
    boot(1);
    add_hog(256);
    add_hog(512);
    add_hog(1024);
    simulate(SEC(7));
    assert_share(&tasks[0], SEC(7), 13.8, 14.8);
    assert_share(&tasks[1], SEC(7), 28.0, 29.1);
    assert_share(&tasks[2], SEC(7), 56.5, 57.7);
}

static void test_weights_change(void **state UNUSED)
{
    boot(1);
    add_hog(256);
    add_hog(256);
    simulate(SEC(1));
    assert_int_equal(sched_set_params(tasks[1].group, 768, 0), 0);
    tasks[0].ran = tasks[1].ran = 0;
    simulate(SEC(4));
    assert_in_range((uint64_t)(tasks[0].ran / MSEC(1)), 960, 1040);
    assert_int_equal(sched_set_params(tasks[1].group, 0, 0), -E_INVAL);
    assert_int_equal(sched_set_params(tasks[1].group, 65536, 0), -E_INVAL);
    assert_int_equal(sched_set_params(tasks[1].group, 256, SCHED_MAX_CAP + 1), -E_INVAL);
}

static void test_caps(void **state UNUSED)
{
    static const uint32_t caps[] = { 1, 10, 30, 75, 99 };

    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++) {
        boot(1);
        add_hog(256);
        assert_int_equal(sched_set_params(tasks[0].group, 256, caps[i]), 0);
        simulate(SEC(2));
        assert_share(&tasks[0], SEC(2), caps[i] * 0.99 - 0.1, caps[i] * 1.01 + 0.1);
    }
}

/* The budget is the group's: two tasks on two CPUs share it; a neighbour without a cap gets its share at least. */
static void test_cap_of_a_group(void **state UNUSED)
{
    struct sched_group g;

    boot(2);
    assert_int_equal(sched_group_init(&g, 0), 0);
    assert_int_equal(sched_set_params(&g, 256, 120), 0);
    add_to(&g, FOR_EVER, 1);
    add_to(&g, FOR_EVER, 1);
    add_hog(256);
    simulate(SEC(4));
    assert_in_range((uint64_t)((tasks[0].ran + tasks[1].ran) / MSEC(1)), 4400, 4848);
    assert_true(tasks[2].ran > MSEC(2300));
}

/* A guest with a timer every millisecond beside a hog. */
static void test_wake_lateness(void **state UNUSED)
{
    boot(1);
    add_hog(256);
    add(USEC(30), USEC(970), 256);
    warm_up();
    simulate(SEC(2));
    assert_true(tasks[1].wakes > 1900);
    assert_true(tasks[1].worst_lateness < USEC(10));
    assert_true(tasks[1].sum_lateness / tasks[1].wakes < USEC(2));
    assert_in_range((uint64_t)(tasks[0].ran / MSEC(1)), 1930, 1945);
}

static void test_rate_limit(void **state UNUSED)
{
    boot(1);
    assert_int_equal(sched_set_ratelimit_us(1000), 0);
    add_hog(256);
    add(USEC(30), USEC(470), 256);
    warm_up();
    simulate(SEC(1));
    assert_true(tasks[1].worst_lateness > USEC(100));
    assert_true(tasks[1].worst_lateness < USEC(1010));
    assert_int_equal(sched_set_ratelimit_us(SCHED_MAX_RATELIMIT_US + 1), -E_INVAL);
    assert_int_equal(sched_set_ratelimit_us(0), 0);
}

/* Whoever wakes before the hog has had its minimum runs when that ends, not at the slice's end; and the hog has its minimum. */
static void test_minimum_run(void **state UNUSED)
{
    static const nsec_t pauses[] = { USEC(1), USEC(7), USEC(40), USEC(97), USEC(970) };
    nsec_t limit = USEC(SCHED_DEFAULT_RATELIMIT_US), length = SEC(1);

    for (unsigned i = 0; i < ARRAY_SIZE(pauses); i++) {
        nsec_t cycle;

        boot(1);
        assert_int_equal(sched_set_ratelimit_us(SCHED_DEFAULT_RATELIMIT_US), 0);
        add_hog(256);
        add(USEC(3), pauses[i], 256);
        warm_up();
        simulate(length);
        cycle = MAX(pauses[i], limit) + USEC(3);
        assert_true(tasks[1].worst_lateness <= limit + USEC(2));
        assert_in_range(tasks[1].wakes, length / cycle * 95 / 100, length / cycle + 1);
        if (pauses[i] > limit)
            assert_true(tasks[1].sum_lateness / tasks[1].wakes < USEC(2));
    }
}

/* The minimum ends with a slice, a yield, a block. */
static void test_minimum_run_ends_early(void **state UNUSED)
{
    struct task *first;

    boot(1);
    assert_int_equal(sched_set_ratelimit_us(SCHED_MAX_RATELIMIT_US), 0);
    add_hog(256);
    add(USEC(10), USEC(500), 256);
    simulate(SEC(1));
    assert_true(tasks[1].worst_lateness <= MSEC(10) + USEC(1));
    tasks[1].wants = true;
    tasks[1].left = FOR_EVER;
    sched_wake(&tasks[1].unit);
    settle();
    first = on_cpu[0];
    sched_unit_yield(&first->unit);
    settle();
    assert_ptr_not_equal(on_cpu[0], first);
    first = on_cpu[0];
    first->wants = false;
    sched_sleep(&first->unit);
    settle();
    assert_ptr_not_equal(on_cpu[0], first);
}

/* However a task times its sleep, it gets no more than its share (and its credit, once). */
static void test_clever_sleeper(void **state UNUSED)
{
    static const nsec_t patterns[][2] = {
        { USEC(9900), USEC(100) }, { USEC(9999), USEC(1) }, { MSEC(5), USEC(50) }, { MSEC(1), USEC(10) }, { MSEC(20), MSEC(1) },
        { MSEC(30), MSEC(20) }, { USEC(100), USEC(90) },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++) {
        boot(1);
        add_hog(256);
        add(patterns[i][0], patterns[i][1], 256);
        simulate(SEC(4));
        assert_share(&tasks[1], SEC(4), 10, 50.5);
        assert_share(&tasks[0], SEC(4), 49.5, 90);
    }
}

static void test_three_hogs_on_two_cpus(void **state UNUSED)
{
    boot(2);
    for (unsigned i = 0; i < 3; i++)
        add_hog(256);
    simulate(SEC(6));
    for (unsigned i = 0; i < 3; i++)
        assert_share(&tasks[i], SEC(6), 62, 71);
}

static void test_weights_on_two_cpus(void **state UNUSED)
{
    boot(2);
    add_hog(256);
    add_hog(256);
    add_hog(512);
    simulate(SEC(6));
    assert_share(&tasks[0], SEC(6), 45, 55);
    assert_share(&tasks[1], SEC(6), 45, 55);
    assert_share(&tasks[2], SEC(6), 94, 100);
}

/* No CPU idles while a task waits. */
static void test_work_is_conserved(void **state UNUSED)
{
    nsec_t sum = 0;

    boot(4);
    for (unsigned i = 0; i < 4; i++)
        add_hog(256);
    for (unsigned i = 0; i < 3; i++)
        add(USEC(100 + 330 * i), USEC(700), 256);
    simulate(SEC(2));
    for (unsigned i = 0; i < 7; i++)
        sum += tasks[i].ran;
    assert_true(sum > SEC(8) - MSEC(40));
    for (unsigned cpu = 0; cpu < 4; cpu++)
        assert_true(sched_idle_time(cpu) < MSEC(20));
}

static void test_affinity(void **state UNUSED)
{
    cpu_set one = set_of(2), both = set_of(3), none = set_of(UINT64_C(1) << 20);

    boot(2);
    add_hog(256);
    add_hog(256);
    add_hog(256);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(sched_set_affinity(&tasks[i].unit, &one, &both), 0);
    simulate(SEC(1));
    for (unsigned i = 0; i < 3; i++)
        assert_share(&tasks[i], SEC(1), 32, 35);
    assert_true(sched_idle_time(0) > MSEC(900));
    assert_int_equal(sched_set_affinity(&tasks[0].unit, &none, &both), -E_INVAL);
    /* One that runs or waits moves at once when it must. */
    one = set_of(1);
    assert_int_equal(sched_set_affinity(&tasks[0].unit, &one, &both), 0);
    tasks[0].ran = 0;
    simulate(SEC(1));
    assert_true(tasks[0].ran > MSEC(990));
}

static void test_soft_affinity(void **state UNUSED)
{
    cpu_set all = set_of(3), second = set_of(2);

    boot(2);
    add(USEC(300), USEC(500), 256);
    assert_int_equal(sched_set_affinity(&tasks[0].unit, &all, &second), 0);
    simulate(MSEC(100));
    assert_int_equal(tasks[0].unit.cpu, 1);
    assert_true(sched_idle_time(0) > MSEC(95));
}

static void test_yield(void **state UNUSED)
{
    boot(1);
    add_hog(256);
    add_hog(256);
    simulate(MSEC(5));
    for (unsigned i = 0; i < 10; i++) {
        struct task *before = on_cpu[0];

        host_time_advance(USEC(100));
        sched_unit_yield(&before->unit);
        settle();
        assert_ptr_not_equal(on_cpu[0], before);
    }
}

/* Who yields to a hog is asked again soon. */
static void test_yield_is_short(void **state UNUSED)
{
    boot(1);
    add_hog(256);
    add(USEC(20), 0, 256);
    warm_up();
    simulate(SEC(1));
    assert_in_range((uint64_t)(tasks[1].ran / USEC(1)), 18000, 22000);
}

/* Random patterns: nobody starves, nobody takes more than is fair. The seed decides. */
static void test_random_loads(void **state UNUSED)
{
    for (unsigned round = 0; round < 10; round++) {
        boot(1 + (unsigned)host_random_below(4));
        for (unsigned i = 0; i < TASKS; i++)
            add(USEC(1 + host_random_below(20000)), USEC(1 + host_random_below(5000)), 256);
        simulate(SEC(3));
        for (unsigned i = 0; i < TASKS; i++)
            assert_true(tasks[i].ran > SEC(3) / TASKS * MIN(cpus, (unsigned)TASKS) / 8);
    }
}

/* --- several CPUs at once --- */

static uint32_t owner_of[TASKS];        /* CPU + 1 that runs the task */

static void switch_task(unsigned cpu, struct sched_unit **current)
{
    struct sched_unit *next = sched_pick(*current);

    if (next == *current)
        return;
    if (*current) {
        assert_int_equal(atomic_exchange(&owner_of[container_of(*current, struct task, unit) - tasks], 0), cpu + 1);
        sched_switched_out(*current);
    }
    *current = next;
    if (next) {
        assert_int_equal(atomic_exchange(&owner_of[container_of(next, struct task, unit) - tasks], cpu + 1), 0);
        assert_int_equal(next->state, UNIT_RUNNING);
    }
}

static void disturb(void)
{
    struct task *t = &tasks[host_random_below(task_count)];
    cpu_set hard = set_of(1 + host_random_below((UINT64_C(1) << cpus) - 1));

    switch (host_random_below(5)) {
    case 0:
    case 1:
        atomic_store(&t->wants, true);
        barrier_full();
        sched_wake(&t->unit);
        break;
    case 2:
    case 3:
        atomic_store(&t->wants, false);
        barrier_full();
        sched_sleep(&t->unit);
        break;
    default:
        assert_int_equal(sched_set_affinity(&t->unit, &hard, &hard), 0);
    }
}

static void race(unsigned cpu, void *arg)
{
    struct sched_unit *current = NULL;

    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        uint32_t work = cpu_work_take();

        if (clock_deadline(cpu) <= arch_time_now() || work & CPU_WORK_TIMER)
            timer_run_due();
        if (work & CPU_WORK_SCHED || !current)
            switch_task(cpu, &current);
        if (current && host_random_below(4) == 0)
            sched_unit_yield(current);
        disturb();
    }
    /* Leave it as a CPU does that stops: nothing runs here any more. */
    for (unsigned i = 0; i < task_count; i++) {
        atomic_store(&tasks[i].wants, false);
        sched_sleep(&tasks[i].unit);
    }
    while (current)
        switch_task(cpu, &current);
}

static void test_races(void **state UNUSED)
{
    unsigned steps = 3000;

    for (unsigned rate = 1; rate <= 16; rate *= 4) {
        boot(3);
        for (unsigned i = 0; i < TASKS; i++)
            add_hog(1 + (uint32_t)host_random_below(1000));
        memset(owner_of, 0, sizeof(owner_of));
        host_set_switch_rate(rate);
        host_run_parallel(3, race, &steps);
        host_set_switch_rate(0);
        for (unsigned i = 0; i < TASKS; i++) {
            assert_int_equal(tasks[i].unit.state, UNIT_ASLEEP);
            sched_unit_remove(&tasks[i].unit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_hogs), cmocka_unit_test(test_weights), cmocka_unit_test(test_weights_change),
        cmocka_unit_test(test_caps), cmocka_unit_test(test_cap_of_a_group), cmocka_unit_test(test_wake_lateness),
        cmocka_unit_test(test_rate_limit), cmocka_unit_test(test_minimum_run),
        cmocka_unit_test(test_minimum_run_ends_early), cmocka_unit_test(test_clever_sleeper), cmocka_unit_test(test_three_hogs_on_two_cpus),
        cmocka_unit_test(test_weights_on_two_cpus), cmocka_unit_test(test_work_is_conserved), cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_soft_affinity), cmocka_unit_test(test_yield), cmocka_unit_test(test_yield_is_short),
        cmocka_unit_test(test_random_loads),
        cmocka_unit_test(test_races),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
