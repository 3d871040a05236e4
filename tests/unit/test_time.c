/* SPDX-License-Identifier: Apache-2.0 */
/* Software timers against a model, on one CPU and on several at once; the wall clock in shared_info. */
#include "tests/unit/unit.h"
#include "arch/host/internal.h"
#include "arch/include/cpu.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "core/shared_info.h"
#include "lib/cpu_work.h"

#define TIMERS 32

static struct probe {
    struct timer timer;
    unsigned fired, on_cpu;
    nsec_t at;                  /* when it last fired */
    uint32_t forbidden;         /* atomic: it was cancelled for good */
} probes[TIMERS];
static unsigned order[TIMERS], fired_count;

static void fire(struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);

    p->fired++;
    p->at = arch_time_now();
    p->on_cpu = cpu_id();
    if (fired_count < TIMERS)
        order[fired_count++] = (unsigned)(p - probes);
}

static void boot(unsigned cpus)
{
    host_boot(&(struct host_config){ .cpus = cpus });
    domains_reset();
    sched_init("");
    for (unsigned cpu = cpus; cpu--;) {
        host_pose_as(cpu);
        (void)cpu_work_take();
        timer_cpu_init();
        sched_cpu_up(cpu);
    }
    fired_count = 0;
    for (unsigned i = 0; i < TIMERS; i++) {
        probes[i] = (struct probe){ 0 };
        timer_init(&probes[i].timer, fire);
    }
}

/* This CPU's deadline has come: the interrupt, and the exit. */
static void interrupt(void)
{
    if (clock_deadline(cpu_id()) > arch_time_now())
        return;
    upcall_timer();
    assert_true(cpu_work_take() & CPU_WORK_TIMER);
    timer_run_due();
}

static void pass(nsec_t length)
{
    nsec_t end = arch_time_now() + length;

    while (arch_time_now() < end) {
        nsec_t next = MIN(end, clock_deadline(cpu_id())), now = arch_time_now();

        host_time_advance(MAX(next - now, 0));
        interrupt();
    }
}

static void test_order(void **state UNUSED)
{
    nsec_t now;

    boot(1);
    now = arch_time_now();
    timer_set(&probes[0].timer, now + USEC(30));
    timer_set(&probes[1].timer, now + USEC(10));
    timer_set(&probes[2].timer, now + USEC(20));
    timer_set(&probes[3].timer, now + USEC(10));
    pass(USEC(15));
    assert_int_equal(fired_count, 2);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 3);
    pass(USEC(20));
    assert_int_equal(fired_count, 4);
    assert_int_equal(order[2], 2);
    assert_int_equal(order[3], 0);
    assert_int_equal(clock_deadline(0), NSEC_NEVER);
}

static void test_replace_and_cancel(void **state UNUSED)
{
    nsec_t now;

    boot(1);
    now = arch_time_now();
    timer_set(&probes[0].timer, now + USEC(10));
    timer_set(&probes[0].timer, now + USEC(50));
    timer_set(&probes[1].timer, now + USEC(20));
    timer_cancel(&probes[1].timer);
    timer_cancel(&probes[1].timer);
    timer_cancel(&probes[2].timer);
    pass(USEC(40));
    assert_int_equal(fired_count, 0);
    pass(USEC(20));
    assert_int_equal(probes[0].fired, 1);
    assert_true(probes[0].at >= now + USEC(50));
}

static void test_past(void **state UNUSED)
{
    boot(1);
    timer_set(&probes[0].timer, 0);
    assert_int_equal(probes[0].fired, 0);
    interrupt();
    assert_int_equal(probes[0].fired, 1);
}

/* A timer that sets itself, and another one, from its own call. */
static void fire_again(struct timer *t)
{
    fire(t);
    if (container_of(t, struct probe, timer)->fired < 5)
        timer_set(t, t->when + USEC(10));
    else
        timer_set(&probes[1].timer, 0);
}

static void test_set_while_firing(void **state UNUSED)
{
    boot(1);
    timer_init(&probes[0].timer, fire_again);
    timer_set(&probes[0].timer, arch_time_now() + USEC(10));
    pass(USEC(100));
    assert_int_equal(probes[0].fired, 5);
    assert_int_equal(probes[1].fired, 1);
}

