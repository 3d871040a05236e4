/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanging functions at boot for those that fit the board, so that what most boards run asks nothing. */
#ifndef ARM64_PATCH_H
#define ARM64_PATCH_H

#include "lib/compiler.h"

struct replacement {
    const void *old, *with;
};

/* `f`, which is REPLACEABLE, and the function of the same type that takes its place. */
#define REPLACE(f, g)                                                                                           \
    {                                                                                                           \
        (const void *)(f),                                                                                      \
        (const void *)__builtin_choose_expr(__builtin_types_compatible_p(__typeof__(f), __typeof__(g)), g, (void)0) \
    }

/* From now on a call of each `old` reaches its `with`: a branch takes the place of its first instruction, written through another
 * mapping of its page, as code is never writable where it runs. Boot, CPU 0, no other CPU is up. */
void code_replace(const struct replacement *table, unsigned count);

#endif
