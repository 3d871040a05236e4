/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of nested page tables (AMD64 APM volume 2, 15.25.5): the long-mode format, where a guest's access is one of user mode.
 *
 *   63   62  56 55  52 51               12 11  9  8  7  6 5  4   3   2 1 0
 *  +----+------+------+-------------------+-----+--+--+-+-+----+---+-+-+-+
 *  | NX |      | type | frame             |     |  |PS|D|A|PCD|PWT|U|W|P|
 *  +----+------+------+-------------------+-----+--+--+-+-+----+---+-+-+-+
 *
 * The type lies in bits that the walker ignores. A NEEDS_WORK entry is its type and a cookie in the frame's place, P clear.
 */
#include "arch/include/stage2.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "arch/x86_64/include/stage2_format.h"

#define NPT_PRESENT BIT(0)
#define NPT_WRITE BIT(1)
#define NPT_USER BIT(2)
#define NPT_UNCACHED (BIT(3) | BIT(4))
#define NPT_ACCESSED BIT(5)
#define NPT_USED (NPT_ACCESSED | BIT(6))
#define NPT_BLOCK BIT(7)
#define NPT_TYPE_SHIFT 52
#define NPT_NO_EXECUTE BIT(63)
#define NPT_FRAME UINT64_C(0x000ffffffffff000)

#define TYPE(t) ((uint64_t)(t) << NPT_TYPE_SHIFT)
#define MEMORY (NPT_PRESENT | NPT_USER | NPT_USED)

STATIC_ASSERT(S2_TYPES <= 16);

/* All of a leaf but its frame and its size. What is not the domain's own memory is never executed. */
static const uint64_t npt_leaf_bits[S2_TYPES] = {
    [S2_RAM] = TYPE(S2_RAM) | MEMORY | NPT_WRITE,
    [S2_RAM_RO] = TYPE(S2_RAM_RO) | MEMORY,
    [S2_SHARED] = TYPE(S2_SHARED) | MEMORY | NPT_WRITE | NPT_NO_EXECUTE,
    [S2_GRANT_RW] = TYPE(S2_GRANT_RW) | MEMORY | NPT_WRITE | NPT_NO_EXECUTE,
    [S2_GRANT_RO] = TYPE(S2_GRANT_RO) | MEMORY | NPT_NO_EXECUTE,
    [S2_FOREIGN_RW] = TYPE(S2_FOREIGN_RW) | MEMORY | NPT_WRITE | NPT_NO_EXECUTE,
    [S2_FOREIGN_RO] = TYPE(S2_FOREIGN_RO) | MEMORY | NPT_NO_EXECUTE,
    [S2_DEVICE] = TYPE(S2_DEVICE) | MEMORY | NPT_WRITE | NPT_UNCACHED | NPT_NO_EXECUTE,
    [S2_NEEDS_WORK] = TYPE(S2_NEEDS_WORK),
    [S2_DOORBELL] = TYPE(S2_DOORBELL),
};

/*
 * EPT (Intel SDM volume 3, 29.3.2) has execution where NPT has the user bit, memory types where it has the PAT's bits, and no bit 63; types,
 * frames, blocks and presence are in the same places.
 */
#define EPT_READ BIT(0)
#define EPT_WRITE BIT(1)
#define EPT_EXECUTE BIT(2)
#define EPT_WRITE_BACK (UINT64_C(6) << 3)

static const uint64_t ept_leaf_bits[S2_TYPES] = {
    [S2_RAM] = TYPE(S2_RAM) | EPT_READ | EPT_WRITE | EPT_EXECUTE | EPT_WRITE_BACK,
    [S2_RAM_RO] = TYPE(S2_RAM_RO) | EPT_READ | EPT_EXECUTE | EPT_WRITE_BACK,
    [S2_SHARED] = TYPE(S2_SHARED) | EPT_READ | EPT_WRITE | EPT_WRITE_BACK,
    [S2_GRANT_RW] = TYPE(S2_GRANT_RW) | EPT_READ | EPT_WRITE | EPT_WRITE_BACK,
    [S2_GRANT_RO] = TYPE(S2_GRANT_RO) | EPT_READ | EPT_WRITE_BACK,
    [S2_FOREIGN_RW] = TYPE(S2_FOREIGN_RW) | EPT_READ | EPT_WRITE | EPT_WRITE_BACK,
    [S2_FOREIGN_RO] = TYPE(S2_FOREIGN_RO) | EPT_READ | EPT_WRITE_BACK,
    [S2_DEVICE] = TYPE(S2_DEVICE) | EPT_READ | EPT_WRITE,
    [S2_NEEDS_WORK] = TYPE(S2_NEEDS_WORK),
    [S2_DOORBELL] = TYPE(S2_DOORBELL),
};

static const uint64_t *leaf_bits = npt_leaf_bits;
static uint64_t table_bits = NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED;

void stage2_format_use_ept(void)
{
    leaf_bits = ept_leaf_bits;
    table_bits = EPT_READ | EPT_WRITE | EPT_EXECUTE;
}

s2_entry arch_s2_leaf(mfn_t mfn, enum s2_type type, unsigned level)
{
    s2_entry e = leaf_bits[type] | mfn.v << PAGE_SHIFT;

    ASSERT(type > S2_EMPTY && type < S2_TYPES && mfn.v < BIT(40));
    ASSERT(level >= 1 && level <= 3);
    return level < 3 && (e & NPT_PRESENT) ? e | NPT_BLOCK : e;
}

void arch_s2_fill(s2_entry *table, mfn_t first, uint64_t step, enum s2_type type, unsigned level)
{
    s2_entry e = arch_s2_leaf(first, type, level);

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*table); i++, e += step << PAGE_SHIFT)
        table[i] = e;
}

s2_entry arch_s2_table(mfn_t table)
{
    return table.v << PAGE_SHIFT | table_bits;
}

bool arch_s2_is_table(s2_entry e, unsigned level)
{
    return level < 3 && (e & (NPT_PRESENT | NPT_BLOCK)) == NPT_PRESENT;
}

bool arch_s2_is_present(s2_entry e)
{
    return e & NPT_PRESENT;
}

enum s2_type arch_s2_type(s2_entry e)
{
    return (enum s2_type)(e >> NPT_TYPE_SHIFT & 15);
}

mfn_t arch_s2_frame(s2_entry e)
{
    return MFN((e & NPT_FRAME) >> PAGE_SHIFT);
}

void arch_s2_write(s2_entry *slot, s2_entry e)
{
    __atomic_store_n(slot, e, __ATOMIC_RELAXED);
}

s2_entry arch_s2_read(const s2_entry *slot)
{
    return __atomic_load_n(slot, __ATOMIC_RELAXED);
}
