/* SPDX-License-Identifier: Apache-2.0 */
/* grant_table_op as guests call it: batches, their continuation, and the questions about tables. */
#include "tests/unit/abi.h"
#include "core/grant_entry.h"

#define WINDOW_GFN UINT64_C(0x80000)
#define BATCH 40

static int64_t grant_op(struct domain *d, uint32_t command, uint64_t list, uint32_t count)
{
    return call_as(d, __HYPERVISOR_grant_table_op, command, list, count);
}

static int64_t one(struct domain *d, uint32_t command, void *s, size_t n)
{
    int64_t r;

    put(d, at(0), s, n);
    r = grant_op(d, command, at(0), 1);
    get(d, at(0), s, n);
    return r;
}

static void offer(uint32_t ref, unsigned page)
{
    grant_entry *table = guest->grants.frames[0];

    table[ref] = entry_make(ENTRY_ACCESS, dom0->id, GFN(FIRST_GFN + page));
}

static struct gnttab_map_grant_ref map_op(uint32_t ref, unsigned slot)
{
    return (struct gnttab_map_grant_ref){ .host_addr = (WINDOW_GFN + slot) << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = ref,
                                          .dom = guest->id.v, .status = 99 };
}

static void test_batch_of_maps(void **state UNUSED)
{
    struct gnttab_map_grant_ref maps[BATCH];
    struct gnttab_unmap_grant_ref unmaps[BATCH];
    struct host_action a = { .kind = HOST_HYPERCALL, .number = __HYPERVISOR_grant_table_op,
                             .args = { GNTTABOP_map_grant_ref, at(0), BATCH } };

    for (unsigned i = 0; i < BATCH; i++) {
        offer(8 + i, i % ARGUMENT_PAGES);
        maps[i] = map_op(i == 20 ? 7 : 8 + i, i);
    }
    put(dom0, at(0), maps, sizeof(maps));
    host_begin(dom0->vcpus[0], &a);
    assert_true(host_run(SEC(1)));
    assert_int_equal(a.result, 0);
    assert_true(a.times_run >= 3);
    get(dom0, at(0), maps, sizeof(maps));
    for (unsigned i = 0; i < BATCH; i++) {
        assert_int_equal(maps[i].status, i == 20 ? GNTST_general_error : GNTST_okay);
        if (i != 20)
            assert_true(maps[i].dev_bus_addr == mfn_to_hpa(frame_at(guest, FIRST_GFN + i % ARGUMENT_PAGES)).v);
        unmaps[i] = (struct gnttab_unmap_grant_ref){ .host_addr = maps[i].host_addr, .handle = i == 20 ? 5000 : maps[i].handle };
    }
    put(dom0, at(0), unmaps, sizeof(unmaps));
    assert_int_equal(grant_op(dom0, GNTTABOP_unmap_grant_ref, at(0), BATCH), 0);
    get(dom0, at(0), unmaps, sizeof(unmaps));
    for (unsigned i = 0; i < BATCH; i++)
        assert_int_equal(unmaps[i].status, i == 20 ? GNTST_bad_handle : GNTST_okay);
    assert_int_equal(dom0->grants.maptrack_used, 0);
}

/* The list runs off the end of memory: what lay before has been done, and says so. */
static void test_batch_off_the_end(void **state UNUSED)
{
    struct gnttab_map_grant_ref maps[4];
    uint64_t list = at(ARGUMENT_PAGES * PAGE_SIZE) - sizeof(maps);

    for (unsigned i = 0; i < 4; i++) {
        offer(8 + i, i);
        maps[i] = map_op(8 + i, i);
    }
    put(dom0, list, maps, sizeof(maps));
    assert_int_equal(grant_op(dom0, GNTTABOP_map_grant_ref, list, 6), -E_FAULT);
    get(dom0, list, maps, sizeof(maps));
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(maps[i].status, GNTST_okay);
    assert_int_equal(grant_op(dom0, GNTTABOP_map_grant_ref, NOWHERE, 1), -E_FAULT);
    assert_int_equal(grant_op(dom0, GNTTABOP_map_grant_ref, NOWHERE, 0), 0);
    assert_int_equal(grant_op(dom0, GNTTABOP_map_grant_ref, at(0), 0x80000000), -E_INVAL);
    assert_int_equal(grant_op(dom0, GNTTABOP_map_grant_ref | 1 << 12, at(0), 1), -E_INVAL);
    assert_int_equal(grant_op(dom0, GNTTABOP_dump_table, at(0), 1), -E_NOSYS);
    assert_int_equal(grant_op(dom0, GNTTABOP_cache_flush + 1, at(0), 1), -E_NOSYS);
}

