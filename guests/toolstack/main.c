/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a toolstack may ask wrongly: another interface version, unknown
 * commands, domains that are not there, too many vCPUs, too much memory, a
 * destroy of a destroyed domain. After each the host goes on.
 */

#include "guests/lib/hypercall.h"

#define NO_DOMAIN 7000

static long versioned_domctl(unsigned version)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_getdomaininfo, .interface_version = version };

    return hypercall2(__HYPERVISOR_domctl, (uint64_t)&op, NULL);
}

static long versioned_sysctl(unsigned version)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_physinfo, .interface_version = version };

    return hypercall2(__HYPERVISOR_sysctl, (uint64_t)&op, NULL);
}

static void test_versions(void)
{
    check_eq("domctl of this version", versioned_domctl(XEN_DOMCTL_INTERFACE_VERSION), 0);
    check_eq("domctl of an older version", versioned_domctl(0x14), -XEN_EACCES);
    check_eq("domctl of a newer version", versioned_domctl(0x17), -XEN_EACCES);
    check_eq("sysctl of an older version", versioned_sysctl(0x14), -XEN_EACCES);
    check_eq("sysctl of a newer version", versioned_sysctl(0x16), -XEN_EACCES);
}

static long on_domain(unsigned cmd, domid_t id)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, cmd, id);
}

static void test_no_domain(void)
{
    struct xen_domctl op = { 0 };
    struct xen_sysctl sys = { 0 };

    check_eq("unknown domctl", on_domain(77777, 0), -XEN_ENOSYS);
    check_eq("unknown sysctl", sysctl(&sys, 77777), -XEN_ENOSYS);
    check_eq("pause no domain", on_domain(XEN_DOMCTL_pausedomain, NO_DOMAIN), -XEN_ESRCH);
    check_eq("unpause no domain", on_domain(XEN_DOMCTL_unpausedomain, NO_DOMAIN), -XEN_ESRCH);
    check_eq("destroy no domain", on_domain(XEN_DOMCTL_destroydomain, NO_DOMAIN), -XEN_ESRCH);
    check_eq("max_mem of no domain", on_domain(XEN_DOMCTL_max_mem, NO_DOMAIN), -XEN_ESRCH);
    check_eq("info of no domain", domctl(&op, XEN_DOMCTL_getdomaininfo, NO_DOMAIN), -XEN_ESRCH);
    check_eq("destroy of ourselves", on_domain(XEN_DOMCTL_destroydomain, 0), -XEN_EINVAL);
    check_eq("pause of ourselves", on_domain(XEN_DOMCTL_pausedomain, 0), -XEN_EINVAL);
}

static long create(unsigned flags, unsigned vcpus, unsigned gic, unsigned pool, unsigned grants)
{
    struct xen_domctl op = { 0 };
    long rc;

    op.u.createdomain.flags = flags;
    op.u.createdomain.max_vcpus = vcpus;
    op.u.createdomain.max_evtchn_port = 1023;
    op.u.createdomain.max_grant_frames = -1;
    op.u.createdomain.max_maptrack_frames = -1;
    op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(grants);
    op.u.createdomain.cpupool_id = pool;
    op.u.createdomain.arch.gic_version = (uint8_t)gic;
    rc = domctl(&op, XEN_DOMCTL_createdomain, DOMID_INVALID);
    if (rc == 0)
        domain_destroy(op.domain);
    return rc;
}

static void test_create(void)
{
    unsigned good = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;

    check_eq("create", create(good, 1, 0, 0, 1), 0);
    check_eq("create with the board's GIC", create(good, 1, gic_is_v2() ? XEN_DOMCTL_CONFIG_GIC_V2 : XEN_DOMCTL_CONFIG_GIC_V3,
             0, 1), 0);
    check_eq("create with the other GIC", create(good, 1, gic_is_v2() ? XEN_DOMCTL_CONFIG_GIC_V3 : XEN_DOMCTL_CONFIG_GIC_V2,
             0, 1), -XEN_ENODEV);
    if (gic_is_v2())
        check_eq("create with 9 vCPUs on GICv2", create(good, 9, 0, 0, 1), -XEN_EINVAL);
    check_eq("create with an unknown flag", create(good | (1u << 30), 1, 0, 0, 1), -XEN_EINVAL);
    check_eq("create without hap", create(XEN_DOMCTL_CDF_hvm, 1, 0, 0, 1), -XEN_EINVAL);
    check_eq("create with 0 vCPUs", create(good, 0, 0, 0, 1), -XEN_EINVAL);
    check_eq("create with 5000 vCPUs", create(good, 5000, 0, 0, 1), -XEN_EINVAL);
    check_eq("create in no pool", create(good, 1, 0, 77, 1), -XEN_ESRCH);
    check_eq("create with grant version 0", create(good, 1, 0, 0, 0), -XEN_EINVAL);
    check_eq("create with grant version 3", create(good, 1, 0, 0, 3), -XEN_EINVAL);
}

static long max_vcpus(domid_t id, unsigned max)
{
    struct xen_domctl op = { 0 };

    op.u.max_vcpus.max = max;
    return domctl(&op, XEN_DOMCTL_max_vcpus, id);
}

