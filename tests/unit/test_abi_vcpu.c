/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu_op, sched_op, hvm_op, vm_assist, and the vCPU half of domctl. */
#include "tests/unit/abi.h"

#define BUFFER at(PAGE_SIZE)

static int two_cpus(void **state UNUSED)
{
    abi_machine(2);
    return 0;
}

static int64_t register_info(struct domain *d, unsigned vcpu, uint64_t gfn, uint32_t offset)
{
    struct vcpu_register_vcpu_info in = { .mfn = gfn, .offset = offset };

    put(d, at(0), &in, sizeof(in));
    return call_as(d, __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, vcpu, at(0));
}

static void test_vcpu_info(void **state UNUSED)
{
    uint8_t pending;

    assert_int_equal(register_info(guest, 0, FIRST_GFN + 5, PAGE_SIZE - 8), -E_NXIO);
    assert_int_equal(register_info(guest, 0, HOLE_GFN, 0), -E_INVAL);
    assert_int_equal(register_info(guest, 0, 0xfffffffff, 0), -E_INVAL);
    assert_int_equal(register_info(guest, 77, FIRST_GFN + 5, 0), -E_NOENT);
    assert_int_equal(register_info(guest, 0, FIRST_GFN + 5, 128), 0);
    get(guest, at(5 * PAGE_SIZE + 128), &pending, 1);
    assert_int_not_equal(pending, 0);
    assert_int_equal(register_info(guest, 0, FIRST_GFN + 5, 128), -E_INVAL);
    /* For one that is down. */
    assert_int_equal(register_info(guest, 1, FIRST_GFN + 5, 256), 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, NOWHERE), -E_FAULT);
    assert_int_equal(call_as(guest, __HYPERVISOR_vcpu_op, VCPUOP_up, 1, at(0)), -E_INVAL);
}

static void test_runstate(void **state UNUSED)
{
    struct vcpu_register_runstate_memory_area in = { .addr.p = BUFFER };
    struct vcpu_runstate_info info = { .state = 99 };

    put(guest, at(0), &in, sizeof(in));
    assert_int_equal(call_as(guest, __HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, at(0)), 0);
    calm();
    get(guest, BUFFER, &info, sizeof(info));
    assert_true(info.state <= RUNSTATE_offline);
    assert_int_equal(call_as(guest, __HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 1, at(0)), -E_INVAL);
}

static void test_assist(void **state UNUSED)
{
    assert_int_equal(call_as(guest, __HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag, 0), 0);
    assert_int_equal(guest->vm_assist, VM_ASSIST_RUNSTATE_UPDATE);
    assert_int_equal(call_as(guest, __HYPERVISOR_vm_assist, VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag, 0), 0);
    assert_int_equal(guest->vm_assist, 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_4gb_segments, 0), -E_INVAL);
    assert_int_equal(call_as(guest, __HYPERVISOR_vm_assist, VMASST_CMD_enable, 64, 0), -E_INVAL);
}

static int64_t sched_op(struct domain *d, uint32_t cmd, void *s, size_t n)
{
    return call_with(d, __HYPERVISOR_sched_op, cmd, s, n);
}

static void test_yield_and_poll(void **state UNUSED)
{
    struct sched_poll poll = { .nr_ports = 5000 };

    assert_int_equal(call_as(guest, __HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0), 0);
    assert_int_equal(sched_op(guest, SCHEDOP_poll, &poll, sizeof(poll)), -E_INVAL);
    poll.nr_ports = 1;
    poll.ports.q = NOWHERE;
    assert_int_equal(sched_op(guest, SCHEDOP_poll, &poll, sizeof(poll)), -E_FAULT);
    assert_int_equal(call_as(guest, __HYPERVISOR_sched_op, SCHEDOP_poll, NOWHERE, 0), -E_FAULT);
    assert_int_equal(call_as(guest, __HYPERVISOR_sched_op, SCHEDOP_pin_override, at(0), 0), -E_PERM);
}

