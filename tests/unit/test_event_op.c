/* SPDX-License-Identifier: Apache-2.0 */
/* event_channel_op as guests call it. */
#include "tests/unit/abi.h"

static int64_t event_op(struct domain *d, uint32_t command, void *s, size_t n)
{
    return call_with(d, __HYPERVISOR_event_channel_op, command, s, n);
}

#define OP(d, command, s) event_op(d, command, &(s), sizeof(s))

static uint32_t alloc_for(struct domain *caller, uint16_t dom, uint16_t remote)
{
    struct evtchn_alloc_unbound a = { .dom = dom, .remote_dom = remote };

    assert_int_equal(OP(caller, EVTCHNOP_alloc_unbound, a), 0);
    return a.port;
}

static void test_every_argument_may_be_nowhere(void **state UNUSED)
{
    for (uint32_t command = 0; command <= EVTCHNOP_set_priority; command++)
        assert_int_equal(call_as(guest, __HYPERVISOR_event_channel_op, command, NOWHERE, 0), -E_FAULT);
    assert_int_equal(call_as(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_set_priority + 1, at(0), 0), -E_NOSYS);
}

static void test_alloc_unbound(void **state UNUSED)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };

    assert_int_equal(OP(guest, EVTCHNOP_alloc_unbound, a), 0);
    assert_int_equal(a.port, 1);
    a.dom = dom0->id.v;
    assert_int_equal(OP(guest, EVTCHNOP_alloc_unbound, a), -E_PERM);
    a.dom = guest->id.v;
    assert_int_equal(OP(guest, EVTCHNOP_alloc_unbound, a), 0);
    assert_int_equal(OP(dom0, EVTCHNOP_alloc_unbound, a), 0);
    assert_int_equal(a.port, 3);
    a.dom = NO_DOMAIN;
    assert_int_equal(OP(dom0, EVTCHNOP_alloc_unbound, a), -E_SRCH);
}

static void test_interdomain_and_status(void **state UNUSED)
{
    uint32_t port = alloc_for(dom0, guest->id.v, DOMID_SELF);
    struct evtchn_bind_interdomain b = { .remote_dom = guest->id.v, .remote_port = port };
    struct evtchn_status s = { .dom = guest->id.v, .port = port };
    struct evtchn_send send;
    struct evtchn_close c;

    assert_int_equal(OP(dom0, EVTCHNOP_status, s), 0);
    assert_int_equal(s.status, EVTCHNSTAT_unbound);
    assert_int_equal(s.u.unbound.dom, 0);
    assert_int_equal(OP(dom0, EVTCHNOP_bind_interdomain, b), 0);
    assert_int_equal(OP(dom0, EVTCHNOP_status, s), 0);
    assert_int_equal(s.status, EVTCHNSTAT_interdomain);
    assert_int_equal(s.u.interdomain.port, b.local_port);
    send.port = b.local_port;
    assert_int_equal(OP(dom0, EVTCHNOP_send, send), 0);
    assert_true(bit_of(shared_of(guest)->pending, port));
    c.port = b.local_port;
    assert_int_equal(OP(dom0, EVTCHNOP_close, c), 0);
    assert_int_equal(OP(dom0, EVTCHNOP_send, send), -E_INVAL);
    s.dom = 0;
    assert_int_equal(OP(guest, EVTCHNOP_status, s), -E_PERM);
    b.remote_dom = NO_DOMAIN;
    assert_int_equal(OP(dom0, EVTCHNOP_bind_interdomain, b), -E_SRCH);
}

