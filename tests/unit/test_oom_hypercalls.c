/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every sub-call that allocates, without memory: allocation 1, 2, 3 ... fails until it succeeds. After each failure the answer is the
 * ABI's, as many frames are free as before, and the frame table is whole; the success at the end shows that nothing half-done stood
 * in its way, and the end of the domains that nothing was lost.
 *
 * A new sub-call is a row of the table: `prepare` puts the machine into the state that makes the call allocate, `call` makes it and
 * says 0 when it succeeded, -E_NOMEM when memory was short, and what else it answered otherwise.
 */
#include "tests/unit/abi.h"
#include "core/grant_entry.h"

#define FAR_GFN UINT64_C(0x90000)
#define BLOCK_GFN UINT64_C(0xa0000)     /* aligned to 2 MiB */

struct oom_case {
    const char *name;
    void (*prepare)(void);
    int64_t (*call)(void);
    unsigned allocations;       /* at least so many */
    bool keeps;                 /* what a failed call has added to a table stays for the next one to use */
};

static uint32_t prepared;       /* a port or number that prepare leaves for call */

/* --- domctl --- */

static int64_t create_with(uint32_t vcpus)
{
    struct xen_domctl op = { 0 };

    op.u.createdomain = (struct xen_domctl_createdomain){
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, .max_vcpus = vcpus, .max_evtchn_port = 1023, .max_grant_frames = 8,
        .max_maptrack_frames = 8, .grant_opts = 1, .arch.gic_version = XEN_DOMCTL_CONFIG_GIC_V3,
    };
    return domctl(&op, XEN_DOMCTL_createdomain, 0);
}

static int64_t create_domain(void)
{
    return create_with(4);
}

static void prepare_empty_domain(void)
{
    assert_int_equal(create_with(1), 0);
    prepared = 0;
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
        prepared = d->id.v;
    assert_true(prepared > guest->id.v);
}

/* One: of several, those that were made before memory ran out stay for the next call. */
static int64_t max_vcpus(void)
{
    struct xen_domctl op = { 0 };

    op.u.max_vcpus.max = 1;
    return domctl(&op, XEN_DOMCTL_max_vcpus, (uint16_t)prepared);
}

/* Host frames that are no memory: registers of dom0's. */
#define DEVICE_FRAME 0x100

static int64_t device_call(uint32_t cmd)
{
    struct xen_domctl op = { 0 };

    if (cmd == XEN_DOMCTL_iomem_permission)
        op.u.iomem_permission = (struct xen_domctl_iomem_permission){ .first_mfn = DEVICE_FRAME, .nr_mfns = 1, .allow_access = 1 };
    else
        op.u.memory_mapping = (struct xen_domctl_memory_mapping){ .first_gfn = FAR_GFN, .first_mfn = DEVICE_FRAME, .nr_mfns = 1,
                                                                  .add_mapping = 1 };
    return domctl(&op, cmd, guest->id.v);
}

static void prepare_device(void)
{
    assert_int_equal(stage2_map(&dom0->stage2, GFN(DEVICE_FRAME), MFN(DEVICE_FRAME), 0, S2_DEVICE), 0);
    assert_int_equal(device_call(XEN_DOMCTL_iomem_permission), 0);
}

static int64_t map_device(void)
{
    return device_call(XEN_DOMCTL_memory_mapping);
}

/* --- memory_op --- */

static int64_t populate_at(uint16_t domain, uint64_t gfn, unsigned order)
{
    uint64_t list = at(PAGE_SIZE);
    struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = order, .domid = domain, .extent_start.q = list };

    put(dom0, list, &gfn, sizeof(gfn));
    return memory_op(dom0, XENMEM_populate_physmap, &r, sizeof(r)) == 1 ? 0 : -E_NOMEM;
}

static int64_t populate(void)
{
    return populate_at(guest->id.v, FAR_GFN, 0);
}

static int64_t populate_block(void)
{
    return populate_at(guest->id.v, BLOCK_GFN + 0x8000000, 9);
}

static void prepare_block(void)
{
    assert_int_equal(populate_at(guest->id.v, BLOCK_GFN, 9), 0);
}

/* A page out of a block: its entry is split. */
static int64_t decrease(void)
{
    uint64_t gfn = BLOCK_GFN + 5;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = guest->id.v, .extent_start.q = at(PAGE_SIZE) };

    put(dom0, at(PAGE_SIZE), &gfn, sizeof(gfn));
    return memory_op(dom0, XENMEM_decrease_reservation, &r, sizeof(r)) == 1 ? 0 : -E_NOMEM;
}

static int64_t remove_page(void)
{
    struct xen_remove_from_physmap r = { .domid = guest->id.v, .gpfn = BLOCK_GFN + 9 };

    return memory_op(dom0, XENMEM_remove_from_physmap, &r, sizeof(r));
}

