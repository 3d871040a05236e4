/* SPDX-License-Identifier: Apache-2.0 */
/* CPU pools and the null policy: the model of test_sched.c with CPUs and groups that move, and CPUs that run at once. */
#include "tests/unit/sched_model.h"

#define FAIR 6
#define NULL_POLICY 9

static uint32_t make_pool(uint32_t policy)
{
    uint32_t id = SCHED_POOL_ANY;

    assert_int_equal(sched_pool_create(&id, policy), 0);
    return id;
}

/* Everything that CPUs are asked to do meanwhile is done until the CPU has left its pool. */
static void take_cpu(uint32_t pool, unsigned cpu)
{
    for (unsigned i = 0; i < 10; i++) {
        host_pose_as(0);
        assert_int_equal(sched_pool_take_cpu(pool, cpu), 0);
        for (unsigned t = 0; t < task_count; t++)
            if (tasks[t].unit.cpu == cpu)
                sched_unit_recheck(&tasks[t].unit);
        if (sched_cpu_is_drained(cpu))
            return;
        settle();
    }
    fail_msg("CPU %u does not get empty", cpu);
}

static void move_cpu(uint32_t from, uint32_t to, unsigned cpu)
{
    take_cpu(from, cpu);
    assert_int_equal(sched_pool_add_cpu(to, cpu), 0);
}

static void move_task(struct task *t, uint32_t pool)
{
    host_pose_as(0);
    assert_int_equal(sched_group_move(t->group, pool), 0);
    sched_unit_rehome(&t->unit);
    settle();
}

static void test_errors(void **state UNUSED)
{
    uint32_t id = 0, any = SCHED_POOL_ANY;

    boot(2);
    assert_int_equal(sched_pool_create(&id, FAIR), -E_EXIST);
    assert_int_equal(sched_pool_create(&any, 5), -E_NOENT);
    id = 7;
    assert_int_equal(sched_pool_create(&id, NULL_POLICY), 0);
    assert_int_equal(make_pool(FAIR), 8);
    assert_int_equal(sched_pool_find(1, false)->id, 7);
    assert_null(sched_pool_find(1, true));
    assert_null(sched_pool_find(9, false));
    assert_int_equal(sched_pool_destroy(3), -E_NOENT);
    assert_int_equal(sched_pool_destroy(0), -E_BUSY);
    assert_int_equal(sched_pool_add_cpu(7, 1), -E_NODEV);
    assert_int_equal(sched_pool_add_cpu(7, 2), -E_INVAL);
    assert_int_equal(sched_pool_add_cpu(3, 1), -E_NOENT);
    assert_int_equal(sched_pool_take_cpu(0, 0), -E_INVAL);
    assert_int_equal(sched_pool_take_cpu(7, 1), -E_ADDRNOTAVAIL);
    assert_int_equal(sched_pool_take_cpu(3, 1), -E_NOENT);
    take_cpu(0, 1);
    assert_true(cpu_set_has(&(cpu_set){ { sched_free_cpus().bits[0] } }, 1));
    assert_int_equal(sched_pool_add_cpu(7, 1), 0);
    assert_int_equal(sched_pool_destroy(7), -E_BUSY);
    take_cpu(7, 1);
    assert_int_equal(sched_pool_destroy(7), 0);
    assert_int_equal(sched_pool_destroy(8), 0);
    for (unsigned i = 1; i < 2 * MAX_CPUS; i++)
        make_pool(FAIR);
    assert_int_equal(sched_pool_create(&any, FAIR), -E_NOSPC);
    for (uint32_t i = 1; i < 2 * MAX_CPUS; i++)
        assert_int_equal(sched_pool_destroy(i), 0);
    quiesce_point();
}

static void test_no_memory(void **state UNUSED)
{
    uint32_t id = SCHED_POOL_ANY;

    boot(1);
    alloc_fail_nth(1);
    assert_int_equal(sched_pool_create(&id, FAIR), -E_NOMEM);
    alloc_fail_nth(0);
    assert_int_equal(id, SCHED_POOL_ANY);
    assert_null(sched_pool_find(1, false));
}

