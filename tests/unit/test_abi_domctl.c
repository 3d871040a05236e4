/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: the life of a domain as a toolstack drives it. */
#include <string.h>
#include "tests/unit/abi.h"

static struct xen_domctl creation(void)
{
    struct xen_domctl op = { 0 };

    op.u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    op.u.createdomain.max_vcpus = 2;
    op.u.createdomain.max_evtchn_port = 1023;
    op.u.createdomain.max_grant_frames = -1;
    op.u.createdomain.max_maptrack_frames = -1;
    op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    memset(op.u.createdomain.handle, 0x42, sizeof(op.u.createdomain.handle));
    return op;
}

static uint16_t create(void)
{
    struct xen_domctl op = creation();

    assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 0xffff), 0);
    assert_int_equal(op.u.createdomain.arch.gic_version, XEN_DOMCTL_CONFIG_GIC_V3);
    return op.domain;
}

static int64_t create_with(void (*change)(struct xen_domctl_createdomain *c))
{
    struct xen_domctl op = creation();

    change(&op.u.createdomain);
    return domctl(&op, XEN_DOMCTL_createdomain, 0xffff);
}

static void unknown_flag(struct xen_domctl_createdomain *c) { c->flags |= 1u << 30; }
static void no_hap(struct xen_domctl_createdomain *c) { c->flags = XEN_DOMCTL_CDF_hvm; }
static void with_iommu(struct xen_domctl_createdomain *c) { c->flags |= XEN_DOMCTL_CDF_iommu; }
static void no_vcpu(struct xen_domctl_createdomain *c) { c->max_vcpus = 0; }
static void many_vcpus(struct xen_domctl_createdomain *c) { c->max_vcpus = 5000; }
static void other_pool(struct xen_domctl_createdomain *c) { c->cpupool_id = 77; }
static void grant_version_0(struct xen_domctl_createdomain *c) { c->grant_opts = 0; }
static void grant_version_2(struct xen_domctl_createdomain *c) { c->grant_opts = 2; }
static void no_grants(struct xen_domctl_createdomain *c) { c->max_grant_frames = 0; }
static void gic_version_2(struct xen_domctl_createdomain *c) { c->arch.gic_version = XEN_DOMCTL_CONFIG_GIC_V2; }
static void with_tee(struct xen_domctl_createdomain *c) { c->arch.tee_type = XEN_DOMCTL_CONFIG_TEE_OPTEE; }
static void with_spis(struct xen_domctl_createdomain *c) { c->arch.nr_spis = 961; }
static void no_maptrack(struct xen_domctl_createdomain *c) { c->max_maptrack_frames = 0; }
static void some_spis(struct xen_domctl_createdomain *c) { c->arch.nr_spis = 70; }
static void with_trace(struct xen_domctl_createdomain *c) { c->vmtrace_size = 4096; }

static void test_create_refused(void **state UNUSED)
{
    static const struct { void (*change)(struct xen_domctl_createdomain *); int64_t error; } cases[] = {
        { unknown_flag, -E_INVAL }, { no_hap, -E_INVAL }, { with_iommu, -E_INVAL }, { no_vcpu, -E_INVAL },
        { many_vcpus, -E_INVAL }, { other_pool, -E_SRCH }, { grant_version_0, -E_INVAL }, { grant_version_2, -E_INVAL },
        { no_grants, -E_INVAL }, { gic_version_2, -E_NODEV }, { with_tee, -E_INVAL }, { with_spis, -E_INVAL },
        { with_trace, -E_INVAL },
    };
    uint64_t before = free_frames();

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(create_with(cases[i].change), cases[i].error);
    assert_int_equal(free_frames(), before);
}

/* A domain that maps no grants of others; one with more shared interrupts than the least. */
static void test_create_limits(void **state UNUSED)
{
    struct xen_domctl op = creation();
    const struct domain *d;

    no_maptrack(&op.u.createdomain);
    some_spis(&op.u.createdomain);
    assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 0xffff), 0);
    d = domain_find(DOMID(op.domain));
    assert_int_equal(d->grants.maptrack_limit, 0);
    assert_int_equal(d->grants.frames_limit, GRANT_DEFAULT_FRAMES);
    assert_int_equal(d->arch.vgic.spi_count, 96);
}

static void test_create_numbers(void **state UNUSED)
{
    struct xen_domctl op = creation();

    assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 100), 0);
    assert_int_equal(op.domain, 100);
    op = creation();
    assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 100), -E_EXIST);
    op = creation();
    assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 0), 0);
    assert_int_not_equal(op.domain, 0);
}

