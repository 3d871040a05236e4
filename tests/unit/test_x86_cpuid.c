/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID as guests have it, of a processor that has everything. */
#include "tests/unit/x86_processor.h"
#include "vdev/x86_64/cpuid.h"
#include "vdev/x86_64/policy.h"

static uint32_t word(uint32_t leaf, uint32_t subleaf, enum cpuid_register which)
{
    uint32_t r[4] = { 1, 2, 3, 4 };

    /* These tests change the processor and the policy beneath a vCPU that has asked. */
    memset(v->arch.x86.cpuid, 0, sizeof(v->arch.x86.cpuid));
    cpuid_answer(v, leaf, subleaf, r);
    return r[which];
}

/* Catches: an answer to another question; one that is made anew at each exit; XSAVE's sizes kept, which change. */
static void answers_are_kept(void **state UNUSED)
{
    uint32_t first[4], again[4], another[4];

    cpuid_answer(v, 7, 0, first);
    take_away(7, CPUID_EBX, UINT32_MAX);
    cpuid_answer(v, 7, 0, again);
    cpuid_answer(v, 7, 1, another);
    assert_int_not_equal(first[CPUID_EBX], 0);
    assert_int_equal(again[CPUID_EBX], first[CPUID_EBX]);
    assert_int_equal(another[CPUID_EBX], 0);
    cpuid_answer(v, 0xd, 0, first);
    take_away(0xd, CPUID_EBX, UINT32_MAX);
    cpuid_answer(v, 0xd, 0, again);
    assert_int_not_equal(first[CPUID_EBX], 0);
    assert_int_equal(again[CPUID_EBX], 0);
}

static void assert_empty(uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(word(leaf, subleaf, i), 0);
}

/* Catches: a feature shown that is not switched, not emulated or not the guest's to use. */
static void what_no_guest_has(void **state UNUSED)
{
    static const struct { uint32_t leaf; uint8_t reg, bit; } hidden[] = {
        { 1, CPUID_ECX, 5 }, { 0x80000001, CPUID_ECX, 2 },              /* VMX, SVM */
        { 0x80000001, CPUID_ECX, 12 }, { 1, CPUID_ECX, 6 },             /* SKINIT, SMX */
        { 1, CPUID_ECX, 3 }, { 1, CPUID_ECX, 2 }, { 1, CPUID_ECX, 7 },  /* MONITOR, debug store, frequencies */
        { 1, CPUID_ECX, 15 }, { 1, CPUID_ECX, 24 },                     /* counters, TSC deadlines */
        { 1, CPUID_EDX, 7 }, { 1, CPUID_EDX, 12 }, { 1, CPUID_EDX, 14 }, { 1, CPUID_EDX, 22 },  /* machine checks, MTRR, their thermal control */
        { 0x80000001, CPUID_EDX, 7 }, { 0x80000001, CPUID_EDX, 12 }, { 0x80000001, CPUID_EDX, 27 },     /* the same; RDTSCP */
        { 0x80000001, CPUID_ECX, 10 }, { 0x80000001, CPUID_ECX, 15 },   /* sampling, lightweight profiling */
        { 7, CPUID_EBX, 2 }, { 7, CPUID_EBX, 4 }, { 7, CPUID_EBX, 10 }, { 7, CPUID_EBX, 11 },   /* SGX, HLE, INVPCID, RTM */
        { 7, CPUID_EBX, 12 }, { 7, CPUID_EBX, 14 }, { 7, CPUID_EBX, 16 }, { 7, CPUID_EBX, 25 }, /* quality of service, MPX, AVX-512, traces */
        { 7, CPUID_ECX, 3 }, { 7, CPUID_ECX, 7 }, { 7, CPUID_ECX, 16 }, /* PKU, shadow stacks, five levels */
        { 7, CPUID_EDX, 26 }, { 7, CPUID_EDX, 27 }, { 7, CPUID_EDX, 31 },       /* SPEC_CTRL and its like */
        { 0x80000007, CPUID_EDX, 9 }, { 0x80000008, CPUID_EBX, 12 },    /* performance boost, IBPB */
    };
    /* Monitor, power, counters, quality of service, SGX, traces; SVM, its sampling, encryption of memory. */
    static const uint32_t leaves[] = { 2, 3, 5, 6, 9, 0xa, 0xf, 0x10, 0x12, 0x14, 0x1c, 0x8000000a, 0x8000001b, 0x8000001c, 0x8000001f };

    for (unsigned i = 0; i < ARRAY_SIZE(hidden); i++)
        assert_int_equal(word(hidden[i].leaf, 0, hidden[i].reg) >> hidden[i].bit & 1, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++)
        for (unsigned subleaf = 0; subleaf < 3; subleaf++)
            assert_empty(leaves[i], subleaf);
    assert_int_equal(word(0, 0, CPUID_EAX), 0xd);
    assert_int_equal(word(0x80000000, 0, CPUID_EAX), 0x80000008);
}

