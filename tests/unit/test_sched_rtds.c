/* SPDX-License-Identifier: Apache-2.0 */
/* The real-time policy against the model: thousands of sets of reservations, drawn from the seed, and the guarantees they have. */
#include "tests/unit/sched_model.h"

/* Time passes while the scheduler works, too: what a decision takes, at most; and a part of the CPU that is kept for it. */
#define GRAIN USEC(3)
#define PARTS 1000
#define FOR_WORK 20             /* parts of a budget that a job leaves to the scheduler, besides a grain */
#define LEAST 20                /* parts: budgets of many grains */
#define SETS_ONE_CPU 2000
#define SETS_SEVERAL_CPUS 2000

struct job {
    nsec_t released, period, worst;     /* worst: completion after the release */
    nsec_t gap;                         /* most that a release comes later than a period after the last one */
    unsigned done, missed;
};

static struct job jobs[TASKS];

/* A job is done: was it in time? The next one is released a period after it, or some time later. */
static void next_job(struct task *t)
{
    struct job *j = &jobs[t - tasks];
    nsec_t now = arch_time_now(), next = j->released + j->period;

    j->done++;
    j->missed += now > next + GRAIN;
    j->worst = MAX(j->worst, now - j->released);
    if (j->gap)
        next += (nsec_t)host_random_below((uint64_t)j->gap);
    t->pause = MAX(next - now, 1);
    j->released = MAX(next, now + 1);
}

/* Jobs of `parts` thousandths of one CPU under a reservation of as much. */
static struct task *add_reserved(nsec_t period, unsigned parts, bool sporadic)
{
    uint32_t period_us = (uint32_t)(period / USEC(1)), budget_us = MAX(period_us / PARTS * parts, (uint32_t)SCHED_MIN_PERIOD_US);
    struct task *t = add(USEC(budget_us) / PARTS * (PARTS - FOR_WORK) - GRAIN, 1, 256);

    t->plan = next_job;
    assert_int_equal(sched_set_reservation(&t->unit, period_us, budget_us, false), 0);
    jobs[t - tasks] = (struct job){ .released = arch_time_now(), .period = period, .gap = sporadic ? period : 0 };
    return t;
}

static nsec_t some_period(void)
{
    return MSEC(4 + host_random_below(30));
}

/* Shares that make `total` parts, none above `most`; as many as needed, no more than TASKS. */
static unsigned add_set(unsigned total, unsigned most, bool sporadic)
{
    unsigned greatest = 0;

    while (total >= LEAST && task_count < TASKS) {
        unsigned parts = LEAST + (unsigned)host_random_below(MIN(total, most) - LEAST + 1);

        if (task_count == TASKS - 1)
            parts = MIN(total, most);
        total -= parts;
        greatest = MAX(greatest, parts);
        (void)add_reserved(some_period(), parts, sporadic);
    }
    return greatest;
}

static void assert_no_miss(const char *what, unsigned set)
{
    for (unsigned i = 0; i < task_count; i++)
        if (jobs[i].missed || (jobs[i].period <= MSEC(10) && jobs[i].done < 2))
            fail_msg("%s, set %u: task %u missed %u of %u deadlines, slowest %lld us of %lld", what, set, i, jobs[i].missed, jobs[i].done,
                     (long long)(jobs[i].worst / USEC(1)), (long long)(jobs[i].period / USEC(1)));
}

/* Every set that fits on one CPU meets every deadline, whatever else wants to run. */
static void test_deadlines_on_one_cpu(void **state UNUSED)
{
    for (unsigned set = 0; set < SETS_ONE_CPU; set++) {
        boot_with("rtds", 1, set + 1);
        (void)add_set(PARTS, PARTS, set & 1);
        if (set & 2 && task_count < TASKS)
            assert_int_equal(sched_set_reservation(&add_hog(256)->unit, 10000, 10, true), 0);
        if (task_count && tasks[task_count - 1].plan != next_job)
            jobs[task_count - 1] = (struct job){ .period = SEC(1) };
        simulate(MSEC(80));
        assert_no_miss("one CPU", set);
    }
}

/* On m CPUs global EDF meets them when the sum is at most m - (m - 1) * greatest (Goossens, Funk, Baruah 2003). */
static void test_deadlines_on_several_cpus(void **state UNUSED)
{
    for (unsigned set = 0; set < SETS_SEVERAL_CPUS; set++) {
        unsigned m = 2 + set % 3, most = 100 + 100 * (set % 5);

        boot_with("rtds", m, set + 1);
        (void)add_set(m * PARTS - (m - 1) * most - 1, most, set & 1);
        simulate(MSEC(80));
        assert_no_miss("several CPUs", set);
    }
}

/* Units that always want to run get their budgets, to the grain, in each period, and no more. */
static void test_budgets(void **state UNUSED)
{
    for (unsigned set = 0; set < 200; set++) {
        unsigned left = PARTS - 20;

        boot_with("rtds", 1, set + 1);
        while (left >= LEAST && task_count < TASKS) {
            unsigned parts = LEAST + (unsigned)host_random_below(left - LEAST + 1);
            nsec_t period = some_period();
            struct task *t = add_hog(256);

            assert_int_equal(sched_set_reservation(&t->unit, (uint32_t)(period / USEC(1)), (uint32_t)(period / USEC(PARTS) * parts), false), 0);
            left -= parts;
        }
        for (nsec_t start = arch_time_now(), end = start + MSEC(200); arch_time_now() < end;) {
            simulate(USEC(500) + (nsec_t)host_random_below((uint64_t)MSEC(3)));
            for (unsigned i = 0; i < task_count; i++) {
                nsec_t period = USEC(tasks[i].unit.period_us), budget = USEC(tasks[i].unit.budget_us);
                nsec_t begun = (arch_time_now() - start) / period + 1, ran = sched_unit_time(&tasks[i].unit);

                assert_true(ran <= begun * budget + GRAIN);
                assert_true(ran >= (begun - 1) * budget - GRAIN);
            }
        }
    }
}

