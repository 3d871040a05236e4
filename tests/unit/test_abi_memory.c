/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: reservations, mappings, resources; alone and inside a multicall. */
#include "tests/unit/abi.h"

#define NEW_GFN (FIRST_GFN + 0x100)
/* Where no table is yet. */
#define FAR_GFN UINT64_C(0xff00000)
#define LIST at(PAGE_SIZE)
#define LIST_2 at(2 * PAGE_SIZE)
#define LIST_3 at(3 * PAGE_SIZE)

static void put_gfns(struct domain *d, uint64_t address, uint64_t first, unsigned n, uint64_t step)
{
    for (unsigned i = 0; i < n; i++) {
        xen_pfn_t gfn = first + i * step;

        put(d, address + i * sizeof(gfn), &gfn, sizeof(gfn));
    }
}

static struct xen_memory_reservation reservation(uint16_t id, unsigned n, unsigned order)
{
    struct xen_memory_reservation r = { .nr_extents = n, .extent_order = order, .domid = id };

    r.extent_start.q = LIST;
    return r;
}

static int64_t reserve(struct domain *d, uint32_t cmd, uint16_t id, unsigned n, unsigned order)
{
    struct xen_memory_reservation r = reservation(id, n, order);

    return memory_op(d, cmd, &r, sizeof(r));
}

/* More than one run of the call. */
static void test_populate_and_decrease(void **state UNUSED)
{
    uint64_t before = free_frames();

    put_gfns(guest, LIST, NEW_GFN, 100, 1);
    assert_int_equal(reserve(guest, XENMEM_populate_physmap, DOMID_SELF, 100, 0), 100);
    assert_int_equal(type_at(guest, NEW_GFN + 99), S2_RAM);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES + 100);
    assert_int_equal(reserve(guest, XENMEM_decrease_reservation, DOMID_SELF, 100, 0), 100);
    assert_int_equal(type_at(guest, NEW_GFN), S2_EMPTY);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES);
    assert_true(before - free_frames() <= 2);       /* tables stay */
    frame_check_all();
}

/* Pages go in runs, and each run ends at the first that is not the domain's own: a hole, one named twice, a number beyond all. */
static void test_decrease_ends_at_the_first_wrong_page(void **state UNUSED)
{
    static const unsigned places[] = { 0, 1, 7, 8, 11 };

    for (unsigned i = 0; i < 3 * ARRAY_SIZE(places); i++) {
        unsigned good = places[i / 3];
        uint64_t wrong[] = { NEW_GFN + 40, NEW_GFN, UINT64_MAX };

        put_gfns(guest, LIST, NEW_GFN, 20, 1);
        assert_int_equal(reserve(guest, XENMEM_populate_physmap, DOMID_SELF, 20, 0), 20);
        assert_true(host_guest_write(guest, LIST + good * 8, &wrong[good ? i % 3 : 0], 8));
        assert_int_equal(reserve(guest, XENMEM_decrease_reservation, DOMID_SELF, 20, 0), good);
        assert_int_equal(guest->owner.frames, ARGUMENT_PAGES + 20 - good);
        put_gfns(guest, LIST, NEW_GFN + good, 20 - good, 1);
        assert_int_equal(reserve(guest, XENMEM_decrease_reservation, DOMID_SELF, 20 - good, 0), 20 - good);
        frame_check_all();
    }
}

static void test_populate_for_another(void **state UNUSED)
{
    put_gfns(dom0, LIST, 0x80000, 3, 512);
    assert_int_equal(reserve(dom0, XENMEM_populate_physmap, guest->id.v, 3, 9), 3);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES + 3 * 512);
    put_gfns(guest, LIST, 0x90000, 1, 1);
    assert_int_equal(reserve(guest, XENMEM_populate_physmap, 0, 1, 0), 0);
    assert_int_equal(reserve(dom0, XENMEM_populate_physmap, NO_DOMAIN, 3, 9), 0);
}

