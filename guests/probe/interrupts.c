/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts that are really taken: events, SGIs, the virtual timer. */

#include "guests/probe/probe.h"

#define SGI_TEST 3

/* x28 counts interrupts taken by the fast vectors (the compiler leaves it alone). */
static uint64_t taken(void)
{
    uint64_t v;

    asm volatile("mov %0, x28" : "=r"(v));
    return v;
}

static void taken_reset(void)
{
    asm volatile("mov x28, xzr");
}

static unsigned long result(const char *name, uint64_t ticks)
{
    uint64_t count = taken();

    set_vectors(vectors);
    irq_disable();
    if (count != BATCH) {
        print("NOTE %s: %lu interrupts for %u operations\n", name, count, BATCH);
        row_missing(name, "not every operation gave one interrupt");
        return 0;
    }
    row(name, per_operation(ticks, 0, BATCH));
    return 1;
}

static void probe_event_delivered(const void *fdt)
{
    struct evtchn_send send = { 0 };
    volatile struct vcpu_info *info = &shared_info->vcpu_info[0];
    volatile xen_ulong_t *pending;
    evtchn_port_t receiver;
    long port = event_loopback(&receiver);
    uint64_t ticks;

    if (port < 0) {
        row_missing("event_send_delivered", "no loopback channel");
        return;
    }
    send.port = (evtchn_port_t)port;
    pending = &shared_info->evtchn_pending[receiver / 64];
    gic_enable(events_ppi(fdt));
    set_vectors(vectors_fast);
    irq_enable();
    ticks = BEST_OF(BATCH, taken_reset(), ({
        hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
        info->evtchn_upcall_pending = 0;
        info->evtchn_pending_sel = 0;
        *pending = 0;
    }));
    result("event_send_delivered", ticks);
    gic_disable(events_ppi(fdt));
}

static void probe_sgi(void)
{
    uint64_t value = ((uint64_t)SGI_TEST << 24) | 1;
    uint64_t ticks;

    set_vectors(vectors_fast);
    irq_enable();
    ticks = BEST_OF(BATCH, taken_reset(),
                    asm volatile("msr S3_0_C12_C11_5, %0\n isb" : : "r"(value) : "memory"));
    result("self_sgi", ticks);
}

/* An expired deadline fires at once; the handler turns the timer off. */
static void probe_timer(void)
{
    uint64_t ticks;

    gic_enable(PPI_VTIMER);
    write_sysreg(cntv_cval_el0, 0);
    set_vectors(vectors_fast_timer);
    irq_enable();
    ticks = BEST_OF(BATCH, taken_reset(), ({
        uint64_t before = taken();

        write_sysreg(cntv_ctl_el0, 1);
        isb();
        while (taken() == before)
            ;
    }));
    result("timer_interrupt", ticks);
    gic_disable(PPI_VTIMER);
}

void probe_interrupts(const void *fdt)
{
    probe_event_delivered(fdt);
    probe_sgi();
    probe_timer();
}