static void test_watchdog(void **state UNUSED)
{
    struct sched_watchdog w = { .timeout = 1000 };

    assert_int_equal(sched_op(guest, SCHEDOP_watchdog, &w, sizeof(w)), 1);
    assert_int_equal(sched_op(guest, SCHEDOP_watchdog, &w, sizeof(w)), 2);
    assert_int_equal(sched_op(guest, SCHEDOP_watchdog, &w, sizeof(w)), -E_NOSPC);
    w.id = 2;
    w.timeout = 0;
    assert_int_equal(sched_op(guest, SCHEDOP_watchdog, &w, sizeof(w)), 0);
    assert_int_equal(sched_op(guest, SCHEDOP_watchdog, &w, sizeof(w)), -E_INVAL);
    w.id = 9;
    assert_int_equal(sched_op(guest, SCHEDOP_watchdog, &w, sizeof(w)), -E_INVAL);
}

static void test_shutdown(void **state UNUSED)
{
    struct sched_shutdown s = { .reason = SHUTDOWN_reboot };
    struct xen_domctl op = { 0 };

    put(guest, at(0), &s, sizeof(s));
    (void)call_as(guest, __HYPERVISOR_sched_op, SCHEDOP_shutdown, at(0), 0);
    assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, guest->id.v), 0);
    assert_true(op.u.getdomaininfo.flags & XEN_DOMINF_shutdown);
    assert_int_equal(op.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask, SHUTDOWN_reboot);
    assert_int_equal(domctl_on(XEN_DOMCTL_resumedomain, guest->id.v), 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_xen_version, XENVER_version, 0, 0), 4 << 16 | 17);
}

static void test_shutdown_by_dom0(void **state UNUSED)
{
    struct sched_shutdown code = { .reason = SHUTDOWN_crash };
    struct sched_remote_shutdown r = { .domain_id = guest->id.v, .reason = SHUTDOWN_poweroff };

    assert_int_equal(sched_op(guest, SCHEDOP_shutdown_code, &code, sizeof(code)), 0);
    assert_int_equal(sched_op(guest, SCHEDOP_remote_shutdown, &r, sizeof(r)), -E_PERM);
    assert_int_equal(sched_op(dom0, SCHEDOP_remote_shutdown, &r, sizeof(r)), 0);
    assert_true(guest->shut_down);
    /* The reason that the guest had left goes before. */
    assert_int_equal(guest->shutdown_code, SHUTDOWN_crash);
    r.domain_id = NO_DOMAIN;
    assert_int_equal(sched_op(dom0, SCHEDOP_remote_shutdown, &r, sizeof(r)), -E_SRCH);
}

static int64_t param(struct domain *d, uint32_t cmd, uint16_t id, uint32_t index, uint64_t *value)
{
    struct xen_hvm_param p = { .domid = id, .index = index, .value = *value };
    int64_t r = call_with(d, __HYPERVISOR_hvm_op, cmd, &p, sizeof(p));

    *value = p.value;
    return r;
}

