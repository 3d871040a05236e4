/* SPDX-License-Identifier: Apache-2.0 */
/* Which guard stands at the entry from a guest, by core and firmware. Catches a core that is left open where something would
 * help, and a guard that costs where nothing is to be guarded. */
#include "arch/arm64/include/speculation.h"
#include "unit.h"

#define A53 UINT64_C(0x410fd034)
#define A57 UINT64_C(0x411fd070)
#define A76 UINT64_C(0x413fd0b1)
#define N1 UINT64_C(0x414fd0c1)
#define UNKNOWN UINT64_C(0x610f0220)
#define CSV2(n) ((uint64_t)(n) << 56)

static struct speculation_choice choose(uint64_t midr, uint64_t pfr0, int32_t wa1, int32_t wa3)
{
    const struct speculation_facts f = { .midr = midr, .pfr0 = pfr0, .workaround_1 = wa1, .workaround_3 = wa3 };

    return speculation_choose(&f);
}

static void test_trainable_targets_need_firmware(void **state UNUSED)
{
    struct speculation_choice both = choose(A57, 0, 0, 0), old = choose(A57, 0, 0, -1);

    assert_int_equal(both.guard, GUARD_FIRMWARE);
    assert_int_equal(both.parameter, 0x80003fff);
    assert_int_equal(old.guard, GUARD_FIRMWARE);
    assert_int_equal(old.parameter, 0x80008000);
    assert_int_equal(choose(A57, 0, -1, -1).guard, GUARD_MISSING);
    assert_int_equal(choose(UNKNOWN, 0, -1, -1).guard, GUARD_MISSING);
}

static void test_safe_targets_leave_the_history(void **state UNUSED)
{
    struct speculation_choice n1 = choose(N1, CSV2(1), -1, -1);

    assert_int_equal(n1.guard, GUARD_LOOP);
    assert_int_equal(n1.parameter, 24);
    /* Firmware that says "not needed here" about the targets says nothing about the history. */
    assert_int_equal(choose(A57, 0, 1, -1).guard, GUARD_LOOP);
    assert_int_equal(choose(A57, 0, 1, -1).parameter, 8);
    assert_int_equal(choose(UNKNOWN, CSV2(1), -1, 0).guard, GUARD_FIRMWARE);
}

static void test_cores_that_need_nothing(void **state UNUSED)
{
    assert_int_equal(choose(A53, 0, -1, -1).guard, GUARD_NONE);
    assert_int_equal(choose(A76, CSV2(3), -1, -1).guard, GUARD_NONE);
    assert_int_equal(choose(UNKNOWN, CSV2(1), -1, -1).guard, GUARD_NONE);
}

static void test_features_of_the_core_come_before_the_loop(void **state UNUSED)
{
    const struct speculation_facts clears = { .midr = A76, .pfr0 = CSV2(1), .isar2 = UINT64_C(1) << 28, -1, -1 };
    const struct speculation_facts ignores = { .midr = A76, .pfr0 = CSV2(1), .mmfr1 = UINT64_C(1) << 60, .isar2 = 0, -1, -1 };

    assert_int_equal(speculation_choose(&clears).guard, GUARD_CLRBHB);
    assert_int_equal(speculation_choose(&ignores).guard, GUARD_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trainable_targets_need_firmware),
        cmocka_unit_test(test_safe_targets_leave_the_history),
        cmocka_unit_test(test_cores_that_need_nothing),
        cmocka_unit_test(test_features_of_the_core_come_before_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