static void test_create_and_destroy(void **state UNUSED)
{
    uint64_t before = free_frames();
    uint16_t id = create();
    struct xen_domctl op = { 0 };

    op.u.max_vcpus.max = 2;
    assert_int_equal(domctl(&op, XEN_DOMCTL_max_vcpus, id), 0);
    assert_int_equal(domctl(&op, XEN_DOMCTL_max_vcpus, id), 0);
    op.u.max_vcpus.max = 3;
    assert_int_equal(domctl(&op, XEN_DOMCTL_max_vcpus, id), -E_INVAL);
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), 0);
    calm();
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), -E_SRCH);
    frame_check_all();
    assert_int_equal(free_frames(), before);
}

static int attempt_create(void *arg)
{
    struct xen_domctl op = creation();
    int64_t r = domctl(&op, XEN_DOMCTL_createdomain, 0xffff);

    *(uint16_t *)arg = op.domain;
    return (int)r;
}

static uint64_t expected_free;

static void nothing_left(void *arg UNUSED)
{
    assert_int_equal(free_frames(), expected_free);
}

static void test_create_without_memory(void **state UNUSED)
{
    uint16_t id;

    expected_free = free_frames();
    assert_true(oom_loop(attempt_create, nothing_left, &id) > 3);
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), 0);
    assert_int_equal(free_frames(), expected_free);
}

static int attempt_vcpus(void *arg)
{
    struct xen_domctl op = { 0 };

    op.u.max_vcpus.max = 2;
    return (int)domctl(&op, XEN_DOMCTL_max_vcpus, *(uint16_t *)arg);
}

static void test_vcpus_without_memory(void **state UNUSED)
{
    uint64_t before = free_frames();
    uint16_t id = create();

    assert_true(oom_loop(attempt_vcpus, NULL, &id) > 1);
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), 0);
    assert_int_equal(free_frames(), before);
}

static void test_versions(void **state UNUSED)
{
    struct xen_domctl op = { .cmd = XEN_DOMCTL_getdomaininfo, .interface_version = 0x17 };

    put(dom0, at(0), &op, sizeof(op));
    assert_int_equal(call_as(dom0, __HYPERVISOR_domctl, at(0), 0, 0), -E_ACCES);
    op.interface_version = 0x14;
    put(dom0, at(0), &op, sizeof(op));
    assert_int_equal(call_as(dom0, __HYPERVISOR_domctl, at(0), 0, 0), -E_ACCES);
    assert_int_equal(call_as(dom0, __HYPERVISOR_domctl, NOWHERE, 0, 0), -E_FAULT);
    assert_non_null(strstr(host_console_text(), "0x17"));
}

static void test_nobody_and_ourselves(void **state UNUSED)
{
    static const uint32_t commands[] = { XEN_DOMCTL_destroydomain, XEN_DOMCTL_pausedomain, XEN_DOMCTL_setvcpucontext,
                                         XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_setdebugging, XEN_DOMCTL_max_vcpus,
                                         XEN_DOMCTL_resumedomain };

    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        assert_int_equal(domctl_on(commands[i], NO_DOMAIN), -E_SRCH);
        assert_int_equal(domctl_on(commands[i], 0), -E_INVAL);
        assert_int_equal(domctl_on(commands[i], DOMID_SELF), -E_SRCH);
    }
    assert_int_equal(domctl_on(77777, 0), -E_NOSYS);
    assert_int_equal(domctl_on(XEN_DOMCTL_assign_device, guest->id.v), -E_OPNOTSUPP);
    assert_int_equal(domctl_on(XEN_DOMCTL_get_device_group, guest->id.v), -E_OPNOTSUPP);
    assert_int_equal(domctl_on(XEN_DOMCTL_gdbsx_domstatus, 0), -E_NOSYS);
}

#define DEVICE_FRAME 0x100
#define DEVICE_GFN 0x60000

static int64_t permission(uint64_t first, uint64_t nr, bool allow)
{
    struct xen_domctl op = { 0 };

    op.u.iomem_permission.first_mfn = first;
    op.u.iomem_permission.nr_mfns = nr;
    op.u.iomem_permission.allow_access = allow;
    return domctl(&op, XEN_DOMCTL_iomem_permission, guest->id.v);
}

static int64_t mapping(uint64_t gfn, uint64_t mfn, uint64_t nr, bool add)
{
    struct xen_domctl op = { 0 };

    op.u.memory_mapping.first_gfn = gfn;
    op.u.memory_mapping.first_mfn = mfn;
    op.u.memory_mapping.nr_mfns = nr;
    op.u.memory_mapping.add_mapping = add;
    return domctl(&op, XEN_DOMCTL_memory_mapping, guest->id.v);
}