/* Hogs share the CPUs of their pool and no others; a pool with a group keeps its last CPU. */
static void test_pools_are_apart(void **state UNUSED)
{
    uint32_t other;

    boot(3);
    other = make_pool(FAIR);
    for (unsigned i = 0; i < 3; i++)
        add_hog(256);
    simulate(MSEC(100));
    assert_int_equal(sched_group_move(tasks[0].group, other), -E_NOENT);
    move_cpu(0, other, 2);
    move_task(&tasks[0], other);
    assert_int_equal(sched_pool_take_cpu(other, 2), -E_BUSY);
    for (unsigned i = 0; i < 3; i++)
        tasks[i].ran = 0;
    simulate(SEC(1));
    for (unsigned i = 0; i < 3; i++)
        assert_true(tasks[i].ran > MSEC(990));
    assert_int_equal(tasks[0].unit.cpu, 2);
    assert_int_equal(sched_pool_find(0, true)->groups, 2);
    move_task(&tasks[1], other);
    move_task(&tasks[2], other);
    tasks[0].ran = 0;
    simulate(SEC(3));
    assert_in_range((uint64_t)(tasks[0].ran / MSEC(1)), 950, 1050);
    assert_true(sched_idle_time(1) > MSEC(2990));
    /* A second CPU is found by those that wait. */
    move_cpu(0, other, 1);
    tasks[0].ran = 0;
    simulate(SEC(3));
    assert_in_range((uint64_t)(tasks[0].ran / MSEC(1)), 1850, 2150);
}

static void test_affinity_ends_with_the_pool(void **state UNUSED)
{
    cpu_set second = { { 2 } }, third = { { 4 } };
    uint32_t other;

    boot(3);
    other = make_pool(FAIR);
    move_cpu(0, other, 2);
    add_hog(256);
    add_hog(256);
    assert_int_equal(sched_set_affinity(&tasks[0].unit, &third, &third), -E_INVAL);
    assert_int_equal(sched_set_affinity(&tasks[0].unit, &second, &second), 0);
    simulate(MSEC(50));
    assert_int_equal(tasks[0].unit.cpu, 1);
    /* Its only CPU goes: it runs where it can. */
    take_cpu(0, 1);
    tasks[0].ran = 0;
    simulate(SEC(1));
    assert_in_range((uint64_t)(tasks[0].ran / MSEC(1)), 450, 550);
    move_task(&tasks[0], other);
    assert_true(cpu_set_has(&tasks[0].unit.hard, 0));
    simulate(MSEC(50));
    assert_int_equal(tasks[0].unit.cpu, 2);
}

static bool task_is_offline(const struct sched_unit *u)
{
    return container_of(u, struct task, unit)->pause == 0;
}

/* Under null each CPU has one owner, who keeps it asleep; who is left over waits until an owner is gone. */
static void test_null(void **state UNUSED)
{
    uint32_t id;

    boot(3);
    id = make_pool(NULL_POLICY);
    move_cpu(0, id, 1);
    move_cpu(0, id, 2);
    add_hog(256);
    add(USEC(100), USEC(900), 256);
    add_hog(256);
    for (unsigned i = 0; i < 3; i++) {
        tasks[i].unit.is_offline = task_is_offline;
        move_task(&tasks[i], id);
        change_tasks();
        settle();
    }
    simulate(SEC(1));
    assert_true(tasks[0].ran > MSEC(999));
    assert_in_range((uint64_t)(tasks[1].ran / MSEC(1)), 98, 101);
    assert_int_equal(tasks[2].ran, 0);
    assert_true(tasks[1].worst_lateness < USEC(2));
    /* No timer is set: nothing happens on a CPU that runs its owner. */
    assert_int_equal(clock_deadline(1), NSEC_NEVER);
    /* The sleeper goes offline, the waiting one takes its CPU. */
    tasks[1].pause = 0;
    tasks[1].wants = false;
    tasks[1].wakes_at = NSEC_NEVER;
    sched_sleep(&tasks[1].unit);
    settle();
    tasks[2].ran = 0;
    simulate(SEC(1));
    assert_true(tasks[2].ran > MSEC(990));
    /* A third CPU: the one that comes back finds a place. */
    id = 0;
    assert_int_equal(sched_group_move(tasks[2].group, id), 0);
    sched_unit_rehome(&tasks[2].unit);
    settle();
    tasks[2].ran = 0;
    simulate(SEC(1));
    assert_true(tasks[2].ran > MSEC(990));
}

static void test_null_as_default(void **state UNUSED)
{
    boot(1);
    sched_init("null");
    timer_cpu_init();
    sched_cpu_up(0);
    assert_string_equal(sched_pool_find(0, true)->policy->name, "null");
    add_hog(256);
    add_hog(256);
    simulate(MSEC(100));
    assert_true(tasks[0].ran + tasks[1].ran > MSEC(99));
    assert_true(!tasks[0].ran || !tasks[1].ran);
}

/* --- several CPUs at once --- */

#define RACE_CPUS 4

static uint32_t owner_of[TASKS];        /* CPU + 1 that runs the task */
static uint32_t racing;                 /* CPUs that still disturb */
static uint32_t pool_of[RACE_CPUS];     /* of each CPU; pools 0 to 2 */
static unsigned moving;                 /* atomic: one CPU at a time reshapes the pools */

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
    if (next)
        assert_int_equal(atomic_exchange(&owner_of[container_of(next, struct task, unit) - tasks], cpu + 1), 0);
}