static void test_populate_errors(void **state UNUSED)
{
    struct xen_memory_reservation r = reservation(DOMID_SELF, 1, 0);

    put_gfns(guest, LIST, UINT64_C(1) << 40, 1, 1);
    assert_int_equal(reserve(guest, XENMEM_populate_physmap, DOMID_SELF, 1, 0), 0);
    assert_int_equal(reserve(guest, XENMEM_populate_physmap, DOMID_SELF, 0, 0), 0);
    put_gfns(guest, LIST, NEW_GFN, 1, 1);
    assert_int_equal(reserve(guest, XENMEM_populate_physmap, DOMID_SELF, 1, 60), 0);
    assert_int_equal(reserve(guest, XENMEM_decrease_reservation, DOMID_SELF, 1, 0), 0);
    r.nr_extents = UINT64_MAX;
    assert_int_equal(memory_op(guest, XENMEM_populate_physmap, &r, sizeof(r)), 0);
    r.nr_extents = 1;
    r.extent_start.q = NOWHERE;
    assert_int_equal(memory_op(guest, XENMEM_populate_physmap, &r, sizeof(r)), 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_memory_op, XENMEM_populate_physmap, NOWHERE, 0), 0);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES);
}

static void test_populate_over_the_limit(void **state UNUSED)
{
    guest->owner.limit = ARGUMENT_PAGES + 20;
    put_gfns(guest, LIST, NEW_GFN, 40, 1);
    assert_int_equal(reserve(guest, XENMEM_populate_physmap, DOMID_SELF, 40, 0), 20);
    assert_int_equal(type_at(guest, NEW_GFN + 19), S2_RAM);
    assert_int_equal(type_at(guest, NEW_GFN + 20), S2_EMPTY);
}

static int attempt_populate(void *arg UNUSED)
{
    return reserve(guest, XENMEM_populate_physmap, DOMID_SELF, 1, 0) == 1 ? 0 : -E_NOMEM;
}

static void nothing_mapped(void *arg UNUSED)
{
    assert_int_equal(type_at(guest, FAR_GFN), S2_EMPTY);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES);
}

static void test_populate_without_memory(void **state UNUSED)
{
    put_gfns(guest, LIST, FAR_GFN, 1, 1);
    assert_true(oom_loop(attempt_populate, nothing_mapped, NULL) >= 1);
}

static void test_numbers(void **state UNUSED)
{
    domid_t id = DOMID_SELF;

    assert_int_equal(memory_op(guest, XENMEM_current_reservation, &id, sizeof(id)), ARGUMENT_PAGES);
    guest->owner.limit = 77;
    assert_int_equal(memory_op(guest, XENMEM_maximum_reservation, &id, sizeof(id)), 77);
    assert_int_equal(memory_op(guest, XENMEM_maximum_gpfn, &id, sizeof(id)), FIRST_GFN + ARGUMENT_PAGES - 1);
    assert_int_equal(memory_op(guest, XENMEM_maximum_ram_page, &id, sizeof(id)), frame_highest().v);
    id = 0;
    assert_int_equal(memory_op(guest, XENMEM_current_reservation, &id, sizeof(id)), -E_PERM);
    id = NO_DOMAIN;
    assert_int_equal(memory_op(dom0, XENMEM_current_reservation, &id, sizeof(id)), -E_SRCH);
    assert_int_equal(call_as(guest, __HYPERVISOR_memory_op, XENMEM_maximum_gpfn, NOWHERE, 0), -E_FAULT);
    assert_int_equal(call_as(guest, __HYPERVISOR_memory_op, XENMEM_get_sharing_freed_pages, 0, 0), 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_memory_op, XENMEM_exchange, 0, 0), -E_OPNOTSUPP);
}

static int64_t pod(unsigned cmd, uint16_t id, uint64_t target)
{
    struct xen_pod_target p = { .target_pages = target, .domid = id, .pod_cache_pages = 7, .pod_entries = 7 };
    int64_t r = memory_op(dom0, cmd, &p, sizeof(p));

    if (!r) {
        assert_int_equal(p.tot_pages, ARGUMENT_PAGES);
        assert_true(p.pod_cache_pages == 0 && p.pod_entries == 0);
    }
    return r;
}

