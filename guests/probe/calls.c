/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of single calls, and how a row is told. */

#include "guests/probe/probe.h"

/* The same loop twice, once with the trapping instruction and once with a nop in its place. */
#ifdef __aarch64__
#define CALL "hvc #0xea1"
#define HYPERCALL_LOOP(insn, nr, a0, a1, a2) \
    BEST_OF(BATCH, , \
            asm volatile("mov x16, %0\n mov x0, %1\n mov x1, %2\n mov x2, %3\n" insn \
                         : \
                         : "r"((uint64_t)(nr)), "r"((uint64_t)(a0)), "r"((uint64_t)(a1)), \
                           "r"((uint64_t)(a2)) \
                         : "x0", "x1", "x2", "x3", "x4", "x16", "memory"))
#else
#define CALL HYPERCALL
#define HYPERCALL_LOOP(insn, nr, a0, a1, a2) \
    BEST_OF(BATCH, , ({ \
        uint64_t ax_ = (uint64_t)(nr), di_ = (uint64_t)(a0), si_ = (uint64_t)(a1), dx_ = (uint64_t)(a2); \
        asm volatile(insn : "+a"(ax_), "+D"(di_), "+S"(si_), "+d"(dx_) : : "memory"); \
    }))
#endif

#define HYPERCALL_ROW(name, nr, a0, a1, a2) \
    row(name, per_operation(HYPERCALL_LOOP(CALL, nr, a0, a1, a2), \
                            HYPERCALL_LOOP("nop", nr, a0, a1, a2), BATCH))

#define UNKNOWN_HYPERCALL 60

void row(const char *name, unsigned long value)
{
    print("ROW %s %lu\n", name, value);
}

void row_signed(const char *name, long value)
{
    print("ROW %s %ld\n", name, value);
}

void row_missing(const char *name, const char *why)
{
    print("MISSING %s %s\n", name, why);
}

void probe_hypercalls(void)
{
    struct xen_feature_info features = { 0 };
    struct gnttab_query_size query = { .dom = DOMID_SELF };
    long rc;

    HYPERCALL_ROW("null_hypercall", __HYPERVISOR_xen_version, XENVER_version, 0, 0);
    HYPERCALL_ROW("unknown_hypercall", UNKNOWN_HYPERCALL, 0, 0, 0);
    rc = hypercall2(__HYPERVISOR_xen_version, XENVER_get_features, &features);
    if (rc == 0)
        HYPERCALL_ROW("get_features", __HYPERVISOR_xen_version, XENVER_get_features, &features, 0);
    else
        row_missing("get_features", "XENVER_get_features failed");
    rc = grant_op(GNTTABOP_query_size, &query, 1);
    if (rc == 0 && query.status == 0)
        HYPERCALL_ROW("grant_query_size", __HYPERVISOR_grant_table_op, GNTTABOP_query_size,
                      &query, 1);
    else
        row_missing("grant_query_size", "GNTTABOP_query_size failed");
}

/* The upcall is pending already, the channel's own bit is not: both words are set anew each time. */
static unsigned long time_send(struct evtchn_send *send, evtchn_port_t receiver)
{
    volatile xen_ulong_t *bits = &shared_info->evtchn_pending[receiver / 64];
    volatile xen_ulong_t *selector = &shared_info->vcpu_info[0].evtchn_pending_sel;
    uint64_t ticks = BEST_OF(BATCH, , ({
        *bits = 0;
        *selector = 0;
        hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, send);
    }));

    return per_operation(ticks, 0, BATCH);
}

void probe_events(void)
{
    struct evtchn_send send = { 0 };
    evtchn_port_t receiver;
    long port = event_loopback(&receiver);

    if (port < 0) {
        row_missing("event_send_pending", "no loopback channel");
        return;
    }
    send.port = (evtchn_port_t)port;
    evtchn_op(EVTCHNOP_send, &send);
    if (event_pending(receiver)) {
        row("event_send_pending", time_send(&send, receiver));
        HYPERCALL_ROW("event_send_bit_set", __HYPERVISOR_event_channel_op, EVTCHNOP_send, &send,
                      0);
    } else {
        row_missing("event_send_pending", "send did not set the bit");
    }
    event_clear(receiver);
}