static void test_map_flags(void **state UNUSED)
{
    static const struct { uint32_t flags; int16_t status; } cases[] = {
        { 0, GNTST_bad_gntref }, { GNTMAP_readonly, GNTST_bad_gntref }, { GNTMAP_device_map, GNTST_general_error },
        { GNTMAP_host_map | GNTMAP_device_map, GNTST_general_error },
        { GNTMAP_host_map | GNTMAP_contains_pte, GNTST_general_error },
        { GNTMAP_host_map | GNTMAP_application_map, GNTST_general_error },
        { GNTMAP_host_map | 1u << 31, GNTST_general_error },
        { GNTMAP_host_map | GNTMAP_readonly, GNTST_okay }, { GNTMAP_host_map, GNTST_okay },
    };

    offer(8, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct gnttab_map_grant_ref m = map_op(8, i);

        m.flags = cases[i].flags;
        assert_int_equal(one(dom0, GNTTABOP_map_grant_ref, &m, sizeof(m)), 0);
        assert_int_equal(m.status, cases[i].status);
    }
}

static void test_multicall(void **state UNUSED)
{
    struct multicall_entry e = { .op = __HYPERVISOR_grant_table_op, .args = { GNTTABOP_map_grant_ref, at(PAGE_SIZE), BATCH } };
    struct gnttab_map_grant_ref maps[BATCH];

    for (unsigned i = 0; i < BATCH; i++) {
        offer(8 + i, i % ARGUMENT_PAGES);
        maps[i] = map_op(8 + i, i);
    }
    put(dom0, at(PAGE_SIZE), maps, sizeof(maps));
    put(dom0, at(0), &e, sizeof(e));
    assert_int_equal(call_as(dom0, __HYPERVISOR_multicall, at(0), 1, 0), 0);
    get(dom0, at(0), &e, sizeof(e));
    assert_int_equal(e.result, 0);
    get(dom0, at(PAGE_SIZE), maps, sizeof(maps));
    for (unsigned i = 0; i < BATCH; i++)
        assert_int_equal(maps[i].status, GNTST_okay);
    assert_int_equal(dom0->grants.maptrack_used, BATCH);
}

static void test_replace(void **state UNUSED)
{
    struct gnttab_map_grant_ref m = map_op(8, 0);
    struct gnttab_unmap_and_replace r = { .host_addr = m.host_addr, .new_addr = at(0) };

    offer(8, 0);
    assert_int_equal(one(dom0, GNTTABOP_map_grant_ref, &m, sizeof(m)), 0);
    r.handle = m.handle + 1;
    assert_int_equal(one(dom0, GNTTABOP_unmap_and_replace, &r, sizeof(r)), 0);
    assert_int_equal(r.status, GNTST_bad_handle);
    r.handle = m.handle;
    assert_int_equal(one(dom0, GNTTABOP_unmap_and_replace, &r, sizeof(r)), 0);
    assert_int_equal(r.status, GNTST_general_error);
    r.new_addr = 0;
    assert_int_equal(one(dom0, GNTTABOP_unmap_and_replace, &r, sizeof(r)), 0);
    assert_int_equal(r.status, GNTST_okay);
}

