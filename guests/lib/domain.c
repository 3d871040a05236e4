/* SPDX-License-Identifier: Apache-2.0 */
/* Events, and a toolstack of one file: what a guest with dom0's rights needs to build another. */

#include "guests/lib/hypercall.h"

#define PAGING_POOL_BYTES (1UL << 20)
#define POPULATE_ORDER 9

struct shared_info *shared_info;
int32_t domain_maptrack_frames = -1;
static uint8_t shared_info_page[PAGE_SIZE] PAGE_ALIGNED;
static xen_pfn_t free_gfn_first, free_gfn_count, free_gfn_next;
static xen_pfn_t free_gfn_list[256];
static unsigned free_gfn_returned;

long domctl(struct xen_domctl *op, unsigned cmd, domid_t domain)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = domain;
    return hypercall2(__HYPERVISOR_domctl, (uint64_t)op, NULL);
}

long sysctl(struct xen_sysctl *op, unsigned cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall2(__HYPERVISOR_sysctl, (uint64_t)op, NULL);
}

void events_init(void)
{
    struct xen_add_to_physmap map = {
        .domid = DOMID_SELF,
        .space = XENMAPSPACE_shared_info,
        .gpfn = (uint64_t)shared_info_page >> PAGE_SHIFT,
    };
    long rc = memory_op(XENMEM_add_to_physmap, &map);

    if (rc)
        guest_panic("cannot map shared_info: %ld", rc);
    shared_info = (struct shared_info *)shared_info_page;
}

long event_loopback(evtchn_port_t *receiver)
{
    struct evtchn_alloc_unbound unbound = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain bind = { .remote_dom = DOMID_SELF };
    long rc = evtchn_op(EVTCHNOP_alloc_unbound, &unbound);

    if (rc)
        return rc;
    bind.remote_port = unbound.port;
    rc = evtchn_op(EVTCHNOP_bind_interdomain, &bind);
    if (rc)
        return rc;
    *receiver = unbound.port;
    event_clear(bind.local_port);
    event_clear(unbound.port);
    return (long)bind.local_port;
}

bool event_pending(evtchn_port_t port)
{
    uint64_t word = *(volatile uint64_t *)&shared_info->evtchn_pending[port / 64];

    return (word >> (port % 64)) & 1;
}

void event_clear(evtchn_port_t port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << (port % 64)),
                       __ATOMIC_SEQ_CST);
    __atomic_store_n(&shared_info->vcpu_info[0].evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&shared_info->vcpu_info[0].evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
}

void toolstack_use(uint64_t address, uint64_t size)
{
    free_gfn_first = address >> PAGE_SHIFT;
    free_gfn_count = size >> PAGE_SHIFT;
    free_gfn_next = 0;
}

xen_pfn_t toolstack_free_gfn(void)
{
    if (free_gfn_returned)
        return free_gfn_list[--free_gfn_returned];
    ASSERT(free_gfn_next < free_gfn_count);
    return free_gfn_first + free_gfn_next++;
}

void *foreign_map(domid_t domain, xen_pfn_t gfn)
{
    xen_pfn_t ours = toolstack_free_gfn();
    xen_ulong_t index = gfn;
    int error = 0;
    struct xen_add_to_physmap_batch batch = {
        .domid = DOMID_SELF,
        .space = XENMAPSPACE_gmfn_foreign,
        .size = 1,
        .u.foreign_domid = domain,
    };

    set_xen_guest_handle(batch.idxs, &index);
    set_xen_guest_handle(batch.gpfns, &ours);
    set_xen_guest_handle(batch.errs, &error);
    if (memory_op(XENMEM_add_to_physmap_batch, &batch) || error)
        return NULL;
    return (void *)(ours << PAGE_SHIFT);
}

long foreign_unmap(void *mapped)
{
    struct xen_remove_from_physmap op = {
        .domid = DOMID_SELF,
        .gpfn = (uint64_t)mapped >> PAGE_SHIFT,
    };
    long rc = memory_op(XENMEM_remove_from_physmap, &op);

    if (rc == 0 && free_gfn_returned < ARRAY_SIZE(free_gfn_list))
        free_gfn_list[free_gfn_returned++] = op.gpfn;
    return rc;
}

long domain_create(unsigned vcpus)
{
    struct xen_domctl op = { 0 };
    long rc;

    op.u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    op.u.createdomain.max_vcpus = vcpus;
    op.u.createdomain.max_evtchn_port = 1023;
    op.u.createdomain.max_grant_frames = -1;
    op.u.createdomain.max_maptrack_frames = domain_maptrack_frames;
    op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    domain_words(&op.u.createdomain);
    rc = domctl(&op, XEN_DOMCTL_createdomain, DOMID_INVALID);
    return rc ? rc : (long)op.domain;
}

