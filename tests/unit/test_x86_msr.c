/* SPDX-License-Identifier: Apache-2.0 */
/* MSRs that are no matter of the processor's: what is read, what is taken, what is refused. */
#include "tests/unit/x86_processor.h"
#include "core/domain.h"
#include "vdev/x86_64/msr.h"
#include "vdev/x86_64/policy.h"

#define HYPERCALL_PAGE 0x40000000
#define FFXSR BIT(14)

static uint64_t read(uint32_t msr)
{
    uint64_t value = UINT64_C(0xa5a5a5a5a5a5a5a5);

    assert_true(msr_read(v, msr, &value));
    return value;
}

static void assert_no_read(uint32_t msr)
{
    uint64_t value;

    assert_false(msr_read(v, msr, &value));
}

/* Catches: one that is there in one direction only and is taken in the other; a value that stays where none is kept. */
static void each_register(void **state UNUSED)
{
    static const struct { uint32_t msr; bool reads, writes; uint64_t value; } all[] = {
        { 0x17, true, false, 0 }, { 0x8b, true, true, 0 }, { 0xce, true, false, X86_CPUID_FAULTING }, { 0x179, true, false, 0 },
        { 0x17a, true, true, 0 }, { 0x1a0, true, true, 0x1801 }, { 0x1d9, true, true, 0 }, { 0xc0010010, true, false, 0 },
        { 0xc0010015, true, true, 1 << 24 }, { 0xc001001f, true, true, 0 }, { 0xc0010020, false, true, 0 }, { 0xc0010055, true, false, 0 },
        { 0xc0010064, true, false, 0 }, { 0xc0011029, true, true, 2 }, { HYPERCALL_PAGE, true, false, 0 },
    };
    uint64_t value;

    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        if (all[i].msr != HYPERCALL_PAGE)
            assert_int_equal(msr_write(v, all[i].msr, UINT64_MAX), all[i].writes);
        assert_int_equal(msr_read(v, all[i].msr, &value), all[i].reads);
        if (all[i].reads)
            assert_int_equal(value, all[i].value);
    }
    /* Intel's is not there on another's. */
    take_away(1, CPUID_ECX, 1u << 5);
    assert_no_read(MSR_MISC_ENABLE);
}

/* Catches: a register of the host's that a guest reads or writes: virtualisation, speculation, machine checks, counters, power, microcode. */
static void no_others(void **state UNUSED)
{
    static const uint32_t none[] = { 0, 1, 0x34, 0x3a, 0x3b, 0x48, 0x49, 0x79, 0xc1, 0xe2, 0xfe, 0x10a, 0x10b, 0x122, 0x123, 0x186, 0x198, 0x199, 0x19c,
        0x1d8, 0x200, 0x20f, 0x250, 0x26f, 0x2ff, 0x309, 0x345, 0x38f, 0x3f1, 0x400, 0x401, 0x480, 0x481, 0x491, 0x570, 0x600, 0x606, 0x610, 0x6e0, 0x770,
        0x7ff, 0x900, 0xd90, 0xda0, 0xe01, 0x40000001, 0x40000020, 0x4b564d00, 0xc0000083 + 0x1d, 0xc0000103, 0xc0000104, 0xc0010000, 0xc0010004,
        0xc0010016, 0xc001001a, 0xc0010030, 0xc0010058, 0xc0010062, 0xc0010111, 0xc0010112, 0xc0010114, 0xc0010117, 0xc0010118, 0xc001011e,
        0xc001011f, 0xc0010130, 0xc0010131, 0xc0010200, 0xc0011000, 0xc0011020, 0xc0011022, 0xc0011030, 0xc0011039, UINT32_MAX };
    uint64_t chance = 88172645463325252, value;

    for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
        assert_no_read(none[i]);
        assert_false(msr_write(v, none[i], 0));
        assert_false(msr_write(v, none[i], UINT64_MAX));
    }
    for (unsigned i = 0; i < 200000; i++) {
        chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
        (void)!msr_read(v, (uint32_t)chance & 0xc001ffff, &value);
        if (((uint32_t)chance & 0xfff) != 0x30)
            (void)!msr_write(v, (uint32_t)chance & 0xc001ffff & ~UINT32_C(0x700), chance >> 8);
    }
}

