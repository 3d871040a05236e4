/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/bitmap.h"
#include "lib/assert.h"

/* First bit at or after `from` that differs from `flip`'s bits; flip is all zeros or all ones. */
static unsigned next_bit(const uint64_t *map, unsigned bits, unsigned from, uint64_t flip)
{
    unsigned word = from / 64;
    uint64_t w;

    if (from >= bits)
        return bits;
    w = (map[word] ^ flip) & (UINT64_MAX << (from % 64));
    while (!w) {
        if (++word >= BITMAP_WORDS(bits))
            return bits;
        w = map[word] ^ flip;
    }
    return MIN(word * 64 + (unsigned)__builtin_ctzll(w), bits);
}

unsigned bitmap_next_set(const uint64_t *map, unsigned bits, unsigned from)
{
    ASSERT(map);
    return next_bit(map, bits, from, 0);
}

unsigned bitmap_next_clear(const uint64_t *map, unsigned bits, unsigned from)
{
    ASSERT(map);
    return next_bit(map, bits, from, UINT64_MAX);
}

/* By adding neighbours in parallel: a popcount instruction would need the vector unit on arm64. */
static unsigned count_word(uint64_t w)
{
    w -= (w >> 1) & UINT64_C(0x5555555555555555);
    w = (w & UINT64_C(0x3333333333333333)) + ((w >> 2) & UINT64_C(0x3333333333333333));
    w = (w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)((w * UINT64_C(0x0101010101010101)) >> 56);
}

unsigned bitmap_count(const uint64_t *map, unsigned bits)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < bits / 64; i++)
        sum += count_word(map[i]);
    if (bits % 64)
        sum += count_word(map[bits / 64] & (BIT(bits % 64) - 1));
    return sum;
}