static void test_params(void **state UNUSED)
{
    uint64_t v = 42;
    uint16_t id = guest->id.v;

    assert_int_equal(param(dom0, HVMOP_set_param, id, HVM_PARAM_STORE_EVTCHN, &v), 0);
    v = 0;
    assert_int_equal(param(guest, HVMOP_get_param, DOMID_SELF, HVM_PARAM_STORE_EVTCHN, &v), 0);
    assert_int_equal(v, 42);
    assert_int_equal(param(guest, HVMOP_set_param, DOMID_SELF, HVM_PARAM_STORE_EVTCHN, &v), -E_PERM);
    assert_int_equal(param(dom0, HVMOP_set_param, id, HVM_PARAM_MONITOR_RING_PFN, &v), 0);
    assert_int_equal(param(guest, HVMOP_get_param, DOMID_SELF, HVM_PARAM_MONITOR_RING_PFN, &v), -E_PERM);
    assert_int_equal(param(dom0, HVMOP_get_param, id, HVM_PARAM_MONITOR_RING_PFN, &v), 0);
    assert_int_equal(param(guest, HVMOP_get_param, 0, HVM_PARAM_STORE_PFN, &v), -E_PERM);
    assert_int_equal(param(guest, HVMOP_get_param, DOMID_SELF, 500, &v), -E_INVAL);
    assert_int_equal(param(dom0, HVMOP_set_param, id, HVM_PARAM_IOREQ_PFN, &v), -E_INVAL);
    assert_int_equal(param(dom0, HVMOP_get_param, NO_DOMAIN, HVM_PARAM_STORE_PFN, &v), -E_SRCH);
    assert_int_equal(call_as(guest, __HYPERVISOR_hvm_op, HVMOP_get_param, NOWHERE, 0), -E_FAULT);
}

static int64_t context(uint32_t cmd, uint32_t vcpu, struct vcpu_guest_context *c)
{
    struct xen_domctl op = { 0 };
    int64_t r;

    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt.q = BUFFER;
    put(dom0, BUFFER, c, sizeof(*c));
    r = domctl(&op, cmd, guest->id.v);
    get(dom0, BUFFER, c, sizeof(*c));
    return r;
}

static void test_context(void **state UNUSED)
{
    struct vcpu_guest_context c = { .flags = VGCF_online, .sctlr = 0xc50078 };

    assert_int_equal(context(XEN_DOMCTL_getvcpucontext, 1, &c), -E_NODATA);
    c = (struct vcpu_guest_context){ .flags = VGCF_online, .sctlr = 0xc50078 };
    c.user_regs.pc64 = 0x40080000;
    c.user_regs.cpsr = PSR_GUEST64_INIT;
    c.user_regs.x0 = 0x48000000;
    c.user_regs.x30 = 30;
    assert_int_equal(domctl_on(XEN_DOMCTL_pausedomain, guest->id.v), 0);
    assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 1, &c), 0);
    assert_int_equal(guest->vcpus[1]->pause_flags & VCPU_DOWN, 0);
    memset(&c, 0, sizeof(c));
    assert_int_equal(context(XEN_DOMCTL_getvcpucontext, 1, &c), 0);
    assert_int_equal(c.user_regs.pc64, 0x40080000);
    assert_int_equal(c.user_regs.cpsr, PSR_GUEST64_INIT);
    assert_int_equal(c.user_regs.x30, 30);
    assert_int_equal(c.sctlr, 0xc50078);
    assert_int_equal(c.flags, VGCF_online);
    c.flags = 0;
    assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 1, &c), 0);
    assert_int_equal(guest->vcpus[1]->pause_flags & VCPU_DOWN, VCPU_DOWN);
    c.user_regs.cpsr = 0x3c9;       /* EL2 */
    assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 1, &c), -E_INVAL);
    c.user_regs.cpsr = PSR_MODE_SVC;
    assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 1, &c), -E_INVAL);
    assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 9, &c), -E_SRCH);
    assert_int_equal(domctl_on(XEN_DOMCTL_setvcpucontext, guest->id.v), -E_OPNOTSUPP);
}

