/* SPDX-License-Identifier: Apache-2.0 */
/* Formatted output over HYPERVISOR_console_io, and the string functions the compiler may call. */

#include "guests/lib/hypercall.h"

void *memcpy(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if (!(((uint64_t)d | (uint64_t)s | n) & 7)) {
        for (size_t i = 0; i < n / 8; i++)
            ((uint64_t *)to)[i] = ((const uint64_t *)from)[i];
        return to;
    }
    for (size_t i = 0; i < n; i++)
        d[i] = s[i];
    return to;
}

void *memset(void *to, int value, size_t n)
{
    uint8_t *d = to;

    for (size_t i = 0; i < n; i++)
        d[i] = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;

    for (size_t i = 0; i < n; i++)
        if (p[i] != q[i])
            return p[i] - q[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

struct writer {
    char *out;
    size_t size;
    size_t len;
};

static void put(struct writer *w, char c)
{
    if (w->len + 1 < w->size)
        w->out[w->len++] = c;
}

static void put_number(struct writer *w, uint64_t v, unsigned base, unsigned width, char fill,
                       bool negative)
{
    char digits[24];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    if (negative)
        put(w, '-');
    for (unsigned i = n; i < width; i++)
        put(w, fill);
    while (n)
        put(w, digits[--n]);
}

static void put_signed(struct writer *w, int64_t v, unsigned width, char fill)
{
    put_number(w, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, width, fill, v < 0);
}

static void put_string(struct writer *w, const char *s)
{
    while (*s)
        put(w, *s++);
}

/* One conversion after '%'; returns the character after it. */
static const char *put_conversion(struct writer *w, const char *f, __builtin_va_list *args)
{
    char fill = ' ';
    unsigned width = 0;
    bool wide = false;

    if (*f == '0')
        fill = *f++;
    while (*f >= '0' && *f <= '9')
        width = width * 10 + (unsigned)(*f++ - '0');
    while (*f == 'l' || *f == 'z') {
        wide = true;
        f++;
    }
    if (*f == 'd') {
        put_signed(w, wide ? __builtin_va_arg(*args, long) : __builtin_va_arg(*args, int), width,
                   fill);
    } else if (*f == 'u' || *f == 'x') {
        uint64_t v = wide ? __builtin_va_arg(*args, unsigned long)
                          : __builtin_va_arg(*args, unsigned);

        put_number(w, v, *f == 'u' ? 10 : 16, width, fill, false);
    } else if (*f == 'p') {
        put_number(w, (uint64_t)__builtin_va_arg(*args, void *), 16, width, fill, false);
    } else if (*f == 's') {
        put_string(w, __builtin_va_arg(*args, const char *));
    } else if (*f == 'c') {
        put(w, (char)__builtin_va_arg(*args, int));
    } else {
        put(w, *f);
    }
    return f + 1;
}

size_t format_va(char *out, size_t size, const char *format, __builtin_va_list args)
{
    struct writer w = { out, size, 0 };
    __builtin_va_list copy;

    __builtin_va_copy(copy, args);
    while (*format) {
        if (*format != '%')
            put(&w, *format++);
        else
            format = put_conversion(&w, format + 1, &copy);
    }
    __builtin_va_end(copy);
    out[w.len] = 0;
    return w.len;
}

void print(const char *format, ...)
{
    char line[512];
    __builtin_va_list args;
    size_t len;

    __builtin_va_start(args, format);
    len = format_va(line, sizeof(line), format, args);
    __builtin_va_end(args);
    hypercall5(__HYPERVISOR_console_io, CONSOLEIO_write, len, (uint64_t)line, 0, 0);
}