static long set_pool(domid_t id, uint64_t bytes)
{
    struct xen_domctl op = { 0 };

    op.u.paging_mempool.size = bytes;
    return domctl(&op, XEN_DOMCTL_set_paging_mempool_size, id);
}

static void test_vcpus_and_pool(void)
{
    long id = domain_create(2);
    struct xen_domctl op = { 0 };

    check(id > 0, "a domain", "createdomain %ld", id);
    check_eq("3 vCPUs of 2", max_vcpus((domid_t)id, 3), -XEN_EINVAL);
    check_eq("1 vCPU of 2", max_vcpus((domid_t)id, 1), -XEN_EINVAL);
    check_eq("2 vCPUs", max_vcpus((domid_t)id, 2), 0);
    check_eq("2 vCPUs again", max_vcpus((domid_t)id, 2), 0);
    check_eq("pool of odd size", set_pool((domid_t)id, 12345), -XEN_EINVAL);
    check_eq("pool of 1 MiB", set_pool((domid_t)id, 1 << 20), 0);
    check_eq("pool size read back", domctl(&op, XEN_DOMCTL_get_paging_mempool_size, (domid_t)id),
             0);
    check_eq("pool size", (long)op.u.paging_mempool.size, 1 << 20);
    op.u.address_size.size = 48;
    check_eq("address size 48", domctl(&op, XEN_DOMCTL_set_address_size, (domid_t)id),
             -XEN_EINVAL);
    check_eq("destroy", domain_destroy((domid_t)id), 0);
}

static long populate(domid_t id, unsigned long count, unsigned order)
{
    static xen_pfn_t gfn[64];
    struct xen_memory_reservation op = { .nr_extents = count, .extent_order = order,
        .domid = id };

    ASSERT(count <= ARRAY_SIZE(gfn));
    for (unsigned i = 0; i < count; i++)
        gfn[i] = (CHILD_MEMORY_BASE >> PAGE_SHIFT) + ((xen_pfn_t)i << order);
    set_xen_guest_handle(op.extent_start, gfn);
    return memory_op(XENMEM_populate_physmap, &op);
}

static long max_mem(domid_t id, uint64_t kib)
{
    struct xen_domctl op = { 0 };

    op.u.max_mem.max_memkb = kib;
    return domctl(&op, XEN_DOMCTL_max_mem, id);
}

/* More memory than allowed, more than there is, then everything comes back. */
static void test_memory(void)
{
    uint64_t before = settled_free_pages();
    long id = domain_create(1);

    check_eq("max_vcpus", max_vcpus((domid_t)id, 1), 0);
    check_eq("pool", set_pool((domid_t)id, 1 << 20), 0);
    check_eq("populate without allowance", populate((domid_t)id, 1, 0), 0);
    check_eq("max_mem 64 KiB", max_mem((domid_t)id, 64), 0);
    check_eq("populate 16 pages of 16", populate((domid_t)id, 16, 0), 16);
    check_eq("a page too many", populate((domid_t)id, 1, 0), 0);
    check_eq("max_mem 64 GiB", max_mem((domid_t)id, 64UL << 20), 0);
    check(populate((domid_t)id, 8, 18) < 8, "more memory than there is", "all 8 GiB");
    check_eq("destroy", domain_destroy((domid_t)id), 0);
    check(domain_wait_gone((domid_t)id, 500 * TICKS_PER_MS), "gone", "still there");
    check(wait_free_pages(before, 1000 * TICKS_PER_MS), "every page is back", "%ld missing",
          (long)(before - host_free_pages()));
}

static void never_runs(struct child_page *page)
{
    (void)page;
}

/* A destroyed domain is either still dying or gone; nothing can be done with it. */
static void test_destroy_twice(void)
{
    struct child child = { 0 };
    long rc = child_build(&child, 1, never_runs);

    check_eq("build a domain", rc, 0);
    check_eq("destroy while we map a page of it", domain_destroy(child.id), 0);
    check(domain_flags(child.id) & XEN_DOMINF_dying, "it stays while mapped", "flags %lx",
          (unsigned long)domain_flags(child.id));
    rc = domain_destroy(child.id);
    check(rc == 0 || rc == -XEN_ESRCH, "destroy twice", "%ld", rc);
    rc = max_mem(child.id, 1024);
    print("NOTE max_mem of a dying domain: %ld\n", rc);
    check(populate(child.id, 1, 0) <= 0, "no memory for a dying domain", "populated");
    child.page->result[0] = 42;
    check_eq("its mapped page is still there", child.page->result[0], 42);
    check_eq("unmap it", foreign_unmap(child.page), 0);
    check(domain_wait_gone(child.id, 500 * TICKS_PER_MS), "then it goes", "still there");
    check_eq("destroy when gone", domain_destroy(child.id), -XEN_ESRCH);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    test_versions();
    test_no_domain();
    test_create();
    test_vcpus_and_pool();
    test_memory();
    test_destroy_twice();
    test_done();
}