static void give_dom0_devices(void)
{
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(stage2_map(&dom0->stage2, GFN(DEVICE_FRAME + i), MFN(DEVICE_FRAME + i), 0, S2_DEVICE), 0);
}

/* dom0 gives what it has itself, and nothing else: no memory, no registers of the hypervisor's. */
static void test_device_permission(void **state UNUSED)
{
    give_dom0_devices();
    assert_int_equal(permission(DEVICE_FRAME, 0, true), -E_INVAL);
    assert_int_equal(permission(UINT64_MAX, 2, true), -E_INVAL);
    assert_int_equal(permission(DEVICE_FRAME, UINT64_MAX, true), -E_INVAL);
    assert_int_equal(permission(DEVICE_FRAME + 63, 2, true), -E_PERM);
    assert_int_equal(permission(frame_at(dom0, FIRST_GFN).v, 1, true), -E_PERM);
    assert_int_equal(permission(frame_at(guest, FIRST_GFN).v, 1, true), -E_PERM);
    /* Neighbours become one, so that a range over both is permitted. */
    assert_int_equal(permission(DEVICE_FRAME, 4, true), 0);
    assert_int_equal(mapping(DEVICE_GFN, DEVICE_FRAME, 8, true), -E_PERM);
    assert_int_equal(permission(DEVICE_FRAME + 4, 4, true), 0);
    assert_int_equal(guest->devices.count, 1);
    assert_int_equal(mapping(DEVICE_GFN, DEVICE_FRAME, 8, true), 0);
    /* As many ranges as there is room for; a cut through the middle needs one more. */
    for (unsigned i = 1; i < DEVICE_RANGES; i++)
        assert_int_equal(permission(DEVICE_FRAME + 8 * i + 2, 1, true), 0);
    assert_int_equal(permission(DEVICE_FRAME + 62, 1, true), -E_NOMEM);
    assert_int_equal(permission(DEVICE_FRAME + 2, 1, false), -E_NOMEM);
    assert_int_equal(permission(DEVICE_FRAME, 64, false), 0);
    assert_int_equal(guest->devices.count, 0);
}

static void test_device_mapping(void **state UNUSED)
{
    uint64_t last = (UINT64_C(1) << (arch_stage2_geometry()->address_bits - PAGE_SHIFT)) - 1;

    give_dom0_devices();
    assert_int_equal(permission(DEVICE_FRAME, 64, true), 0);
    assert_int_equal(mapping(DEVICE_GFN, DEVICE_FRAME, 0, true), -E_INVAL);
    assert_int_equal(mapping(last, DEVICE_FRAME, 2, true), -E_INVAL);
    assert_int_equal(mapping(DEVICE_GFN, DEVICE_FRAME, 65, true), -E_2BIG);
    assert_int_equal(mapping(DEVICE_GFN, frame_at(dom0, FIRST_GFN).v, 1, true), -E_PERM);
    assert_int_equal(mapping(DEVICE_GFN, DEVICE_FRAME, 64, true), 0);
    assert_int_equal(type_at(guest, DEVICE_GFN + 63), S2_DEVICE);
    assert_int_equal(frame_at(guest, DEVICE_GFN + 63).v, DEVICE_FRAME + 63);
    /* Only what was mapped so goes; holes are passed over. */
    assert_int_equal(mapping(DEVICE_GFN + 1, DEVICE_FRAME, 1, false), -E_INVAL);
    assert_int_equal(mapping(DEVICE_GFN, DEVICE_FRAME, 32, false), 0);
    assert_int_equal(mapping(DEVICE_GFN, DEVICE_FRAME, 64, false), 0);
    assert_int_equal(type_at(guest, DEVICE_GFN + 63), S2_EMPTY);
    /* Memory of the guest that lay there comes home. */
    assert_int_equal(mapping(FIRST_GFN + 7, DEVICE_FRAME, 1, true), 0);
    assert_int_equal(guest->owner.frames, ARGUMENT_PAGES - 1);
    frame_check_all();
}

