/* SPDX-License-Identifier: Apache-2.0 */
/* A toolstack pauses and destroys a guest that is in the middle of a long hypercall on another CPU. */
#include "tests/unit/abi.h"

#define SEEDS 24
#define PAGES 200
#define NEW_GFN (FIRST_GFN + 0x100)

static struct host_action populate;

static void begin_populate(void)
{
    struct xen_memory_reservation r = { .nr_extents = PAGES, .domid = DOMID_SELF };

    r.extent_start.q = at(PAGE_SIZE);
    for (unsigned i = 0; i < PAGES; i++) {
        xen_pfn_t gfn = NEW_GFN + i;

        put(guest, at(PAGE_SIZE + i * sizeof(gfn)), &gfn, sizeof(gfn));
    }
    put(guest, at(0), &r, sizeof(r));
    populate = (struct host_action){ .kind = HOST_HYPERCALL, .number = __HYPERVISOR_memory_op,
                                     .args = { XENMEM_populate_physmap, at(0) } };
    host_begin(guest->vcpus[0], &populate);
}

static void begin_domctl(struct host_action *a, uint32_t cmd)
{
    struct xen_domctl op = { .cmd = cmd, .interface_version = XEN_DOMCTL_INTERFACE_VERSION, .domain = guest->id.v };

    put(dom0, at(0), &op, sizeof(op));
    *a = (struct host_action){ .kind = HOST_HYPERCALL, .number = __HYPERVISOR_domctl, .args = { at(0) } };
    host_begin(dom0->vcpus[0], a);
}

static uint64_t start(uint64_t seed)
{
    uint64_t before;

    host_boot(&(struct host_config){ .cpus = 2, .seed = seed });
    host_start();
    dom0 = running_domain(true);
    before = free_frames();
    guest = running_domain(false);
    return before;
}

static void test_destroy_while_it_populates(void **state UNUSED)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t before = start(seed);
        uint16_t id = guest->id.v;
        struct host_action destroy;

        begin_populate();
        begin_domctl(&destroy, XEN_DOMCTL_destroydomain);
        (void)host_run(SEC(1));
        assert_true(destroy.done);
        assert_int_equal(destroy.result, 0);
        /* The guest's own call ended before, or never. */
        assert_true(!populate.done || populate.result <= PAGES);
        calm();
        frame_check_all();
        assert_int_equal(domctl_on(XEN_DOMCTL_destroydomain, id), -E_SRCH);
        assert_int_equal(free_frames(), before);
    }
}

/* Paused when the call returns: nothing moves any more; then it goes on where it was. */
static void test_pause_while_it_populates(void **state UNUSED)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct host_action pause;
        uint64_t frames;

        (void)start(seed);
        begin_populate();
        begin_domctl(&pause, XEN_DOMCTL_pausedomain);
        (void)host_run(SEC(1));
        assert_true(pause.done);
        assert_int_equal(pause.result, 0);
        assert_true(domain_is_quiet(guest));
        frames = guest->owner.frames;
        (void)host_run(SEC(1));
        assert_int_equal(guest->owner.frames, frames);
        assert_int_equal(domctl_on(XEN_DOMCTL_unpausedomain, guest->id.v), 0);
        assert_true(host_run(SEC(1)));
        assert_int_equal(populate.result, PAGES);
        assert_int_equal(guest->owner.frames, ARGUMENT_PAGES + PAGES);
        frame_check_all();
    }
}

/* Its registers are asked for while it runs elsewhere: it is stopped for that and goes on. */
static void test_context_while_it_populates(void **state UNUSED)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct xen_domctl op = { .cmd = XEN_DOMCTL_getvcpucontext, .interface_version = XEN_DOMCTL_INTERFACE_VERSION };
        struct host_action get;

        (void)start(seed);
        begin_populate();
        op.domain = guest->id.v;
        op.u.vcpucontext.ctxt.q = at(PAGE_SIZE);
        put(dom0, at(0), &op, sizeof(op));
        get = (struct host_action){ .kind = HOST_HYPERCALL, .number = __HYPERVISOR_domctl, .args = { at(0) } };
        host_begin(dom0->vcpus[0], &get);
        assert_true(host_run(SEC(1)));
        assert_int_equal(get.result, 0);
        assert_int_equal(populate.result, PAGES);
        assert_false(guest->held);
        assert_int_equal(guest->pause_count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destroy_while_it_populates),
        cmocka_unit_test(test_pause_while_it_populates),
        cmocka_unit_test(test_context_while_it_populates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
