/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomics and barriers, in one place. Barriers come in named pairs: say at each use which barrier it meets.
 * On the simulated processor every atomic is a point where another CPU may run (arch_schedule_point).
 */
#ifndef LIB_ATOMIC_H
#define LIB_ATOMIC_H

#include "arch/include/cpu.h"

#define atomic_load(p) (arch_schedule_point(), __atomic_load_n(p, __ATOMIC_RELAXED))
#define atomic_store(p, x) (arch_schedule_point(), __atomic_store_n(p, x, __ATOMIC_RELAXED))
/* acquire meets release */
#define atomic_load_acquire(p) (arch_schedule_point(), __atomic_load_n(p, __ATOMIC_ACQUIRE))
#define atomic_store_release(p, x) (arch_schedule_point(), __atomic_store_n(p, x, __ATOMIC_RELEASE))
/* Read-modify-write: acquire and release. What follows may still be seen before the store half, and what precedes after the load half
 * (LDAXR and STLXR): where a later load must come after an earlier one or after the store, barrier_full stands beside it. Each
 * returns the OLD value. */
#define atomic_fetch_add(p, x) (arch_schedule_point(), __atomic_fetch_add(p, x, __ATOMIC_SEQ_CST))
#define atomic_fetch_sub(p, x) (arch_schedule_point(), __atomic_fetch_sub(p, x, __ATOMIC_SEQ_CST))
#define atomic_fetch_or(p, x) (arch_schedule_point(), __atomic_fetch_or(p, x, __ATOMIC_SEQ_CST))
#define atomic_fetch_and(p, x) (arch_schedule_point(), __atomic_fetch_and(p, x, __ATOMIC_SEQ_CST))
#define atomic_exchange(p, x) (arch_schedule_point(), __atomic_exchange_n(p, x, __ATOMIC_SEQ_CST))
/* *p = new if *p == *expected, else *expected = *p; true when it was stored */
#define atomic_compare_exchange(p, expected, new) \
    (arch_schedule_point(), \
     __atomic_compare_exchange_n(p, expected, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))

/* Comes after every read-modify-write before it (LDAR after STLXR), and what follows comes after it. For who announces something by a
 * read-modify-write and then looks whether another has announced something: one that does both so, or has barrier_full between. */
#define atomic_load_ordered(p) (arch_schedule_point(), __atomic_load_n(p, __ATOMIC_SEQ_CST))

/* Full barrier between CPUs; meets itself. */
#define barrier_full() __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* Order writes before it against writes after it; meets barrier_read on the other side. */
#define barrier_write() __atomic_thread_fence(__ATOMIC_RELEASE)
#define barrier_read() __atomic_thread_fence(__ATOMIC_ACQUIRE)
/* Keep the compiler from moving memory accesses across. */
#define barrier_compiler() __asm__ volatile("" ::: "memory")

/* A single access the compiler may neither split, repeat nor leave out: for memory shared with a guest. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val) (*(volatile __typeof__(x) *)&(x) = (val))

/* Bit operations on arrays of 64-bit words shared with a guest or another CPU; each returns the old bit. */
static inline bool atomic_test_and_set_bit(uint64_t *words, unsigned bit)
{
    return atomic_fetch_or(&words[bit / 64], BIT(bit % 64)) >> (bit % 64) & 1;
}

static inline bool atomic_test_and_clear_bit(uint64_t *words, unsigned bit)
{
    return atomic_fetch_and(&words[bit / 64], ~BIT(bit % 64)) >> (bit % 64) & 1;
}

static inline bool atomic_test_bit(const uint64_t *words, unsigned bit)
{
    return atomic_load(&words[bit / 64]) >> (bit % 64) & 1;
}

#endif