static void test_virq_ipi_pirq(void **state UNUSED)
{
    struct evtchn_bind_virq v = { .virq = VIRQ_CONSOLE };
    struct evtchn_bind_ipi i = { .vcpu = 1 };
    struct evtchn_bind_pirq p = { .pirq = 40 };
    struct evtchn_bind_vcpu b = { .vcpu = 1 };
    struct evtchn_unmask u;
    struct evtchn_set_priority priority = { .port = 1, .priority = 3 };
    struct evtchn_status s = { .dom = DOMID_SELF };

    assert_int_equal(OP(dom0, EVTCHNOP_bind_virq, v), 0);
    assert_int_equal(OP(dom0, EVTCHNOP_bind_virq, v), -E_EXIST);
    b.port = u.port = s.port = v.port;
    assert_int_equal(OP(dom0, EVTCHNOP_bind_vcpu, b), 0);
    assert_int_equal(OP(dom0, EVTCHNOP_unmask, u), 0);
    assert_int_equal(OP(dom0, EVTCHNOP_status, s), 0);
    assert_int_equal(s.status, EVTCHNSTAT_virq);
    assert_int_equal(s.u.virq, VIRQ_CONSOLE);
    assert_int_equal(s.vcpu, 1);
    assert_int_equal(OP(dom0, EVTCHNOP_bind_ipi, i), 0);
    s.port = i.port;
    assert_int_equal(OP(dom0, EVTCHNOP_status, s), 0);
    assert_int_equal(s.status, EVTCHNSTAT_ipi);
    assert_int_equal(OP(dom0, EVTCHNOP_set_priority, priority), -E_NOSYS);
    assert_int_equal(OP(guest, EVTCHNOP_bind_pirq, p), -E_PERM);
    p.pirq = 1024;
    assert_int_equal(OP(guest, EVTCHNOP_bind_pirq, p), -E_INVAL);
}

static void test_fifo_and_reset(void **state UNUSED)
{
    struct evtchn_init_control c = { .control_gfn = FIRST_GFN + 4 };
    struct evtchn_expand_array e = { .array_gfn = FIRST_GFN + 5 };
    struct evtchn_reset r = { .dom = DOMID_SELF };

    assert_int_equal(OP(guest, EVTCHNOP_init_control, c), 0);
    assert_int_equal(c.link_bits, EVTCHN_FIFO_LINK_BITS);
    assert_int_equal(OP(guest, EVTCHNOP_expand_array, e), 0);
    for (unsigned i = 0; i < 200; i++)
        (void)alloc_for(guest, DOMID_SELF, DOMID_SELF);
    assert_int_equal(OP(guest, EVTCHNOP_reset, r), 0);
    assert_int_equal(guest->events.active, 0);
    assert_null(guest->events.fifo);
    r.dom = guest->id.v;
    assert_int_equal(OP(dom0, EVTCHNOP_reset, r), -E_INVAL);
    assert_int_equal(domain_pause_by_controller(guest), 0);
    assert_int_equal(OP(dom0, EVTCHNOP_reset, r), 0);
    assert_int_equal(domain_unpause_by_controller(guest), 0);
    r.dom = 0;
    assert_int_equal(OP(guest, EVTCHNOP_reset, r), -E_PERM);
}

/* Who cannot be told of the new port gets none. */
static void test_answer_cannot_be_written(void **state UNUSED)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    mfn_t mfn = frame_at(guest, FIRST_GFN + 7);

    put(guest, at(7 * PAGE_SIZE), &a, sizeof(a));
    assert_true(frame_get(mfn, &guest->owner));
    assert_int_equal(stage2_map(&guest->stage2, GFN(FIRST_GFN + 7), mfn, 0, S2_RAM_RO), 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, at(7 * PAGE_SIZE), 0), -E_FAULT);
    assert_int_equal(guest->events.active, 0);
    assert_int_equal(alloc_for(guest, DOMID_SELF, DOMID_SELF), 1);
}

static int attempt_bind(void *arg UNUSED)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };

    for (;;) {
        int64_t r = OP(guest, EVTCHNOP_alloc_unbound, a);

        if (r || a.port > 300)
            return (int)r;
    }
}

static void test_out_of_memory(void **state UNUSED)
{
    assert_true(oom_loop(attempt_bind, NULL, NULL) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_argument_may_be_nowhere, abi_setup),
        cmocka_unit_test_setup(test_alloc_unbound, abi_setup),
        cmocka_unit_test_setup(test_interdomain_and_status, abi_setup),
        cmocka_unit_test_setup(test_virq_ipi_pirq, abi_setup),
        cmocka_unit_test_setup(test_fifo_and_reset, abi_setup),
        cmocka_unit_test_setup(test_answer_cannot_be_written, abi_setup),
        cmocka_unit_test_setup(test_out_of_memory, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