static void test_copies(void **state UNUSED)
{
    struct gnttab_copy c[2] = {
        { .source = { .u.gmfn = FIRST_GFN + 2, .domid = DOMID_SELF, .offset = 8 },
          .dest = { .u.ref = 8, .domid = guest->id.v, .offset = 16 }, .len = 6, .flags = GNTCOPY_dest_gref },
        { .source = { .u.gmfn = FIRST_GFN + 2, .domid = guest->id.v }, .dest = { .u.ref = 8, .domid = guest->id.v }, .len = 1,
          .flags = GNTCOPY_dest_gref },
    };
    char text[6];

    offer(8, 3);
    put(dom0, at(2 * PAGE_SIZE + 8), "copied", 6);
    put(dom0, at(0), c, sizeof(c));
    assert_int_equal(grant_op(dom0, GNTTABOP_copy, at(0), 2), 0);
    get(dom0, at(0), c, sizeof(c));
    assert_int_equal(c[0].status, GNTST_okay);
    assert_int_equal(c[1].status, GNTST_permission_denied);
    get(guest, at(3 * PAGE_SIZE + 16), text, 6);
    assert_memory_equal(text, "copied", 6);
}

static void test_setup_and_size(void **state UNUSED)
{
    struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 3 };
    struct gnttab_query_size q = { .dom = DOMID_SELF };
    uint64_t list[3] = { 0 };

    s.frame_list.q = at(PAGE_SIZE);
    assert_int_equal(one(guest, GNTTABOP_query_size, &q, sizeof(q)), 0);
    assert_int_equal(q.nr_frames, 1);
    assert_int_equal(q.max_nr_frames, 64);
    assert_int_equal(one(guest, GNTTABOP_setup_table, &s, sizeof(s)), 0);
    assert_int_equal(s.status, GNTST_okay);
    get(guest, at(PAGE_SIZE), list, sizeof(list));
    assert_true(list[2] == UINT64_MAX);
    q.dom = guest->id.v;
    assert_int_equal(one(dom0, GNTTABOP_query_size, &q, sizeof(q)), 0);
    assert_int_equal(q.nr_frames, 3);
    s.nr_frames = 65;
    assert_int_equal(one(guest, GNTTABOP_setup_table, &s, sizeof(s)), 0);
    assert_int_equal(s.status, GNTST_general_error);
    s.nr_frames = 1;
    s.frame_list.q = NOWHERE;
    assert_int_equal(one(guest, GNTTABOP_setup_table, &s, sizeof(s)), 0);
    assert_int_equal(s.status, GNTST_bad_virt_addr);
    s.dom = 0;
    assert_int_equal(one(guest, GNTTABOP_setup_table, &s, sizeof(s)), 0);
    assert_int_equal(s.status, GNTST_permission_denied);
    q.dom = NO_DOMAIN;
    assert_int_equal(one(dom0, GNTTABOP_query_size, &q, sizeof(q)), 0);
    assert_int_equal(q.status, GNTST_bad_domain);
    put(guest, at(0), &q, sizeof(q));
    assert_int_equal(grant_op(guest, GNTTABOP_query_size, at(0), 2), -E_INVAL);
}

static void test_versions(void **state UNUSED)
{
    struct gnttab_set_version v = { .version = 2 };
    struct gnttab_get_version g = { .dom = DOMID_SELF };
    struct gnttab_get_status_frames f = { .dom = DOMID_SELF, .nr_frames = 1 };

    assert_int_equal(one(guest, GNTTABOP_set_version, &v, sizeof(v)), -E_NOSYS);
    assert_int_equal(v.version, 1);
    assert_int_equal(one(guest, GNTTABOP_set_version, &v, sizeof(v)), 0);
    v.version = 3;
    assert_int_equal(one(guest, GNTTABOP_set_version, &v, sizeof(v)), -E_INVAL);
    assert_int_equal(one(guest, GNTTABOP_get_version, &g, sizeof(g)), 0);
    assert_int_equal(g.version, 1);
    g.dom = 0;
    assert_int_equal(one(guest, GNTTABOP_get_version, &g, sizeof(g)), -E_PERM);
    assert_int_equal(one(guest, GNTTABOP_get_status_frames, &f, sizeof(f)), 0);
    assert_int_equal(f.status, GNTST_general_error);
    f.nr_frames = 0;
    assert_int_equal(one(guest, GNTTABOP_get_status_frames, &f, sizeof(f)), 0);
    assert_int_equal(f.status, GNTST_okay);
    assert_int_equal(grant_op(guest, GNTTABOP_transfer, at(0), 1), -E_OPNOTSUPP);
}