/* What xl mem-set asks for beside the guest's balloon driver; memory on demand there is not. */
static void test_targets(void **state UNUSED)
{
    guest->owner.limit = ARGUMENT_PAGES + 10;
    assert_int_equal(pod(XENMEM_set_pod_target, guest->id.v, ARGUMENT_PAGES - 1), 0);
    assert_int_equal(pod(XENMEM_set_pod_target, guest->id.v, ARGUMENT_PAGES), 0);
    assert_int_equal(pod(XENMEM_set_pod_target, guest->id.v, ARGUMENT_PAGES + 11), -E_INVAL);
    assert_int_equal(pod(XENMEM_get_pod_target, guest->id.v, 0), 0);
    atomic_store(&guest->started, false);
    assert_int_equal(pod(XENMEM_set_pod_target, guest->id.v, ARGUMENT_PAGES + 1), -E_OPNOTSUPP);
    atomic_store(&guest->started, true);
    assert_int_equal(pod(XENMEM_set_pod_target, guest->id.v, ARGUMENT_PAGES + 1), 0);
    assert_int_equal(pod(XENMEM_set_pod_target, NO_DOMAIN, 1), -E_SRCH);
}

static int64_t add(struct domain *d, uint16_t id, unsigned space, uint64_t index, uint64_t gfn)
{
    struct xen_add_to_physmap in = { .domid = id, .space = space, .idx = index, .gpfn = gfn };

    return memory_op(d, XENMEM_add_to_physmap, &in, sizeof(in));
}

static int64_t take_away(struct domain *d, uint16_t id, uint64_t gfn)
{
    struct xen_remove_from_physmap in = { .domid = id, .gpfn = gfn };

    return memory_op(d, XENMEM_remove_from_physmap, &in, sizeof(in));
}

/* Over a page of RAM, as Linux does: the page is not lost. */
static void test_shared_info(void **state UNUSED)
{
    uint32_t version;

    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_shared_info, 0, FIRST_GFN + 7), 0);
    assert_int_equal(type_at(guest, FIRST_GFN + 7), S2_SHARED);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES - 1);
    get(guest, at(7 * PAGE_SIZE + offsetof(struct shared_info, wc_version)), &version, sizeof(version));
    assert_int_equal(version, shared_of(guest)->wc_version);
    assert_int_equal(take_away(guest, DOMID_SELF, FIRST_GFN + 7), 0);
    assert_int_equal(take_away(guest, DOMID_SELF, FIRST_GFN + 7), -E_NOENT);
    frame_check_all();
}

static void test_grant_frames(void **state UNUSED)
{
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_grant_table, 0, NEW_GFN), 0);
    assert_int_equal(type_at(guest, NEW_GFN), S2_SHARED);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_grant_table, 3, NEW_GFN + 1), 0);
    assert_int_equal(guest->grants.frames_used, 4);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_grant_table, 100000, NEW_GFN), -E_INVAL);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status, NEW_GFN), -E_INVAL);
}

static void test_add_errors(void **state UNUSED)
{
    assert_int_equal(add(guest, DOMID_SELF, 77, 0, NEW_GFN), -E_NOSYS);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_gmfn, 0, NEW_GFN), -E_NOSYS);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_gmfn_foreign, 0, NEW_GFN), -E_NOSYS);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_shared_info, 5, NEW_GFN), -E_INVAL);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_dev_mmio, 0x8000, NEW_GFN), -E_OPNOTSUPP);
    assert_int_equal(add(guest, DOMID_SELF, XENMAPSPACE_shared_info, 0, UINT64_MAX >> 12), -E_INVAL);
    assert_int_equal(add(guest, 0, XENMAPSPACE_shared_info, 0, NEW_GFN), -E_PERM);
    assert_int_equal(add(dom0, NO_DOMAIN, XENMAPSPACE_shared_info, 0, NEW_GFN), -E_SRCH);
    assert_int_equal(take_away(guest, DOMID_SELF, UINT64_MAX), -E_NOENT);
    assert_int_equal(take_away(guest, 0, FIRST_GFN), -E_PERM);
}

static int attempt_shared_info(void *arg UNUSED)
{
    return (int)add(guest, DOMID_SELF, XENMAPSPACE_shared_info, 0, 0x8000000);
}

static int attempt_grant_frame(void *arg UNUSED)
{
    int64_t r = add(guest, DOMID_SELF, XENMAPSPACE_grant_table, 9, 0x9000000);

    /* A table that cannot grow has no such frame. */
    return r == -E_INVAL ? -E_NOMEM : (int)r;
}