static void test_pause(void **state UNUSED)
{
    struct xen_domctl op = { 0 };

    assert_int_equal(domctl_on(XEN_DOMCTL_pausedomain, guest->id.v), 0);
    assert_int_equal(domctl_on(XEN_DOMCTL_pausedomain, guest->id.v), 0);
    assert_int_equal(guest->controller_pause_count, 2);
    assert_true(domain_is_quiet(guest));
    assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, guest->id.v), 0);
    assert_true(op.u.getdomaininfo.flags & XEN_DOMINF_paused);
    assert_int_equal(domctl_on(XEN_DOMCTL_unpausedomain, guest->id.v), 0);
    assert_int_equal(domctl_on(XEN_DOMCTL_unpausedomain, guest->id.v), 0);
    assert_int_equal(domctl_on(XEN_DOMCTL_unpausedomain, guest->id.v), -E_INVAL);
}

static void test_info(void **state UNUSED)
{
    struct xen_domctl op = { 0 };
    const struct xen_domctl_getdomaininfo *info = &op.u.getdomaininfo;
    uint16_t id = create();

    assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(info->domain, id);
    assert_int_equal(info->flags, XEN_DOMINF_hvm_guest | XEN_DOMINF_hap | XEN_DOMINF_paused);
    assert_int_equal(info->max_vcpu_id, XEN_INVALID_MAX_VCPU_ID);
    assert_int_equal(info->handle[3], 0x42);
    assert_int_equal(info->tot_pages, 0);
    /* The next one there is. */
    assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.domain, guest->id.v);
    assert_int_equal(info->tot_pages, ARGUMENT_PAGES);
    assert_int_equal(info->nr_online_vcpus, 1);
    assert_int_equal(info->max_vcpu_id, 1);
    assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, 900), -E_SRCH);
    assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, DOMID_SELF), -E_INVAL);
}

/* Pages that a domain was promised at their places are its own for tools, which would tell it to balloon down otherwise; the rest of a
 * claim is not. */
static void test_info_of_promised_memory(void **state UNUSED)
{
    static const struct { uint64_t claim, pages, outstanding; } cases[] = { { 0, 0, 0 }, { 2, 2, 0 }, { 4, 4, 0 }, { 6, 4, 2 } };
    struct xen_domctl op = { 0 };

    assert_int_equal(stage2_map(&guest->stage2, GFN(0x80000), MFN(0), 2, S2_NEEDS_WORK), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(frame_claim(&guest->owner, cases[i].claim), 0);
        assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, guest->id.v), 0);
        assert_int_equal(op.u.getdomaininfo.tot_pages, ARGUMENT_PAGES + cases[i].pages);
        assert_int_equal(op.u.getdomaininfo.outstanding_pages, cases[i].outstanding);
    }
    assert_int_equal(frame_claim(&guest->owner, 0), 0);
    assert_int_equal(stage2_unmap(&guest->stage2, GFN(0x80000), 2), 0);
}

static void test_settings(void **state UNUSED)
{
    struct xen_domctl op = { 0 };
    uint16_t id = guest->id.v;

    memset(op.u.setdomainhandle.handle, 7, 16);
    assert_int_equal(domctl(&op, XEN_DOMCTL_setdomainhandle, id), 0);
    assert_int_equal(guest->uuid[15], 7);
    op.u.settimeoffset.time_offset_seconds = -3600;
    assert_int_equal(domctl(&op, XEN_DOMCTL_settimeoffset, id), 0);
    assert_int_equal(guest->time_offset_seconds, -3600);
    op.u.setdebugging.enable = 1;
    assert_int_equal(domctl(&op, XEN_DOMCTL_setdebugging, id), 0);
    assert_true(guest->debugger_attached);
    op.u.max_mem.max_memkb = 4096;
    assert_int_equal(domctl(&op, XEN_DOMCTL_max_mem, id), 0);
    assert_int_equal(guest->owner.limit, 1024);
}

static int64_t set_width(uint16_t id, uint32_t bits)
{
    struct xen_domctl op = { 0 };

    op.u.address_size.size = bits;
    return domctl(&op, XEN_DOMCTL_set_address_size, id);
}

static uint32_t width_of(uint16_t id)
{
    struct xen_domctl op = { 0 };

    assert_int_equal(domctl(&op, XEN_DOMCTL_get_address_size, id), 0);
    return op.u.address_size.size;
}