/* Catches: a feature of the processor's that it has not. */
static void what_the_processor_has_not(void **state UNUSED)
{
    take_away(1, CPUID_ECX, 1u << 26 | 1u << 28);
    assert_int_equal(word(1, 0, CPUID_ECX) & (1u << 26 | 1u << 28), 0);
    assert_int_equal(word(1, 0, CPUID_ECX) >> 19 & 3, 3);
    last_basic = 6;
    assert_int_equal(word(0, 0, CPUID_EAX), 6);
    assert_empty(7, 0);
    assert_empty(0xd, 0);
    assert_empty(0xb, 0);
    last_extended = 0x80000004;
    assert_int_equal(word(0x80000000, 0, CPUID_EAX), 0x80000004);
    assert_empty(0x80000008, 0);
    assert_int_not_equal(word(0x80000004, 0, CPUID_EAX), 0);
}

/* Catches: a vCPU that says it is another one, and switches of its own that CPUID does not follow. */
static void what_is_the_vcpus_own(void **state UNUSED)
{
    assert_int_equal(word(1, 0, CPUID_EBX), 2u << 24 | 4u << 16 | 0xff00);
    assert_int_equal(word(1, 0, CPUID_EDX) >> 28 & 1, 1);
    assert_int_equal(word(1, 0, CPUID_ECX) >> 31, 1);
    assert_int_equal(word(1, 0, CPUID_ECX) >> 27 & 1, 0);
    control.cr4 |= CR4_OSXSAVE;
    assert_int_equal(word(1, 0, CPUID_ECX) >> 27 & 1, 1);
    take_away(1, CPUID_ECX, 1u << 26);
    assert_int_equal(word(1, 0, CPUID_ECX) >> 27 & 1, 0);
    for (uint32_t level = 0; level < 4; level++) {
        assert_int_equal(word(0xb, level, CPUID_EDX), 2);
        assert_int_equal(word(0xb, level, CPUID_ECX), level > 1 ? level : (level + 1) << 8 | level);
        assert_int_equal(word(0xb, level, CPUID_EBX), level > 1 ? 0 : level ? 2 : 1);
    }
    assert_int_equal(word(0xb, 0, CPUID_EAX), 1);
    assert_int_equal(word(0xb, 1, CPUID_EAX), 2);
}

/* Catches: components, and room for them, that a guest cannot switch on. */
static void components_of_xsave(void **state UNUSED)
{
    assert_int_equal(word(0xd, 0, CPUID_EAX), 7);
    assert_int_equal(word(0xd, 0, CPUID_ECX), AVX_OFFSET + AVX_BYTES);
    assert_int_equal(word(0xd, 0, CPUID_EDX), 0);
    assert_int_equal(word(0xd, 1, CPUID_EAX), 7);
    assert_int_equal(word(0xd, 1, CPUID_ECX), 0);
    assert_int_equal(word(0xd, 2, CPUID_EAX), AVX_BYTES);
    assert_int_equal(word(0xd, 2, CPUID_EBX), AVX_OFFSET);
    static const uint32_t others[] = { 3, 5, 9, 31, 32, 33, 34, 62, 63, 64, 0x102, 0x7fffffff, 0x80000002, UINT32_MAX };
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        assert_empty(0xd, others[i]);
    take_away(0xd, CPUID_EAX, 1u << 2);
    assert_int_equal(word(0xd, 0, CPUID_EAX), 3);
    assert_int_equal(word(0xd, 0, CPUID_ECX), 576);
}

