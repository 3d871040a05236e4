/* SPDX-License-Identifier: Apache-2.0 */
/* The life of domains on the whole simulated machine: made, filled, shut down, taken apart, whoever holds what. */
#include "tests/unit/life.h"

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
    return populate(arg, GFN0 + 0x100000, 9);
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
    assert_int_equal(depopulate(d, GFN0 + 0x100000, 9), -E_INVAL);
    assert_int_equal(domain_populate(d, GFN(GFN0 + 0x100003), 0), 0);
    assert_int_equal(depopulate(d, GFN0 + 0x100000, 9), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_numbers, one_cpu), TEST(test_numbers_wrap, one_cpu),
        TEST(test_create_out_of_memory, one_cpu), TEST(test_memory, one_cpu),
        TEST(test_killed_with_frames_elsewhere, three_cpus),
        TEST(test_killed_with_a_shared_page_elsewhere, one_cpu),
        TEST(test_killed_with_a_reference, one_cpu), TEST(test_control_domain_stays, one_cpu),
        TEST(test_dom0_is_told, one_cpu), TEST(test_crash, three_cpus),
        TEST(test_killed_while_it_works, three_cpus), TEST(test_every_frame_comes_back, three_cpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
