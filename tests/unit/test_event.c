/* SPDX-License-Identifier: Apache-2.0 */
/* Event channels: the table of ports and the two-level ABI. */
#include "tests/unit/domains.h"

static struct domain *a, *b;

static int setup(void **state UNUSED)
{
    machine_start(1);
    a = make_domain(2, 0);
    b = make_domain(2, 0);
    return 0;
}

static int teardown(void **state UNUSED)
{
    if (a)
        kill_domain(a);
    if (b)
        kill_domain(b);
    expect_all_home();
    return 0;
}

static struct event_status status_of(struct domain *d, uint32_t port)
{
    struct event_status s;

    assert_int_equal(event_status(d, port, &s), 0);
    return s;
}

static uint32_t unbound(struct domain *d, struct domain *for_whom)
{
    uint32_t port;

    assert_int_equal(event_alloc_unbound(d, for_whom->id, &port), 0);
    return port;
}

static uint32_t bound(struct domain *d, struct domain *remote, uint32_t remote_port)
{
    uint32_t port;

    assert_int_equal(event_bind_interdomain(d, remote, remote_port, &port), 0);
    return port;
}

static bool pending(struct domain *d, uint32_t port)
{
    return bit_of(shared_of(d)->pending, port);
}

/* What a guest's handler does first. */
static void acknowledge(struct domain *d, uint32_t port)
{
    shared_of(d)->pending[port / 64] &= ~BIT(port % 64);
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        info_of(d, i)->upcall_pending = 0;
        info_of(d, i)->pending_selector = 0;
    }
}

static void test_lowest_free_port_first(void **state UNUSED)
{
    for (uint32_t i = 1; i <= 70; i++)
        assert_int_equal(unbound(a, b), i);
    assert_int_equal(event_close(a, 65), 0);
    assert_int_equal(event_close(a, 3), 0);
    assert_int_equal(unbound(a, b), 3);
    assert_int_equal(unbound(a, b), 65);
    assert_int_equal(unbound(a, b), 71);
}

static void test_ports_that_are_none(void **state UNUSED)
{
    struct event_status s;
    uint32_t port;

    assert_int_equal(event_close(a, 0), -E_INVAL);
    assert_int_equal(event_close(a, 1), -E_INVAL);
    assert_int_equal(event_close(a, UINT32_MAX), -E_INVAL);
    assert_int_equal(event_send(a, 0), -E_INVAL);
    assert_int_equal(event_send(a, 1), -E_INVAL);
    assert_int_equal(event_send(a, 1u << 20), -E_INVAL);
    assert_int_equal(event_unmask(a, 1u << 20), -E_INVAL);
    assert_int_equal(event_bind_vcpu(a, 1, 0), -E_INVAL);
    assert_int_equal(event_bind_vcpu(a, 1, 2), -E_NOENT);
    assert_int_equal(event_status(a, 1u << 20, &s), -E_INVAL);
    assert_int_equal(status_of(a, 0).state, CHANNEL_RESERVED);
    assert_int_equal(status_of(a, 5).state, CHANNEL_FREE);
    assert_int_equal(event_bind_interdomain(a, b, 1, &port), -E_INVAL);
    assert_int_equal(event_bind_ipi(a, 2, &port), -E_NOENT);
    assert_int_equal(event_set_priority(a, 1, 3), -E_NOSYS);
    assert_int_equal(event_expand_array(a, GFN(0)), -E_OPNOTSUPP);
}

static void test_limit(void **state UNUSED)
{
    struct domain *d = make_domain_config(false, 1, 0, 100);
    uint32_t port;

    for (uint32_t i = 1; i <= 100; i++)
        assert_int_equal(unbound(d, a), i);
    assert_int_equal(event_alloc_unbound(d, a->id, &port), -E_NOSPC);
    assert_int_equal(event_bind_virq(d, 1, 0, &port), -E_NOSPC);
    assert_int_equal(event_bind_interdomain(d, a, unbound(a, d), &port), -E_NOSPC);
    assert_int_equal(event_close(d, 50), 0);
    assert_int_equal(unbound(d, a), 50);
    kill_domain(d);
    assert_int_equal(status_of(a, 1).state, CHANNEL_UNBOUND);
}

