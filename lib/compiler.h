/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler offers, under short names, and the freestanding headers that everybody needs. */
#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <limits.h>

#define NORETURN __attribute__((noreturn))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ALIGNED(n) __attribute__((aligned(n)))
#define PACKED __attribute__((packed))
#define UNUSED __attribute__((unused))
#define NOINLINE __attribute__((noinline))
/* The loop that follows has at most four turns. clang unrolls no loop that is left in the middle, and says so. */
#ifdef __clang__
#define UNROLL_4
#else
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif
#define COLD __attribute__((cold))
#define ALWAYS_INLINE inline __attribute__((always_inline))
/* A function of the short ways that belongs into its callers where the image is optimised as a whole. Its header declares it plainly,
 * so it exists on its own too. */
#define HOT inline
#define MUST_CHECK __attribute__((warn_unused_result))
#define SECTION(s) __attribute__((section(s)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#if defined(CPPCHECK)
/* It cannot read statements in expressions everywhere. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#else
/* Each argument is evaluated once: it may be a load of what another CPU or a guest writes. */
#define MIN(a, b) CHOOSE_(<, a, b, __COUNTER__)
#define MAX(a, b) CHOOSE_(>, a, b, __COUNTER__)
#define CHOOSE_(op, x, y, n) CHOOSE_NUMBERED_(op, x, y, n)
#define CHOOSE_NUMBERED_(op, x, y, n) CHOOSE_NAMED_(op, x, y, left_##n, right_##n)
#define CHOOSE_NAMED_(op, x, y, left, right) \
    ({ __auto_type left = (x); __auto_type right = (y); left op right ? left : right; })
#endif
#define ROUND_UP(x, a) (((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ROUND_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define BIT(n) (UINT64_C(1) << (n))
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

/* Is the symbol X defined to 1 in config.h? Usable in ordinary C conditions: if (CONFIG(DEBUG)). */
#define CONFIG(x) (CONFIG_##x)

/*
 * An index that a guest chose, forced into the range under speculation: computed without a branch. The caller has already
 * checked that index < size. (CVE-2017-5753, "bounds check bypass".)
 */
static inline uint64_t array_index_nospec(uint64_t index, uint64_t size)
{
    uint64_t mask;

    /* The compiler must not know that the index was compared already, or it finds that there is nothing to do. */
    __asm__("" : "+r"(index));
    if (__builtin_constant_p(size) && size && (size & (size - 1)) == 0)
        return index & (size - 1);
#ifdef __aarch64__
    /* All ones when index < size; the last one is CSDB: the mask is not used before it is known (Arm ARM C6.2.83). */
    __asm__("cmp %1, %2\n\tsbc %0, xzr, xzr\n\thint #20" : "=r"(mask) : "r"(index), "rI"(size) : "cc");
#elif defined(__x86_64__)
    /* All ones when index < size: the borrow of a comparison. */
    __asm__("cmpq %2, %1\n\tsbbq %0, %0" : "=r"(mask) : "r"(index), "re"(size) : "cc");
#else
    mask = ((index | (size - 1 - index)) >> 63) - 1;
#endif
    return index & mask;
}

#endif
