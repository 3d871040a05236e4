/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler, core and fair policy, against a model: tasks that compute and sleep, on a few CPUs, in simulated time. The main context
 * plays every CPU in turn; between two events nothing happens but that running tasks run. The last tests let the CPUs run at once.
 */
#include "tests/unit/unit.h"
#include "arch/host/internal.h"
#include "arch/include/cpu.h"
#include "arch/include/time.h"
#include "arch/include/upcall.h"
#include "core/time.h"
#include "lib/cpu_work.h"
#include "lib/string.h"
#include "sched/sched.h"

#define TASKS 8
#define FOR_EVER SEC(1000)

struct task {
    struct sched_unit unit;
    struct sched_group *group, own_group;
    bool wants;
    nsec_t burst, pause;        /* computes for `burst`, then sleeps for `pause` */
    nsec_t left;                /* of the burst */
    nsec_t wakes_at;            /* while it sleeps */
    nsec_t ran;
    nsec_t woken_at, worst_lateness, sum_lateness;
    unsigned wakes;
    bool late_pending;
};

static struct task tasks[TASKS];
static unsigned task_count, cpus;
static struct task *on_cpu[MAX_CPUS];

static bool task_wants(const struct sched_unit *u)
{
    return atomic_load(&container_of(u, struct task, unit)->wants);
}

static void boot(unsigned n)
{
    host_boot(&(struct host_config){ .cpus = n });
    host_set_switch_rate(0);
    cpus = n;
    task_count = 0;
    memset(on_cpu, 0, sizeof(on_cpu));
    sched_init("");
    assert_int_equal(sched_set_ratelimit_us(0), 0);
    for (unsigned cpu = 0; cpu < n; cpu++) {
        host_pose_as(cpu);
        (void)cpu_work_take();
        timer_cpu_init();
        sched_cpu_up(cpu);
    }
    host_pose_as(0);
}

static cpu_set set_of(uint64_t mask)
{
    return (cpu_set){ { mask } };
}

static struct task *add_to(struct sched_group *g, nsec_t burst, nsec_t pause)
{
    struct task *t = &tasks[task_count++];

    *t = (struct task){ .burst = burst, .pause = pause, .left = burst, .wakes_at = arch_time_now() };
    t->group = g;
    if (!g) {
        t->group = &t->own_group;
        sched_group_init(t->group);
    }
    t->unit.wants_cpu = task_wants;
    assert_int_equal(sched_unit_init(&t->unit, t->group), 0);
    return t;
}

static struct task *add(nsec_t burst, nsec_t pause, uint32_t weight)
{
    struct task *t = add_to(NULL, burst, pause);

    assert_int_equal(sched_set_params(t->group, weight, 0), 0);
    return t;
}

static struct task *add_hog(uint32_t weight)
{
    return add(FOR_EVER, 1, weight);
}

/* This CPU leaves: the part of upcall_leave that is about scheduling. */
static void leave(unsigned cpu)
{
    struct task *t = on_cpu[cpu];
    struct sched_unit *next;
    uint32_t work = cpu_work_take();

    if (work & CPU_WORK_TIMER)
        timer_run_due();
    if (!(work & CPU_WORK_SCHED))
        return;
    next = sched_pick(t ? &t->unit : NULL);
    if (next == (t ? &t->unit : NULL))
        return;
    if (t)
        sched_switched_out(&t->unit);
    on_cpu[cpu] = next ? container_of(next, struct task, unit) : NULL;
    if (!next)
        return;
    assert_true(cpu_set_has(&next->hard, cpu));
    for (unsigned i = 0; i < cpus; i++)
        assert_true(i == cpu || on_cpu[i] != on_cpu[cpu]);
    t = on_cpu[cpu];
    if (t->late_pending) {
        nsec_t late = arch_time_now() - t->woken_at;

        t->late_pending = false;
        t->worst_lateness = MAX(t->worst_lateness, late);
        t->sum_lateness += late;
        t->wakes++;
    }
}

