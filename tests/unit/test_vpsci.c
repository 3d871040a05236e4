/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest sees as firmware: PSCI and SMCCC. */
#include "tests/unit/domains.h"

#define VERSION 0x84000000u
#define CPU_SUSPEND 0x84000001u
#define CPU_OFF 0x84000002u
#define CPU_ON 0x84000003u
#define CPU_ON64 0xc4000003u
#define AFFINITY_INFO 0x84000004u
#define AFFINITY_INFO64 0xc4000004u
#define MIGRATE_INFO_TYPE 0x84000006u
#define SYSTEM_OFF 0x84000008u
#define SYSTEM_RESET 0x84000009u
#define FEATURES 0x8400000au
#define SMCCC_VERSION 0x80000000u
#define ARCH_FEATURES 0x80000001u

#define NOT_SUPPORTED (-1)
#define INVALID_PARAMETERS (-2)
#define ALREADY_ON (-4)
#define INVALID_ADDRESS (-9)
#define ENTRY UINT64_C(0x40080000)

static struct domain *control, *d;

static int setup(void **state UNUSED)
{
    struct vcpu_start start = { .pc = ENTRY };

    host_boot(&(struct host_config){ .cpus = 2 });
    host_start();
    control = make_domain_config(true, 1, 0, 1023);
    d = make_domain(3, 0);
    assert_int_equal(vcpu_up(d->vcpus[0], &start), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    return 0;
}

static int64_t call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return host_smccc(d->vcpus[0], function, a1, a2, a3);
}

static bool is_down(unsigned vcpu)
{
    return d->vcpus[vcpu]->pause_flags & VCPU_DOWN;
}

static void test_versions(void **state UNUSED)
{
    assert_int_equal(call(VERSION, 0, 0, 0), 0x10001);
    assert_int_equal(call(SMCCC_VERSION, 0, 0, 0), 0x10001);
    assert_int_equal(call(MIGRATE_INFO_TYPE, 0, 0, 0), 2);
    /* The upper half of the function's register does not count. */
    assert_int_equal(call(UINT64_C(0xffffffff00000000) | VERSION, 0, 0, 0), 0x10001);
}

