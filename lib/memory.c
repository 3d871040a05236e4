/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C library's memory and string functions, which the compiler also calls on its own. Copying makes unaligned accesses, which
 * fault while the MMU is off: what runs then (arch/arm64/early.c) does not copy. A build for a Linux process leaves this file
 * out, because the sanitizers watch their own; tests compile it under other names.
 */
#include "lib/string.h"

/* Without this GCC recognises the loops below and replaces them by calls of themselves. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#define NO_IDIOM
#else
#define NO_IDIOM __attribute__((no_builtin))
#endif

typedef uint64_t __attribute__((may_alias)) word;
typedef uint64_t __attribute__((may_alias, aligned(1))) unaligned_word;
typedef uint32_t __attribute__((may_alias, aligned(1))) unaligned_half;

/* 64 bytes through eight registers. */
NO_IDIOM static inline void copy_eight(unaligned_word *to, const unaligned_word *from)
{
    uint64_t a = from[0], b = from[1], c = from[2], d = from[3];
    uint64_t e = from[4], f = from[5], g = from[6], h = from[7];

    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    to[4] = e, to[5] = f, to[6] = g, to[7] = h;
}

/* Less than 16 bytes. The first and the last word may overlap, which is quicker than to look how many bytes lie between. */
NO_IDIOM static inline void copy_small(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 8) {
        uint64_t first = *(const unaligned_word *)from, last = *(const unaligned_word *)(from + n - 8);

        *(unaligned_word *)to = first;
        *(unaligned_word *)(to + n - 8) = last;
    } else if (n >= 4) {
        uint32_t first = *(const unaligned_half *)from, last = *(const unaligned_half *)(from + n - 4);

        *(unaligned_half *)to = first;
        *(unaligned_half *)(to + n - 4) = last;
    } else {
        while (n--)
            *to++ = *from++;
    }
}

/* 16 to 63 bytes, in the same way. */
NO_IDIOM static inline void copy_medium(unaligned_word *to, const unaligned_word *from, size_t n)
{
    const unaligned_word *tail = (const unaligned_word *)((const uint8_t *)from + n);
    unaligned_word *end = (unaligned_word *)((uint8_t *)to + n);
    uint64_t a = from[0], b = from[1], y = tail[-2], z = tail[-1];

    if (n >= 32) {
        uint64_t c = from[2], d = from[3], w = tail[-4], x = tail[-3];

        to[2] = c, to[3] = d;
        end[-4] = w, end[-3] = x;
    }
    to[0] = a, to[1] = b;
    end[-2] = y, end[-1] = z;
}

NO_IDIOM void *memcpy(void *to, const void *from, size_t n)
{
    unaligned_word *t = to;
    const unaligned_word *f = from;

    if (n < 16) {
        copy_small(to, from, n);
        return to;
    }
    if (n < 64) {
        copy_medium(t, f, n);
        return to;
    }
    for (; n >= 256; n -= 256, t += 32, f += 32) {
        copy_eight(t, f);
        copy_eight(t + 8, f + 8);
        copy_eight(t + 16, f + 16);
        copy_eight(t + 24, f + 24);
    }
    for (; n >= 64; n -= 64, t += 8, f += 8)
        copy_eight(t, f);
    /* The last 64 bytes, some of them again. */
    if (n)
        copy_eight((unaligned_word *)((uint8_t *)t + n) - 8, (const unaligned_word *)((const uint8_t *)f + n) - 8);
    return to;
}

/* Apart from each other as memcpy; else bytes, from the end that is not overwritten before it is read. */
NO_IDIOM void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    uintptr_t ahead = (uintptr_t)t - (uintptr_t)f;

    if (ahead >= n && -ahead >= n)
        return memcpy(to, from, n);
    if (ahead >= n) {
        while (n--)
            *t++ = *f++;
    } else {
        while (n--)
            t[n] = f[n];
    }
    return to;
}

NO_IDIOM void *memset(void *to, int byte, size_t n)
{
    uint8_t *t = to;
    word pattern = (uint8_t)byte * UINT64_C(0x0101010101010101);

    if (n >= 16) {
        for (; (uintptr_t)t & 7; n--)
            *t++ = (uint8_t)byte;
        for (; n >= 64; n -= 64, t += 64) {
            word *w = (word *)t;

            w[0] = pattern, w[1] = pattern, w[2] = pattern, w[3] = pattern;
            w[4] = pattern, w[5] = pattern, w[6] = pattern, w[7] = pattern;
        }
        for (; n >= 8; n -= 8, t += 8)
            *(word *)t = pattern;
    }
    while (n--)
        *t++ = (uint8_t)byte;
    return to;
}

NO_IDIOM int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n >= 8 && *(const unaligned_word *)x == *(const unaligned_word *)y; n -= 8, x += 8, y += 8)
        continue;
    for (; n; n--, x++, y++) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}

NO_IDIOM void *memchr(const void *s, int byte, size_t n)
{
    const uint8_t *p = s;

    for (; n; n--, p++) {
        if (*p == (uint8_t)byte)
            return (void *)(uintptr_t)p;
    }
    return NULL;
}

NO_IDIOM size_t strlen(const char *s)
{
    const char *end = s;

    while (*end)
        end++;
    return (size_t)(end - s);
}

NO_IDIOM size_t strnlen(const char *s, size_t max)
{
    const word ones = UINT64_C(0x0101010101010101);
    size_t n = 0;

    /* Words in which no byte is zero. */
    for (; max - n >= 8; n += 8) {
        word w = *(const unaligned_word *)(s + n);

        if ((w - ones) & ~w & ones << 7)
            break;
    }
    while (n < max && s[n])
        n++;
    return n;
}

NO_IDIOM int strcmp(const char *a, const char *b)
{
    for (size_t i = 0;; i++) {
        uint8_t x = (uint8_t)a[i], y = (uint8_t)b[i];

        if (x != y || !x)
            return x - y;
    }
}

NO_IDIOM int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; a++, b++, n--)
        ;
    return n ? (uint8_t)*a - (uint8_t)*b : 0;
}

NO_IDIOM char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}
