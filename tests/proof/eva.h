/* SPDX-License-Identifier: Apache-2.0 */
/* Read before anything else when Frama-C looks at the hypervisor's sources: atomic operations in plain C (one CPU; what several do to
 * each other is the models' affair), and panic() as a place that must not be reached. */
#ifndef TESTS_PROOF_EVA_H
#define TESTS_PROOF_EVA_H

#include "lib/assert.h"
#include "lib/compiler.h"

/* What holds at compile time the compiler has seen; Eva's parser knows no such declaration. */
#undef STATIC_ASSERT
#define STATIC_ASSERT(c) extern int static_assert_passed

/* Nor __auto_type: what is compared here has no effects. */
#undef MIN
#undef MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define array_index_nospec(index, size) (index)
#define __builtin_constant_p(x) 0

#define __atomic_load_n(p, order) (*(p))
#define __atomic_store_n(p, x, order) (*(p) = (x))
#define LIB_ATOMIC_H
#define atomic_load(p) (*(p))
#define atomic_store(p, x) (*(p) = (x))
#define atomic_load_acquire(p) (*(p))
#define atomic_store_release(p, x) (*(p) = (x))
#define atomic_fetch_add(p, x) eva_change((uint64_t *)(p), *(p) + (x))
#define atomic_fetch_sub(p, x) eva_change((uint64_t *)(p), *(p) - (x))
#define atomic_fetch_or(p, x) eva_change((uint64_t *)(p), *(p) | (x))
#define atomic_fetch_and(p, x) eva_change((uint64_t *)(p), *(p) & (x))
#define barrier_full() ((void)0)
#define barrier_write() ((void)0)
#define barrier_read() ((void)0)
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, val) ((x) = (val))

static inline uint64_t eva_change(uint64_t *p, uint64_t to)
{
    uint64_t old = *p;

    *p = to;
    return old;
}

/* As the hardware's, without interference. */
#define atomic_compare_exchange(p, expected, new) eva_exchange((uint64_t *)(p), (uint64_t *)(expected), (uint64_t)(new))
static inline bool eva_exchange(uint64_t *p, uint64_t *expected, uint64_t new)
{
    if (*p != *expected) {
        *expected = *p;
        return false;
    }
    *p = new;
    return true;
}

/* Any value. */
extern volatile uint64_t eva_any;

#endif
