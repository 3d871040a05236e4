/* SPDX-License-Identifier: Apache-2.0 */
/* Bitmaps of any length in 64-bit words; not atomic, the caller does the locking. */
#ifndef LIB_BITMAP_H
#define LIB_BITMAP_H

#include "lib/compiler.h"

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bitmap_test(const uint64_t *map, unsigned bit)
{
    return map[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_set(uint64_t *map, unsigned bit)
{
    map[bit / 64] |= BIT(bit % 64);
}

static inline void bitmap_clear(uint64_t *map, unsigned bit)
{
    map[bit / 64] &= ~BIT(bit % 64);
}

/* The first set (clear) bit at or after `from`, or `bits` when there is none. */
unsigned bitmap_next_set(const uint64_t *map, unsigned bits, unsigned from);
unsigned bitmap_next_clear(const uint64_t *map, unsigned bits, unsigned from);
unsigned bitmap_count(const uint64_t *map, unsigned bits);

#endif