static void test_width(void **state UNUSED)
{
    struct xen_domctl op = { 0 };
    uint16_t id = create();
    struct domain *d = domain_find(DOMID(id));

    assert_int_equal(width_of(id), 64);
    assert_int_equal(set_width(id, 48), -E_INVAL);
    assert_int_equal(set_width(id, 0), -E_INVAL);
    assert_int_equal(set_width(id, 32), 0);
    assert_int_equal(width_of(id), 32);
    op.u.max_vcpus.max = d->max_vcpus;
    assert_int_equal(domctl(&op, XEN_DOMCTL_max_vcpus, id), 0);
    d->vcpus[0]->arch.regs.pc = 4;      /* what a vCPU of the other width holds is forgotten */
    assert_int_equal(set_width(id, 64), 0);
    assert_int_equal(d->vcpus[0]->arch.regs.pc, 0);
    /* A start state, or memory, belongs to a width. */
    d->vcpus[0]->initialised = true;
    assert_int_equal(set_width(id, 32), -E_BUSY);
    d->vcpus[0]->initialised = false;
    op.u.max_mem.max_memkb = 1024;
    assert_int_equal(domctl(&op, XEN_DOMCTL_max_mem, id), 0);
    assert_int_equal(domain_populate(d, GFN(0x40000), 0), 0);
    assert_int_equal(set_width(id, 32), -E_BUSY);
    assert_int_equal(set_width(id, 64), -E_BUSY);
    assert_int_equal(width_of(id), 64);
}

static void test_mempool(void **state UNUSED)
{
    struct xen_domctl op = { 0 };
    uint16_t id = create();

    assert_int_equal(domctl(&op, XEN_DOMCTL_get_paging_mempool_size, id), 0);
    assert_int_equal(op.u.paging_mempool.size, 16 * PAGE_SIZE);
    op.u.paging_mempool.size = 12345;
    assert_int_equal(domctl(&op, XEN_DOMCTL_set_paging_mempool_size, id), -E_INVAL);
    op.u.paging_mempool.size = UINT64_C(64) << 20;
    assert_int_equal(domctl(&op, XEN_DOMCTL_set_paging_mempool_size, id), 0);
    assert_int_equal(domctl(&op, XEN_DOMCTL_get_paging_mempool_size, id), 0);
    assert_int_equal(op.u.paging_mempool.size, UINT64_C(64) << 20);
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), 0);
}

static void test_cache_flush(void **state UNUSED)
{
    struct xen_domctl op = { 0 };

    op.u.cacheflush.start_pfn = FIRST_GFN - 200;
    op.u.cacheflush.nr_pfns = 1000;
    assert_int_equal(domctl(&op, XEN_DOMCTL_cacheflush, guest->id.v), 0);
    op.u.cacheflush.start_pfn = 5;
    op.u.cacheflush.nr_pfns = UINT64_MAX;
    assert_int_equal(domctl(&op, XEN_DOMCTL_cacheflush, guest->id.v), -E_INVAL);
}

static void test_dying(void **state UNUSED)
{
    struct xen_domctl op = { 0 };
    uint16_t id = guest->id.v;

    assert_int_equal(domain_map_foreign(dom0, GFN(HOLE_GFN), guest, GFN(FIRST_GFN)), 0);
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), 0);
    assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, id), 0);
    assert_true(op.u.getdomaininfo.flags & XEN_DOMINF_dying);
    assert_int_equal(op.u.getdomaininfo.tot_pages, 1);
    assert_int_equal(domctl_on(XEN_DOMCTL_max_mem, id), -E_SRCH);
    assert_int_equal(domctl_on(XEN_DOMCTL_pausedomain, id), -E_SRCH);
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), 0);
    assert_int_equal(stage2_unmap(&dom0->stage2, GFN(HOLE_GFN), 0), 0);
    calm();
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), -E_SRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_create_refused, abi_setup), cmocka_unit_test_setup(test_create_numbers, abi_setup),
        cmocka_unit_test_setup(test_create_limits, abi_setup),
        cmocka_unit_test_setup(test_create_and_destroy, abi_setup), cmocka_unit_test_setup(test_create_without_memory, abi_setup),
        cmocka_unit_test_setup(test_vcpus_without_memory, abi_setup), cmocka_unit_test_setup(test_versions, abi_setup),
        cmocka_unit_test_setup(test_nobody_and_ourselves, abi_setup), cmocka_unit_test_setup(test_pause, abi_setup),
        cmocka_unit_test_setup(test_device_permission, abi_setup), cmocka_unit_test_setup(test_device_mapping, abi_setup),
        cmocka_unit_test_setup(test_info, abi_setup), cmocka_unit_test_setup(test_info_of_promised_memory, abi_setup),
        cmocka_unit_test_setup(test_settings, abi_setup),
        cmocka_unit_test_setup(test_width, abi_setup),
        cmocka_unit_test_setup(test_mempool, abi_setup), cmocka_unit_test_setup(test_cache_flush, abi_setup),
        cmocka_unit_test_setup(test_dying, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