static void settle(void)
{
    bool again;

    do {
        again = false;
        for (unsigned cpu = 0; cpu < cpus; cpu++) {
            host_pose_as(cpu);
            if (clock_deadline(cpu) <= arch_time_now())
                upcall_timer();
            if (cpu_work_pending()) {
                leave(cpu);
                again = true;
            }
        }
    } while (again);
}

static void change_tasks(void)
{
    nsec_t now = arch_time_now();

    for (unsigned i = 0; i < task_count; i++) {
        struct task *t = &tasks[i];

        if (t->wants && t->left <= 0) {
            host_pose_as(t->unit.cpu);
            t->wants = false;
            t->wakes_at = now + t->pause;
            sched_sleep(&t->unit);
        } else if (!t->wants && t->wakes_at <= now) {
            host_pose_as((unsigned)host_random_below(cpus));
            t->wants = true;
            t->left = t->burst;
            t->woken_at = now;
            t->late_pending = true;
            sched_wake(&t->unit);
        }
    }
}

static nsec_t next_event(nsec_t end)
{
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        end = MIN(end, clock_deadline(cpu));
        if (on_cpu[cpu])
            end = MIN(end, arch_time_now() + MAX(on_cpu[cpu]->left, 0));
    }
    for (unsigned i = 0; i < task_count; i++)
        if (!tasks[i].wants)
            end = MIN(end, tasks[i].wakes_at);
    return end;
}

static void simulate(nsec_t length)
{
    nsec_t end = arch_time_now() + length;

    while (arch_time_now() < end) {
        nsec_t before, step;

        settle();
        change_tasks();
        settle();
        before = arch_time_now();
        step = MAX(next_event(end) - before, 1);
        for (unsigned cpu = 0; cpu < cpus; cpu++) {
            if (!on_cpu[cpu])
                continue;
            on_cpu[cpu]->left -= step;
            on_cpu[cpu]->ran += step;
        }
        host_time_advance(step);
    }
}

/* Percent of `length` that t ran lies within [low, high]. */
static void assert_share(const struct task *t, nsec_t length, double low, double high)
{
    double share = 100.0 * (double)t->ran / (double)length;

    if (share < low || share > high)
        fail_msg("task %u ran %.2f %%, expected %.2f to %.2f", (unsigned)(t - tasks), share, low, high);
    /* The scheduler's own account agrees. */
    assert_true(sched_unit_time(&t->unit) >= t->ran);
    assert_true(sched_unit_time(&t->unit) - t->ran < length / 50);
}

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
    sched_group_init(&g);
    assert_int_equal(sched_set_params(&g, 256, 120), 0);
    add_to(&g, FOR_EVER, 1);
    add_to(&g, FOR_EVER, 1);
    add_hog(256);
    simulate(SEC(4));
    assert_in_range((uint64_t)((tasks[0].ran + tasks[1].ran) / MSEC(1)), 4400, 4848);
    assert_true(tasks[2].ran > MSEC(2300));
}

/* Run until the start no longer shows: a newcomer waits its turn once. */
static void warm_up(void)
{
    simulate(MSEC(100));
    for (unsigned i = 0; i < task_count; i++) {
        tasks[i].ran = tasks[i].worst_lateness = tasks[i].sum_lateness = 0;
        tasks[i].wakes = 0;
        tasks[i].late_pending = false;
    }
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

/* Random patterns: nobody starves, nobody takes more than is fair. The seed decides. */
static void test_random_loads(void **state UNUSED)
{
    for (unsigned round = 0; round < 10; round++) {
        boot(1 + (unsigned)host_random_below(4));
        for (unsigned i = 0; i < TASKS; i++)
            add(USEC(1 + host_random_below(20000)), USEC(1 + host_random_below(5000)), 256);
        simulate(SEC(3));
        for (unsigned i = 0; i < TASKS; i++)
            assert_true(tasks[i].ran > SEC(3) / TASKS * MIN(cpus, TASKS) / 8);
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
        cmocka_unit_test(test_soft_affinity), cmocka_unit_test(test_yield), cmocka_unit_test(test_random_loads),
        cmocka_unit_test(test_races),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
