/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler against a model: tasks that compute and sleep, on a few CPUs, in simulated time. The main context plays every CPU in
 * turn; between two events nothing happens but that running tasks run.
 */
#ifndef TESTS_SCHED_MODEL_H
#define TESTS_SCHED_MODEL_H

#include "tests/unit/unit.h"
#include "arch/host/internal.h"
#include "arch/include/cpu.h"
#include "arch/include/time.h"
#include "arch/include/upcall.h"
#include "core/time.h"
#include "lib/cpu_work.h"
#include "lib/string.h"
#include "sched/pool.h"

#ifndef TASKS
#define TASKS 8
#endif
#define FOR_EVER SEC(1000)

struct task {
    struct sched_unit unit;
    struct sched_group *group, own_group;
    bool wants;
    nsec_t burst, pause;        /* computes for `burst`, then sleeps for `pause`; yields when that is 0 */
    void (*plan)(struct task *t);       /* what it does next, when it has computed: may set burst and pause */
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

static inline bool task_wants(const struct sched_unit *u)
{
    return atomic_load(&container_of(u, struct task, unit)->wants);
}

static inline void boot_with(const char *policy, unsigned n, uint64_t seed)
{
    host_boot(&(struct host_config){ .cpus = n, .seed = seed });
    host_set_switch_rate(0);
    cpus = n;
    task_count = 0;
    memset(on_cpu, 0, sizeof(on_cpu));
    sched_init(policy);
    assert_int_equal(sched_set_ratelimit_us(0), 0);
    for (unsigned cpu = 0; cpu < n; cpu++) {
        host_pose_as(cpu);
        (void)cpu_work_take();
        timer_cpu_init();
        sched_cpu_up(cpu);
    }
    host_pose_as(0);
}

/* With the fair policy. */
static inline void boot(unsigned n)
{
    boot_with("", n, 0);
}

static inline cpu_set set_of(uint64_t mask)
{
    return (cpu_set){ { mask } };
}

static inline struct task *add_to(struct sched_group *g, nsec_t burst, nsec_t pause)
{
    struct task *t = &tasks[task_count++];

    *t = (struct task){ .burst = burst, .pause = pause, .left = burst, .wakes_at = arch_time_now() };
    t->group = g;
    if (!g) {
        t->group = &t->own_group;
        assert_int_equal(sched_group_init(t->group, 0), 0);
    }
    t->unit.wants_cpu = task_wants;
    assert_int_equal(sched_unit_init(&t->unit, t->group), 0);
    return t;
}

static inline struct task *add(nsec_t burst, nsec_t pause, uint32_t weight)
{
    struct task *t = add_to(NULL, burst, pause);

    assert_int_equal(sched_set_params(t->group, weight, 0), 0);
    return t;
}

static inline struct task *add_hog(uint32_t weight)
{
    return add(FOR_EVER, 1, weight);
}

/* This CPU leaves: the part of upcall_leave that is about scheduling. */
static inline void leave(unsigned cpu)
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
    assert_true(sched_may_run_on(next, cpu));
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

static inline void settle(void)
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

/* t has computed: it sleeps, or lets others go first. */
static inline void pause_task(struct task *t)
{
    host_pose_as(t->unit.cpu);
    if (t->plan)
        t->plan(t);
    if (t->pause) {
        t->wants = false;
        t->wakes_at = arch_time_now() + t->pause;
        sched_sleep(&t->unit);
    } else if (on_cpu[t->unit.cpu] == t) {
        t->left = t->burst;
        sched_unit_yield(&t->unit);
    }
}

static inline void change_tasks(void)
{
    nsec_t now = arch_time_now();

    for (unsigned i = 0; i < task_count; i++) {
        struct task *t = &tasks[i];

        if (t->wants && t->left <= 0) {
            pause_task(t);
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

static inline nsec_t next_event(nsec_t end)
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

static inline void simulate(nsec_t length)
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
static inline void assert_share(const struct task *t, nsec_t length, double low, double high)
{
    double share = 100.0 * (double)t->ran / (double)length;

    if (share < low || share > high)
        fail_msg("task %u ran %.2f %%, expected %.2f to %.2f", (unsigned)(t - tasks), share, low, high);
    /* The scheduler's own account agrees. */
    assert_true(sched_unit_time(&t->unit) >= t->ran);
    assert_true(sched_unit_time(&t->unit) - t->ran < length / 50);
}

/* Run until the start no longer shows: a newcomer waits its turn once. */
static inline void warm_up(void)
{
    simulate(MSEC(100));
    for (unsigned i = 0; i < task_count; i++) {
        tasks[i].ran = tasks[i].worst_lateness = tasks[i].sum_lateness = 0;
        tasks[i].wakes = 0;
        tasks[i].late_pending = false;
    }
}

#endif