static int64_t add(unsigned space, uint64_t index, uint64_t gfn)
{
    struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = (uint16_t)space, .idx = index, .gpfn = gfn };

    return memory_op(guest, XENMEM_add_to_physmap, &a, sizeof(a));
}

static int64_t add_shared_info(void)
{
    return add(XENMAPSPACE_shared_info, 0, FAR_GFN);
}

/* Without memory for the table's frame there is no such frame: -EINVAL. */
static int64_t add_grant_frame(void)
{
    int64_t r = add(XENMAPSPACE_grant_table, 3, FAR_GFN);

    return r == -E_INVAL ? -E_NOMEM : r;
}

static int64_t add_foreign(void)
{
    uint64_t page = FIRST_GFN + 1, gfn = FAR_GFN;
    int32_t error = 99;
    struct xen_add_to_physmap_batch b = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_foreign, .size = 1, .u.foreign_domid = guest->id.v,
        .idxs.q = at(PAGE_SIZE), .gpfns.q = at(PAGE_SIZE + 8), .errs.q = at(PAGE_SIZE + 16),
    };

    put(dom0, b.idxs.q, &page, sizeof(page));
    put(dom0, b.gpfns.q, &gfn, sizeof(gfn));
    assert_int_equal(memory_op(dom0, XENMEM_add_to_physmap_batch, &b, sizeof(b)), 0);
    get(dom0, b.errs.q, &error, sizeof(error));
    return error;
}

static int64_t acquire_grant_table(void)
{
    uint64_t gfn = FAR_GFN;
    int64_t r;
    struct xen_mem_acquire_resource a = {
        .domid = guest->id.v, .type = XENMEM_resource_grant_table, .nr_frames = 1, .frame = 2, .frame_list.q = at(PAGE_SIZE),
    };

    put(dom0, a.frame_list.q, &gfn, sizeof(gfn));
    r = memory_op(dom0, XENMEM_acquire_resource, &a, sizeof(a));
    return r == -E_INVAL ? -E_NOMEM : r;
}

/* --- event_channel_op --- */

static int64_t alloc_unbound(void)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    int64_t r = call_with(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &a, sizeof(a));

    prepared = a.port;
    return r;
}

/* Every port that there is room for is open: the next one needs a bucket. */
static void prepare_full_bucket(void)
{
    for (unsigned i = 1; i < CHANNELS_PER_BUCKET; i++)
        assert_int_equal(alloc_unbound(), 0);
    assert_int_equal(prepared, CHANNELS_PER_BUCKET - 1);
}

static int64_t bind_interdomain(void)
{
    struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF, .remote_port = prepared };

    return call_with(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &b, sizeof(b));
}

static int64_t bind_virq(void)
{
    struct evtchn_bind_virq b = { .virq = VIRQ_TIMER };

    return call_with(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &b, sizeof(b));
}

static int64_t bind_ipi(void)
{
    struct evtchn_bind_ipi b = { .vcpu = 0 };

    return call_with(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, &b, sizeof(b));
}

static int64_t init_control(void)
{
    struct evtchn_init_control c = { .control_gfn = FIRST_GFN + 2, .vcpu = 0 };

    return call_with(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, &c, sizeof(c));
}

static void prepare_fifo(void)
{
    assert_int_equal(init_control(), 0);
}

static int64_t expand_array(void)
{
    struct evtchn_expand_array e = { .array_gfn = FIRST_GFN + 3 };

    return call_with(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, &e, sizeof(e));
}

/* --- grant_table_op --- */

static int64_t grant_op(struct domain *d, uint32_t command, void *s, size_t n)
{
    int64_t r;

    put(d, at(0), s, n);
    r = call_as(d, __HYPERVISOR_grant_table_op, command, at(0), 1);
    get(d, at(0), s, n);
    return r;
}

static int64_t status(int16_t s)
{
    return s == GNTST_okay ? 0 : s == GNTST_general_error || s == GNTST_no_space ? -E_NOMEM : -E_INVAL;
}

static int64_t setup_table(void)
{
    struct gnttab_setup_table t = { .dom = DOMID_SELF, .nr_frames = 4, .status = 99, .frame_list.q = at(PAGE_SIZE) };

    assert_int_equal(grant_op(guest, GNTTABOP_setup_table, &t, sizeof(t)), 0);
    return status(t.status);
}

static void prepare_offer(void)
{
    grant_entry *table = guest->grants.frames[0];

    table[8] = entry_make(ENTRY_ACCESS, dom0->id, GFN(FIRST_GFN + 1));
}

static int64_t map_grant(void)
{
    struct gnttab_map_grant_ref m = { .host_addr = FAR_GFN << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = 8,
                                      .dom = guest->id.v, .status = 99 };

    assert_int_equal(grant_op(dom0, GNTTABOP_map_grant_ref, &m, sizeof(m)), 0);
    return status(m.status);
}

