/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the life of domains and vCPUs: a machine with a control domain, and domains that are made, run and killed. */
#ifndef TESTS_LIFE_H
#define TESTS_LIFE_H

#include "tests/unit/unit.h"
#include "arch/include/cpu.h"
#include "arch/include/mapping.h"
#include "core/domain.h"
#include "core/shared_info.h"
#include "lib/string.h"

#define GFN0 0x40000u

static struct domain *dom0;
static uint64_t all_free;

static inline int try_make(struct domain **out, bool control, unsigned vcpus)
{
    struct domain_config c = { .is_control = control, .max_vcpus = vcpus, .max_event_port = 1023 };
    struct domain_locked l;
    struct vcpu *v;
    int error = domain_create(DOMID(control ? 0 : 0xffff), &c, out);

    if (error)
        return error;
    (*out)->owner.limit = 100000;
    l = domain_lock(*out);
    for (unsigned i = 0; !error && i < vcpus; i++)
        error = vcpu_create(l, i, &v);
    domain_unlock(l);
    return error;
}

/* The whole of a large extent, as a guest that comes back until the hypercall is done. */
static inline int populate(struct domain *d, uint64_t gfn, unsigned order)
{
    int r;

    do
        r = domain_populate(d, GFN(gfn), order);
    while (r == -E_RESTART);
    return r;
}

static inline int depopulate(struct domain *d, uint64_t gfn, unsigned order)
{
    int r;

    do
        r = domain_depopulate(d, GFN(gfn), order);
    while (r == -E_RESTART);
    return r;
}

static inline struct domain *make(unsigned vcpus, unsigned pages)
{
    struct domain *d;

    assert_int_equal(try_make(&d, false, vcpus), 0);
    for (unsigned i = 0; i < pages; i++)
        assert_int_equal(domain_populate(d, GFN(GFN0 + i), 0), 0);
    return d;
}

static inline void start(struct domain *d)
{
    struct vcpu_start s = { .pc = 0x40000000 };

    for (unsigned i = 0; i < d->max_vcpus; i++)
        assert_int_equal(vcpu_up(d->vcpus[i], &s), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
}

/* The CPUs do what they have to do. */
static inline void settle(void)
{
    (void)host_run(0);
}

static inline void boot_with(unsigned cpus, unsigned memory_mib)
{
    host_boot(&(struct host_config){ .cpus = cpus, .memory_mib = memory_mib });
    host_start();
    host_console_echo(false);
    assert_int_equal(try_make(&dom0, true, 1), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(domain_populate(dom0, GFN(GFN0 + i), 0), 0);
    /* Tables of dom0 stay when what they map goes: have them from the start. */
    assert_int_equal(domain_populate(dom0, GFN(9), 0), 0);
    assert_int_equal(domain_depopulate(dom0, GFN(9), 0), 0);
    start(dom0);
    settle();
    all_free = frame_free_count();
}

static inline void boot(unsigned cpus)
{
    boot_with(cpus, 0);
}

static inline int one_cpu(void **state UNUSED)
{
    boot(1);
    return 0;
}

static inline int three_cpus(void **state UNUSED)
{
    boot(3);
    return 0;
}

static inline int all_home(void **state UNUSED)
{
    settle();
    frame_check_all();
    assert_int_equal(frame_free_count(), all_free);
    return 0;
}

static inline void kill_to_dead(struct domain *d)
{
    int error;

    for (unsigned i = 0; (error = domain_destroy(d)) == -E_RESTART; i++) {
        assert_true(i < 100000);
        settle();
    }
    assert_int_equal(error, 0);
}

static inline void kill_it(struct domain *d)
{
    kill_to_dead(d);
    settle();
}

#define TEST(f, setup) cmocka_unit_test_setup_teardown(f, setup, all_home)

#endif