static void test_add_without_memory(void **state UNUSED)
{
    assert_true(oom_loop(attempt_shared_info, NULL, NULL) >= 1);
    assert_true(oom_loop(attempt_grant_frame, NULL, NULL) >= 1);
}

static int64_t map_foreign(struct domain *d, uint16_t foreign, unsigned n)
{
    struct xen_add_to_physmap_batch in = { .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_foreign, .size = (uint16_t)n };

    in.u.foreign_domid = foreign;
    in.idxs.q = LIST;
    in.gpfns.q = LIST_2;
    in.errs.q = LIST_3;
    return memory_op(d, XENMEM_add_to_physmap_batch, &in, sizeof(in));
}

static int32_t error_of(struct domain *d, unsigned i)
{
    int32_t e;

    get(d, LIST_3 + i * sizeof(e), &e, sizeof(e));
    return e;
}

/* One page that is not there among those that are. */
static void test_foreign(void **state UNUSED)
{
    uint64_t before = free_frames();

    put_gfns(dom0, LIST, FIRST_GFN, ARGUMENT_PAGES + 1, 1);
    put_gfns(dom0, LIST_2, NEW_GFN, ARGUMENT_PAGES + 1, 1);
    assert_int_equal(map_foreign(dom0, guest->id.v, ARGUMENT_PAGES + 1), 0);
    for (unsigned i = 0; i < ARGUMENT_PAGES; i++) {
        assert_int_equal(error_of(dom0, i), 0);
        assert_int_equal(type_at(dom0, NEW_GFN + i), S2_FOREIGN_RW);
    }
    assert_int_equal(error_of(dom0, ARGUMENT_PAGES), -E_NOENT);
    for (unsigned i = 0; i < ARGUMENT_PAGES; i++)
        assert_int_equal(take_away(dom0, DOMID_SELF, NEW_GFN + i), 0);
    assert_true(before - free_frames() <= 1);
    frame_check_all();
}

static void test_foreign_in_many_runs(void **state UNUSED)
{
    put_gfns(dom0, LIST, FIRST_GFN + 1, 60, 0);
    put_gfns(dom0, LIST_2, NEW_GFN, 60, 1);
    assert_int_equal(map_foreign(dom0, guest->id.v, 60), 0);
    for (unsigned i = 0; i < 60; i++)
        assert_true(mfn_eq(frame_at(dom0, NEW_GFN + i), frame_at(guest, FIRST_GFN + 1)));
    assert_int_equal(frame_count(frame_at(guest, FIRST_GFN + 1)), 61);
}

static void test_foreign_errors(void **state UNUSED)
{
    put_gfns(guest, LIST, FIRST_GFN, 1, 1);
    put_gfns(guest, LIST_2, NEW_GFN, 1, 1);
    assert_int_equal(map_foreign(guest, 0, 1), -E_PERM);
    assert_int_equal(map_foreign(dom0, NO_DOMAIN, 1), -E_SRCH);
    assert_int_equal(map_foreign(dom0, DOMID_SELF, 1), -E_SRCH);
    assert_int_equal(map_foreign(dom0, 0, 1), -E_INVAL);
    /* Progress beyond the list: it was changed between two runs. */
    assert_int_equal(call_as(guest, __HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch | 99 << 6, at(0), 0), -E_ILSEQ);
}

static int64_t acquire(struct domain *d, struct xen_mem_acquire_resource *in)
{
    return memory_op(d, XENMEM_acquire_resource, in, sizeof(*in));
}