static void test_interdomain(void **state UNUSED)
{
    uint32_t far = unbound(a, b), near, other;

    assert_int_equal(event_bind_interdomain(a, a, far, &other), -E_INVAL);
    assert_int_equal(event_send(a, far), 0);
    near = bound(b, a, far);
    assert_true(pending(b, near));
    assert_false(pending(a, far));
    assert_int_equal(event_bind_interdomain(b, a, far, &other), -E_INVAL);
    assert_int_equal(status_of(a, far).state, CHANNEL_INTERDOMAIN);
    assert_int_equal(status_of(a, far).remote.v, b->id.v);
    assert_int_equal(status_of(a, far).remote_port, near);
    assert_int_equal(status_of(b, near).remote_port, far);
    acknowledge(b, near);

    assert_int_equal(event_send(b, near), 0);
    assert_true(pending(a, far));
    assert_false(pending(b, near));
    assert_int_equal(event_send(a, far), 0);
    assert_true(pending(b, near));

    assert_int_equal(event_close(b, near), 0);
    assert_false(pending(b, near));
    assert_int_equal(status_of(a, far).state, CHANNEL_UNBOUND);
    assert_int_equal(status_of(a, far).remote.v, b->id.v);
    assert_int_equal(bound(b, a, far), near);
}

static void test_loopback(void **state UNUSED)
{
    uint32_t far = unbound(a, a), near = bound(a, a, far), references = a->references;

    acknowledge(a, near);
    assert_int_equal(event_send(a, near), 0);
    assert_true(pending(a, far));
    assert_int_equal(event_unmask(a, far), 0);
    assert_int_equal(event_close(a, near), 0);
    assert_int_equal(a->references, references - 2);
    assert_int_equal(event_close(a, far), 0);
    assert_int_equal(a->references, references - 2);
}

static void test_delivery(void **state UNUSED)
{
    uint32_t port;

    assert_int_equal(event_bind_ipi(a, 1, &port), 0);
    assert_int_equal(event_bind_vcpu(a, port, 0), -E_INVAL);
    acknowledge(a, port);
    assert_int_equal(event_send(a, port), 0);
    assert_true(pending(a, port));
    assert_int_equal(info_of(a, 1)->pending_selector, BIT(port / 64));
    assert_int_equal(info_of(a, 1)->upcall_pending, 1);
    assert_true(event_vcpu_pending(a->vcpus[1]));
    assert_false(event_vcpu_pending(a->vcpus[0]));
    assert_true(event_port_is_pending(a, port));
    /* Pending already: nothing more happens. */
    info_of(a, 1)->pending_selector = 0;
    info_of(a, 1)->upcall_pending = 0;
    assert_int_equal(event_send(a, port), 0);
    assert_int_equal(info_of(a, 1)->pending_selector, 0);
    assert_int_equal(info_of(a, 1)->upcall_pending, 0);
}

static void test_mask(void **state UNUSED)
{
    uint32_t port;

    assert_int_equal(event_bind_ipi(a, 0, &port), 0);
    acknowledge(a, port);
    shared_of(a)->mask[0] |= BIT(port);
    assert_int_equal(event_send(a, port), 0);
    assert_true(pending(a, port));
    assert_int_equal(info_of(a, 0)->upcall_pending, 0);
    assert_int_equal(event_unmask(a, port), 0);
    assert_false(bit_of(shared_of(a)->mask, port));
    assert_int_equal(info_of(a, 0)->upcall_pending, 1);
    acknowledge(a, port);
    assert_int_equal(event_unmask(a, port), 0);
    assert_int_equal(info_of(a, 0)->upcall_pending, 0);
}

static void test_bind_vcpu(void **state UNUSED)
{
    uint32_t far = unbound(a, b), near;

    assert_int_equal(event_bind_vcpu(a, far, 1), 0);
    near = bound(b, a, far);
    acknowledge(a, far);
    assert_int_equal(event_send(b, near), 0);
    assert_int_equal(info_of(a, 1)->upcall_pending, 1);
    assert_int_equal(info_of(a, 0)->upcall_pending, 0);
    assert_int_equal(event_close(a, far), 0);
    assert_int_equal(unbound(a, b), far);
    assert_int_equal(status_of(a, far).vcpu, 0);
}

