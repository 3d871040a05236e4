/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the virtual interrupt controller share: a domain of three vCPUs, and guest code's way to its registers. */
#ifndef TESTS_UNIT_VGIC_H
#define TESTS_UNIT_VGIC_H

#include "tests/unit/domains.h"
#include "arch/host/internal.h"
#include "arch/include/vcpu.h"
#include "arch/include/arm64_vgic_hw.h"
#include "lib/cpu_work.h"
#include "vdev/arm64/vgic.h"

#define DIST UINT64_C(0x03001000)
#define REDIST(vcpu) (UINT64_C(0x03020000) + (vcpu) * UINT64_C(0x20000))
#define PRIVATE(vcpu) (REDIST(vcpu) + 0x10000)
#define NONE 1023u
#define SPIS 32u

static UNUSED struct domain *d;
/* A failed check in guest code: cmocka's own would jump from one stack to another. */
static UNUSED unsigned failed_line;

#define CHECK(c)                            \
    do {                                    \
        if (!(c) && !failed_line)           \
            failed_line = __LINE__;         \
    } while (0)

/* Every test runs twice: traps read all list registers back, as a guest's access to the controller does, or none. */
static UNUSED bool traps_sync;

/* A trap: the hypervisor was left and entered, so everything that changed is in the list registers. */
static UNUSED void trap(struct vcpu *v)
{
    host_take_maintenance(v);
    if (traps_sync)
        arch_vcpu_sync(v);
    arch_vcpu_flush(v);
}

static UNUSED void put(struct vcpu *v, uint64_t gpa, unsigned size, uint64_t value)
{
    CHECK(host_mmio(v, gpa, size, true, &value));
    trap(v);
}

static UNUSED uint64_t get(struct vcpu *v, uint64_t gpa, unsigned size)
{
    uint64_t value = 0;

    CHECK(host_mmio(v, gpa, size, false, &value));
    trap(v);
    return value;
}

static UNUSED unsigned acknowledge(struct vcpu *v)
{
    trap(v);
    return host_guest_acknowledge(v);
}

static UNUSED void end(struct vcpu *v, unsigned irq)
{
    host_guest_end_interrupt(v, irq);
    trap(v);
}

static UNUSED void enable_spi(struct vcpu *v, unsigned irq)
{
    put(v, DIST + 0x100 + irq / 32 * 4, 4, BIT(irq % 32));
}

/* Two CPUs, and a domain of three vCPUs that are up. */
static UNUSED int setup_version(unsigned gic_version)
{
    struct vcpu_start start = { .pc = 0x40000000 };

    host_boot(&(struct host_config){ .cpus = 2, .gic_version = gic_version });
    host_start();
    d = make_domain(3, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(vcpu_up(d->vcpus[i], &start), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    failed_line = 0;
    return 0;
}

static UNUSED int setup(void **state UNUSED)
{
    return setup_version(3);
}

static UNUSED int setup_synced(void **state)
{
    traps_sync = true;
    return setup(state);
}

static UNUSED int setup_lazy(void **state)
{
    traps_sync = false;
    return setup(state);
}

#define TEST(f) cmocka_unit_test_setup(f, setup_synced), cmocka_unit_test_setup(f, setup_lazy)

static UNUSED void run(unsigned vcpu, void (*code)(struct vcpu *v, void *arg), void *arg)
{
    assert_true(host_guest_call(d->vcpus[vcpu], code, arg));
    if (failed_line)
        fail_msg("guest code failed in line %u", failed_line);
}

#endif