static void want(struct task *t, bool wants)
{
    atomic_store(&t->wants, wants);
    barrier_full();
    if (wants)
        sched_wake(&t->unit);
    else
        sched_sleep(&t->unit);
}

static void move_any_cpu(void)
{
    unsigned cpu = 1 + (unsigned)host_random_below(RACE_CPUS - 1);
    uint32_t to = (uint32_t)host_random_below(3);

    if (atomic_exchange(&moving, 1))
        return;
    if (pool_of[cpu] == SCHED_POOL_ANY) {
        if (sched_pool_add_cpu(to, cpu) == 0)
            pool_of[cpu] = to;
    } else if (sched_pool_take_cpu(pool_of[cpu], cpu) == 0) {
        for (unsigned i = 0; i < task_count; i++)
            sched_unit_recheck(&tasks[i].unit);
        if (sched_cpu_is_drained(cpu))
            pool_of[cpu] = SCHED_POOL_ANY;
    }
    atomic_store(&moving, 0);
}

static void disturb(void)
{
    struct task *t = &tasks[host_random_below(task_count)];
    int error;

    switch (host_random_below(8)) {
    case 0:
        move_any_cpu();
        break;
    case 1:
        error = sched_group_move(t->group, (uint32_t)host_random_below(3));
        assert_true(error == 0 || error == -E_NOENT);
        sched_unit_rehome(&t->unit);
        break;
    default:
        want(t, host_random_below(2));
    }
}

static void leave_once(unsigned cpu, struct sched_unit **current)
{
    uint32_t work = cpu_work_take();

    if (clock_deadline(cpu) <= arch_time_now() || work & CPU_WORK_TIMER)
        timer_run_due();
    if (work & CPU_WORK_SCHED || !*current)
        switch_task(cpu, current);
}

static void race(unsigned cpu, void *arg)
{
    struct sched_unit *current = NULL;

    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        leave_once(cpu, &current);
        disturb();
    }
    (void)atomic_fetch_sub(&racing, 1);
    /* Nobody disturbs any more: whoever wants a CPU in a pool where no null policy keeps it waiting gets it. */
    while (atomic_load(&racing))
        leave_once(cpu, &current);
    for (unsigned i = 0; i < 200; i++)
        leave_once(cpu, &current);
    for (unsigned i = 0; i < task_count; i++)
        want(&tasks[i], false);
    for (unsigned i = 0; current || i < 50; i++)
        leave_once(cpu, &current);
}

static void test_races(void **state UNUSED)
{
    unsigned steps = 1500;

    for (unsigned rate = 1; rate <= 16; rate *= 4) {
        boot(RACE_CPUS);
        make_pool(FAIR);
        make_pool(NULL_POLICY);
        memset(pool_of, 0, sizeof(pool_of));
        memset(owner_of, 0, sizeof(owner_of));
        for (unsigned i = 0; i < TASKS; i++)
            add_hog(1 + (uint32_t)host_random_below(1000))->unit.is_offline = task_is_offline;
        racing = RACE_CPUS;
        host_set_switch_rate(rate);
        host_run_parallel(RACE_CPUS, race, &steps);
        host_set_switch_rate(0);
        for (unsigned i = 0; i < TASKS; i++) {
            assert_int_equal(tasks[i].unit.state, UNIT_ASLEEP);
            sched_unit_remove(&tasks[i].unit);
            sched_group_leave(tasks[i].group);
        }
        for (uint32_t id = 0; id < 3; id++)
            assert_int_equal(sched_pool_find(id, true)->groups, 0);
    }
}

/* A group that is moved to and fro while it wakes is always found by the CPUs of its pool. */
static void test_nothing_is_lost(void **state UNUSED)
{
    uint32_t pools[2] = { 0 };

    boot(4);
    pools[1] = make_pool(FAIR);
    move_cpu(0, pools[1], 2);
    move_cpu(0, pools[1], 3);
    for (unsigned i = 0; i < 6; i++)
        add(USEC(20 + host_random_below(300)), USEC(1 + host_random_below(300)), 256);
    for (unsigned i = 0; i < 2000; i++) {
        struct task *t = &tasks[host_random_below(task_count)];

        move_task(t, pools[host_random_below(2)]);
        simulate(USEC(host_random_below(200)));
    }
    for (unsigned i = 0; i < task_count; i++)
        tasks[i].ran = 0;
    simulate(MSEC(200));
    for (unsigned i = 0; i < task_count; i++)
        assert_true(tasks[i].ran > MSEC(10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_pools_are_apart),
        cmocka_unit_test(test_affinity_ends_with_the_pool), cmocka_unit_test(test_null), cmocka_unit_test(test_null_as_default),
        cmocka_unit_test(test_races), cmocka_unit_test(test_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
