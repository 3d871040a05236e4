/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage-2 descriptors (Arm ARM D8.3, D8.5):
 *
 *   63  59 58   55 54 53    48 47              12 11 10 9 8 7  6 5     2 1 0
 *  +------+-------+--+--------+------------------+--+--+---+----+-------+-+-+
 *  |      | type  |XN|        | frame            |  |AF|SH |S2AP|MemAttr|T|V|
 *  +------+-------+--+--------+------------------+--+--+---+----+-------+-+-+
 *
 * The type lies in bits that the walker ignores. A NEEDS_WORK entry is its type and a cookie in the frame's place, V clear.
 */
#include "arch/include/stage2.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "stage2_hw.h"
#include "sysreg.h"

#define S2_VALID BIT(0)
#define S2_TABLE_OR_PAGE BIT(1)
#define S2_NORMAL (UINT64_C(15) << 2)       /* write-back inner and outer */
#define S2_DEVICE_NGNRE (UINT64_C(1) << 2)
#define S2_READ BIT(6)
#define S2_WRITE BIT(7)
#define S2_INNER_SHAREABLE (UINT64_C(3) << 8)
#define S2_ACCESSED BIT(10)
#define S2_NO_EXECUTE BIT(54)
#define S2_TYPE_SHIFT 55
#define S2_FRAME UINT64_C(0x0000fffffffff000)

#define TYPE(t) ((uint64_t)(t) << S2_TYPE_SHIFT)
#define MEMORY (S2_VALID | S2_NORMAL | S2_INNER_SHAREABLE | S2_ACCESSED | S2_READ)

STATIC_ASSERT(S2_TYPES <= 16);

/* All of a leaf but its frame and bit 1. What is not the domain's own memory is never executed. */
static const uint64_t leaf_bits[S2_TYPES] = {
    [S2_RAM] = TYPE(S2_RAM) | MEMORY | S2_WRITE,
    [S2_RAM_RO] = TYPE(S2_RAM_RO) | MEMORY,
    [S2_SHARED] = TYPE(S2_SHARED) | MEMORY | S2_WRITE | S2_NO_EXECUTE,
    [S2_GRANT_RW] = TYPE(S2_GRANT_RW) | MEMORY | S2_WRITE | S2_NO_EXECUTE,
    [S2_GRANT_RO] = TYPE(S2_GRANT_RO) | MEMORY | S2_NO_EXECUTE,
    [S2_FOREIGN_RW] = TYPE(S2_FOREIGN_RW) | MEMORY | S2_WRITE | S2_NO_EXECUTE,
    [S2_FOREIGN_RO] = TYPE(S2_FOREIGN_RO) | MEMORY | S2_NO_EXECUTE,
    [S2_DEVICE] = TYPE(S2_DEVICE) | S2_VALID | S2_DEVICE_NGNRE | S2_READ | S2_WRITE | S2_INNER_SHAREABLE | S2_ACCESSED |
                  S2_NO_EXECUTE,
    [S2_NEEDS_WORK] = TYPE(S2_NEEDS_WORK),
    [S2_DOORBELL] = TYPE(S2_DOORBELL),
};

s2_entry arch_s2_leaf(mfn_t mfn, enum s2_type type, unsigned level)
{
    s2_entry e = leaf_bits[type] | mfn.v << PAGE_SHIFT;

    ASSERT(type > S2_EMPTY && type < S2_TYPES && mfn.v < BIT(36));
    ASSERT(level >= 1 && level <= 3);
    return level == 3 && (e & S2_VALID) ? e | S2_TABLE_OR_PAGE : e;
}

void arch_s2_fill(s2_entry *table, mfn_t first, uint64_t step, enum s2_type type, unsigned level)
{
    s2_entry e = arch_s2_leaf(first, type, level);

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*table); i += 4, table += 4) {
        table[0] = e;
        table[1] = e + (step << PAGE_SHIFT);
        table[2] = e + 2 * (step << PAGE_SHIFT);
        table[3] = e + 3 * (step << PAGE_SHIFT);
        e += 4 * (step << PAGE_SHIFT);
    }
}

s2_entry arch_s2_table(mfn_t table)
{
    return table.v << PAGE_SHIFT | S2_TABLE_OR_PAGE | S2_VALID;
}

bool arch_s2_is_table(s2_entry e, unsigned level)
{
    return level < 3 && (e & (S2_VALID | S2_TABLE_OR_PAGE)) == (S2_VALID | S2_TABLE_OR_PAGE);
}

bool arch_s2_is_present(s2_entry e)
{
    return e & S2_VALID;
}

enum s2_type arch_s2_type(s2_entry e)
{
    return (enum s2_type)(e >> S2_TYPE_SHIFT & 15);
}

mfn_t arch_s2_frame(s2_entry e)
{
    return MFN((e & S2_FRAME) >> PAGE_SHIFT);
}

void arch_s2_write(s2_entry *slot, s2_entry e)
{
    __atomic_store_n(slot, e, __ATOMIC_RELAXED);
    /* A new entry is seen by the next walk of any CPU; an old one that went away is arch_stage2_invalidate's. */
    if (e & S2_VALID)
        dsb(ishst);
}

s2_entry arch_s2_read(const s2_entry *slot)
{
    return __atomic_load_n(slot, __ATOMIC_RELAXED);
}