static void test_resource(void **state UNUSED)
{
    struct xen_mem_acquire_resource in = { .domid = guest->id.v, .type = XENMEM_resource_grant_table };

    assert_int_equal(acquire(guest, &in), -E_PERM);
    assert_int_equal(acquire(dom0, &in), 0);
    assert_int_equal(in.nr_frames, GRANT_DEFAULT_FRAMES);
    in.nr_frames = 2;
    in.frame_list.q = LIST;
    put_gfns(dom0, LIST, NEW_GFN, 2, 1);
    assert_int_equal(acquire(dom0, &in), 0);
    assert_int_equal(type_at(dom0, NEW_GFN + 1), S2_FOREIGN_RW);
    assert_int_equal(take_away(dom0, DOMID_SELF, NEW_GFN), 0);
    in.frame = GRANT_DEFAULT_FRAMES - 1;
    assert_int_equal(acquire(dom0, &in), -E_INVAL);
    in.pad = 1;
    assert_int_equal(acquire(dom0, &in), -E_INVAL);
    in = (struct xen_mem_acquire_resource){ .domid = guest->id.v, .type = XENMEM_resource_ioreq_server };
    assert_int_equal(acquire(dom0, &in), -E_OPNOTSUPP);
    in.domid = NO_DOMAIN;
    assert_int_equal(acquire(dom0, &in), -E_SRCH);
}

/* The guest goes while dom0 still shows its grant table. */
static void test_resource_of_the_dead(void **state UNUSED)
{
    struct xen_mem_acquire_resource in = { .domid = guest->id.v, .type = XENMEM_resource_grant_table, .nr_frames = 1 };
    uint16_t id = guest->id.v;

    in.frame_list.q = LIST;
    put_gfns(dom0, LIST, NEW_GFN, 1, 1);
    assert_int_equal(acquire(dom0, &in), 0);
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), 0);
    calm();
    frame_check_all();
    assert_int_equal(take_away(dom0, DOMID_SELF, NEW_GFN), 0);
    calm();
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), -E_SRCH);
    frame_check_all();
}

static void test_claim(void **state UNUSED)
{
    struct xen_memory_reservation in = { .domid = guest->id.v, .nr_extents = ARGUMENT_PAGES + 50 };
    uint64_t before = frame_outstanding_claims();

    assert_int_equal(memory_op(dom0, XENMEM_claim_pages, &in, sizeof(in)), 0);
    assert_int_equal(frame_outstanding_claims(), before + 50);
    assert_int_equal(memory_op(dom0, XENMEM_claim_pages, &in, sizeof(in)), -E_INVAL);
    in.nr_extents = 0;
    assert_int_equal(memory_op(dom0, XENMEM_claim_pages, &in, sizeof(in)), 0);
    assert_int_equal(frame_outstanding_claims(), before);
    in.nr_extents = UINT64_C(1) << 40;
    assert_int_equal(memory_op(dom0, XENMEM_claim_pages, &in, sizeof(in)), -E_NOMEM);
    in.extent_order = 1;
    assert_int_equal(memory_op(dom0, XENMEM_claim_pages, &in, sizeof(in)), -E_INVAL);
    assert_int_equal(memory_op(guest, XENMEM_claim_pages, &in, sizeof(in)), -E_PERM);
}

static int64_t multicall(struct domain *d, struct multicall_entry *entries, unsigned n)
{
    int64_t r;

    put(d, at(4 * PAGE_SIZE), entries, n * sizeof(*entries));
    r = call_as(d, __HYPERVISOR_multicall, at(4 * PAGE_SIZE), n, 0);
    get(d, at(4 * PAGE_SIZE), entries, n * sizeof(*entries));
    return r;
}

/* A continuation within a multicall goes through the guest's own entry. */
static void test_multicall(void **state UNUSED)
{
    struct multicall_entry entries[12] = { 0 };
    struct xen_memory_reservation r = reservation(DOMID_SELF, 70, 0);

    put_gfns(guest, LIST, NEW_GFN, 70, 1);
    put(guest, at(0), &r, sizeof(r));
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
        entries[i].op = __HYPERVISOR_xen_version;
    entries[3] = (struct multicall_entry){ .op = __HYPERVISOR_memory_op, .args = { XENMEM_populate_physmap, at(0) } };
    entries[4] = (struct multicall_entry){ .op = UINT64_C(1) << 40 };
    entries[5] = (struct multicall_entry){ .op = __HYPERVISOR_multicall, .args = { at(0), 1 } };
    entries[6] = (struct multicall_entry){ .op = __HYPERVISOR_xen_version, .args = { XENVER_get_features, NOWHERE } };
    assert_int_equal(multicall(guest, entries, ARRAY_SIZE(entries)), 0);
    assert_int_equal(entries[0].result, 4 << 16 | 17);
    assert_int_equal(entries[3].result, 70);
    assert_int_equal(entries[4].result, (uint64_t)-E_NOSYS);
    assert_int_equal(entries[5].result, (uint64_t)-E_INVAL);
    assert_int_equal(entries[6].result, (uint64_t)-E_FAULT);
    assert_int_equal(entries[11].result, 4 << 16 | 17);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES + 70);
    assert_int_equal(call_as(guest, __HYPERVISOR_multicall, NOWHERE, 1, 0), -E_FAULT);
    assert_int_equal(call_as(guest, __HYPERVISOR_multicall, NOWHERE, 0, 0), 0);
}

