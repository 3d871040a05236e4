/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A format of stage-2 entries that resembles no real one, so that nobody above the contract relies on one:
 *
 *   63      62     61 60 59 58..55 54 53          40 39            4 3      0
 *  +-------+-------+-----+--+------+--+--------------+--------------+--------+
 *  |present| table |level| 1| type | 0| 0x2a5a (sign)| frame ^ mask | parity |
 *  +-------+-------+-----+--+------+--+--------------+--------------+--------+
 */
#include "arch/host/internal.h"
#include "lib/assert.h"
#include "lib/atomic.h"

#define PRESENT BIT(63)
#define TABLE BIT(62)
#define LEVEL_SHIFT 60
#define NOT_EMPTY BIT(59)
#define TYPE_SHIFT 55
#define SIGN (UINT64_C(0x2a5a) << 40)
#define SIGN_MASK (UINT64_C(0x3fff) << 40)
#define FRAME_SHIFT 4
#define FRAME_MASK (BIT(36) - 1)
#define FRAME_XOR UINT64_C(0x5c3a96e17)

void stage2_format_boot(struct stage2_geometry *g)
{
    *g = (struct stage2_geometry){ .root_level = 1, .root_order = 1, .address_bits = 40 };
}

static s2_entry with_parity(s2_entry e)
{
    return e | ((unsigned)__builtin_popcountll(e >> 4) & 15);
}

static s2_entry make(mfn_t mfn, uint64_t bits, unsigned level)
{
    PANIC_IF(mfn.v > FRAME_MASK, "frame %#llx does not fit an entry", (unsigned long long)mfn.v);
    return with_parity(bits | NOT_EMPTY | SIGN | (uint64_t)level << LEVEL_SHIFT | (mfn.v ^ FRAME_XOR) << FRAME_SHIFT);
}

static void check(s2_entry e)
{
    PANIC_IF((e & SIGN_MASK) != SIGN || with_parity(e & ~UINT64_C(15)) != e, "%#llx is no stage-2 entry",
             (unsigned long long)e);
}

s2_entry arch_s2_leaf(mfn_t mfn, enum s2_type type, unsigned level)
{
    ASSERT(level >= 1 && level <= 3 && type != S2_EMPTY && type < S2_TYPES);
    if (type != S2_NEEDS_WORK)
        PANIC_IF(!IS_ALIGNED(mfn.v, BIT(9 * (3 - level))), "frame %#llx in a leaf of level %u",
                 (unsigned long long)mfn.v, level);
    return make(mfn, (type == S2_NEEDS_WORK || type == S2_DOORBELL ? 0 : PRESENT) | (uint64_t)type << TYPE_SHIFT, level);
}

void arch_s2_fill(s2_entry *table, mfn_t first, uint64_t step, enum s2_type type, unsigned level)
{
    for (uint64_t i = 0; i < 512; i++)
        table[i] = arch_s2_leaf(mfn_add(first, i * step), type, level);
}

s2_entry arch_s2_table(mfn_t table)
{
    return make(table, PRESENT | TABLE, 0);
}

bool arch_s2_is_table(s2_entry e, unsigned level)
{
    if (!e)
        return false;
    check(e);
    if (!(e & TABLE))
        PANIC_IF((e >> LEVEL_SHIFT & 3) != level, "leaf of level %llu looked at as level %u",
                 (unsigned long long)(e >> LEVEL_SHIFT & 3), level);
    return e & TABLE;
}

bool arch_s2_is_present(s2_entry e)
{
    return e & PRESENT;
}

enum s2_type arch_s2_type(s2_entry e)
{
    if (!e || e & TABLE)
        return S2_EMPTY;
    check(e);
    return (enum s2_type)(e >> TYPE_SHIFT & 15);
}

mfn_t arch_s2_frame(s2_entry e)
{
    check(e);
    return MFN((e >> FRAME_SHIFT & FRAME_MASK) ^ FRAME_XOR);
}

void arch_s2_write(s2_entry *slot, s2_entry e)
{
    s2_entry old = *slot;

    if (e)
        check(e);
    tlb_check_write(slot, old, e);
    __atomic_store_n(slot, e, __ATOMIC_RELEASE);
    arch_schedule_point();
}

s2_entry arch_s2_read(const s2_entry *slot)
{
    return __atomic_load_n(slot, __ATOMIC_RELAXED);
}