static void test_virqs(void **state UNUSED)
{
    uint32_t timer, timer1, console, port;

    assert_int_equal(event_bind_virq(a, EVENT_VIRQS, 0, &port), -E_INVAL);
    assert_int_equal(event_bind_virq(a, 2, 1, &port), -E_INVAL);
    assert_int_equal(event_bind_virq(a, 0, 2, &port), -E_NOENT);
    assert_int_equal(event_bind_virq(a, 0, 0, &timer), 0);
    assert_int_equal(event_bind_virq(a, 0, 0, &port), -E_EXIST);
    assert_int_equal(event_bind_virq(a, 0, 1, &timer1), 0);
    assert_int_equal(event_bind_virq(a, 2, 0, &console), 0);
    assert_int_equal(event_bind_vcpu(a, timer, 1), -E_INVAL);
    assert_int_equal(event_bind_vcpu(a, console, 1), 0);
    assert_int_equal(event_send(a, timer), -E_INVAL);
    acknowledge(a, timer);

    event_raise_virq(a->vcpus[1], 0);
    assert_true(pending(a, timer1));
    assert_false(pending(a, timer));
    acknowledge(a, timer1);
    event_raise_global_virq(a, 2);
    assert_true(pending(a, console));
    assert_int_equal(info_of(a, 1)->upcall_pending, 1);
    acknowledge(a, console);
    assert_int_equal(status_of(a, console).virq, 2);

    /* Closed after it went to another vCPU: bound where it was bound. */
    assert_int_equal(event_close(a, console), 0);
    event_raise_global_virq(a, 2);
    assert_false(pending(a, console));
    assert_int_equal(event_bind_virq(a, 2, 0, &console), 0);
    event_raise_global_virq(b, 2);
    event_raise_virq(b->vcpus[0], 0);
}

static void test_reset(void **state UNUSED)
{
    uint32_t port, far = unbound(b, a), near = bound(a, b, far);
    int r;

    for (unsigned i = 0; i < 300; i++)
        (void)unbound(a, b);
    assert_int_equal(event_bind_virq(a, 0, 1, &port), 0);
    for (unsigned i = 0; (r = event_reset(a)) == -E_RESTART; i++)
        assert_true(i < 20);
    assert_int_equal(r, 0);
    assert_int_equal(a->events.active, 0);
    assert_int_equal(status_of(a, near).state, CHANNEL_FREE);
    assert_int_equal(status_of(b, far).state, CHANNEL_UNBOUND);
    assert_int_equal(unbound(a, b), 1);
    assert_int_equal(event_bind_virq(a, 0, 1, &port), 0);
}

static void test_peer_dies(void **state UNUSED)
{
    uint32_t far = unbound(b, a), near = bound(a, b, far), port;
    domid dead = a->id;

    (void)near;
    for (unsigned i = 0; i < 100; i++)
        (void)bound(a, b, unbound(b, a));
    assert_int_equal(b->events.active, 101);
    kill_domain(a);
    a = NULL;
    assert_null(domain_find(dead));
    assert_int_equal(status_of(b, far).state, CHANNEL_UNBOUND);
    assert_int_equal(status_of(b, far).remote.v, dead.v);
    assert_int_equal(event_send(b, far), 0);
    assert_int_equal(event_bind_ipi(b, 0, &port), 0);
}

static void test_mark_all(void **state UNUSED)
{
    info_of(a, 0)->upcall_pending = 0;
    event_mark_all_pending(a->vcpus[0]);
    assert_true(info_of(a, 0)->pending_selector == UINT64_MAX);
    assert_int_equal(info_of(a, 0)->upcall_pending, 1);
}

static int attempt_ports(void *arg)
{
    uint32_t *n = arg, port;

    while (*n < 200) {
        int r = event_alloc_unbound(a, b->id, &port);

        if (r)
            return r;
        assert_int_equal(port, ++*n);
    }
    return 0;
}

static void test_out_of_memory(void **state UNUSED)
{
    uint32_t n = 0;

    assert_true(oom_loop(attempt_ports, NULL, &n) >= 1);
    assert_int_equal(a->events.active, 200);
}

/* --- a model: what each port of each domain should be --- */

#define MODEL_DOMAINS 3
#define MODEL_PORTS 40

struct model_port {
    enum channel_state state;
    unsigned remote, remote_port, vcpu, virq;
};
static struct domain *model_domain[MODEL_DOMAINS];
static struct model_port model[MODEL_DOMAINS][MODEL_PORTS + 1];

