/* SPDX-License-Identifier: Apache-2.0 */
/* Devices given to domains: by domctl, behind an IOMMU, as long as the domain lives; and what a one-to-one domain's devices reach. */
#include <string.h>

#include "tests/unit/abi.h"
#include "core/host_device.h"
#include "drivers/smmuv3.h"

#define STREAM 0x21
#define IRQ 50
#define GRANT_REF 9

static const char path[] = "/soc/disk@1000", bare[] = "/soc/timer@2000", own[] = "/soc/net@3000";

static void add_devices(void)
{
    const struct host_device disk = { .path = path, .offered = true, .streams = { { 0, STREAM, 2 } }, .stream_count = 1,
        .frames = { { 0x1000, 0x1001 } }, .range_count = 1, .irqs = { IRQ }, .irq_count = 1 };
    const struct host_device timer = { .path = bare, .offered = true };
    const struct host_device net = { .path = own, .streams = { { 0, 7, 1 } }, .stream_count = 1 };

    assert_int_equal(host_device_add(&disk), 0);
    assert_int_equal(host_device_add(&timer), 0);
    assert_int_equal(host_device_add(&net), 0);
}

static int setup(void **state UNUSED)
{
    const struct smmuv3_place place = { .base = HOST_SMMU_BASE(0) };

    host_boot(NULL);
    host_smmu_boot(1, false);
    assert_int_equal(smmuv3_start(&place), 0);
    add_devices();
    host_start();
    host_console_clear();
    dom0 = running_domain(true);
    guest = running_domain(false);
    return 0;
}

/* With an IOMMU's space, or without; it has one page of memory, at FIRST_GFN. */
static struct domain *create(bool iommu)
{
    struct xen_domctl op = { 0 };
    struct domain *d;

    op.u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | (iommu ? XEN_DOMCTL_CDF_iommu : 0);
    op.u.createdomain.max_vcpus = 1;
    op.u.createdomain.max_evtchn_port = 1023;
    op.u.createdomain.max_grant_frames = op.u.createdomain.max_maptrack_frames = -1;
    op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    op.u.createdomain.arch.nr_spis = 32;
    assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 0xffff), 0);
    d = domain_find(DOMID(op.domain));
    d->owner.limit = 16;
    assert_int_equal(domain_populate(d, GFN(FIRST_GFN), 0), 0);
    return d;
}

static int64_t device_call(uint32_t cmd, struct domain *d, const char *name)
{
    struct xen_domctl op = { 0 };

    put(dom0, at(4096), name, strlen(name));
    op.u.assign_device.dev = XEN_DOMCTL_DEV_DT;
    op.u.assign_device.u.dt.size = (uint32_t)strlen(name);
    op.u.assign_device.u.dt.path.q = at(4096);
    return domctl(&op, cmd, d->id.v);
}

static int64_t assign(struct domain *d, const char *name)
{
    return device_call(XEN_DOMCTL_assign_device, d, name);
}

static bool reaches(uint64_t address)
{
    uint64_t x;

    return host_smmu_access(0, STREAM + 1, address, &x, sizeof(x), false);
}

static void destroy(struct domain *d)
{
    assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, d->id.v), 0);
    calm();
}

static void test_assign(void **state UNUSED)
{
    struct domain *with = create(true), *without = create(false), *second = create(true);
    struct xen_domctl op = { 0 };

    assert_int_equal(assign(without, path), -E_NODEV);
    assert_int_equal(assign(with, bare), -E_NODEV);
    assert_int_equal(assign(with, "/soc"), -E_NODEV);
    assert_int_equal(assign(dom0, path), -E_INVAL);
    op.u.assign_device.dev = XEN_DOMCTL_DEV_PCI;
    assert_int_equal(domctl(&op, XEN_DOMCTL_assign_device, with->id.v), -E_OPNOTSUPP);
    op.u.assign_device.dev = XEN_DOMCTL_DEV_DT;
    op.u.assign_device.u.dt.size = 256;
    assert_int_equal(domctl(&op, XEN_DOMCTL_assign_device, with->id.v), -E_2BIG);
    op.u.assign_device.u.dt.size = 255;
    op.u.assign_device.u.dt.path.q = NOWHERE;
    assert_int_equal(domctl(&op, XEN_DOMCTL_assign_device, with->id.v), -E_FAULT);
    assert_int_equal(device_call(XEN_DOMCTL_test_assign_device, with, path), 0);
    assert_false(reaches(FIRST_GFN << PAGE_SHIFT));
    assert_int_equal(assign(with, path), 0);
    assert_true(reaches(FIRST_GFN << PAGE_SHIFT));
    assert_false(reaches((FIRST_GFN + 1) << PAGE_SHIFT));
    assert_int_equal(device_call(XEN_DOMCTL_test_assign_device, second, path), -E_BUSY);
    assert_int_equal(assign(second, path), -E_BUSY);
    assert_int_equal(device_call(XEN_DOMCTL_deassign_device, second, path), -E_INVAL);
    assert_int_equal(device_call(XEN_DOMCTL_deassign_device, with, path), 0);
    assert_false(reaches(FIRST_GFN << PAGE_SHIFT));
    assert_int_equal(assign(second, path), 0);
    assert_true(reaches(FIRST_GFN << PAGE_SHIFT));
}