static void test_cache_flush(void **state UNUSED)
{
    struct gnttab_cache_flush f = { .a.dev_bus_addr = mfn_to_hpa(frame_at(guest, FIRST_GFN)).v, .offset = 4000, .length = 96,
                                    .op = GNTTAB_CACHE_CLEAN };
    struct gnttab_map_grant_ref m;

    assert_int_equal(one(guest, GNTTABOP_cache_flush, &f, sizeof(f)), 0);
    assert_int_equal(one(dom0, GNTTABOP_cache_flush, &f, sizeof(f)), -E_INVAL);
    /* More mappings than are looked at in one go: the search goes on where it stopped. */
    offer(8, 1);
    offer(9, 0);
    for (unsigned i = 0; i < 3000; i++) {
        m = map_op(8, i);
        m.flags |= GNTMAP_readonly;
        assert_int_equal(one(dom0, GNTTABOP_map_grant_ref, &m, sizeof(m)), 0);
        assert_int_equal(m.status, GNTST_okay);
    }
    assert_int_equal(one(dom0, GNTTABOP_cache_flush, &f, sizeof(f)), -E_INVAL);
    m = map_op(9, 3000);
    assert_int_equal(one(dom0, GNTTABOP_map_grant_ref, &m, sizeof(m)), 0);
    assert_int_equal(one(dom0, GNTTABOP_cache_flush, &f, sizeof(f)), 0);
    f.length = 97;
    assert_int_equal(one(dom0, GNTTABOP_cache_flush, &f, sizeof(f)), -E_INVAL);
    f.length = 0;
    assert_int_equal(one(dom0, GNTTABOP_cache_flush, &f, sizeof(f)), 0);
    f.op |= GNTTAB_CACHE_SOURCE_GREF;
    assert_int_equal(one(dom0, GNTTABOP_cache_flush, &f, sizeof(f)), -E_INVAL);
}

static void test_swap(void **state UNUSED)
{
    struct gnttab_swap_grant_ref s = { .ref_a = 8, .ref_b = 9 };
    grant_entry *table = guest->grants.frames[0];

    offer(8, 0);
    assert_int_equal(one(guest, GNTTABOP_swap_grant_ref, &s, sizeof(s)), 0);
    assert_int_equal(s.status, GNTST_okay);
    assert_true(table[8] == 0 && table[9] != 0);
    s.ref_b = 512;
    assert_int_equal(one(guest, GNTTABOP_swap_grant_ref, &s, sizeof(s)), 0);
    assert_int_equal(s.status, GNTST_bad_gntref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_batch_of_maps, abi_setup),
        cmocka_unit_test_setup(test_batch_off_the_end, abi_setup),
        cmocka_unit_test_setup(test_map_flags, abi_setup),
        cmocka_unit_test_setup(test_multicall, abi_setup),
        cmocka_unit_test_setup(test_replace, abi_setup),
        cmocka_unit_test_setup(test_copies, abi_setup),
        cmocka_unit_test_setup(test_setup_and_size, abi_setup),
        cmocka_unit_test_setup(test_versions, abi_setup),
        cmocka_unit_test_setup(test_cache_flush, abi_setup),
        cmocka_unit_test_setup(test_swap, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
