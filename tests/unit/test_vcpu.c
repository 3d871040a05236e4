/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs on the whole simulated machine: up and down, paused, blocked, polling; what they register; their timers and time. */
#include "tests/unit/life.h"

static void test_pause(void **state UNUSED)
{
    struct domain *d = make(2, 1);

    start(d);
    assert_int_equal(domain_unpause_by_controller(d), -E_INVAL);
    assert_true(vcpu_is_runnable(d->vcpus[1]));
    assert_int_equal(domain_pause_by_controller(d), 0);
    assert_int_equal(domain_pause_by_controller(d), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    assert_false(vcpu_is_runnable(d->vcpus[1]));
    settle();
    assert_true(domain_is_quiet(d));
    vcpu_pause(d->vcpus[1]);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    assert_true(vcpu_is_runnable(d->vcpus[0]));
    assert_false(vcpu_is_runnable(d->vcpus[1]));
    vcpu_unpause(d->vcpus[1]);
    assert_true(vcpu_is_runnable(d->vcpus[1]));
    for (unsigned i = 0; i < 255; i++)
        assert_int_equal(domain_pause_by_controller(d), 0);
    assert_int_equal(domain_pause_by_controller(d), -E_USERS);
    kill_it(d);
}

static void test_up_and_down(void **state UNUSED)
{
    struct vcpu_start s = { .pc = 0x1000, .context = 7 };
    struct domain *d = make(2, 1);
    struct domain_locked l = domain_lock(d);
    struct vcpu *v = d->vcpus[1], *again;

    assert_int_equal(vcpu_create(l, 1, &again), -E_EXIST);
    assert_int_equal(vcpu_create(l, 2, &again), -E_INVAL);
    domain_unlock(l);
    assert_int_equal(vcpu_up(v, NULL), -E_INVAL);
    assert_int_equal(vcpu_up(v, &s), 0);
    assert_int_equal(vcpu_up(v, &s), -E_EXIST);
    vcpu_down(v);
    assert_int_equal(vcpu_up(v, NULL), 0);
    assert_int_equal(arch_vcpu_pc(v), 0x1000);
    kill_it(d);
}

static void note(struct vcpu *v, void *arg)
{
    *(struct vcpu **)arg = v;
}

static void test_blocked_and_woken(void **state UNUSED)
{
    struct domain *d = make(1, 1);
    struct vcpu *v = d->vcpus[0], *ran = NULL;

    start(d);
    settle();
    /* With nothing to do it waits for an interrupt. */
    assert_true(v->pause_flags & VCPU_BLOCKED);
    assert_false(sched_unit_is_on_cpu(&v->unit));
    assert_true(host_guest_call(v, note, &ran));
    assert_ptr_equal(ran, v);
    vcpu_wake(v);
    assert_int_equal(v->pause_flags, 0);
    settle();
    assert_true(v->pause_flags & VCPU_BLOCKED);
    kill_it(d);
}

static void set_watchdogs(struct vcpu *v, void *arg UNUSED)
{
    assert_int_equal(domain_watchdog(v->domain, 0, 0), -E_INVAL);
    assert_int_equal(domain_watchdog(v->domain, 1, 5), -E_INVAL);
    assert_int_equal(domain_watchdog(v->domain, 0, 5), 1);
    assert_int_equal(domain_watchdog(v->domain, 0, 1), 2);
    assert_int_equal(domain_watchdog(v->domain, 0, 1), -E_NOSPC);
    assert_int_equal(domain_watchdog(v->domain, 3, 1), -E_INVAL);
    assert_int_equal(domain_watchdog(v->domain, 2, 0), 0);
    assert_int_equal(domain_watchdog(v->domain, 1, 2), 0);
}

static void nothing(struct vcpu *v UNUSED, void *arg UNUSED)
{
}

static void test_watchdog(void **state UNUSED)
{
    struct domain *d = make(1, 1);

    start(d);
    assert_true(host_guest_call(d->vcpus[0], set_watchdogs, NULL));
    host_time_advance(MSEC(1900));
    assert_true(host_guest_call(d->vcpus[0], nothing, NULL));
    assert_false(d->shut_down);
    host_time_advance(MSEC(200));
    settle();
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_WATCHDOG);
    kill_it(d);
}