static uint32_t model_free_port(unsigned d)
{
    for (uint32_t p = 1; p <= MODEL_PORTS; p++)
        if (model[d][p].state == CHANNEL_FREE)
            return p;
    return 0;
}

static bool virq_taken(unsigned d, unsigned virq, unsigned bound_to)
{
    for (uint32_t p = 1; p <= MODEL_PORTS; p++)
        if (model[d][p].state == CHANNEL_VIRQ && model[d][p].virq == virq && (virq == 2 || model[d][p].vcpu == bound_to))
            return true;
    return false;
}

static void model_alloc(unsigned d)
{
    unsigned remote = (unsigned)host_random_below(MODEL_DOMAINS);
    uint32_t expected = model_free_port(d), port = 0;
    int r = event_alloc_unbound(model_domain[d], model_domain[remote]->id, &port);

    assert_int_equal(r, expected ? 0 : -E_NOSPC);
    if (expected) {
        assert_int_equal(port, expected);
        model[d][port] = (struct model_port){ .state = CHANNEL_UNBOUND, .remote = remote };
    }
}

static void model_bind(unsigned d)
{
    unsigned remote = (unsigned)host_random_below(MODEL_DOMAINS), rp = 1 + (unsigned)host_random_below(MODEL_PORTS);
    uint32_t expected = model_free_port(d), port = 0;
    struct model_port *far = &model[remote][rp];
    int r = event_bind_interdomain(model_domain[d], model_domain[remote], rp, &port);

    if (!expected) {
        assert_int_equal(r, -E_NOSPC);
    } else if (far->state != CHANNEL_UNBOUND || far->remote != d) {
        assert_int_equal(r, -E_INVAL);
    } else {
        assert_int_equal(r, 0);
        assert_int_equal(port, expected);
        far->state = CHANNEL_INTERDOMAIN;
        far->remote_port = port;
        model[d][port] = (struct model_port){ .state = CHANNEL_INTERDOMAIN, .remote = remote, .remote_port = rp };
    }
}

static void model_close(unsigned d)
{
    unsigned p = 1 + (unsigned)host_random_below(MODEL_PORTS);
    struct model_port *m = &model[d][p];

    assert_int_equal(event_close(model_domain[d], p), m->state == CHANNEL_FREE ? -E_INVAL : 0);
    if (m->state == CHANNEL_INTERDOMAIN) {
        struct model_port *far = &model[m->remote][m->remote_port];

        far->state = CHANNEL_UNBOUND;
        far->remote = d;
    }
    *m = (struct model_port){ .state = CHANNEL_FREE };
}

static void model_virq(unsigned d)
{
    unsigned virq = host_random_below(2) ? 2 : 0, vcpu = virq ? 0 : (unsigned)host_random_below(2);
    uint32_t expected = model_free_port(d), port = 0;
    bool taken = virq_taken(d, virq, vcpu);
    int r = event_bind_virq(model_domain[d], virq, vcpu, &port);

    assert_int_equal(r, taken ? -E_EXIST : expected ? 0 : -E_NOSPC);
    if (r == 0)
        model[d][port] = (struct model_port){ .state = CHANNEL_VIRQ, .virq = virq, .vcpu = vcpu };
}

static void model_send(unsigned d)
{
    unsigned p = 1 + (unsigned)host_random_below(MODEL_PORTS);
    struct model_port *m = &model[d][p];
    bool ok = m->state == CHANNEL_UNBOUND || m->state == CHANNEL_INTERDOMAIN;

    assert_int_equal(event_send(model_domain[d], p), ok ? 0 : -E_INVAL);
    if (m->state == CHANNEL_INTERDOMAIN)
        assert_true(pending(model_domain[m->remote], m->remote_port));
}

static void model_move(unsigned d)
{
    unsigned p = 1 + (unsigned)host_random_below(MODEL_PORTS), vcpu = (unsigned)host_random_below(2);
    struct model_port *m = &model[d][p];
    bool ok = m->state == CHANNEL_UNBOUND || m->state == CHANNEL_INTERDOMAIN || (m->state == CHANNEL_VIRQ && m->virq == 2);

    assert_int_equal(event_bind_vcpu(model_domain[d], p, vcpu), ok ? 0 : -E_INVAL);
    if (ok)
        m->vcpu = vcpu;
}