static void test_moves_to_the_cpu_that_sets_it(void **state UNUSED)
{
    nsec_t now;

    boot(2);
    now = arch_time_now();
    host_pose_as(0);
    timer_set(&probes[0].timer, now + USEC(10));
    host_pose_as(1);
    timer_set(&probes[0].timer, now + USEC(10));
    host_pose_as(0);
    pass(USEC(20));
    assert_int_equal(probes[0].fired, 0);
    host_pose_as(1);
    pass(USEC(1));
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(probes[0].on_cpu, 1);
}

/* Whatever is set and cancelled: what is due fires once, no sooner, and the hardware is never told too late a time. */
static void test_random(void **state UNUSED)
{
    nsec_t due[TIMERS];

    boot(1);
    for (unsigned i = 0; i < TIMERS; i++)
        due[i] = NSEC_NEVER;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned n = (unsigned)host_random_below(TIMERS);

        if (host_random_below(3)) {
            due[n] = arch_time_now() + (nsec_t)host_random_below(USEC(100));
            timer_set(&probes[n].timer, due[n]);
        } else {
            timer_cancel(&probes[n].timer);
            due[n] = NSEC_NEVER;
        }
        probes[n].fired = 0;
        pass((nsec_t)host_random_below(USEC(5)));
        for (unsigned i = 0; i < TIMERS; i++) {
            assert_int_equal(probes[i].fired, probes[i].fired && due[i] != NSEC_NEVER);
            assert_true(!probes[i].fired || probes[i].at >= due[i]);
            assert_true(probes[i].fired || due[i] > arch_time_now() - 1000 || clock_deadline(0) <= arch_time_now());
        }
    }
}

static void fire_checked(struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);

    assert_false(atomic_load(&p->forbidden));
    p->fired++;
}

static void race(unsigned cpu, void *arg)
{
    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        struct probe *p = &probes[host_random_below(8)];

        if (host_random_below(2))
            timer_set(&p->timer, arch_time_now() + (nsec_t)host_random_below(USEC(1)));
        else
            timer_cancel(&p->timer);
        if (clock_deadline(cpu) <= arch_time_now())
            timer_run_due();
    }
}

static void cancel_all(unsigned cpu, void *arg UNUSED)
{
    for (unsigned i = cpu; i < 8; i += 3)
        timer_cancel(&probes[i].timer);
}

static void test_races(void **state UNUSED)
{
    unsigned steps = 3000;

    boot(3);
    for (unsigned i = 0; i < 8; i++)
        timer_init(&probes[i].timer, fire_checked);
    host_set_switch_rate(2);
    host_run_parallel(3, race, &steps);
    host_run_parallel(3, cancel_all, NULL);
    for (unsigned i = 0; i < 8; i++) {
        assert_false(probes[i].timer.armed);
        probes[i].forbidden = true;
    }
    for (unsigned cpu = 0; cpu < 3; cpu++) {
        host_pose_as(cpu);
        host_time_advance(USEC(10));
        timer_run_due();
        assert_true(clock_deadline(cpu) == NSEC_NEVER);
    }
}

static void test_wallclock(void **state UNUSED)
{
    struct domain_config c = { .max_vcpus = 1, .max_event_port = 63 };
    struct guest_shared_info *s;
    struct domain *d;
    uint64_t seconds;
    uint32_t nanoseconds, version;

    boot(1);
    wallclock_set(1000, 500, SEC(10) + 600);
    wallclock_get(&seconds, &nanoseconds);
    assert_int_equal(seconds, 989);
    assert_int_equal(nanoseconds, 999999900);
    assert_int_equal(domain_create(DOMID(0xffff), &c, &d), 0);
    s = d->shared_info;
    assert_int_equal(s->wc_sec, 989);
    assert_int_equal(s->wc_nsec, 999999900);
    version = s->wc_version;
    assert_true(version && !(version & 1));
    wallclock_set((UINT64_C(1) << 32) + 7, 5, 0);
    assert_int_equal(s->wc_sec, 7);
    assert_int_equal(s->wc_sec_hi, 1);
    assert_int_equal(s->wc_version, version + 2);
    d->time_offset_seconds = -8;
    domain_update_wallclock(d);
    assert_int_equal(s->wc_sec, 0xffffffff);
    assert_int_equal(s->wc_sec_hi, 0);
    while (domain_destroy(d) == -E_RESTART)
        quiesce_point();
    quiesce_point();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_replace_and_cancel), cmocka_unit_test(test_past),
        cmocka_unit_test(test_set_while_firing), cmocka_unit_test(test_moves_to_the_cpu_that_sets_it),
        cmocka_unit_test(test_random), cmocka_unit_test(test_races), cmocka_unit_test(test_wallclock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