long domain_destroy(domid_t id)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, XEN_DOMCTL_destroydomain, id);
}

long domain_flags(domid_t id)
{
    struct xen_domctl op = { 0 };
    long rc = domctl(&op, XEN_DOMCTL_getdomaininfo, id);

    if (rc || op.domain != id)
        return -1;
    return (long)op.u.getdomaininfo.flags;
}

bool domain_wait_gone(domid_t id, uint64_t ticks)
{
    uint64_t start = counter_now();

    while (domain_flags(id) >= 0) {
        if (counter_now() - start > ticks)
            return false;
        sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}

uint64_t host_free_pages(void)
{
    struct xen_sysctl op = { 0 };
    long rc = sysctl(&op, XEN_SYSCTL_physinfo);

    ASSERT(rc == 0);
    return op.u.physinfo.free_pages;
}

uint64_t settled_free_pages(void)
{
    uint64_t pages = host_free_pages();

    for (unsigned quiet = 0; quiet < 10; quiet++) {
        uint64_t start = counter_now(), now;

        while (counter_now() - start < TICKS_PER_MS)
            sched_op(SCHEDOP_yield, NULL);
        now = host_free_pages();
        if (now != pages)
            quiet = 0;
        pages = now;
    }
    return pages;
}

bool wait_free_pages(uint64_t wanted, uint64_t ticks)
{
    uint64_t start = counter_now();

    while (host_free_pages() != wanted) {
        if (counter_now() - start > ticks)
            return false;
        sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}

static long populate(domid_t id)
{
    xen_pfn_t gfn[CHILD_MEMORY_SIZE >> 21];
    struct xen_memory_reservation reservation = {
        .nr_extents = ARRAY_SIZE(gfn),
        .extent_order = POPULATE_ORDER,
        .domid = id,
    };
    long done;

    for (unsigned i = 0; i < ARRAY_SIZE(gfn); i++)
        gfn[i] = (CHILD_MEMORY_BASE >> PAGE_SHIFT) + ((xen_pfn_t)i << POPULATE_ORDER);
    set_xen_guest_handle(reservation.extent_start, gfn);
    done = memory_op(XENMEM_populate_physmap, &reservation);
    if (done < 0)
        return done;
    return done == (long)ARRAY_SIZE(gfn) ? 0 : -XEN_ENOMEM;
}

/* The settings libxl makes before it populates a domain, in its order. */
static long configure(domid_t id, unsigned vcpus)
{
    struct xen_domctl op = { 0 };
    long rc;

    op.u.max_vcpus.max = vcpus;
    rc = domctl(&op, XEN_DOMCTL_max_vcpus, id);
    if (rc)
        return rc;
    memset(&op, 0, sizeof(op));
    op.u.max_mem.max_memkb = CHILD_MEMORY_SIZE / 1024 + 1024;
    rc = domctl(&op, XEN_DOMCTL_max_mem, id);
    if (rc)
        return rc;
    memset(&op, 0, sizeof(op));
    op.u.paging_mempool.size = PAGING_POOL_BYTES;
    rc = domctl(&op, XEN_DOMCTL_set_paging_mempool_size, id);
    return rc ? rc : child_configure(id);
}

long child_build(struct child *child, unsigned vcpus, child_fn fn)
{
    long id = domain_create(vcpus);
    long rc;

    if (id < 0)
        return id;
    child->id = (domid_t)id;
    child->vcpus = vcpus;
    rc = configure(child->id, vcpus);
    rc = rc ? rc : populate(child->id);
    rc = rc ? rc : child_prepare(child->id, fn);
    if (rc)
        return rc;
    child->page = foreign_map(child->id, CHILD_SHARED_GPA >> PAGE_SHIFT);
    if (!child->page)
        return -XEN_EFAULT;
    memset(child->page, 0, PAGE_SIZE);
    child->page->domid = child->id;
    return 0;
}

long child_unpause(const struct child *child)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, XEN_DOMCTL_unpausedomain, child->id);
}

bool child_wait(const struct child *child, uint64_t ticks)
{
    uint64_t start = counter_now();

    while (!child->page->done && !(domain_flags(child->id) & XEN_DOMINF_shutdown)) {
        if (counter_now() - start > ticks)
            return false;
        sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}
