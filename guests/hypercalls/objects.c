/* SPDX-License-Identifier: Apache-2.0 */
/* Well-formed calls about objects that are not there, not ours, or out of range. */

#include "guests/lib/hypercall.h"

#define NO_DOMAIN 7000
#define NO_PORT 900
#define HUGE_PORT 0x7fffffff

void test_objects(void);

static long close_port(evtchn_port_t port)
{
    struct evtchn_close op = { .port = port };

    return evtchn_op(EVTCHNOP_close, &op);
}

static long send_port(evtchn_port_t port)
{
    struct evtchn_send op = { .port = port };

    return evtchn_op(EVTCHNOP_send, &op);
}

static void test_ports(void)
{
    struct evtchn_bind_virq virq = { .virq = 99 };
    struct evtchn_bind_ipi ipi = { .vcpu = 77 };
    struct evtchn_unmask unmask = { .port = HUGE_PORT };
    struct evtchn_bind_vcpu bind = { .port = NO_PORT };
    struct evtchn_status status = { .dom = NO_DOMAIN };
    struct evtchn_alloc_unbound unbound = { .dom = NO_DOMAIN };
    struct evtchn_bind_interdomain inter = { .remote_dom = NO_DOMAIN };

    check_eq("close port 0", close_port(0), -XEN_EINVAL);
    check_eq("close a free port", close_port(NO_PORT), -XEN_EINVAL);
    check_eq("close beyond the last port", close_port(HUGE_PORT), -XEN_EINVAL);
    check_eq("send on port 0", send_port(0), -XEN_EINVAL);
    check_eq("send on a free port", send_port(NO_PORT), -XEN_EINVAL);
    check_eq("send beyond the last port", send_port(HUGE_PORT), -XEN_EINVAL);
    check_eq("bind a VIRQ that is none", evtchn_op(EVTCHNOP_bind_virq, &virq), -XEN_EINVAL);
    check_eq("bind an IPI to no vCPU", evtchn_op(EVTCHNOP_bind_ipi, &ipi), -XEN_ENOENT);
    check_eq("unmask beyond the last port", evtchn_op(EVTCHNOP_unmask, &unmask), -XEN_EINVAL);
    check_eq("bind a free port to a vCPU", evtchn_op(EVTCHNOP_bind_vcpu, &bind), -XEN_EINVAL);
    check_eq("status in no domain", evtchn_op(EVTCHNOP_status, &status), -XEN_ESRCH);
    check_eq("unbound port in no domain", evtchn_op(EVTCHNOP_alloc_unbound, &unbound),
             -XEN_ESRCH);
    check_eq("bind to no domain", evtchn_op(EVTCHNOP_bind_interdomain, &inter), -XEN_ESRCH);
    inter.remote_dom = DOMID_SELF;
    inter.remote_port = NO_PORT;
    check_eq("bind to a free port", evtchn_op(EVTCHNOP_bind_interdomain, &inter), -XEN_EINVAL);
}

static void test_virq_twice(void)
{
    struct evtchn_bind_virq virq = { .virq = VIRQ_DEBUG };
    long rc = evtchn_op(EVTCHNOP_bind_virq, &virq);

    check_eq("bind VIRQ_DEBUG", rc, 0);
    check_eq("send on a VIRQ port", send_port(virq.port), -XEN_EINVAL);
    rc = evtchn_op(EVTCHNOP_bind_virq, &virq);
    check_eq("bind VIRQ_DEBUG twice", rc, -XEN_EEXIST);
    check_eq("close it", close_port(virq.port), 0);
    check_eq("close it twice", close_port(virq.port), -XEN_EINVAL);
}

