/* SPDX-License-Identifier: Apache-2.0 */
/* sched_op, vcpu_op, hvm_op, multicall, and what is the control domain's. */
#include "compat.h"

/* The last bytes before a page that is not there: a structure that is read longer than it is does not fit. */
static char *before_hole(size_t n)
{
    xen_pfn_t gfn = gfn_of(pages[51]);
    struct xen_memory_reservation out = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(out.extent_start, &gfn);
    (void)call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &out, 0);
    return pages[51] - n;
}

static uint64_t now(void)
{
    struct vcpu_runstate_info r;

    (void)call_narrow(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, (unsigned long)&r, 0, 0);
    return r.time[0] + r.time[1] + r.time[2] + r.time[3];
}

static void test_runstate(void)
{
    struct { struct vcpu_runstate_info r; uint32_t behind; } asked = { .behind = 0x12345678 };
    static struct { struct vcpu_runstate_info r; uint32_t behind; } area = { .behind = 0x12345678 };
    struct vcpu_register_runstate_memory_area op = { .addr.p = 0 };

    check_equal("get_runstate_info", call_narrow(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, (unsigned long)&asked, 0, 0), 0);
    check("of 44 bytes", asked.r.state == RUNSTATE_running && asked.r.time[0] != 0 && asked.behind == 0x12345678);
    /* Above the pointer is whatever the stack had. */
    op.addr.p = 0xdeadbeef00000000ull | (uintptr_t)&area;
    check_equal("its area", call_narrow(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, (unsigned long)&op, 0, 0), 0);
    check("of 44 bytes too", area.r.state == RUNSTATE_running && area.r.state_entry_time != 0 && area.behind == 0x12345678);
}

static void test_timers(void)
{
    struct vcpu_set_singleshot_timer *at = (void *)before_hole(sizeof(*at));

    at->timeout_abs_ns = 1;
    at->flags = VCPU_SSHOTTMR_future;
    check_equal("a timer before a hole", call_narrow(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, (unsigned long)at, 0, 0), -62);
    check_equal("one that reaches into it",
                call_narrow(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, (unsigned long)at + 1, 0, 0), -14);
}

static void test_poll(void)
{
    struct sched_poll *op = (void *)before_hole(sizeof(*op));
    struct evtchn_alloc_unbound free = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    evtchn_port_t port;
    uint64_t before = now();

    (void)call(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &free, 0);
    port = free.port;
    shared->vcpu_info[0].evtchn_upcall_pending = 0;
    set_xen_guest_handle(op->ports, &port);
    op->nr_ports = 1;
    op->timeout = 1;
    check_equal("a poll", call(__HYPERVISOR_sched_op, SCHEDOP_poll, op, 0), 0);
    op->nr_ports = 1000;
    check_equal("of too many", call(__HYPERVISOR_sched_op, SCHEDOP_poll, op, 0), -22);
    check_equal("yield", call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0), 0);
    check("time goes on", now() > before);
}

static void test_parameters(void)
{
    struct xen_hvm_param param = { .domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 1 };

    check_equal("set_param", call(__HYPERVISOR_hvm_op, HVMOP_set_param, &param, 0), 0);
    param.value = 0x1234567812345678ull;
    check("get_param", call(__HYPERVISOR_hvm_op, HVMOP_get_param, &param, 0) == 0 && param.value == 1);
}

static void test_multicall(void)
{
    static struct multicall_entry list[12];
    static xen_pfn_t gfns[20];
    static struct xen_memory_reservation memory = { .nr_extents = 20, .domid = DOMID_SELF };
    bool good = true;

    for (unsigned i = 0; i < 20; i++)
        gfns[i] = gfn_of(pages[8 + i]);
    set_xen_guest_handle(memory.extent_start, gfns);
    for (unsigned i = 0; i < 12; i++) {
        list[i] = (struct multicall_entry){ .op = __HYPERVISOR_xen_version, .result = 99, .args = { XENVER_version } };
    }
    list[3] = (struct multicall_entry){ .op = __HYPERVISOR_memory_op, .args = { XENMEM_decrease_reservation, (unsigned long)&memory } };
    list[5] = (struct multicall_entry){ .op = __HYPERVISOR_memory_op, .args = { XENMEM_populate_physmap, (unsigned long)&memory } };
    list[7] = (struct multicall_entry){ .op = __HYPERVISOR_multicall, .args = { (unsigned long)list, 1 } };
    check_equal("multicall", call(__HYPERVISOR_multicall, (unsigned long)list, (void *)12, 0), 0);
    for (unsigned i = 0; i < 12; i++)
        good = good && (i == 3 || i == 5 || i == 7 || list[i].result >> 16 == 4);
    check("its results", good);
    check_equal("pages that go in it", (long)list[3].result, 20);
    check_equal("and come back", (long)list[5].result, 20);
    check_equal("one within the other", (long)list[7].result, -22);
}

static void test_control(void)
{
    check_equal("domctl is not for 32-bit code", call(__HYPERVISOR_domctl, (unsigned long)pages[50], 0, 0), -38);
    check_equal("nor sysctl", call(__HYPERVISOR_sysctl, (unsigned long)pages[50], 0, 0), -38);
    check_equal("nor claims", call(__HYPERVISOR_memory_op, XENMEM_claim_pages, pages[50], 0), -38);
}

void test_calls(void)
{
    test_runstate();
    test_timers();
    test_poll();
    test_parameters();
    test_multicall();
    test_control();
}