/* However it sleeps: in no stretch of time does it run more than its share of it and one budget. */
static void sleep_somehow(struct task *t)
{
    t->burst = USEC(1 + host_random_below(4000));
    t->pause = USEC(1 + host_random_below(t->burst > MSEC(3) ? 20000 : 900));
}

static void test_sleepers_get_no_more(void **state UNUSED)
{
    for (unsigned set = 0; set < 100; set++) {
        struct task *t;

        boot_with("rtds", 1, set + 1);
        t = add(MSEC(1), USEC(10), 256);
        t->plan = sleep_somehow;
        assert_int_equal(sched_set_reservation(&t->unit, 10000, 2500, false), 0);
        (void)add_reserved(MSEC(4), 745, false);
        for (unsigned i = 0; i < 20; i++) {
            nsec_t length = MSEC(5 + host_random_below(30)), before = t->ran;

            simulate(length);
            assert_true(t->ran - before <= length / 4 + 2 * USEC(2500) + GRAIN);
        }
        /* Task 0 is no neighbour's trouble. */
        assert_int_equal(jobs[1].missed, 0);
    }
}

/* What the reserved leave over is shared by those that may have it, in turns; who may not has its budget. */
static void test_extratime(void **state UNUSED)
{
    boot_with("rtds", 1, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(sched_set_reservation(&add_hog(256)->unit, 10000, 1000, i < 2), 0);
    simulate(SEC(1));
    assert_share(&tasks[0], SEC(1), 39.0, 41.0);
    assert_share(&tasks[1], SEC(1), 39.0, 41.0);
    assert_share(&tasks[2], SEC(1), 9.9, 10.1);
    assert_share(&tasks[3], SEC(1), 9.9, 10.1);
    assert_int_equal(sched_set_reservation(&tasks[0].unit, 10000, 1000, false), 0);
    assert_int_equal(sched_set_reservation(&tasks[2].unit, 20000, 10000, false), 0);
    simulate(MSEC(50));
    for (unsigned i = 0; i < 4; i++)
        tasks[i].ran = 0;
    simulate(SEC(1));
    assert_in_range((uint64_t)(tasks[0].ran / MSEC(1)), 98, 102);
    assert_in_range((uint64_t)(tasks[1].ran / MSEC(1)), 290, 302);
    assert_in_range((uint64_t)(tasks[2].ran / MSEC(1)), 490, 502);
    assert_in_range((uint64_t)(tasks[3].ran / MSEC(1)), 98, 102);
}

/* Overloaded, nobody starves; on several CPUs with as much reserved as there is, each gets what it reserved. */
static void test_nobody_starves(void **state UNUSED)
{
    for (unsigned set = 0; set < 100; set++) {
        unsigned m = 1 + set % 4;

        boot_with("rtds", m, set + 1);
        for (unsigned i = 0; i < TASKS; i++)
            assert_int_equal(sched_set_reservation(&add_hog(256)->unit, (uint32_t)(some_period() / USEC(1)), 3000 + 10 * i, set & 1), 0);
        simulate(MSEC(500));
        for (unsigned i = 0; i < TASKS; i++) {
            nsec_t owed = MSEC(500) / tasks[i].unit.period_us * tasks[i].unit.budget_us, sum = 0;

            for (unsigned k = 0; k < TASKS; k++)
                sum += MSEC(500) / tasks[k].unit.period_us * tasks[k].unit.budget_us;
            assert_true(tasks[i].ran > MSEC(5));
            if (sum < MSEC(500) * m * 98 / 100)
                assert_true(tasks[i].ran >= owed - 2 * USEC(tasks[i].unit.budget_us));
        }
    }
}

/* A pool of its own beside the fair one, pins, and numbers that are refused. */
static void test_pins_and_errors(void **state UNUSED)
{
    uint32_t number = SCHED_POOL_ANY;
    cpu_set pin = set_of(2);
    struct task *t;

    boot_with("rtds", 3, 0);
    t = add_reserved(MSEC(10), 500, false);
    assert_int_equal(sched_set_affinity(&t->unit, &pin, &pin), 0);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(sched_set_reservation(&add_hog(256)->unit, 10000, 2000, true), 0);
    simulate(SEC(1));
    assert_no_miss("pinned", 0);
    assert_int_equal(t->unit.cpu, 1);
    assert_int_equal(sched_pool_create(&number, 8), 0);
    assert_int_equal(sched_pool_set_ratelimit_us(sched_pool_find(number, true), 100), -E_OPNOTSUPP);
    assert_int_equal(sched_set_reservation(&t->unit, 10000, 10001, true), -E_INVAL);
    assert_int_equal(sched_set_reservation(&t->unit, 10000, 9, true), -E_INVAL);
    assert_int_equal(sched_set_reservation(&t->unit, SCHED_MAX_PERIOD_US + 1, 1000, true), -E_INVAL);
    assert_int_equal(sched_set_reservation(&t->unit, SCHED_MAX_PERIOD_US, SCHED_MAX_PERIOD_US, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadlines_on_one_cpu), cmocka_unit_test(test_deadlines_on_several_cpus), cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_sleepers_get_no_more), cmocka_unit_test(test_extratime), cmocka_unit_test(test_nobody_starves),
        cmocka_unit_test(test_pins_and_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