static void test_vcpu_info(void)
{
    static uint8_t page[PAGE_SIZE] PAGE_ALIGNED;
    struct vcpu_register_vcpu_info info = { .mfn = (uint64_t)page >> PAGE_SHIFT };

    info.offset = PAGE_SIZE - 8;
    check_eq("vcpu_info across a page",
             hypercall5(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, (uint64_t)&info, 0, 0),
             -XEN_ENXIO);
    info.offset = 0;
    info.mfn = 0xfffffffffUL;
    check_eq("vcpu_info in no frame",
             hypercall5(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, (uint64_t)&info, 0, 0),
             -XEN_EINVAL);
    info.mfn = (uint64_t)page >> PAGE_SHIFT;
    info.offset = 128;
    check_eq("vcpu_info",
             hypercall5(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, (uint64_t)&info, 0, 0),
             0);
    check(page[128] != 0, "registering marks an upcall pending", "byte is %u", page[128]);
    check_eq("vcpu_info twice",
             hypercall5(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, (uint64_t)&info, 0, 0),
             -XEN_EINVAL);
}

static long reserve(unsigned cmd, xen_pfn_t *gfn, unsigned long count, unsigned order,
                    domid_t domain)
{
    struct xen_memory_reservation op = { .nr_extents = count, .extent_order = order,
        .domid = domain };

    set_xen_guest_handle(op.extent_start, gfn);
    return memory_op(cmd, &op);
}

static void test_reservations(void)
{
    xen_pfn_t gfn = 0xfffffffffUL;

    check_eq("populate nothing", reserve(XENMEM_populate_physmap, &gfn, 0, 0, DOMID_SELF), 0);
    check_eq("populate for no domain", reserve(XENMEM_populate_physmap, &gfn, 1, 0, NO_DOMAIN),
             0);
    check_eq("populate out of range", reserve(XENMEM_populate_physmap, &gfn, 1, 0, DOMID_SELF),
             0);
    check_eq("populate of an absurd order",
             reserve(XENMEM_populate_physmap, &gfn, 1, 60, DOMID_SELF), 0);
    check_eq("decrease of no frame", reserve(XENMEM_decrease_reservation, &gfn, 1, 0, DOMID_SELF),
             0);
}

static long add_to_physmap(unsigned space, uint64_t index, xen_pfn_t gfn)
{
    struct xen_add_to_physmap op = { .domid = DOMID_SELF, .space = space, .idx = index,
        .gpfn = gfn };

    return memory_op(XENMEM_add_to_physmap, &op);
}

static void test_physmap(void)
{
    struct xen_remove_from_physmap remove = { .domid = DOMID_SELF, .gpfn = 0xfffffffffUL };
    static uint8_t page[PAGE_SIZE] PAGE_ALIGNED;
    xen_pfn_t gfn = (uint64_t)page >> PAGE_SHIFT;

    check_eq("map of an unknown space", add_to_physmap(77, 0, gfn), -XEN_ENOSYS);
    check_eq("map of shared_info 5", add_to_physmap(XENMAPSPACE_shared_info, 5, gfn),
             -XEN_EINVAL);
    check_eq("map of a grant frame too far",
             add_to_physmap(XENMAPSPACE_grant_table, 100000, gfn), -XEN_EINVAL);
    check_eq("map of our own frame elsewhere",
             add_to_physmap(XENMAPSPACE_gmfn, gfn, gfn + 1), -XEN_ENOSYS);
    check_eq("remove nothing", memory_op(XENMEM_remove_from_physmap, &remove), -XEN_ENOENT);
    remove.domid = NO_DOMAIN;
    check_eq("remove from no domain", memory_op(XENMEM_remove_from_physmap, &remove),
             -XEN_ESRCH);
}

static void test_misc(void)
{
    struct xen_hvm_param param = { .domid = DOMID_SELF, .index = 500 };
    struct sched_remote_shutdown remote = { .domain_id = NO_DOMAIN };
    struct sched_poll poll = { .nr_ports = 5000 };

    check_eq("get an HVM parameter that is none",
             hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &param), -XEN_EINVAL);
    param.domid = NO_DOMAIN;
    param.index = HVM_PARAM_STORE_PFN;
    check_eq("get a parameter of no domain",
             hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &param), -XEN_ESRCH);
    check_eq("remote shutdown of no domain", sched_op(SCHEDOP_remote_shutdown, &remote),
             -XEN_ESRCH);
    check_eq("poll of 5000 ports", sched_op(SCHEDOP_poll, &poll), -XEN_EINVAL);
}

void test_objects(void)
{
    test_ports();
    test_virq_twice();
    test_vcpu_info();
    test_reservations();
    test_physmap();
    test_misc();
}