struct poll {
    uint32_t ports[2];
    unsigned count;
    nsec_t until;
    int result;
};

static void poll(struct vcpu *v, void *arg)
{
    struct poll *p = arg;

    p->result = vcpu_poll(v, p->ports, p->count, p->until);
}

static void test_poll(void **state UNUSED)
{
    struct domain *d = make(1, 1);
    struct vcpu *v = d->vcpus[0];
    struct poll p = { .count = 1, .result = 1 };

    start(d);
    settle();
    assert_int_equal(event_alloc_unbound(d, DOMID(0), &p.ports[0]), 0);
    assert_true(host_guest_call(v, poll, &p));
    settle();
    assert_int_equal(p.result, 0);
    assert_int_equal(v->pause_flags, VCPU_POLLING);
    assert_int_equal(d->pollers, 1);
    vcpu_wake(v);
    assert_int_equal(d->pollers, 0);
    settle();
    /* By time. */
    p.until = arch_time_now() + USEC(50);
    assert_true(host_guest_call(v, poll, &p));
    settle();
    assert_int_equal(v->pause_flags, VCPU_POLLING);
    host_time_advance(USEC(60));
    settle();
    assert_false(v->pause_flags & VCPU_POLLING);
    p.ports[0] = 900;
    assert_true(host_guest_call(v, poll, &p));
    assert_int_equal(p.result, -E_INVAL);
    /* Killed while it polls. */
    assert_int_equal(event_alloc_unbound(d, DOMID(0), &p.ports[0]), 0);
    p.until = arch_time_now() + SEC(50);
    assert_true(host_guest_call(v, poll, &p));
    kill_it(d);
}

static void test_vcpu_info(void **state UNUSED)
{
    struct domain *d = make(2, 2);
    struct guest_vcpu_info *info;
    unsigned limit = d->arena.limit;

    assert_ptr_equal(d->vcpus[0]->info, d->shared_info);
    assert_ptr_equal(d->vcpus[1]->info, d->vcpus[1]->dummy_info);
    assert_int_equal(vcpu_register_info(d->vcpus[1], GFN(GFN0), 4096 - 40), -E_NXIO);
    assert_int_equal(vcpu_register_info(d->vcpus[1], GFN(GFN0), 4), -E_NXIO);
    assert_int_equal(vcpu_register_info(d->vcpus[1], GFN(GFN0 + 9), 64), -E_INVAL);
    d->arena.limit = 0;
    assert_int_equal(vcpu_register_info(d->vcpus[1], GFN(GFN0), 64), -E_NOMEM);
    d->arena.limit = limit;
    ((struct guest_vcpu_info *)d->vcpus[0]->info)->pending_selector = 5;
    assert_int_equal(vcpu_register_info(d->vcpus[0], GFN(GFN0), 128), 0);
    assert_int_equal(vcpu_register_info(d->vcpus[0], GFN(GFN0), 128), -E_INVAL);
    assert_int_equal(vcpu_register_info(d->vcpus[1], GFN(GFN0), 64), 0);
    info = d->vcpus[0]->info;
    assert_int_equal(info->upcall_pending, 1);
    assert_int_equal(info->pending_selector, UINT64_MAX);
    /* The page stays although the guest gives it away. */
    assert_int_equal(domain_depopulate(d, GFN(GFN0), 0), 0);
    info->pending_selector = 1;
    assert_int_equal(d->owner.frames, 2);
    /* A vCPU that is up registers for itself only. */
    start(d);
    settle();
    d->vcpus[1]->info_registered = false;
    assert_int_equal(vcpu_register_info(d->vcpus[1], GFN(GFN0 + 1), 64), -E_INVAL);
    d->vcpus[1]->info_registered = true;
    kill_it(d);
}