static void test_death_takes_it_away(void **state UNUSED)
{
    struct domain *first = create(true), *next = create(true);
    uint64_t frames = free_frames();

    destroy(create(true));
    assert_int_equal(free_frames(), frames);
    assert_int_equal(assign(first, path), 0);
    destroy(first);
    assert_false(reaches(FIRST_GFN << PAGE_SHIFT));
    assert_int_equal(assign(next, path), 0);
    assert_true(reaches(FIRST_GFN << PAGE_SHIFT));
    host_devices_block(next);
    assert_false(reaches(FIRST_GFN << PAGE_SHIFT));
    assert_int_equal(host_devices_unblock(next), 0);
    assert_true(reaches(FIRST_GFN << PAGE_SHIFT));
    frame_check_all();
}

static int64_t bind(struct domain *d, uint32_t irq, uint32_t as)
{
    struct xen_domctl op = { 0 };

    op.u.bind_pt_irq.machine_irq = irq;
    op.u.bind_pt_irq.irq_type = PT_IRQ_TYPE_SPI;
    op.u.bind_pt_irq.u.spi.spi = (uint16_t)as;
    return domctl(&op, XEN_DOMCTL_bind_pt_irq, d->id.v);
}

static void test_interrupts(void **state UNUSED)
{
    struct domain *first = create(false), *second = create(false);
    struct xen_domctl op = { 0 };

    assert_true(host_device_offers_irq(IRQ));
    assert_int_equal(bind(first, 31, 31), -E_INVAL);
    assert_int_equal(bind(first, IRQ, IRQ + 1), -E_INVAL);
    assert_int_equal(bind(first, 1020, 1020), -E_INVAL);
    assert_int_equal(bind(dom0, IRQ, IRQ), -E_INVAL);
    assert_int_equal(bind(first, 80, 80), -E_INVAL);
    assert_int_equal(bind(first, IRQ, IRQ), 0);
    assert_int_equal(bind(second, IRQ, IRQ), -E_BUSY);
    destroy(first);
    assert_int_equal(bind(second, IRQ, IRQ), 0);
    op.u.irq_permission.pirq = IRQ;
    op.u.irq_permission.allow_access = 1;
    assert_int_equal(domctl(&op, XEN_DOMCTL_irq_permission, second->id.v), 0);
    op.u.irq_permission.pirq = 4096;
    assert_int_equal(domctl(&op, XEN_DOMCTL_irq_permission, second->id.v), -E_INVAL);
}

/* What is offered to others can be given by dom0 though it does not have it itself. */
static void test_offered_registers(void **state UNUSED)
{
    assert_int_equal(device_reachable(dom0, 0x1000, 0x1001), 0);
    assert_int_equal(device_reachable(dom0, 0x1000, 0x1002), -E_PERM);
    assert_int_equal(device_reachable(dom0, 0xfff, 0x1000), -E_PERM);
}

static struct domain *make_mapper(void)
{
    const struct domain_config c = { .direct_mapped = true, .dma_identity = true, .iommu = true, .max_vcpus = 1, .max_event_port = 1023 };
    struct domain *d;

    assert_int_equal(domain_create(DOMID(0xffff), &c, &d), 0);
    return d;
}

struct grant_attempt {
    struct domain *mapper;
    struct grant_map_result out;
};

static int map_grant(void *arg)
{
    struct grant_attempt *a = arg;
    const struct grant_map_request r = { .granter = guest->id, .ref = GRANT_REF, .at = (gpa_t){ NOWHERE } };
    int status = grant_map(a->mapper, &r, &a->out);

    return status ? -E_NOMEM : 0;
}

static void test_grants_of_a_one_to_one_domain(void **state UNUSED)
{
    struct grant_attempt a = { .mapper = make_mapper() };
    uint64_t address = frame_at(guest, FIRST_GFN + 3).v << PAGE_SHIFT;
    struct domain_locked l = domain_lock(a.mapper);

    assert_int_equal(host_device_assign(a.mapper, host_device_find(path), false), 0);
    domain_unlock(l);
    assert_int_equal(grant_seed(guest, GRANT_REF, a.mapper->id, GFN(FIRST_GFN + 3)), 0);
    assert_false(reaches(address));
    assert_true(oom_loop(map_grant, NULL, &a) > 2);
    assert_true(reaches(address));
    assert_false(reaches(NOWHERE));
    assert_int_equal(unmap_one_grant(a.mapper, (gpa_t){ NOWHERE }, a.out.handle), 0);
    assert_false(reaches(address));
    /* What it leaves mapped at its end, or when it starts anew. */
    assert_int_equal(map_grant(&a), 0);
    assert_true(reaches(address));
    a.mapper->life = DOMAIN_DYING;
    assert_int_equal(grant_release_mappings(a.mapper), 0);
    a.mapper->life = DOMAIN_ALIVE;
    assert_false(reaches(address));
    destroy(a.mapper);
    frame_check_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_assign, setup),
        cmocka_unit_test_setup(test_death_takes_it_away, setup),
        cmocka_unit_test_setup(test_interrupts, setup),
        cmocka_unit_test_setup(test_offered_registers, setup),
        cmocka_unit_test_setup(test_grants_of_a_one_to_one_domain, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
