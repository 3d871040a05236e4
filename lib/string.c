/* SPDX-License-Identifier: Apache-2.0 */
/* String functions of our own: copying with a bound, parsing numbers of a command line. */
#include "lib/string.h"
#include "lib/assert.h"

size_t string_copy(char *to, const char *from, size_t size)
{
    size_t length = strlen(from);

    ASSERT(to != from);
    if (size) {
        size_t n = MIN(length, size - 1);

        memcpy(to, from, n);
        to[n] = '\0';
    }
    return length;
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (unsigned)((c | 0x20) - 'a') + 10;
    return 16;
}

/* "0x" counts as a prefix only with a digit behind it; overflow sticks at the largest number. */
uint64_t string_to_number(const char *s, const char **end)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (s[0] == '0' && (s[1] | 0x20) == 'x' && digit_value(s[2]) < 16) {
        base = 16;
        s += 2;
    } else if (s[0] == '0') {
        base = 8;
    }
    for (; digit_value(*s) < base; s++) {
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit_value(*s), &value))
            value = UINT64_MAX;
    }
    if (end)
        *end = s;
    return value;
}

uint64_t string_to_size(const char *s, const char **end)
{
    static const char suffixes[] = "kmgt";
    const char *rest;
    uint64_t value = string_to_number(s, &rest);
    const char *suffix = *rest ? strchr(suffixes, *rest | 0x20) : NULL;

    if (suffix && rest != s) {
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);

        value = value > UINT64_MAX >> shift ? UINT64_MAX : value << shift;
        rest++;
    }
    if (end)
        *end = rest;
    return value;
}
