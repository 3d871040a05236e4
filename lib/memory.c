/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C library's memory and string functions, which the compiler also calls on its own. They also run before the MMU is on,
 * when an unaligned access faults: nobody copies 16 bytes or more between places of different alignment then. A build for a Linux
 * process leaves this file out, because the sanitizers watch their own; tests compile it under other names.
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

NO_IDIOM static void copy_words(word *to, const word *from, size_t words)
{
    while (words >= 8) {
        word a = from[0], b = from[1], c = from[2], d = from[3];
        word e = from[4], f = from[5], g = from[6], h = from[7];

        to[0] = a, to[1] = b, to[2] = c, to[3] = d;
        to[4] = e, to[5] = f, to[6] = g, to[7] = h;
        to += 8, from += 8, words -= 8;
    }
    while (words--)
        *to++ = *from++;
}

/* The target is aligned, the source is not: packets copied by grant have any offset. */
NO_IDIOM static void copy_unaligned(word *to, const unaligned_word *from, size_t words)
{
    while (words >= 4) {
        word a = from[0], b = from[1], c = from[2], d = from[3];

        to[0] = a, to[1] = b, to[2] = c, to[3] = d;
        to += 4, from += 4, words -= 4;
    }
    while (words--)
        *to++ = *from++;
}

NO_IDIOM void *memcpy(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (n >= 16) {
        for (; (uintptr_t)t & 7; n--)
            *t++ = *f++;
        if (((uintptr_t)f & 7) == 0)
            copy_words((word *)t, (const word *)f, n / 8);
        else
            copy_unaligned((word *)t, (const unaligned_word *)f, n / 8);
        t += n & ~(size_t)7;
        f += n & ~(size_t)7;
        n &= 7;
    }
    while (n--)
        *t++ = *f++;
    return to;
}

NO_IDIOM void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t = (uint8_t *)to + n;
    const uint8_t *f = (const uint8_t *)from + n;

    /* Forward is right unless `to` lies inside what is still to be read. */
    if ((uintptr_t)to - (uintptr_t)from >= n)
        return memcpy(to, from, n);
    while (n--)
        *--t = *--f;
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
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

NO_IDIOM size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

NO_IDIOM int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (uint8_t)*a - (uint8_t)*b;
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
