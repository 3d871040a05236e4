/* SPDX-License-Identifier: Apache-2.0 */
/* A domain of three vCPUs with local APICs and IO-APICs, for the tests of both. */
#ifndef TESTS_UNIT_X86_APICS_H
#define TESTS_UNIT_X86_APICS_H

#include "tests/unit/domains.h"
#include "arch/include/time.h"
#include "arch/include/x86_irq.h"
#include "arch/include/x86_vcpu.h"
#include "vdev/x86_64/host_vector.h"
#include "vdev/x86_64/vioapic.h"
#include "vdev/x86_64/vlapic.h"

#define VCPUS 3
#define TPR 0x80
#define PPR 0xa0
#define EOI 0xb0
#define LDR 0xd0
#define DFR 0xe0
#define SPURIOUS 0xf0
#define ISR 0x100
#define IRR 0x200
#define ICR 0x300
#define ICR_HIGH 0x310
#define LVT_TIMER 0x320
#define LVT_ERROR 0x370
#define INITIAL 0x380
#define CURRENT 0x390
#define DIVIDE 0x3e0
#define BY_ONE 0xb
#define ENABLE 0x1ff
#define MASKED BIT(16)
#define PERIODIC BIT(17)
#define LOGICAL BIT(11)
#define ASSERTED BIT(14)
#define LEVEL BIT(15)
#define REMOTE_IRR BIT(14)
#define LOW BIT(13)
#define APIC_BASE 0x1b
#define X2(reg) (0x800 + (reg) / 16)
#define X2_SELF 0x83f
#define NSEC_PER_COUNT 10

static struct domain *d;
/* What a device does with a line of the host's: high for as long as it wants something. */
static bool is_high[HOST_LINES];

static inline struct vcpu *vcpu(unsigned i)
{
    return d->vcpus[i];
}

static inline void put(unsigned i, uint64_t reg, uint64_t value)
{
    assert_true(vlapic_mmio(vcpu(i), reg, 4, true, &value));
}

static inline uint32_t get(unsigned i, uint64_t reg)
{
    uint64_t value = UINT64_MAX;

    assert_true(vlapic_mmio(vcpu(i), reg, 4, false, &value));
    return (uint32_t)value;
}

static inline bool has_request(unsigned i, unsigned vector)
{
    return get(i, IRR + vector / 32 * 16) >> vector % 32 & 1;
}

/* The vector that comes next is given to the guest: by the hypervisor, or as a processor does it that delivers by itself (Intel SDM volume 3, 30.2.2).
 * -1: none. */
static inline int deliver_next(unsigned i)
{
    struct vlapic *l = &vcpu(i)->arch.lapic;
    int vector = vlapic_highest(vcpu(i));
    uint64_t priority = 0;
    uint16_t status;

    if (!l->page) {
        if (vector >= 0)
            vlapic_accept(vcpu(i), (unsigned)vector);
        return vector;
    }
    status = vlapic_to_page(vcpu(i));
    /* What the hypervisor sees coming is what the processor gives. */
    assert_true(vlapic_is_x2(vcpu(i)) ? vlapic_msr_read(vcpu(i), X2(PPR), &priority) : vlapic_mmio(vcpu(i), PPR, 4, false, &priority));
    if ((status & 0xf0) <= (priority & 0xf0)) {
        assert_int_equal(vector, -1);
        return -1;
    }
    assert_int_equal(vector, status & 0xff);
    l->page[(IRR + vector / 32 * 16) / 4] &= ~(1u << vector % 32);
    l->page[(ISR + vector / 32 * 16) / 4] |= 1u << vector % 32;
    return vector;
}

static inline bool take_request(unsigned i, unsigned vector)
{
    struct vlapic *l = &vcpu(i)->arch.lapic;
    bool was = atomic_test_and_clear_bit(l->irr, vector);

    if (l->page) {
        was |= l->page[(IRR + vector / 32 * 16) / 4] >> vector % 32 & 1;
        l->page[(IRR + vector / 32 * 16) / 4] &= ~(1u << vector % 32);
    }
    return was;
}

/* The vector is pending nowhere but where the bits say; it is pending nowhere afterwards. */
static inline void expect_request(unsigned vector, unsigned vcpus)
{
    for (unsigned i = 0; i < VCPUS; i++)
        assert_int_equal(take_request(i, vector), vcpus >> i & 1);
}

static inline int make_apics(bool processor_delivers)
{
    static uint32_t pages[VCPUS][PAGE_SIZE / 4];

    host_boot(&(struct host_config){ .cpus = 2 });
    host_start();
    host_stop_ticks();
    d = make_domain(VCPUS, 0);
    for (unsigned i = 0; i < VCPUS; i++) {
        memset(pages[i], 0x5a, sizeof(pages[i]));
        if (processor_delivers)
            vlapic_use_page(vcpu(i), pages[i]);
        assert_int_equal(vlapic_init(vcpu(i)), 0);
        put(i, SPURIOUS, ENABLE);
    }
    assert_int_equal(vioapic_init(d), 0);
    for (uint32_t gsi = 0; gsi < HOST_LINES; gsi++)
        (void)!vioapic_route(d, gsi);
    memset(is_high, 0, sizeof(is_high));
    return 0;
}

static inline int setup(void **state UNUSED)
{
    return make_apics(false);
}

static inline int setup_delivering(void **state UNUSED)
{
    return make_apics(true);
}

static inline int teardown(void **state UNUSED)
{
    for (unsigned i = 0; i < VCPUS; i++)
        vlapic_destroy(vcpu(i));
    vioapic_free(d);
    kill_domain(d);
    return 0;
}

/* Interrupts are delivered by the hypervisor; by the processor; by either. */
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_DELIVERING(f) cmocka_unit_test_setup_teardown(f, setup_delivering, teardown)
#define TEST_BOTH(f) TEST(f), { #f "_where_the_processor_delivers", f, setup_delivering, teardown, NULL }

#endif
