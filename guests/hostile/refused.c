/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that ask politely for what is not theirs. */

#include "guests/hostile/hostile.h"

static unsigned reported;

#define EXPECT(page, got, want) report(page, __LINE__, got, want)

static void report(struct child_page *page, unsigned line, long got, long want)
{
    if (reported >= CHILD_CHECKS)
        return;
    page->result[2 * reported] = got;
    page->result[2 * reported + 1] = want;
    page->argument[reported] = line;
    reported++;
}

static long domctl_on(unsigned cmd, domid_t id)
{
    static struct xen_domctl op;

    return domctl(&op, cmd, id);
}

static long foreign(domid_t domain)
{
    struct xen_add_to_physmap_batch batch = { .domid = DOMID_SELF,
        .space = XENMAPSPACE_gmfn_foreign, .size = 1, .u.foreign_domid = domain };
    xen_ulong_t index = 0x40000;
    xen_pfn_t gfn = 0x50000;
    int error = 0;
    long rc;

    set_xen_guest_handle(batch.idxs, &index);
    set_xen_guest_handle(batch.gpfns, &gfn);
    set_xen_guest_handle(batch.errs, &error);
    rc = memory_op(XENMEM_add_to_physmap_batch, &batch);
    return rc ? rc : error;
}

void ask_for_everything(struct child_page *page)
{
    struct xen_sysctl sys = { 0 };
    struct xen_memory_reservation reservation = { .domid = 0 };
    struct xen_hvm_param param = { .domid = 0, .index = HVM_PARAM_STORE_PFN };
    struct sched_remote_shutdown remote = { .domain_id = 0 };
    domid_t self = page->domid;

    EXPECT(page, domctl_on(XEN_DOMCTL_getdomaininfo, 0), -XEN_EPERM);
    EXPECT(page, domctl_on(XEN_DOMCTL_destroydomain, self), -XEN_EPERM);
    EXPECT(page, domctl_on(XEN_DOMCTL_destroydomain, self), -XEN_EPERM);
    EXPECT(page, domctl_on(XEN_DOMCTL_destroydomain, 0), -XEN_EPERM);
    EXPECT(page, domctl_on(XEN_DOMCTL_pausedomain, 0), -XEN_EPERM);
    EXPECT(page, domctl_on(XEN_DOMCTL_createdomain, DOMID_INVALID), -XEN_EPERM);
    EXPECT(page, domctl_on(XEN_DOMCTL_max_mem, self), -XEN_EPERM);
    EXPECT(page, sysctl(&sys, XEN_SYSCTL_physinfo), -XEN_EPERM);
    EXPECT(page, sysctl(&sys, XEN_SYSCTL_debug_keys), -XEN_EPERM);
    EXPECT(page, memory_op(XENMEM_decrease_reservation, &reservation), 0);
    EXPECT(page, foreign(0), -XEN_EPERM);
    EXPECT(page, hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &param), -XEN_EPERM);
    EXPECT(page, hypercall2(__HYPERVISOR_hvm_op, HVMOP_set_param, &param), -XEN_EPERM);
    EXPECT(page, sched_op(SCHEDOP_remote_shutdown, &remote), -XEN_EPERM);
    EXPECT(page, hypercall5(__HYPERVISOR_console_io, CONSOLEIO_read, 4, (uint64_t)&sys, 0, 0),
           -XEN_EPERM);
}

static long bind_to(domid_t domain, evtchn_port_t port)
{
    struct evtchn_bind_interdomain op = { .remote_dom = domain, .remote_port = port };

    return evtchn_op(EVTCHNOP_bind_interdomain, &op);
}

static long close_port(evtchn_port_t port)
{
    struct evtchn_close op = { .port = port };

    return evtchn_op(EVTCHNOP_close, &op);
}

static long map_status(domid_t domain, grant_ref_t ref)
{
    struct gnttab_map_grant_ref op = { .host_addr = 0x50000000, .flags = GNTMAP_host_map,
        .dom = domain, .ref = ref };
    long rc = grant_op(GNTTABOP_map_grant_ref, &op, 1);

    return rc ? rc : op.status;
}

static long unmap_status(grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = 0x50000000, .handle = handle };
    long rc = grant_op(GNTTABOP_unmap_grant_ref, &op, 1);

    return rc ? rc : op.status;
}

void touch_others(struct child_page *page)
{
    struct evtchn_alloc_unbound unbound = { .dom = 0, .remote_dom = DOMID_SELF };
    struct evtchn_status status = { .dom = 0, .port = 1 };
    struct evtchn_reset reset = { .dom = 0 };
    bool closed = false;

    for (evtchn_port_t port = 0; port < 64; port++)
        closed |= close_port(port) == 0;
    EXPECT(page, closed, false);
    EXPECT(page, close_port(~0u), -XEN_EINVAL);
    EXPECT(page, bind_to(0, 1), -XEN_EINVAL);
    EXPECT(page, bind_to(0, 1000), -XEN_EINVAL);
    EXPECT(page, bind_to(12345, 1), -XEN_ESRCH);
    EXPECT(page, evtchn_op(EVTCHNOP_alloc_unbound, &unbound), -XEN_EPERM);
    EXPECT(page, evtchn_op(EVTCHNOP_status, &status), -XEN_EPERM);
    EXPECT(page, evtchn_op(EVTCHNOP_reset, &reset), -XEN_EPERM);
    EXPECT(page, map_status(0, 8) < 0, true);
    EXPECT(page, map_status(0, ~0u) < 0, true);
    EXPECT(page, map_status(12345, 8), GNTST_bad_domain);
    EXPECT(page, unmap_status(0), GNTST_bad_handle);
    EXPECT(page, unmap_status(~0u), GNTST_bad_handle);
}
