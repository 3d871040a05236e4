/* SPDX-License-Identifier: Apache-2.0 */
/* Hypercalls of a caller whose longs have 4 bytes (abi/xen/narrow.h): structures, lists, what comes back, and the shared structures. */
#include <string.h>
#include "tests/unit/abi.h"
#include "core/shared_info.h"

static int64_t narrow_call(struct domain *d, uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    struct host_action a = { .kind = HOST_HYPERCALL, .number = number, .args = { a0, a1, a2 }, .narrow = true };

    host_begin(d->vcpus[0], &a);
    (void)host_run(SEC(1));
    assert_true(a.done);
    return a.result;
}

/* s at the end of a page before nothing, so that not a byte more is read. */
static int64_t narrow_with(struct domain *d, uint64_t number, uint64_t command, void *s, size_t n, uint64_t count)
{
    uint64_t to = at(ARGUMENT_PAGES * PAGE_SIZE - n);
    int64_t r;

    put(d, to, s, n);
    r = narrow_call(d, number, command, to, count);
    get(d, to, s, n);
    return r;
}

static void test_reservation(void **state UNUSED)
{
    uint32_t list[20];
    uint64_t frames = atomic_load(&guest->owner.frames);
    struct narrow_xen_memory_reservation in = { .extent_start = (uint32_t)at(0), .nr_extents = ARRAY_SIZE(list), .domid = DOMID_SELF };

    for (uint32_t i = 0; i < ARRAY_SIZE(list); i++)
        list[i] = HOLE_GFN + i;
    put(guest, at(0), list, sizeof(list));
    assert_int_equal(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &in, sizeof(in), 0), 20);
    assert_int_equal(atomic_load(&guest->owner.frames), frames + 20);
    assert_int_equal(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, &in, sizeof(in), 0), 20);
    assert_int_equal(atomic_load(&guest->owner.frames), frames);
    /* More than the place that is kept in a register of 32 bits tells. */
    in.nr_extents = UINT32_MAX >> 5;
    assert_int_equal(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &in, sizeof(in), 0), 0);
    in.extent_start = (uint32_t)NOWHERE;
    in.nr_extents = 1;
    assert_int_equal(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &in, sizeof(in), 0), 0);
}

static void test_physmap(void **state UNUSED)
{
    struct narrow_xen_add_to_physmap in = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = HOLE_GFN };
    struct narrow_xen_remove_from_physmap out = { .domid = DOMID_SELF, .gpfn = HOLE_GFN };
    struct narrow_xen_add_to_physmap_batch batch = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .size = 2,
                                                     .idxs = (uint32_t)at(0), .gpfns = (uint32_t)at(16), .errs = (uint32_t)at(32) };
    uint32_t index[] = { 0, 9999 }, gfn[] = { HOLE_GFN + 1, HOLE_GFN + 2 };
    int32_t error[2];

    assert_int_equal(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &in, sizeof(in), 0), 0);
    assert_true(guest->narrow_layout);
    assert_int_equal(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &out, sizeof(out), 0), 0);
    in.gpfn = UINT32_MAX;
    assert_true(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &in, sizeof(in), 0) < 0);
    put(guest, at(0), index, sizeof(index));
    put(guest, at(16), gfn, sizeof(gfn));
    assert_int_equal(narrow_with(guest, __HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, &batch, sizeof(batch), 0), 0);
    get(guest, at(32), error, sizeof(error));
    assert_int_equal(error[0], 0);
    assert_int_equal(error[1], -E_INVAL);
}

static void test_grants(void **state UNUSED)
{
    struct narrow_gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1, .frame_list = (uint32_t)at(0) };
    struct narrow_gnttab_get_status_frames status = { .dom = DOMID_SELF };
    struct narrow_gnttab_copy copies[30];
    uint32_t frames[2] = { 0, 77 };
    char text[30] = "what is copied in many pieces", got[30];

    put(guest, at(0), frames, sizeof(frames));
    assert_int_equal(narrow_with(guest, __HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &setup, sizeof(setup), 1), 0);
    assert_int_equal(setup.status, GNTST_okay);
    get(guest, at(0), frames, sizeof(frames));
    assert_int_equal(frames[0], UINT32_MAX);
    assert_int_equal(frames[1], 77);
    assert_int_equal(narrow_with(guest, __HYPERVISOR_grant_table_op, GNTTABOP_get_status_frames, &status, sizeof(status), 1), 0);
    assert_int_equal(status.status, GNTST_okay);
    put(guest, at(0), text, sizeof(text));
    for (unsigned i = 0; i < ARRAY_SIZE(copies); i++)
        copies[i] = (struct narrow_gnttab_copy){
            .source = { .u.gmfn = FIRST_GFN, .domid = DOMID_SELF, .offset = (uint16_t)i },
            .dest = { .u.gmfn = FIRST_GFN + 1, .domid = DOMID_SELF, .offset = (uint16_t)i }, .len = 1, .status = 7,
        };
    assert_int_equal(narrow_with(guest, __HYPERVISOR_grant_table_op, GNTTABOP_copy, copies, sizeof(copies), ARRAY_SIZE(copies)), 0);
    get(guest, at(PAGE_SIZE), got, sizeof(got));
    assert_memory_equal(got, text, sizeof(text));
    for (unsigned i = 0; i < ARRAY_SIZE(copies); i++)
        assert_int_equal(copies[i].status, GNTST_okay);
}