static void spend(struct vcpu *v UNUSED, void *arg)
{
    host_time_advance(*(nsec_t *)arg);
}

static void test_runstate(void **state UNUSED)
{
    struct domain *d = make(1, 1);
    struct runstate_times r;
    nsec_t begin = arch_time_now(), ran = MSEC(3), sum = 0;

    start(d);
    assert_true(host_guest_call(d->vcpus[0], spend, &ran));
    settle();
    host_time_advance(MSEC(5));
    vcpu_runstate_read(d->vcpus[0], &r);
    assert_int_equal(r.state, RUNSTATE_IS_BLOCKED);
    for (unsigned i = 0; i < ARRAY_SIZE(r.time); i++)
        sum += r.time[i];
    assert_in_range(sum, arch_time_now() - begin - USEC(500), arch_time_now() - begin + USEC(100));
    assert_in_range(r.time[RUNSTATE_IS_RUNNING], MSEC(3), MSEC(3) + USEC(200));
    assert_in_range(r.time[RUNSTATE_IS_BLOCKED], MSEC(5), MSEC(5) + USEC(500));
    assert_in_range(sched_unit_time(&d->vcpus[0]->unit), MSEC(3), MSEC(3) + USEC(300));
    kill_it(d);
}

static unsigned ticks_seen(struct domain *d, uint32_t port)
{
    struct guest_shared_info *s = d->shared_info;

    return atomic_test_and_clear_bit(s->pending, port);
}

static void set_timers(struct vcpu *v, void *arg)
{
    vcpu_set_singleshot_timer(v, arch_time_now() + MSEC(1));
    vcpu_set_periodic_timer(v, *(nsec_t *)arg);
}

static void test_guest_timers(void **state UNUSED)
{
    struct domain *d = make(1, 1);
    nsec_t period = MSEC(10), none = 0;
    uint32_t port;

    start(d);
    settle();
    assert_int_equal(event_bind_virq(d, CORE_VIRQ_TIMER, 0, &port), 0);
    assert_true(host_guest_call(d->vcpus[0], set_timers, &period));
    host_time_advance(MSEC(2));
    settle();
    assert_true(ticks_seen(d, port));
    for (unsigned i = 0; i < 3; i++) {
        host_time_advance(MSEC(10));
        settle();
        assert_true(ticks_seen(d, port));
    }
    assert_true(host_guest_call(d->vcpus[0], set_timers, &none));
    host_time_advance(MSEC(2));
    settle();
    assert_true(ticks_seen(d, port));
    host_time_advance(MSEC(100));
    settle();
    assert_false(ticks_seen(d, port));
    kill_it(d);
}

static void wake_other(struct vcpu *v UNUSED, void *arg)
{
    for (unsigned i = 0; i < 5; i++)
        vcpu_wake(arg);
}

/* A wake-up is never lost, whenever it comes while the other goes to sleep. */
static void test_wake_races_with_block(void **state UNUSED)
{
    struct domain *d = make(2, 1);
    struct vcpu *ran;

    start(d);
    for (unsigned round = 0; round < 300; round++) {
        struct host_action wake = { .kind = HOST_CALL, .call = wake_other, .arg = d->vcpus[1] };
        struct host_action work = { .kind = HOST_CALL, .call = note, .arg = &ran };

        ran = NULL;
        host_begin(d->vcpus[0], &wake);
        host_begin(d->vcpus[1], &work);
        assert_true(host_run(MSEC(1)));
        assert_ptr_equal(ran, d->vcpus[1]);
    }
    kill_it(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pause, three_cpus), TEST(test_up_and_down, one_cpu),
        TEST(test_blocked_and_woken, one_cpu), TEST(test_watchdog, one_cpu),
        TEST(test_poll, one_cpu), TEST(test_vcpu_info, one_cpu), TEST(test_runstate, one_cpu),
        TEST(test_guest_timers, one_cpu), TEST(test_wake_races_with_block, three_cpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
