/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of nested page tables (arch/x86_64/stage2_format.c) against AMD64 APM volume 2, 5.3, 5.4, 15.25.5, and Intel SDM volume 3, 29.3.2. The
 * simulated processor has a format of its own under the same names. */
#include "tests/unit/unit.h"

#define arch_s2_leaf npt_leaf
#define arch_s2_table npt_table
#define arch_s2_fill npt_fill
#define arch_s2_is_table npt_is_table
#define arch_s2_is_present npt_is_present
#define arch_s2_type npt_type
#define arch_s2_frame npt_frame
#define arch_s2_write npt_write
#define arch_s2_read npt_read
#include "arch/x86_64/stage2_format.c"
#include "mem/stage2.h"

#define P BIT(0)
#define RW BIT(1)
#define US BIT(2)
#define PS BIT(7)
#define NX BIT(63)

static bool walked(enum s2_type t)
{
    return t != S2_NEEDS_WORK && t != S2_DOORBELL;
}

static void every_leaf_comes_back(void **state UNUSED)
{
    static const uint64_t frames[] = { 0, BIT(18), 0x123 * BIT(18), BIT(36) - BIT(18) };

    for (unsigned t = S2_EMPTY + 1; t < S2_TYPES; t++) {
        for (unsigned level = 1; level <= 3; level++) {
            for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
                s2_entry e = npt_leaf(MFN(frames[i]), (enum s2_type)t, level);

                assert_int_equal(npt_type(e), t);
                assert_int_equal(npt_frame(e).v, frames[i]);
                assert_false(npt_is_table(e, level));
                assert_int_equal(npt_is_present(e), walked((enum s2_type)t));
                assert_int_not_equal(e, 0);
            }
        }
    }
}

static void the_processor_sees_what_the_type_means(void **state UNUSED)
{
    for (unsigned t = S2_EMPTY + 1; t < S2_TYPES; t++) {
        for (unsigned level = 1; level <= 3; level++) {
            s2_entry e = npt_leaf(MFN(BIT(18)), (enum s2_type)t, level);

            assert_int_equal(!!(e & P), walked((enum s2_type)t));
            if (!walked((enum s2_type)t))
                continue;
            /* Every access of a guest is one of user mode. */
            assert_true(e & US);
            assert_int_equal(!!(e & RW), s2_type_is_writable((enum s2_type)t));
            assert_int_equal(!(e & NX), s2_type_is_own((enum s2_type)t));
            assert_int_equal(!!(e & PS), level < 3);
            /* Bit 12 of a large entry is its PAT, bits up to its size are reserved. */
            if (level < 3)
                assert_int_equal(e & 0x000ffffffffff000 & (BIT(12 + 9 * (3 - level)) - 1), 0);
        }
    }
}

#define EPT_READ BIT(0)
#define EPT_WRITE BIT(1)
#define EPT_EXECUTE BIT(2)
#define EPT_MEMORY_TYPE(e) ((e) >> 3 & 7)

static void an_intel_processor_sees_it_too(void **state UNUSED)
{
    for (unsigned t = S2_EMPTY + 1; t < S2_TYPES; t++) {
        for (unsigned level = 1; level <= 3; level++) {
            s2_entry e = npt_leaf(MFN(BIT(18)), (enum s2_type)t, level);

            /* An entry is present when it allows anything. */
            assert_int_equal((e & 7) != 0, walked((enum s2_type)t));
            if (!walked((enum s2_type)t))
                continue;
            assert_true(e & EPT_READ);
            assert_int_equal(!!(e & EPT_WRITE), s2_type_is_writable((enum s2_type)t));
            assert_int_equal(!!(e & EPT_EXECUTE), s2_type_is_own((enum s2_type)t));
            assert_int_equal(EPT_MEMORY_TYPE(e), t == S2_DEVICE ? 0 : 6);
            assert_int_equal(!!(e & PS), level < 3);
            /* Suppressing #VE matters to nobody, and nothing else is up there. */
            assert_int_equal(e >> 56, 0);
        }
    }
    /* Bits 7:3 of a table's entry are reserved. */
    assert_int_equal(npt_table(MFN(5)) & 0xff, EPT_READ | EPT_WRITE | EPT_EXECUTE);
}

static void use_ept(void **state UNUSED)
{
    stage2_format_use_ept();
    every_leaf_comes_back(NULL);
    an_intel_processor_sees_it_too(NULL);
}

static void a_table_is_no_leaf(void **state UNUSED)
{
    s2_entry e = npt_table(MFN(0xabcdef));

    for (unsigned level = 0; level < 3; level++)
        assert_true(npt_is_table(e, level));
    assert_false(npt_is_table(0, 1));
    assert_true(npt_is_present(e));
    assert_int_equal(npt_frame(e).v, 0xabcdef);
    /* The last entry decides what is allowed. */
    assert_int_equal(e & (P | RW | US | PS | NX), P | RW | US);
    assert_int_equal(npt_type(0), S2_EMPTY);
    assert_int_equal(npt_type(e), S2_EMPTY);
}

static void filling_is_512_leaves(void **state UNUSED)
{
    static s2_entry table[512];

    for (unsigned t = S2_EMPTY + 1; t < S2_TYPES; t++) {
        npt_fill(table, MFN(BIT(18)), 512, (enum s2_type)t, 2);
        for (unsigned i = 0; i < 512; i++)
            assert_int_equal(table[i], npt_leaf(MFN(BIT(18) + 512 * i), (enum s2_type)t, 2));
        npt_fill(table, MFN(3), 1, (enum s2_type)t, 3);
        for (unsigned i = 0; i < 512; i++)
            assert_int_equal(table[i], npt_leaf(MFN(3 + i), (enum s2_type)t, 3));
    }
}

static void what_is_written_is_read(void **state UNUSED)
{
    s2_entry slot = 0, e = npt_leaf(MFN(77), S2_GRANT_RO, 3);

    npt_write(&slot, e);
    assert_int_equal(npt_read(&slot), e);
    npt_write(&slot, 0);
    assert_int_equal(npt_read(&slot), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_leaf_comes_back),
        cmocka_unit_test(the_processor_sees_what_the_type_means),
        cmocka_unit_test(a_table_is_no_leaf),
        cmocka_unit_test(filling_is_512_leaves),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(use_ept),      /* the last: it stays so */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
