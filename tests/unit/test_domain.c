/* SPDX-License-Identifier: Apache-2.0 */
/* The life of domains and vCPUs on the whole simulated machine: made, run, paused, shut down, taken apart, whoever holds what. */
#include "tests/unit/unit.h"
#include "arch/include/cpu.h"
#include "arch/include/mapping.h"
#include "core/domain.h"
#include "core/shared_info.h"
#include "lib/string.h"

#define GFN0 0x40000u

static struct domain *dom0;
static uint64_t all_free;

static int try_make(struct domain **out, bool control, unsigned vcpus)
{
    struct domain_config c = { .is_control = control, .max_vcpus = vcpus, .max_event_port = 1023 };
    struct domain_locked l;
    struct vcpu *v;
    int error = domain_create(DOMID(control ? 0 : 0xffff), &c, out);

    if (error)
        return error;
    (*out)->owner.limit = 100000;
    l = domain_lock(*out);
    for (unsigned i = 0; !error && i < vcpus; i++)
        error = vcpu_create(l, i, &v);
    domain_unlock(l);
    return error;
}

static struct domain *make(unsigned vcpus, unsigned pages)
{
    struct domain *d;

    assert_int_equal(try_make(&d, false, vcpus), 0);
    for (unsigned i = 0; i < pages; i++)
        assert_int_equal(domain_populate(d, GFN(GFN0 + i), 0), 0);
    return d;
}