static void test_multicall(void **state UNUSED)
{
    struct narrow_multicall_entry list[10];
    struct narrow_xen_memory_reservation in = { .extent_start = (uint32_t)at(256), .nr_extents = 20, .domid = DOMID_SELF };
    uint32_t gfns[20];

    for (uint32_t i = 0; i < ARRAY_SIZE(gfns); i++)
        gfns[i] = HOLE_GFN + i;
    put(guest, at(256), gfns, sizeof(gfns));
    put(guest, at(0), &in, sizeof(in));
    for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
        list[i] = (struct narrow_multicall_entry){ .op = __HYPERVISOR_xen_version, .result = 1 };
    list[4] = (struct narrow_multicall_entry){ .op = __HYPERVISOR_memory_op, .args = { XENMEM_populate_physmap, (uint32_t)at(0) } };
    list[6] = (struct narrow_multicall_entry){ .op = __HYPERVISOR_domctl, .args = { (uint32_t)at(0) } };
    put(guest, at(512), list, sizeof(list));
    assert_int_equal(narrow_call(guest, __HYPERVISOR_multicall, at(512), ARRAY_SIZE(list), 0), 0);
    get(guest, at(512), list, sizeof(list));
    assert_int_equal(list[0].result >> 16, 4);
    assert_int_equal(list[4].result, 20);
    assert_int_equal((int32_t)list[6].result, -E_PERM);
    assert_int_equal(list[9].result >> 16, 4);
    assert_int_equal(narrow_call(guest, __HYPERVISOR_multicall, NOWHERE + 0x100000, 1, 0), -E_FAULT);
}

static void test_rest(void **state UNUSED)
{
    struct narrow_sched_poll poll = { .timeout = { 1, 0 } };
    struct { struct narrow_xen_platform_parameters p; uint32_t behind; } platform = { .behind = 5 };

    assert_int_equal(narrow_with(guest, __HYPERVISOR_sched_op, SCHEDOP_poll, &poll, sizeof(poll), 0), 0);
    poll.nr_ports = 1000;
    assert_int_equal(narrow_with(guest, __HYPERVISOR_sched_op, SCHEDOP_poll, &poll, sizeof(poll), 0), -E_INVAL);
    assert_int_equal(narrow_with(guest, __HYPERVISOR_xen_version, XENVER_platform_parameters, &platform, sizeof(platform), 0), 0);
    assert_int_equal(platform.behind, 5);
    /* What is the control domain's alone. */
    assert_int_equal(narrow_call(dom0, __HYPERVISOR_sysctl, at(0), 0, 0), -E_NOSYS);
    assert_int_equal(narrow_call(dom0, __HYPERVISOR_memory_op, XENMEM_claim_pages, at(0), 0), -E_NOSYS);
    assert_int_equal(narrow_call(guest, __HYPERVISOR_sysctl, at(0), 0, 0), -E_PERM);
}

/* The bits of ports, the words' selector, the wall clock and the runstate, each in its place. */
static void test_shared(void **state UNUSED)
{
    struct narrow_shared_info *s = guest->shared_info;
    uint8_t *info = guest->vcpus[0]->info;
    struct vcpu_register_runstate_memory_area area = { .addr.p = UINT64_C(0xffff00000000) | at(64) };
    struct { struct narrow_runstate r; uint32_t behind; } run = { .behind = 3 };
    uint32_t port = 0, selector;

    wallclock_set(3 * (UINT64_C(1) << 32) + 6, 7, 0);
    domain_set_layout(guest, true);
    assert_int_equal(s->wc_sec, 6);
    assert_int_equal(s->wc_nsec, 7);
    assert_int_equal(s->wc_sec_hi, 3);
    while (port < 70)
        assert_int_equal(event_bind_ipi(guest, 0, &port), 0);
    memset(s->mask, 0, sizeof(s->mask));
    memset(info, 0, 8);
    assert_int_equal(event_send(guest, port), 0);
    assert_true(s->pending[port / 64] >> port % 64 & 1);
    memcpy(&selector, info + 4, sizeof(selector));
    assert_int_equal(selector, 1u << port / 32);
    assert_int_equal(info[0], 1);
    while (event_bind_ipi(guest, 0, &port) == 0)
        ;
    assert_int_equal(port, NARROW_PORTS_2L - 1);
    event_mark_all_pending(guest->vcpus[0]);
    memcpy(&selector, info + 4, sizeof(selector));
    assert_int_equal(selector, UINT32_MAX);
    put(guest, at(64), &run, sizeof(run));
    put(guest, at(0), &area, sizeof(area));
    assert_int_equal(narrow_call(guest, __HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, at(0)), 0);
    get(guest, at(64), &run, sizeof(run));
    assert_int_equal(run.r.state, RUNSTATE_running);
    assert_int_equal(run.behind, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reservation, abi_setup), cmocka_unit_test_setup(test_physmap, abi_setup),
        cmocka_unit_test_setup(test_grants, abi_setup), cmocka_unit_test_setup(test_multicall, abi_setup),
        cmocka_unit_test_setup(test_rest, abi_setup), cmocka_unit_test_setup(test_shared, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
