/* SPDX-License-Identifier: Apache-2.0 */
/* What guests of both processors write alike. */
#ifndef GUESTS_LIB_MACROS_H
#define GUESTS_LIB_MACROS_H

#define PAGE_SIZE 4096UL
#define PAGE_SHIFT 12
#define ALIGNED(n) __attribute__((aligned(n)))
#define PAGE_ALIGNED ALIGNED(4096)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Our own mistake: says where and powers the machine off. */
#define ASSERT(cond) \
    do { \
        if (!(cond)) \
            guest_panic("assertion failed: %s, %s:%d", #cond, __FILE__, __LINE__); \
    } while (0)

#endif