static void start(struct domain *d)
{
    struct vcpu_start s = { .pc = 0x40000000 };

    for (unsigned i = 0; i < d->max_vcpus; i++)
        assert_int_equal(vcpu_up(d->vcpus[i], &s), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
}

/* The CPUs do what they have to do. */
static void settle(void)
{
    (void)host_run(0);
}

static void boot(unsigned cpus)
{
    host_boot(&(struct host_config){ .cpus = cpus });
    host_start();
    host_console_echo(false);
    assert_int_equal(try_make(&dom0, true, 1), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(domain_populate(dom0, GFN(GFN0 + i), 0), 0);
    /* Tables of dom0 stay when what they map goes: have them from the start. */
    assert_int_equal(domain_populate(dom0, GFN(9), 0), 0);
    assert_int_equal(domain_depopulate(dom0, GFN(9), 0), 0);
    start(dom0);
    settle();
    all_free = frame_free_count();
}

static int one_cpu(void **state UNUSED)
{
    boot(1);
    return 0;
}

static int three_cpus(void **state UNUSED)
{
    boot(3);
    return 0;
}

static int all_home(void **state UNUSED)
{
    settle();
    frame_check_all();
    assert_int_equal(frame_free_count(), all_free);
    return 0;
}

static void kill_to_dead(struct domain *d)
{
    int error;

    for (unsigned i = 0; (error = domain_destroy(d)) == -E_RESTART; i++) {
        assert_true(i < 100000);
        settle();
    }
    assert_int_equal(error, 0);
}

static void kill_it(struct domain *d)
{
    kill_to_dead(d);
    settle();
}

static uint16_t id_of_new(void)
{
    struct domain *d = make(1, 0);
    uint16_t id = d->id.v;

    assert_ptr_equal(domain_find(DOMID(id)), d);
    kill_it(d);
    assert_null(domain_find(DOMID(id)));
    return id;
}

static void test_numbers(void **state UNUSED)
{
    struct domain_config c = { .max_vcpus = 1, .max_event_port = 63 };
    struct domain *d, *other;
    uint16_t first = id_of_new();

    assert_int_equal(id_of_new(), first + 1);
    assert_int_equal(domain_create(DOMID(500), &c, &d), 0);
    assert_int_equal(domain_create(DOMID(500), &c, &other), -E_EXIST);
    assert_int_equal(domain_create(DOMID(MAX_DOMAINS), &c, &other), -E_INVAL);
    assert_ptr_equal(domain_next(DOMID(1)), d);
    assert_null(domain_next(DOMID(501)));
    assert_null(domain_find(DOMID(MAX_DOMAINS)));
    c.max_vcpus = 0;
    assert_int_equal(domain_create(DOMID(0xffff), &c, &other), -E_INVAL);
    c.max_vcpus = MAX_VCPUS + 1;
    assert_int_equal(domain_create(DOMID(0xffff), &c, &other), -E_INVAL);
    kill_it(d);
}

/* Numbers go round; one in use is passed over. */
static void test_numbers_wrap(void **state UNUSED)
{
    struct domain *keep = make(1, 0);
    uint16_t id = keep->id.v, n;
    unsigned seen = 0;

    do {
        n = id_of_new();
        assert_int_not_equal(n, id);
        assert_int_not_equal(n, 0);
        seen++;
    } while (n != MAX_DOMAINS - 1);
    n = id_of_new();
    assert_int_equal(n, id == 1 ? 2 : 1);
    assert_true(seen > 900);
    kill_it(keep);
}

static void half_made(void *arg)
{
    struct domain **d = arg;

    if (*d)
        kill_it(*d);
    *d = NULL;
    settle();
    assert_int_equal(frame_free_count(), all_free);
}

static int attempt(void *arg)
{
    struct domain **d = arg;

    *d = NULL;
    return try_make(d, false, 3);
}

static void test_create_out_of_memory(void **state UNUSED)
{
    struct domain *d = NULL;

    assert_true(oom_loop(attempt, half_made, &d) > 5);
    kill_it(d);
}

static int attempt_populate(void *arg)
{
    return domain_populate(arg, GFN(GFN0 + 0x100000), 9);
}

static void test_memory(void **state UNUSED)
{
    struct domain *d = make(1, 3), *other = make(1, 1);

    assert_int_equal(d->owner.frames, 3);
    oom_loop(attempt_populate, NULL, d);
    assert_int_equal(d->owner.frames, 515);
    assert_int_equal(domain_depopulate(d, GFN(GFN0 + 1), 0), 0);
    assert_int_equal(domain_depopulate(d, GFN(GFN0 + 1), 0), -E_INVAL);
    assert_int_equal(domain_depopulate(d, GFN(GFN0), 1), -E_INVAL);
    assert_int_equal(domain_depopulate(d, GFN(GFN0 + 0x100003), 0), 0);
    assert_int_equal(domain_depopulate(d, GFN(GFN0 + 0x100000), 9), -E_INVAL);
    assert_int_equal(domain_populate(d, GFN(GFN0 + 0x100003), 0), 0);
    assert_int_equal(domain_depopulate(d, GFN(GFN0 + 0x100000), 9), 0);
    assert_int_equal(domain_populate(d, GFN(GFN0 + 1), 1), -E_INVAL);
    assert_int_equal(d->owner.frames, 2);
    assert_int_equal(domain_map_foreign(d, GFN(9), other, GFN(GFN0)), 0);
    assert_int_equal(domain_map_foreign(d, GFN(9), other, GFN(GFN0 + 5)), -E_NOENT);
    assert_int_equal(domain_map_foreign(d, GFN(9), d, GFN(GFN0)), -E_INVAL);
    /* What is foreign to d is not d's to give away, neither to a third nor back. */
    assert_int_equal(domain_map_foreign(other, GFN(9), d, GFN(9)), -E_INVAL);
    assert_int_equal(domain_depopulate(d, GFN(9), 0), -E_INVAL);
    d->owner.limit = 2;
    assert_int_equal(domain_populate(d, GFN(GFN0 + 7), 0), -E_INVAL);
    kill_it(d);
    kill_it(other);
}

static void test_killed_with_frames_elsewhere(void **state UNUSED)
{
    struct domain *d = make(1, 2);
    domid id = d->id;

    assert_int_equal(domain_map_foreign(dom0, GFN(9), d, GFN(GFN0)), 0);
    kill_it(d);
    /* In the table, dead, with one frame; the number is not given out. */
    assert_ptr_equal(domain_find(id), d);
    assert_int_equal(d->life, DOMAIN_DEAD);
    assert_int_equal(d->owner.frames, 1);
    assert_int_equal(domain_destroy(d), 0);
    assert_int_equal(domain_map_foreign(dom0, GFN(10), d, GFN(GFN0)), -E_INVAL);
    assert_int_equal(domain_populate(d, GFN(GFN0 + 5), 0), -E_INVAL);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    assert_false(vcpu_is_runnable(d->vcpus[0]));
    assert_int_equal(stage2_unmap(&dom0->stage2, GFN(9), 0), 0);
    settle();
    assert_null(domain_find(id));
}

static void test_killed_with_a_shared_page_elsewhere(void **state UNUSED)
{
    struct domain *d = make(1, 0);
    domid id = d->id;
    mfn_t mfn = arch_heap_frame(d->shared_info);

    assert_true(frame_get(mfn, &d->owner));
    kill_it(d);
    assert_ptr_equal(domain_find(id), d);
    frame_put(mfn);
    settle();
    assert_null(domain_find(id));
}

static void test_killed_with_a_reference(void **state UNUSED)
{
    struct domain *d = make(1, 1);
    domid id = d->id;

    assert_true(domain_get(d));
    kill_it(d);
    assert_ptr_equal(domain_find(id), d);
    domain_put(d);
    settle();
    assert_null(domain_find(id));
}

static void test_control_domain_stays(void **state UNUSED)
{
    assert_int_equal(domain_destroy(dom0), -E_INVAL);
    assert_int_equal(dom0->life, DOMAIN_ALIVE);
}

static void test_dom0_is_told(void **state UNUSED)
{
    struct domain *d = make(1, 1);
    uint32_t port;

    assert_int_equal(event_bind_virq(dom0, CORE_VIRQ_DOM_EXC, 0, &port), 0);
    assert_false(event_port_is_pending(dom0, port));
    domain_shutdown(d, SHUTDOWN_REBOOT);
    assert_true(event_port_is_pending(dom0, port));
    assert_int_equal(event_close(dom0, port), 0);
    assert_int_equal(event_bind_virq(dom0, CORE_VIRQ_DOM_EXC, 0, &port), 0);
    kill_to_dead(d);
    assert_true(event_port_is_pending(dom0, port));
    assert_int_equal(event_close(dom0, port), 0);
}

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

static void kill_self(struct vcpu *v, void *arg UNUSED)
{
    domain_crash(v->domain, "a test wants it");
}

static void test_crash(void **state UNUSED)
{
    struct domain *d = make(2, 1);
    struct domain_locked l;

    start(d);
    (void)host_guest_call(d->vcpus[0], kill_self, NULL);
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_CRASH);
    assert_false(vcpu_is_runnable(d->vcpus[1]));
    domain_shutdown(d, SHUTDOWN_POWEROFF);
    assert_int_equal(d->shutdown_code, SHUTDOWN_CRASH);
    l = domain_lock(d);
    assert_int_equal(domain_resume(l), 0);
    assert_int_equal(domain_resume(l), -E_INVAL);
    domain_unlock(l);
    assert_int_equal(d->shutdown_code, SHUTDOWN_NONE);
    assert_true(vcpu_is_runnable(d->vcpus[0]) || d->vcpus[0]->pause_flags == VCPU_BLOCKED);
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

/* --- several CPUs, in the middle of things --- */

static void busy(struct vcpu *v, void *arg UNUSED)
{
    for (unsigned i = 0; i < 20; i++) {
        (void)domain_find(DOMID(host_random_below(8)));
        (void)domain_populate(v->domain, GFN(GFN0 + host_random_below(64)), 0);
        (void)domain_depopulate(v->domain, GFN(GFN0 + host_random_below(64)), 0);
        arch_schedule_point();
    }
}

static void destroy_from_guest(struct vcpu *v UNUSED, void *arg)
{
    (void)domain_destroy(arg);
}

/* Killed by dom0 on one CPU while its own vCPUs are at work on others. */
static void test_killed_while_it_works(void **state UNUSED)
{
    for (unsigned round = 0; round < 30; round++) {
        struct domain *d = make(2, 8);
        struct host_action work[2] = { { .kind = HOST_CALL, .call = busy }, { .kind = HOST_CALL, .call = busy } };
        struct host_action end = { .kind = HOST_CALL, .call = destroy_from_guest, .arg = d };

        start(d);
        settle();
        host_begin(d->vcpus[0], &work[0]);
        host_begin(d->vcpus[1], &work[1]);
        host_begin(dom0->vcpus[0], &end);
        (void)host_run(MSEC(1));
        assert_true(end.done);
        kill_it(d);
        assert_int_equal(frame_free_count(), all_free);
    }
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

/* Any sequence of making, filling, mapping into each other, running and killing: at the end every frame is back. */
static void random_step(struct domain *live[4])
{
    unsigned i = (unsigned)host_random_below(4), j = (unsigned)host_random_below(4);
    struct domain *d = live[i];

    switch (d ? host_random_below(8) : 0) {
    case 0:
        if (!d) {
            live[i] = make(1 + (unsigned)host_random_below(3), (unsigned)host_random_below(20));
            if (host_random_below(2))
                start(live[i]);
        }
        break;
    case 1:
        kill_it(d);
        live[i] = NULL;
        break;
    case 2:
    case 3:
        if (live[j] && j != i)
            (void)domain_map_foreign(d, GFN(host_random_below(50)), live[j], GFN(GFN0 + host_random_below(20)));
        break;
    case 4:
        (void)vcpu_register_info(d->vcpus[0], GFN(GFN0 + host_random_below(20)), 64);
        break;
    case 5:
        (void)domain_populate(d, GFN(GFN0 + host_random_below(64)), 0);
        break;
    case 6:
        (void)domain_depopulate(d, GFN(GFN0 + host_random_below(64)), 0);
        break;
    default:
        if (domain_pause_by_controller(d) == 0 && host_random_below(2))
            assert_int_equal(domain_unpause_by_controller(d), 0);
    }
}

static void test_every_frame_comes_back(void **state UNUSED)
{
    struct domain *live[4] = { NULL };

    for (unsigned step = 0; step < 1500; step++) {
        random_step(live);
        if (step % 100 == 0)
            frame_check_all();
    }
    for (unsigned i = 0; i < 4; i++)
        if (live[i])
            kill_it(live[i]);
    settle();
    for (unsigned n = 1; n < MAX_DOMAINS; n++)
        assert_null(domain_find(DOMID(n)));
}

#define TEST(f, setup) cmocka_unit_test_setup_teardown(f, setup, all_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_numbers, one_cpu), TEST(test_numbers_wrap, one_cpu), TEST(test_create_out_of_memory, one_cpu),
        TEST(test_memory, one_cpu), TEST(test_killed_with_frames_elsewhere, three_cpus),
        TEST(test_killed_with_a_shared_page_elsewhere, one_cpu), TEST(test_killed_with_a_reference, one_cpu),
        TEST(test_control_domain_stays, one_cpu), TEST(test_dom0_is_told, one_cpu), TEST(test_pause, three_cpus),
        TEST(test_up_and_down, one_cpu), TEST(test_blocked_and_woken, one_cpu), TEST(test_crash, three_cpus),
        TEST(test_watchdog, one_cpu), TEST(test_poll, one_cpu), TEST(test_vcpu_info, one_cpu), TEST(test_runstate, one_cpu),
        TEST(test_guest_timers, one_cpu), TEST(test_killed_while_it_works, three_cpus),
        TEST(test_wake_races_with_block, three_cpus), TEST(test_every_frame_comes_back, three_cpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
