/* SPDX-License-Identifier: Apache-2.0 */
/* Event channels of the two-level ABI, whose words have 32 bits, then of the FIFO ABI, whose words are the same. */
#include "compat.h"

static uint32_t connect(uint32_t *remote)
{
    struct evtchn_alloc_unbound there = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain here = { .remote_dom = DOMID_SELF };

    if (call(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &there, 0))
        return 0;
    here.remote_port = *remote = there.port;
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &here, 0) ? 0 : here.local_port;
}

static bool is_set(const xen_ulong_t *words, uint32_t port)
{
    return words[port / 32] >> port % 32 & 1;
}

static void test_bits(void)
{
    struct vcpu_info *info = &shared->vcpu_info[0];
    struct evtchn_unmask unmask;
    struct evtchn_status status = { .dom = DOMID_SELF };
    struct evtchn_send send;
    uint32_t remote = 0, last = 0;

    /* So many that the selector's second bit is a word of 32, and a third and fourth. */
    for (unsigned i = 0; i < 40; i++)
        last = connect(&remote);
    check("ports beyond the first words", last > 64);
    send.port = last;
    memset(shared->evtchn_pending, 0, sizeof(shared->evtchn_pending));
    memset(shared->evtchn_mask, 0xff, sizeof(shared->evtchn_mask));
    info->evtchn_pending_sel = 0;
    info->evtchn_upcall_pending = 0;
    check_equal("send to a masked port", call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, 0), 0);
    check("it is pending and nothing else happens", is_set(shared->evtchn_pending, remote) && !info->evtchn_upcall_pending && !info->evtchn_pending_sel);
    unmask.port = remote;
    check_equal("unmask", call(__HYPERVISOR_event_channel_op, EVTCHNOP_unmask, &unmask, 0), 0);
    check("its word is selected", info->evtchn_pending_sel == 1u << remote / 32 && info->evtchn_upcall_pending == 1);
    check("it is not masked", !is_set(shared->evtchn_mask, remote) && is_set(shared->evtchn_mask, remote + 1));
    status.port = last;
    check("status", call(__HYPERVISOR_event_channel_op, EVTCHNOP_status, &status, 0) == 0 && status.status == EVTCHNSTAT_interdomain &&
          status.u.interdomain.port == remote);
}

static void test_limit(void)
{
    struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    uint32_t last = 0;
    long r;

    while (!(r = call(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &op, 0)))
        last = op.port;
    check_equal("no more ports than there are bits", r, -28);
    check_equal("and so many", (long)last, 1023);
    for (uint32_t port = 200; port < 1024; port++) {
        struct evtchn_close close = { .port = port };

        (void)call(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &close, 0);
    }
}

void test_events(void)
{
    test_bits();
    test_limit();
}