static void test_context_of_32_bits(void **state UNUSED)
{
    struct vcpu_guest_context c = { .flags = VGCF_online, .sctlr = SCTLR_GUEST_INIT };

    guest->address_size = 32;
    c.user_regs.pc64 = 0x40008000;
    c.user_regs.cpsr = PSR_GUEST32_INIT;
    c.user_regs.x1 = UINT32_MAX;
    c.user_regs.spsr_und = PSR_MODE_SVC;
    assert_int_equal(domctl_on(XEN_DOMCTL_pausedomain, guest->id.v), 0);
    assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 1, &c), 0);
    memset(&c, 0, sizeof(c));
    assert_int_equal(context(XEN_DOMCTL_getvcpucontext, 1, &c), 0);
    assert_int_equal(c.user_regs.cpsr, PSR_GUEST32_INIT);
    assert_int_equal(c.user_regs.x1, UINT32_MAX);
    assert_int_equal(c.user_regs.spsr_und, PSR_MODE_SVC);
    /* Modes of others, and registers that there are not. */
    static const uint64_t bad[] = { PSR_MODE_EL1h, PSR_MODE_EL2h, PSR_MODE_MON, PSR_MODE_HYP, PSR_MODE_EL0t };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        c.user_regs.cpsr = bad[i];
        assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 1, &c), -E_INVAL);
    }
    c.user_regs.cpsr = PSR_GUEST32_INIT;
    c.user_regs.sp_el1 = 1;
    assert_int_equal(context(XEN_DOMCTL_setvcpucontext, 1, &c), -E_INVAL);
}

/* A caller that offers something unreadable after the guest was held lets it go; nothing is left behind by any answer. */
static void test_context_leaves_nothing_held(void **state UNUSED)
{
    struct xen_domctl op = { 0 };
    struct vcpu_guest_context c;

    assert_int_equal(context(XEN_DOMCTL_getvcpucontext, 0, &c), 0);
    assert_int_equal(guest->pause_count, 0);
    guest->held = true;             /* as a call leaves it that waits for another CPU */
    domain_pause(guest);
    op.u.vcpucontext.ctxt.q = NOWHERE;
    assert_int_equal(domctl(&op, XEN_DOMCTL_setvcpucontext, guest->id.v), -E_FAULT);
    assert_false(guest->held);
    assert_int_equal(guest->pause_count, 0);
}

static void test_vcpu_numbers(void **state UNUSED)
{
    struct xen_domctl op = { 0 };

    assert_int_equal(domctl(&op, XEN_DOMCTL_getvcpuinfo, guest->id.v), 0);
    assert_int_equal(op.u.getvcpuinfo.online, 1);
    op.u.getvcpuinfo.vcpu = 1;
    assert_int_equal(domctl(&op, XEN_DOMCTL_getvcpuinfo, guest->id.v), 0);
    assert_int_equal(op.u.getvcpuinfo.online, 0);
    op.u.getvcpuinfo.vcpu = 2;
    assert_int_equal(domctl(&op, XEN_DOMCTL_getvcpuinfo, guest->id.v), -E_INVAL);
}

static int64_t affinity(uint32_t cmd, uint32_t flags, uint32_t vcpu, uint8_t *hard, uint8_t *soft)
{
    struct xen_domctl op = { 0 };
    int64_t r;

    put(dom0, BUFFER, hard, 1);
    put(dom0, BUFFER + 8, soft, 1);
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = flags;
    op.u.vcpuaffinity.cpumap_hard.bitmap.q = BUFFER;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    op.u.vcpuaffinity.cpumap_soft.bitmap.q = BUFFER + 8;
    op.u.vcpuaffinity.cpumap_soft.nr_bits = 8;
    r = domctl(&op, cmd, guest->id.v);
    get(dom0, BUFFER, hard, 1);
    get(dom0, BUFFER + 8, soft, 1);
    return r;
}

