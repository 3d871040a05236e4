/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry of a version 1 grant table as core reads and writes it: one 64-bit word, so that a look at it is one look. The ABI's
 * veneer checks at compile time that it is the ABI's (xen/grant_table.h, struct grant_entry_v1; little-endian).
 *
 *   63                        32 31          16 15                    0
 *  +----------------------------+--------------+-----------------------+
 *  | frame number               | domain       | flags                 |
 *  +----------------------------+--------------+-----------------------+
 */
#ifndef CORE_GRANT_ENTRY_H
#define CORE_GRANT_ENTRY_H

#include "lib/types.h"

typedef uint64_t grant_entry;

#define ENTRY_TYPE_MASK UINT64_C(3)
#define ENTRY_ACCESS UINT64_C(1)
#define ENTRY_READ_ONLY BIT(2)
#define ENTRY_READING BIT(3)
#define ENTRY_WRITING BIT(4)
#define ENTRY_SUB_PAGE BIT(8)

static inline uint16_t entry_domain(grant_entry e) { return (uint16_t)(e >> 16); }
static inline gfn_t entry_gfn(grant_entry e) { return GFN(e >> 32); }
static inline grant_entry entry_make(uint16_t flags, domid to, gfn_t gfn)
{
    return gfn.v << 32 | (uint64_t)to.v << 16 | flags;
}

#endif