/* --- vcpu_op, multicall --- */

static int64_t register_info(void)
{
    struct vcpu_register_vcpu_info r = { .mfn = FIRST_GFN + 4, .offset = 64 };

    put(guest, at(0), &r, sizeof(r));
    return call_as(guest, __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, at(0));
}

static int64_t multicall(void)
{
    uint64_t gfn = FAR_GFN;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF, .extent_start.q = at(PAGE_SIZE) };
    struct multicall_entry e = { .op = __HYPERVISOR_memory_op, .args = { XENMEM_populate_physmap, at(2 * PAGE_SIZE) } };

    put(guest, at(PAGE_SIZE), &gfn, sizeof(gfn));
    put(guest, at(2 * PAGE_SIZE), &r, sizeof(r));
    put(guest, at(0), &e, sizeof(e));
    assert_int_equal(call_as(guest, __HYPERVISOR_multicall, at(0), 1, 0), 0);
    get(guest, at(0), &e, sizeof(e));
    return e.result == 1 ? 0 : -E_NOMEM;
}

static void nothing(void)
{
}

static const struct oom_case cases[] = {
    { "XEN_DOMCTL_createdomain", nothing, create_domain, 8, false },
    { "XEN_DOMCTL_max_vcpus", prepare_empty_domain, max_vcpus, 1, false },
    { "XEN_DOMCTL_memory_mapping", prepare_device, map_device, 1, false },
    { "XENMEM_populate_physmap", nothing, populate, 2, false },
    { "XENMEM_populate_physmap, 2 MiB", nothing, populate_block, 2, false },
    { "XENMEM_decrease_reservation", prepare_block, decrease, 1, false },
    { "XENMEM_remove_from_physmap", prepare_block, remove_page, 1, false },
    { "XENMEM_add_to_physmap, shared_info", nothing, add_shared_info, 1, false },
    { "XENMEM_add_to_physmap, grant_table", nothing, add_grant_frame, 4, true },
    { "XENMEM_add_to_physmap_batch, foreign", nothing, add_foreign, 1, false },
    { "XENMEM_acquire_resource", nothing, acquire_grant_table, 3, true },
    { "EVTCHNOP_alloc_unbound", prepare_full_bucket, alloc_unbound, 1, false },
    { "EVTCHNOP_bind_interdomain", prepare_full_bucket, bind_interdomain, 1, false },
    { "EVTCHNOP_bind_virq", prepare_full_bucket, bind_virq, 1, false },
    { "EVTCHNOP_bind_ipi", prepare_full_bucket, bind_ipi, 1, false },
    { "EVTCHNOP_init_control", nothing, init_control, 2, false },
    { "EVTCHNOP_expand_array", prepare_fifo, expand_array, 1, false },
    { "GNTTABOP_setup_table", nothing, setup_table, 3, false },
    { "GNTTABOP_map_grant_ref", prepare_offer, map_grant, 3, true },
    { "VCPUOP_register_vcpu_info", nothing, register_info, 1, false },
    { "multicall", nothing, multicall, 2, false },
};

/* Everything goes, dom0 too: it is no control domain any more. A pointer to a domain does not outlive a call. */
static void end_domains(void)
{
    struct domain *d;

    dom0->is_control = false;
    control_domain = NULL;
    for (unsigned i = 0; domain_next(DOMID(0)); i++) {
        assert_true(i < 1000);
        for (d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
            (void)!domain_destroy(d);
        calm();
    }
}

static unsigned fail_until_done(const struct oom_case *c)
{
    for (unsigned n = 1;; n++) {
        uint64_t before = free_frames(), after;
        int64_t r;

        assert_true(n < 1000);
        alloc_fail_nth(n);
        r = c->call();
        alloc_fail_nth(0);
        if (r == 0)
            return n - 1;
        after = free_frames();
        if (r != -E_NOMEM || (after != before && !c->keeps))
            fail_msg("%s: answers %lld to failing allocation %u, %llu frames were free, now %llu", c->name, (long long)r, n,
                     (unsigned long long)before, (unsigned long long)after);
        frame_check_all();
    }
}

static void run_case(void **state)
{
    const struct oom_case *c = *state;
    unsigned allocations;
    uint64_t at_start;

    host_boot(&(struct host_config){ .cpus = 2, .memory_mib = 16 });
    host_start();
    at_start = free_frames();
    dom0 = running_domain(true);
    guest = running_domain(false);
    c->prepare();
    allocations = fail_until_done(c);
    if (allocations < c->allocations)
        fail_msg("%s: %u allocations, at least %u expected", c->name, allocations, c->allocations);
    frame_check_all();
    end_domains();
    frame_check_all();
    assert_int_equal(free_frames(), at_start);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_SIZE(cases)];

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        tests[i] = (struct CMUnitTest){ .name = cases[i].name, .test_func = run_case, .initial_state = (void *)&cases[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
