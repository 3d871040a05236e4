/* SPDX-License-Identifier: Apache-2.0 */
/* Event channels, 2-level and FIFO: pending and mask bits, the upcall as an edge, VIRQs, IPIs. */

#include "guests/lib/hypercall.h"

static unsigned ppi;

static void on_upcall(unsigned intid)
{
    (void)intid;
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
}

static unsigned upcalls(void)
{
    irq_enable();
    isb();
    for (unsigned i = 0; i < 100; i++)
        asm volatile("nop");
    irq_disable();
    return irq_count[ppi];
}

static long send_on(long port)
{
    struct evtchn_send op = { .port = (evtchn_port_t)port };

    return evtchn_op(EVTCHNOP_send, &op);
}

static long unmask(evtchn_port_t port)
{
    struct evtchn_unmask op = { .port = port };

    return evtchn_op(EVTCHNOP_unmask, &op);
}

static void set_mask(evtchn_port_t port, bool on)
{
    uint64_t bit = 1UL << (port % 64);

    if (on)
        __atomic_fetch_or(&shared_info->evtchn_mask[port / 64], bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&shared_info->evtchn_mask[port / 64], ~bit, __ATOMIC_SEQ_CST);
}

static void test_delivery(void)
{
    evtchn_port_t receiver = 0;
    long port = event_loopback(&receiver);
    unsigned before = upcalls();

    check(port > 0 && receiver > 0, "loopback channel", "%ld", port);
    check_eq("send", send_on(port), 0);
    check(event_pending(receiver), "its bit is set", "clear");
    check(!event_pending((evtchn_port_t)port), "the sender's is not", "set");
    check(shared_info->vcpu_info[0].evtchn_pending_sel & (1UL << (receiver / 64)),
          "its selector bit", "%lx", shared_info->vcpu_info[0].evtchn_pending_sel);
    check_eq("one upcall", upcalls(), before + 1);
    check_eq("send when pending", send_on(port), 0);
    check_eq("no second upcall", upcalls(), before + 1);
    event_clear(receiver);
    check_eq("send after clearing", send_on(port), 0);
    check_eq("upcall again", upcalls(), before + 2);
    event_clear(receiver);
}

static void test_masking(void)
{
    evtchn_port_t receiver = 0;
    long port = event_loopback(&receiver);
    unsigned before = upcalls();

    set_mask(receiver, true);
    check_eq("send when masked", send_on(port), 0);
    check(event_pending(receiver), "pending though masked", "clear");
    check_eq("no upcall when masked", upcalls(), before);
    check_eq("unmask", unmask(receiver), 0);
    check_eq("upcall at unmask", upcalls(), before + 1);
    check(!(shared_info->evtchn_mask[receiver / 64] & (1UL << (receiver % 64))),
          "unmask clears the bit", "set");
    event_clear(receiver);
    set_mask(receiver, true);
    check_eq("unmask with nothing pending", unmask(receiver), 0);
    check_eq("gives no upcall", upcalls(), before + 1);
}

static long close_port(long port)
{
    struct evtchn_close op = { .port = (evtchn_port_t)port };

    return evtchn_op(EVTCHNOP_close, &op);
}

static uint32_t status_of(long port)
{
    struct evtchn_status op = { .dom = DOMID_SELF, .port = (evtchn_port_t)port };

    return evtchn_op(EVTCHNOP_status, &op) ? ~0u : op.status;
}

static void test_states(void)
{
    struct evtchn_bind_ipi ipi = { .vcpu = 0 };
    struct evtchn_bind_virq virq = { .virq = VIRQ_CONSOLE };
    evtchn_port_t receiver = 0;
    long port = event_loopback(&receiver);

    check_eq("status of a connected port", status_of(port), EVTCHNSTAT_interdomain);
    check_eq("close one end", close_port(port), 0);
    check_eq("the other end waits again", status_of(receiver), EVTCHNSTAT_unbound);
    check_eq("status of a closed port", status_of(port), EVTCHNSTAT_closed);
    check_eq("send on the end that waits", send_on(receiver), 0);
    check_eq("close it", close_port(receiver), 0);
    check_eq("bind an IPI", evtchn_op(EVTCHNOP_bind_ipi, &ipi), 0);
    check_eq("status of an IPI", status_of(ipi.port), EVTCHNSTAT_ipi);
    check_eq("send an IPI", send_on(ipi.port), 0);
    check(event_pending(ipi.port), "the IPI is pending", "clear");
    event_clear(ipi.port);
    check_eq("bind VIRQ_CONSOLE", evtchn_op(EVTCHNOP_bind_virq, &virq), 0);
    check_eq("status of a VIRQ", status_of(virq.port), EVTCHNSTAT_virq);
    check_eq("close the IPI", close_port(ipi.port), 0);
    check_eq("close the VIRQ", close_port(virq.port), 0);
}

