/* SPDX-License-Identifier: Apache-2.0 */
/* A processor that has every bit of every leaf but those that a test takes away, and a guest of it with two vCPUs. */
#ifndef TESTS_UNIT_X86_PROCESSOR_H
#define TESTS_UNIT_X86_PROCESSOR_H

#include "tests/unit/domains.h"
#include "cpuid_host.h"
#include "msr_numbers.h"
#include "processor.h"
#include "vdev/x86_64/vlapic.h"
#undef skip     /* cmocka's; virt_skip has a member of that name */
#include "virt.h"

#define LAST_BASIC 0x20
#define LAST_EXTENDED 0x80000028
#define AVX_OFFSET 576
#define AVX_BYTES 256
#define VCPUS 2

static struct domain *d;
static struct vcpu *v;
static struct x86_control_registers control;
static uint64_t ticks, virt_offset;
static uint32_t last_basic, last_extended, taken_leaf, taken_mask[4];
static bool in_64bit;

/* Bits of a leaf that the processor has not. */
static inline void take_away(uint32_t leaf, enum cpuid_register which, uint32_t bits)
{
    taken_leaf = leaf;
    taken_mask[which] |= bits;
}

void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0xff, 4 * sizeof(out[0]));
    if (leaf == 0)
        out[CPUID_EAX] = last_basic;
    else if (leaf == 0x80000000)
        out[CPUID_EAX] = last_extended;
    else if (leaf == 0xd && subleaf == 0)
        out[CPUID_ECX] = 2696;
    else if (leaf == 0xd && subleaf == 2)
        out[CPUID_EAX] = AVX_BYTES, out[CPUID_EBX] = AVX_OFFSET, out[CPUID_ECX] = out[CPUID_EDX] = 0;
    for (unsigned i = 0; leaf == taken_leaf && i < 4; i++)
        out[i] &= ~taken_mask[i];
}

uint64_t rdtsc(void)
{
    return ticks += 7;
}

static void get_control(const struct vcpu *of UNUSED, struct x86_control_registers *out)
{
    *out = control;
}

static void set_control(struct vcpu *of UNUSED, const struct x86_control_registers *in)
{
    control = *in;
}

static uint64_t get_cr4(const struct vcpu *of UNUSED)
{
    return control.cr4;
}

static bool is_64bit(const struct vcpu *of UNUSED)
{
    return in_64bit;
}

static void set_offset(struct vcpu *of UNUSED, uint64_t offset)
{
    virt_offset = offset;
}

static const struct virt_ops ops = { .get_control_registers = get_control, .set_control_registers = set_control, .cr4 = get_cr4,
                                     .is_64bit = is_64bit, .set_tsc_offset = set_offset, .hypercall = { 0x0f, 0x01, 0xd9 } };
const struct virt_ops *virt = &ops;

static int setup(void **state UNUSED)
{
    host_boot(&(struct host_config){ .cpus = 1 });
    host_start();
    host_stop_ticks();
    d = make_domain(VCPUS, 2);
    v = d->vcpus[1];
    for (unsigned i = 0; i < VCPUS; i++)
        assert_int_equal(vlapic_init(d->vcpus[i]), 0);
    control = (struct x86_control_registers){ .cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA };
    last_basic = LAST_BASIC;
    last_extended = LAST_EXTENDED;
    memset(taken_mask, 0, sizeof(taken_mask));
    in_64bit = true;
    return 0;
}

static int teardown(void **state UNUSED)
{
    for (unsigned i = 0; i < VCPUS; i++)
        vlapic_destroy(d->vcpus[i]);
    kill_domain(d);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
