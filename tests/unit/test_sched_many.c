/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs on 4,096 CPUs with 10,000 units, beside 4 CPUs with 10. Counted are the edges between basic blocks that the
 * scheduler, its queues and the timers go along (mk/host.mk has the compiler count them), so that the figures are the same on each run.
 */
#include "tests/unit/unit.h"
#include "arch/host/internal.h"
#include "arch/include/time.h"
#include "arch/include/upcall.h"
#include "core/time.h"
#include "lib/cpu_work.h"
#include "lib/string.h"
#include "sched/pool.h"

#define MOST_UNITS 10000
#define ROUNDS 20000
/* Logarithms grow by 6 from 4 to 4,096 CPUs and by 4 from 10 to 10,000 units; so much may a decision at most on average. The worst, of a unit
 * with the worst affinity, takes less than a step a CPU, where looking at each would take several. */
#define GROWTH 6

static uint64_t steps;

/* Called at each edge of the counted files. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

/* The simulated processor speaks to the address sanitizer, which is not here. */
void __asan_poison_memory_region(void const volatile *address UNUSED, size_t size UNUSED) {}
void __asan_unpoison_memory_region(void const volatile *address UNUSED, size_t size UNUSED) {}
void __sanitizer_start_switch_fiber(void **save UNUSED, const void *bottom UNUSED, size_t size UNUSED) {}
void __sanitizer_finish_switch_fiber(void *save UNUSED, const void **bottom UNUSED, size_t *size UNUSED) {}
void __sanitizer_print_stack_trace(void) {}

struct member {
    struct sched_unit unit;
    struct sched_group group;
    bool wants;
};

struct cost {
    uint64_t sum, worst;
    unsigned count;
};

static struct member members[MOST_UNITS];
static struct sched_unit *on_cpu[MAX_CPUS];
static unsigned cpus, units;
static struct cost wakes, picks;

static bool wants(const struct sched_unit *u)
{
    return container_of(u, struct member, unit)->wants;
}

static void charge(struct cost *c, uint64_t before)
{
    uint64_t spent = steps - before;

    c->sum += spent;
    c->worst = MAX(c->worst, spent);
    c->count++;
}

/* One of sixteen is pinned, one may run on a quarter of the CPUs, one likes a quarter. */
static void give_affinity(struct member *m, unsigned i)
{
    cpu_set hard = cpu_set_all(), soft = hard, few = { { 0 } };
    unsigned first = (unsigned)host_random_below(cpus);

    for (unsigned k = 0; k < (i % 16 ? cpus / 4 : 1); k++)
        bitmap_set(few.bits, (first + k) % cpus);
    if (i % 16 < 2)
        hard = few;
    else if (i % 16 == 2)
        soft = few;
    if (i % 16 < 3)
        assert_int_equal(sched_set_affinity(&m->unit, &hard, &soft), 0);
}

static void boot(const char *policy, unsigned n, unsigned m)
{
    host_boot(&(struct host_config){ .cpus = n, .seed = 7 });
    host_set_switch_rate(0);
    host_stop_ticks();
    cpus = n;
    units = m;
    memset(on_cpu, 0, sizeof(on_cpu));
    memset(members, 0, sizeof(members));
    sched_init(policy);
    for (unsigned cpu = 0; cpu < n; cpu++) {
        host_pose_as(cpu);
        (void)cpu_work_take();
        timer_cpu_init();
        sched_cpu_up(cpu);
    }
    for (unsigned i = 0; i < m; i++) {
        assert_int_equal(sched_group_init(&members[i].group, 0), 0);
        members[i].unit.wants_cpu = wants;
        assert_int_equal(sched_unit_init(&members[i].unit, &members[i].group), 0);
        assert_int_equal(sched_set_params(&members[i].group, 64 + 64 * (i % 7), 0), 0);
        give_affinity(&members[i], i);
    }
    wakes = picks = (struct cost){ 0 };
}

static void decide(unsigned cpu)
{
    struct sched_unit *before = on_cpu[cpu];
    uint64_t start = steps;

    on_cpu[cpu] = sched_pick(before);
    if (before && on_cpu[cpu] != before)
        sched_switched_out(before);
    charge(&picks, start);
    if (on_cpu[cpu])
        assert_true(wants(on_cpu[cpu]) && on_cpu[cpu]->cpu == cpu && sched_may_run_on(on_cpu[cpu], cpu));
}

/* Each CPU that has been asked to do something does it. */
static void settle(void)
{
    bool again;

    do {
        again = false;
        for (unsigned cpu = 0; cpu < cpus; cpu++) {
            bool is_due = clock_deadline(cpu) <= clock_now();
            uint32_t work;

            if (!is_due && !*cpu_work_word(cpu))
                continue;
            again = true;
            host_pose_as(cpu);
            work = cpu_work_take();
            if (is_due || work & CPU_WORK_TIMER)
                timer_run_due();
            if ((work | cpu_work_take()) & CPU_WORK_SCHED)
                decide(cpu);
        }
    } while (again);
}

static void change(struct member *m, bool want)
{
    uint64_t start = steps;

    host_pose_as((unsigned)host_random_below(cpus));
    m->wants = want;
    if (want) {
        sched_wake(&m->unit);
        charge(&wakes, start);
    } else {
        sched_sleep(&m->unit);
    }
}

/* Two thirds of the units are ready on average: more than there are CPUs. A turn of 5 ms on each CPU passes in as many rounds. */
static void live(void)
{
    for (unsigned i = 0; i < units; i++) {
        change(&members[i], host_random_below(3));
        if (i % 64 == 0)
            settle();
    }
    settle();
    wakes = picks = (struct cost){ 0 };
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct member *m = &members[host_random_below(units)];

        if (host_random_below(3) == 0 ? m->wants : !m->wants)
            change(m, !m->wants);
        host_time_advance(MSEC(5) / cpus);
        settle();
    }
}

static void assert_grows_little(const char *policy, const char *what, const struct cost *few, const struct cost *many)
{
    double before = (double)few->sum / few->count, now = (double)many->sum / many->count;

    print_message("%s, %s: %.0f steps and at worst %llu on 4 CPUs with 10 units, %.0f and %llu on 4,096 with 10,000\n", policy, what, before,
                  (unsigned long long)few->worst, now, (unsigned long long)many->worst);
    assert_true(few->count > 1000 && many->count > 1000 && before > 10);
    assert_true(now <= GROWTH * before);
    assert_true(many->worst < cpus);
}

static void grow(const char *policy)
{
    struct cost few_wakes, few_picks;

    boot(policy, 4, 10);
    live();
    few_wakes = wakes;
    few_picks = picks;
    boot(policy, 4096, MOST_UNITS);
    live();
    assert_grows_little(policy, "wake", &few_wakes, &wakes);
    assert_grows_little(policy, "pick", &few_picks, &picks);
}

static void test_fair(void **state UNUSED)
{
    grow("fair");
}

static void test_rtds(void **state UNUSED)
{
    grow("rtds");
}

/* Who finds no CPU waits for one to be free. */
static void test_null(void **state UNUSED)
{
    grow("null");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_fair), cmocka_unit_test(test_rtds), cmocka_unit_test(test_null) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