static void model_die(unsigned d)
{
    if (host_random_below(40))
        return;
    kill_domain(model_domain[d]);
    for (unsigned e = 0; e < MODEL_DOMAINS; e++)
        for (uint32_t p = 1; p <= MODEL_PORTS; p++)
            if (e != d && model[e][p].remote == d && model[e][p].state != CHANNEL_FREE &&
                (model[e][p].state == CHANNEL_INTERDOMAIN || model[e][p].state == CHANNEL_UNBOUND)) {
                /* Nobody answers to that number any more. */
                assert_int_equal(status_of(model_domain[e], p).state, CHANNEL_UNBOUND);
                assert_int_equal(event_close(model_domain[e], p), 0);
                model[e][p] = (struct model_port){ .state = CHANNEL_FREE };
            }
    memset(model[d], 0, sizeof(model[d]));
    model_domain[d] = make_domain_config(false, 2, 0, MODEL_PORTS);
}

static void model_compare(unsigned d)
{
    for (uint32_t p = 1; p <= MODEL_PORTS; p++) {
        struct model_port *m = &model[d][p];
        struct event_status s = { .state = CHANNEL_FREE };

        if (event_status(model_domain[d], p, &s))
            assert_int_equal(m->state, CHANNEL_FREE);
        assert_int_equal(s.state, m->state);
        assert_int_equal(s.vcpu, m->vcpu);
        if (m->state == CHANNEL_UNBOUND || m->state == CHANNEL_INTERDOMAIN)
            assert_int_equal(s.remote.v, model_domain[m->remote]->id.v);
        if (m->state == CHANNEL_INTERDOMAIN)
            assert_int_equal(s.remote_port, m->remote_port);
        if (m->state == CHANNEL_FREE && p < model_domain[d]->events.ports)
            assert_false(pending(model_domain[d], p));
    }
}

static void test_against_model(void **state UNUSED)
{
    static void (*const steps[])(unsigned d) = { model_alloc, model_alloc, model_bind, model_bind,  model_bind, model_close,
                                                 model_virq,  model_send,  model_send, model_move, model_die };

    memset(model, 0, sizeof(model));
    for (unsigned d = 0; d < MODEL_DOMAINS; d++)
        model_domain[d] = make_domain_config(false, 2, 0, MODEL_PORTS);
    for (unsigned i = 0; i < 4000; i++) {
        unsigned d = (unsigned)host_random_below(MODEL_DOMAINS);

        steps[host_random_below(ARRAY_SIZE(steps))](d);
        if (i % 16 == 0)
            for (unsigned e = 0; e < MODEL_DOMAINS; e++)
                model_compare(e);
    }
    for (unsigned d = 0; d < MODEL_DOMAINS; d++)
        kill_domain(model_domain[d]);
}

/* --- several CPUs at the same ports --- */

static void storm(unsigned cpu, void *arg UNUSED)
{
    struct domain *mine = cpu % 2 ? a : b, *other = cpu % 2 ? b : a;

    for (unsigned i = 0; i < 150; i++) {
        uint32_t port = 1 + (uint32_t)host_random_below(6), got;

        switch (host_random_below(6)) {
        case 0:
            (void)!event_alloc_unbound(mine, other->id, &got);
            break;
        case 1:
            (void)!event_bind_interdomain(mine, other, port, &got);
            break;
        case 2:
            event_close(mine, port);
            break;
        case 3:
            (void)!event_unmask(mine, port);
            break;
        case 4:
            (void)!event_bind_virq(mine, 2, 0, &got);
            event_raise_global_virq(other, 2);
            break;
        default:
            (void)!event_send(mine, port);
        }
    }
}

static void test_storm(void **state UNUSED)
{
    uint32_t active = 0;

    host_run_parallel(4, storm, NULL);
    for (uint32_t p = 1; p < a->events.ports; p++) {
        struct event_status s = status_of(a, p);

        active += s.state > CHANNEL_RESERVED;
        if (s.state == CHANNEL_INTERDOMAIN)
            assert_int_equal(status_of(b, s.remote_port).remote_port, p);
    }
    assert_int_equal(active, a->events.active);
}

static int setup_four(void **state)
{
    machine_start(4);
    a = make_domain(2, 0);
    b = make_domain(2, 0);
    return (void)state, 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lowest_free_port_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interdomain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loopback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delivery, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mask, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bind_vcpu, setup, teardown),
        cmocka_unit_test_setup_teardown(test_virqs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mark_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_against_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_storm, setup_four, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