#define LAZY_GFN UINT64_C(0x60000)
#define LAZY(n) ((LAZY_GFN << PAGE_SHIFT) + (n))

static void make_lazy(struct domain *d, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        assert_int_equal(stage2_map(&d->stage2, GFN(LAZY_GFN + i), MFN(0), 0, S2_NEEDS_WORK), 0);
}

/* Arguments and results in pages that have to be made first: the calls are run again, and act once. */
static void test_pages_that_need_work(void **state UNUSED)
{
    struct multicall_entry entry;
    struct xen_sysctl op = { 0 };

    make_lazy(guest, 4);
    assert_int_equal(call_as(guest, __HYPERVISOR_xen_version, XENVER_get_features, LAZY(0), 0), 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_xen_version, XENVER_capabilities, LAZY(2 * PAGE_SIZE - 100), 0), 0);
    assert_int_equal(call_as(guest, __HYPERVISOR_multicall, LAZY(3 * PAGE_SIZE), 64, 0), 0);
    get(guest, LAZY(3 * PAGE_SIZE + 63 * sizeof(entry)), &entry, sizeof(entry));
    assert_int_equal(entry.result, (uint64_t)-E_NOSYS);
    make_lazy(dom0, 2);
    op.u.getdomaininfolist.max_domains = 1024;
    op.u.getdomaininfolist.buffer.q = LAZY(PAGE_SIZE - 100);
    assert_int_equal(sysctl(&op, XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(op.u.getdomaininfolist.num_domains, 2);
    frame_check_all();
}

/* The reservation's own list lies in such a page: gfn 0, once. */
static void test_reservation_that_needs_work(void **state UNUSED)
{
    struct xen_memory_reservation r = reservation(DOMID_SELF, 1, 0);

    make_lazy(guest, 1);
    r.extent_start.q = LAZY(0);
    assert_int_equal(memory_op(guest, XENMEM_populate_physmap, &r, sizeof(r)), 1);
    assert_int_equal(type_at(guest, 0), S2_RAM);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_populate_and_decrease, abi_setup),
        cmocka_unit_test_setup(test_decrease_ends_at_the_first_wrong_page, abi_setup),
        cmocka_unit_test_setup(test_populate_for_another, abi_setup),
        cmocka_unit_test_setup(test_populate_errors, abi_setup), cmocka_unit_test_setup(test_populate_over_the_limit, abi_setup),
        cmocka_unit_test_setup(test_populate_without_memory, abi_setup), cmocka_unit_test_setup(test_numbers, abi_setup),
        cmocka_unit_test_setup(test_targets, abi_setup),
        cmocka_unit_test_setup(test_shared_info, abi_setup), cmocka_unit_test_setup(test_grant_frames, abi_setup),
        cmocka_unit_test_setup(test_add_errors, abi_setup), cmocka_unit_test_setup(test_add_without_memory, abi_setup),
        cmocka_unit_test_setup(test_foreign, abi_setup), cmocka_unit_test_setup(test_foreign_in_many_runs, abi_setup),
        cmocka_unit_test_setup(test_foreign_errors, abi_setup), cmocka_unit_test_setup(test_resource, abi_setup),
        cmocka_unit_test_setup(test_resource_of_the_dead, abi_setup), cmocka_unit_test_setup(test_claim, abi_setup),
        cmocka_unit_test_setup(test_multicall, abi_setup), cmocka_unit_test_setup(test_pages_that_need_work, abi_setup),
        cmocka_unit_test_setup(test_reservation_that_needs_work, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