/* Catches: what a toolstack took away and the vCPU's own part gives back. */
static void a_policy_holds_to_the_end(void **state UNUSED)
{
    struct x86_policy *p = &d->arch.x86.policy;
    uint32_t r[4];

    x86_policy_begin(p);
    cpuid_default(1, 0, r);
    r[CPUID_ECX] &= ~(1u << 26);
    x86_policy_set(p, 1, 0, r);
    x86_policy_set(p, 0, 0, (const uint32_t[4]){ 7 });
    x86_policy_settle(p);
    control.cr4 |= CR4_OSXSAVE;
    assert_int_equal(word(1, 0, CPUID_ECX) & (3u << 26 | 1u << 28), 0);
    assert_int_equal(word(0, 0, CPUID_EAX), 7);
    assert_int_not_equal(word(7, 0, CPUID_EBX), 0);
    assert_empty(0xb, 0);
    assert_empty(0xd, 0);
    assert_int_equal(word(1, 0, CPUID_EBX) >> 24, 2);
    /* The hypervisor's own are no matter of a policy. */
    assert_int_equal(word(0x40000000, 0, CPUID_EAX), 0x40000005);
}

/* Catches: a signature by which no kernel finds us, another's numbers. */
static void leaves_of_the_hypervisor(void **state UNUSED)
{
    char name[12];
    uint32_t r[4];

    cpuid_answer(v, 0x40000000, 0, r);
    memcpy(name, &r[CPUID_EBX], sizeof(name));
    assert_memory_equal(name, "XenVMMXenVMM", sizeof(name));
    assert_int_equal(word(0x40000001, 0, CPUID_EAX), 4 << 16 | 17);
    assert_int_equal(word(0x40000002, 0, CPUID_EBX), 0x40000000);
    assert_int_equal(word(0x40000003, 0, CPUID_ECX), 62500);
    assert_int_equal(word(0x40000003, 0, CPUID_EAX), 2);
    assert_empty(0x40000003, 1);
    assert_empty(0x40000003, 3);
    assert_int_equal(word(0x40000004, 0, CPUID_EBX), v->id);
    assert_int_equal(word(0x40000004, 0, CPUID_ECX), d->id.v);
    assert_empty(0x40000004, 1);
    assert_empty(0x40000005, 0);
    assert_empty(0x40000006, 0);
    assert_empty(0x40000100, 0);
}

/* Catches, with the sanitizers: an index or a shift by a number of the guest's. */
static void any_number_at_all(void **state UNUSED)
{
    static const uint32_t edges[] = { 0, 1, 7, 0xb, 0xd, 0xe, 0x1f, 0x20, 0x3fffffff, 0x40000000, 0x40000005, 0x40000006, 0x7fffffff,
                                      0x80000000, 0x80000008, 0x80000009, 0x80000028, 0xc0000000, 0xfffffffe, UINT32_MAX };
    uint64_t chance = 88172645463325252;
    uint32_t r[4];

    for (unsigned i = 0; i < ARRAY_SIZE(edges); i++)
        for (unsigned k = 0; k < ARRAY_SIZE(edges); k++)
            cpuid_answer(v, edges[i], edges[k], r);
    for (unsigned i = 0; i < 200000; i++) {
        chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
        cpuid_answer(v, (uint32_t)chance, (uint32_t)(chance >> 32), r);
        if ((uint32_t)chance > 0xd && (uint32_t)chance - 0x40000000 > 5 && (uint32_t)chance - 0x80000000 > 8)
            assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_no_guest_has), TEST(what_the_processor_has_not), TEST(what_is_the_vcpus_own), TEST(components_of_xsave),
        TEST(a_policy_holds_to_the_end), TEST(leaves_of_the_hypervisor), TEST(any_number_at_all),
        TEST(answers_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