/* Catches: a reserved bit or SVM's switch taken, long mode changed under paging, a switch that is the processor's own. */
static void efer(void **state UNUSED)
{
    const uint64_t on = EFER_LME | EFER_LMA;

    assert_int_equal(read(MSR_EFER), on);
    assert_true(msr_write(v, MSR_EFER, on | EFER_SCE | EFER_NXE | FFXSR));
    assert_int_equal(control.efer, on | EFER_SCE | EFER_NXE | FFXSR);
    assert_false(msr_write(v, MSR_EFER, on | EFER_SVME));
    for (unsigned bit = 0; bit < 64; bit++)
        if (!((on | EFER_SCE | EFER_NXE | FFXSR) >> bit & 1))
            assert_false(msr_write(v, MSR_EFER, on | BIT(bit)));
    assert_false(msr_write(v, MSR_EFER, EFER_LMA));
    assert_int_equal(control.efer, on | EFER_SCE | EFER_NXE | FFXSR);
    /* LMA is not written: neither taken nor given. */
    assert_true(msr_write(v, MSR_EFER, EFER_LME));
    assert_int_equal(control.efer, on);
    control = (struct x86_control_registers){ .cr0 = CR0_PE };
    assert_true(msr_write(v, MSR_EFER, EFER_LME | EFER_LMA));
    assert_int_equal(control.efer, EFER_LME);
}

/* Catches: a counter that jumps, and one that the processor does not hear of. */
static void the_time_stamp_counter(void **state UNUSED)
{
    assert_true(msr_write(v, MSR_TSC, 1000000));
    assert_int_equal(v->arch.tsc_offset, virt_offset);
    assert_int_equal(read(MSR_TSC), 1000007);
    assert_true(msr_write(v, MSR_TSC, UINT64_MAX));
    assert_int_equal(read(MSR_TSC), 6);
    assert_int_equal(read(MSR_TSC), 13);
}

/* Catches: a stub of a wrong number or length, a page put where the guest has no memory, or half of one. */
static void the_hypercall_page(void **state UNUSED)
{
    const uint64_t at = FIRST_GFN << PAGE_SHIFT;
    const uint8_t *page = page_at(d, FIRST_GFN);

    assert_true(msr_write(v, HYPERCALL_PAGE, at));
    for (unsigned n = 0; n < 128; n++) {
        const uint8_t stub[] = { 0xb8, (uint8_t)n, 0, 0, 0, 0x0f, 0x01, 0xd9, 0xc3, 0xcc }, iret[] = { 0x0f, 0x0b, 0xcc };

        assert_memory_equal(page + 32 * n, n == 23 ? iret : stub, n == 23 ? sizeof(iret) : sizeof(stub));
    }
    for (unsigned bit = 0; bit < PAGE_SHIFT; bit++)
        assert_false(msr_write(v, HYPERCALL_PAGE, at | BIT(bit)));
    assert_false(msr_write(v, HYPERCALL_PAGE, (FIRST_GFN + 2) << PAGE_SHIFT));
    assert_false(msr_write(v, HYPERCALL_PAGE, 0));
    assert_false(msr_write(v, HYPERCALL_PAGE, PAGE_MASK));
    assert_false(msr_write(v, HYPERCALL_PAGE, UINT64_MAX));
    assert_int_equal(read(HYPERCALL_PAGE), 0);
}

/* Catches: faulting switched on that a policy has taken away, and bits that are nothing. */
static void cpuid_faulting(void **state UNUSED)
{
    assert_int_equal(read(0x140), 0);
    assert_true(msr_write(v, 0x140, 1));
    assert_int_equal(read(0x140), 1);
    assert_false(msr_write(v, 0x140, 2));
    assert_false(msr_write(v, 0x140, BIT(63) | 1));
    assert_true(msr_write(v, 0x140, 0));
    x86_policy_begin(&d->arch.x86.policy);
    d->arch.x86.policy.platform_info = 0;
    assert_int_equal(read(0xce), 0);
    assert_false(msr_write(v, 0x140, 1));
    assert_int_equal(read(0x140), 0);
    assert_false(msr_write(v, 0xce, X86_CPUID_FAULTING));
}

/* Catches: MSRs of the local APIC that go to another table, or are there before x2APIC is switched on. */
static void of_the_local_apic(void **state UNUSED)
{
    assert_int_equal(read(MSR_APIC_BASE) & 0xfff, 0x800);
    assert_no_read(MSR_TSC_DEADLINE);
    assert_false(msr_write(v, MSR_TSC_DEADLINE, 1));
    for (uint32_t reg = 0; reg < 0x100; reg++) {
        assert_no_read(MSR_X2APIC + reg);
        assert_false(msr_write(v, MSR_X2APIC + reg, 0));
    }
    assert_false(msr_write(v, MSR_APIC_BASE, UINT64_MAX));
    assert_true(msr_write(v, MSR_APIC_BASE, read(MSR_APIC_BASE) | BIT(10)));
    assert_int_equal(read(0x802), 2);
    assert_false(msr_write(v, 0x802, 3));
    assert_true(msr_write(v, 0x808, 0x20));
    assert_int_equal(read(0x808), 0x20);
    assert_false(msr_write(v, 0x808, BIT(32)));
    assert_no_read(0x80b);
    assert_no_read(0x831);
    assert_no_read(0x8ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_register), TEST(no_others), TEST(efer), TEST(the_time_stamp_counter), TEST(the_hypercall_page), TEST(cpuid_faulting),
        TEST(of_the_local_apic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