static void test_affinity(void **state UNUSED)
{
    uint8_t hard = 0xfe, soft = 0xff;

    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, 0, &hard, &soft), 0);
    assert_int_equal(hard, 2);
    assert_int_equal(soft, 2);
    assert_int_equal(affinity(XEN_DOMCTL_getvcpuaffinity, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, 0, &hard, &soft), 0);
    assert_int_equal(hard, 2);
    assert_int_equal(soft, 3);
    hard = 0x80;
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD, 0, &hard, &soft), -E_INVAL);
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 0, 0, &hard, &soft), -E_INVAL);
    assert_int_equal(affinity(XEN_DOMCTL_getvcpuaffinity, 0, 0, &hard, &soft), -E_INVAL);
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 8, 0, &hard, &soft), -E_INVAL);
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_FORCE, 0, &hard, &soft), 0);
    /* Soft alone: within what is hard; none of it there is no error. */
    soft = 0x81;
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_SOFT, 0, &hard, &soft), 0);
    assert_int_equal(soft, 0);
    hard = 3;
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_FORCE, 0, &hard, &soft), 0);
    assert_int_equal(hard, 3);
    soft = 0x81;
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_SOFT, 0, &hard, &soft), 0);
    assert_int_equal(soft, 1);
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD, 9, &hard, &soft), -E_INVAL);
    assert_int_equal(call_as(guest, __HYPERVISOR_xen_version, XENVER_version, 0, 0), 4 << 16 | 17);
}

static void test_nodes(void **state UNUSED)
{
    struct xen_domctl op = { 0 };
    uint8_t nodes = 1;

    op.u.nodeaffinity.nodemap.bitmap.q = BUFFER;
    op.u.nodeaffinity.nodemap.nr_bits = 8;
    put(dom0, BUFFER, &nodes, 1);
    assert_int_equal(domctl(&op, XEN_DOMCTL_setnodeaffinity, guest->id.v), 0);
    assert_int_equal(domctl(&op, XEN_DOMCTL_getnodeaffinity, guest->id.v), 0);
    nodes = 2;
    put(dom0, BUFFER, &nodes, 1);
    assert_int_equal(domctl(&op, XEN_DOMCTL_setnodeaffinity, guest->id.v), -E_INVAL);
    op.u.nodeaffinity.nodemap.bitmap.q = NOWHERE;
    assert_int_equal(domctl(&op, XEN_DOMCTL_setnodeaffinity, guest->id.v), -E_FAULT);
}

static int64_t weight(uint32_t cmd, uint16_t w, uint16_t cap, struct xen_domctl *op)
{
    memset(op, 0, sizeof(*op));
    op->u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op->u.scheduler_op.cmd = cmd;
    op->u.scheduler_op.u.credit2.weight = w;
    op->u.scheduler_op.u.credit2.cap = cap;
    return domctl(op, XEN_DOMCTL_scheduler_op, guest->id.v);
}

static void test_weight(void **state UNUSED)
{
    struct xen_domctl op;

    assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_putinfo, 512, 0xffff, &op), 0);
    assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_putinfo, 0, 50, &op), 0);
    assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_getinfo, 0, 0, &op), 0);
    assert_int_equal(op.u.scheduler_op.u.credit2.weight, 512);
    assert_int_equal(op.u.scheduler_op.u.credit2.cap, 50);
    assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_putvcpuinfo, 1, 0, &op), -E_INVAL);
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
    assert_int_equal(domctl(&op, XEN_DOMCTL_scheduler_op, guest->id.v), -E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_vcpu_info, abi_setup), cmocka_unit_test_setup(test_runstate, abi_setup),
        cmocka_unit_test_setup(test_assist, abi_setup), cmocka_unit_test_setup(test_yield_and_poll, abi_setup),
        cmocka_unit_test_setup(test_watchdog, abi_setup), cmocka_unit_test_setup(test_shutdown, abi_setup),
        cmocka_unit_test_setup(test_shutdown_by_dom0, abi_setup), cmocka_unit_test_setup(test_params, abi_setup),
        cmocka_unit_test_setup(test_context, abi_setup),
        cmocka_unit_test_setup(test_context_of_32_bits, abi_setup), cmocka_unit_test_setup(test_vcpu_numbers, abi_setup),
        cmocka_unit_test_setup(test_context_leaves_nothing_held, abi_setup),
        cmocka_unit_test_setup(test_affinity, two_cpus), cmocka_unit_test_setup(test_nodes, abi_setup),
        cmocka_unit_test_setup(test_weight, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