static void test_unknown(void **state UNUSED)
{
    static const uint32_t unknown[] = {
        0, 1, 0x8400000b, 0x84000012, 0x84000050, 0xc4000000, 0xc4000002, 0xc4000008, 0xffffffff, 0x80008001, 0x86000000,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_int_equal(call(unknown[i], 0, 0, 0), NOT_SUPPORTED);
}

static void test_features(void **state UNUSED)
{
    static const uint32_t known[] = {
        VERSION, CPU_SUSPEND, CPU_OFF, CPU_ON, CPU_ON64, AFFINITY_INFO, AFFINITY_INFO64, MIGRATE_INFO_TYPE, SYSTEM_OFF,
        SYSTEM_RESET, FEATURES, SMCCC_VERSION,
    };
    static const uint32_t absent[] = { 0x84000012, 0xc400000e, 0xc4000012, ARCH_FEATURES, 0x8600ff01, 0 };

    for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
        assert_int_equal(call(FEATURES, known[i], 0, 0), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        assert_int_equal(call(FEATURES, absent[i], 0, 0), NOT_SUPPORTED);
    assert_int_equal(call(ARCH_FEATURES, ARCH_FEATURES, 0, 0), 0);
    assert_int_equal(call(ARCH_FEATURES, 0x80007fff, 0, 0), NOT_SUPPORTED);
    assert_int_equal(call(ARCH_FEATURES, 0x80008000, 0, 0), NOT_SUPPORTED);
}

static void test_kernel_of_32_bits(void **state UNUSED)
{
    d->address_size = 32;
    assert_int_equal(call(CPU_ON64, 1, ENTRY, 0), NOT_SUPPORTED);
    assert_int_equal(call(FEATURES, CPU_ON64, 0, 0), NOT_SUPPORTED);
    assert_int_equal(call(FEATURES, CPU_ON, 0, 0), 0);
    /* Bit 0 asks for T32. */
    assert_int_equal(call(CPU_ON, 1, ENTRY + 1, 0), 0);
    assert_int_equal(d->vcpus[1]->arch.regs.pc, ENTRY + 1);
}

static void test_workarounds(void **state UNUSED)
{
    assert_int_equal(call(0x80007fff, 1, 0, 0), 0);
    assert_int_equal(call(0x80008000, 0, 0, 0), 0);
    assert_int_equal(call(0x80003fff, 0, 0, 0), 0);
}

static void test_identity(void **state UNUSED)
{
    const uint64_t *x = d->vcpus[0]->arch.regs.x;

    assert_int_equal(call(0x8600ff01, 0, 0, 0), 0xdc1218a7);
    assert_int_equal(x[1], 0x694398c6);
    assert_int_equal(x[2], 0xd179cf9a);
    assert_int_equal(x[3], 0x67e6de8d);
    assert_int_equal(call(0x8400ff01, 0, 0, 0), 0x6f3863f8);
}

static void test_cpu_on(void **state UNUSED)
{
    assert_int_equal(call(AFFINITY_INFO64, 1, 0, 0), 1);
    assert_int_equal(call(CPU_ON64, 0, ENTRY, 0), ALREADY_ON);
    assert_int_equal(call(CPU_ON64, 3, ENTRY, 0), INVALID_PARAMETERS);
    assert_int_equal(call(CPU_ON64, 0x100, ENTRY, 0), INVALID_PARAMETERS);
    assert_int_equal(call(CPU_ON64, 1, ENTRY + 2, 0), INVALID_ADDRESS);
    assert_true(is_down(1));
    assert_int_equal(call(CPU_ON64, 1, ENTRY, UINT64_C(0x123456789abcdef0)), 0);
    assert_false(is_down(1));
    assert_int_equal(d->vcpus[1]->arch.regs.pc, ENTRY);
    assert_int_equal(d->vcpus[1]->arch.regs.x[0], UINT64_C(0x123456789abcdef0));
    assert_int_equal(call(AFFINITY_INFO64, 1, 0, 0), 0);
    assert_int_equal(call(CPU_ON64, 1, ENTRY, 0), ALREADY_ON);
    /* A 32-bit call has 32-bit arguments. */
    assert_int_equal(call(CPU_ON, 2 | UINT64_C(1) << 32, ENTRY | UINT64_C(1) << 40, 7), 0);
    assert_int_equal(d->vcpus[2]->arch.regs.pc, ENTRY);
}

static void test_cpu_off(void **state UNUSED)
{
    assert_int_equal(call(CPU_ON64, 1, ENTRY, 0), 0);
    (void)host_smccc(d->vcpus[1], CPU_OFF, 0, 0, 0);
    assert_true(is_down(1));
    assert_int_equal(call(AFFINITY_INFO64, 1, 0, 0), 1);
    assert_int_equal(call(CPU_ON64, 1, ENTRY + 64, 9), 0);
    assert_int_equal(d->vcpus[1]->arch.regs.pc, ENTRY + 64);
    assert_int_equal(call(AFFINITY_INFO64, 1, 1, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY_INFO64, 9, 0, 0), INVALID_PARAMETERS);
}

static void test_system_off(void **state UNUSED)
{
    (void)call(SYSTEM_OFF, 0, 0, 0);
    assert_true(d->shut_down || d->shutting_down);
    assert_int_equal(d->shutdown_code, 0);
}

static void test_system_reset(void **state UNUSED)
{
    (void)call(SYSTEM_RESET, 0, 0, 0);
    assert_true(d->shut_down || d->shutting_down);
    assert_int_equal(d->shutdown_code, 1);
}

/* Nothing that a guest says to its firmware stops the host. */
static void test_random_calls(void **state UNUSED)
{
    static const uint32_t bases[] = { VERSION, 0xc4000000, SMCCC_VERSION, 0x8600ff00, 0x8400ff00, 0x80007ff0 };

    for (unsigned i = 0; i < 2000; i++) {
        uint64_t function = bases[host_random_below(ARRAY_SIZE(bases))] + host_random_below(32);
        uint32_t plain = (uint32_t)function & ~0x40000000u;

        if (plain == CPU_OFF || plain == SYSTEM_OFF || plain == SYSTEM_RESET || plain == CPU_SUSPEND)
            continue;
        (void)call(function, host_random_below(5), host_random(), host_random());
    }
    assert_int_equal(call(VERSION, 0, 0, 0), 0x10001);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_versions), TEST(test_unknown), TEST(test_features), TEST(test_workarounds), TEST(test_kernel_of_32_bits), TEST(test_identity),
        TEST(test_cpu_on), TEST(test_cpu_off), TEST(test_system_off), TEST(test_system_reset), TEST(test_random_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