static void test_poll(void)
{
    evtchn_port_t receiver = 0;
    long port = event_loopback(&receiver);
    struct sched_poll poll = { .nr_ports = 1 };
    uint64_t start = counter_now();
    struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER };

    set_xen_guest_handle(poll.ports, &receiver);
    set_mask(receiver, true);
    send_on(port);
    check_eq("poll of a pending port", sched_op(SCHEDOP_poll, &poll), 0);
    event_clear(receiver);
    check_eq("bind VIRQ_TIMER", evtchn_op(EVTCHNOP_bind_virq, &virq), 0);
    poll.timeout = start * 16 + 3000000;
    check_eq("poll with a timeout", sched_op(SCHEDOP_poll, &poll), 0);
    check(counter_now() - start < 5000 * TICKS_PER_MS, "it came back", "late");
    check_eq("close VIRQ_TIMER", close_port(virq.port), 0);
}

static void test_many(void)
{
    static long ports[300];
    unsigned made = 0, wrong = 0;

    for (; made < ARRAY_SIZE(ports); made++) {
        struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };

        if (evtchn_op(EVTCHNOP_alloc_unbound, &op))
            break;
        ports[made] = op.port;
    }
    check_eq("300 ports", made, ARRAY_SIZE(ports));
    for (unsigned i = 0; i < made; i++)
        for (unsigned j = 0; j < i; j++)
            wrong += ports[i] == ports[j];
    check_eq("all different", wrong, 0);
    for (unsigned i = 0; i < made; i++)
        wrong += close_port(ports[i]) != 0;
    check_eq("all closed", wrong, 0);
}

/* FIFO: one control block and one array page; an event is linked into its queue. */
static void test_fifo(void)
{
    static uint8_t control[PAGE_SIZE] PAGE_ALIGNED;
    static uint32_t array[PAGE_SIZE / 4] PAGE_ALIGNED;
    struct evtchn_init_control init = { .control_gfn = (uint64_t)control >> PAGE_SHIFT };
    struct evtchn_expand_array expand = { .array_gfn = (uint64_t)array >> PAGE_SHIFT };
    struct evtchn_fifo_control_block *block = (void *)control;
    struct evtchn_set_priority priority;
    evtchn_port_t receiver = 0;
    long port;

    init.offset = 12;
    check_eq("FIFO control block misplaced", evtchn_op(EVTCHNOP_init_control, &init),
             -XEN_EINVAL);
    init.offset = 0;
    check_eq("FIFO control block", evtchn_op(EVTCHNOP_init_control, &init), 0);
    check_eq("link bits", init.link_bits, EVTCHN_FIFO_LINK_BITS);
    check_eq("FIFO array", evtchn_op(EVTCHNOP_expand_array, &expand), 0);
    port = event_loopback(&receiver);
    check(port > 0, "channel with FIFO", "%ld", port);
    priority = (struct evtchn_set_priority){ .port = receiver, .priority = 3 };
    check_eq("priority 3", evtchn_op(EVTCHNOP_set_priority, &priority), 0);
    priority.priority = 77;
    check_eq("priority 77", evtchn_op(EVTCHNOP_set_priority, &priority), -XEN_EINVAL);
    array[receiver] &= ~(1u << EVTCHN_FIFO_MASKED);
    check_eq("send with FIFO", send_on(port), 0);
    check(array[receiver] & (1u << EVTCHN_FIFO_PENDING), "pending in the array", "%x",
          array[receiver]);
    check(array[receiver] & (1u << EVTCHN_FIFO_LINKED), "linked", "%x", array[receiver]);
    check(block->ready & (1 << 3), "ready queue", "%x", block->ready);
    check_eq("head of it", block->head[3], receiver);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    ppi = events_ppi(fdt);
    gic_handler(ppi, on_upcall);
    gic_enable(ppi);
    test_delivery();
    test_masking();
    test_states();
    test_poll();
    test_many();
    test_fifo();
    test_done();
}
