/* SPDX-License-Identifier: Apache-2.0 */
/* Start of the probe, and the rows of single traps: hypercalls, registers, MMIO, PSCI. */

#include "guests/probe/probe.h"

/* The same loop twice, once with the trapping instruction and once with a nop in its place. */
#define HYPERCALL_LOOP(insn, nr, a0, a1, a2) \
    BEST_OF(BATCH, , \
            asm volatile("mov x16, %0\n mov x0, %1\n mov x1, %2\n mov x2, %3\n" insn \
                         : \
                         : "r"((uint64_t)(nr)), "r"((uint64_t)(a0)), "r"((uint64_t)(a1)), \
                           "r"((uint64_t)(a2)) \
                         : "x0", "x1", "x2", "x3", "x4", "x16", "memory"))

#define HYPERCALL_ROW(name, nr, a0, a1, a2) \
    row(name, per_operation(HYPERCALL_LOOP("hvc #0xea1", nr, a0, a1, a2), \
                            HYPERCALL_LOOP("nop", nr, a0, a1, a2), BATCH))

#define INSN_LOOP(insn, ...) BEST_OF(BATCH, , asm volatile(insn : : __VA_ARGS__))
#define INSN_ROW(name, insn, ...) \
    row(name, per_operation(INSN_LOOP(insn, __VA_ARGS__), INSN_LOOP("nop", __VA_ARGS__), BATCH))

#define UNKNOWN_HYPERCALL 60
#define GICD_TYPER 0x4
#define GICD_ISENABLER1 0x104

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

static void probe_hypercalls(void)
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

static void probe_events(const void *fdt)
{
    struct evtchn_send send = { 0 };
    evtchn_port_t receiver;
    long port = event_loopback(&receiver);

    if (port < 0) {
        row_missing("event_send_pending", "no loopback channel");
        return;
    }
    send.port = (evtchn_port_t)port;
    gic_disable(events_ppi(fdt));
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

void probe_calls(const void *fdt)
{
    uint64_t psci_id = PSCI_VERSION;

    probe_hypercalls();
    probe_events(fdt);
    INSN_ROW("register_trap", "mrs x0, id_aa64pfr0_el1", : "x0");
    INSN_ROW("register_trap_actlr", "mrs x0, actlr_el1", : "x0");
    INSN_ROW("gicd_read", "ldr w0, [%0]", "r"(gicd_base + GICD_TYPER) : "x0", "memory");
    INSN_ROW("gicd_write", "str wzr, [%0]", "r"(gicd_base + GICD_ISENABLER1) : "memory");
    row("psci_version",
        per_operation(INSN_LOOP("mov x0, %0\n hvc #0", "r"(psci_id)
                                : "x0", "x1", "x2", "x3", "memory"),
                      INSN_LOOP("mov x0, %0\n nop", "r"(psci_id)
                                : "x0", "x1", "x2", "x3", "memory"),
                      BATCH));
}

/* The counter only counts instructions when QEMU runs with -icount: a known loop tells. */
static void check_icount(void)
{
    uint64_t ticks = BEST_OF(1000, , asm volatile("nop\n nop\n nop\n nop\n nop\n nop"));
    unsigned long insns = per_operation(ticks, 0, 1000);

    row("calibration", insns);
    if (insns < 7 || insns > 10)
        print("NOTE not under -icount shift=0: the rows are not instruction counts\n");
}

struct group {
    const char *name;
    void (*run)(const void *fdt);
};

static void group_domains(const void *fdt)
{
    (void)fdt;
    probe_domains();
}

static void group_grants(const void *fdt)
{
    (void)fdt;
    probe_grants();
}

static void group_yield(const void *fdt)
{
    (void)fdt;
    probe_yield();
}

static void group_lateness(const void *fdt)
{
    (void)fdt;
    probe_lateness();
}

static void group_many(const void *fdt)
{
    (void)fdt;
    probe_many();
}

static void group_crowd(const void *fdt)
{
    (void)fdt;
    probe_crowd();
}

/* `many` comes last: what it creates stays. */
static const struct group groups[] = {
    { "calls", probe_calls },       { "interrupts", probe_interrupts },
    { "domains", group_domains },   { "grants", group_grants },
    { "yield", group_yield },       { "lateness", group_lateness },
    { "many", group_many },         { "crowd", group_crowd },
};

/* The command line may name groups (one machine each, so that a failure costs one group only). */
static bool wanted(const void *fdt, const struct group *group)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        any |= fdt_option(fdt, groups[i].name);
    return !any || fdt_option(fdt, group->name);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    check_icount();
    row("host_free_pages", host_free_pages());
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        if (wanted(fdt, &groups[i]))
            groups[i].run(fdt);
    print("DONE probe\n");
}
