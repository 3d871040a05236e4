/* SPDX-License-Identifier: Apache-2.0 */
/* Formatted output to a buffer. One function per step: read a directive, turn a value into digits, pad, put. */
#include "lib/print.h"
#include "lib/assert.h"
#include "lib/string.h"

struct sink {
    char *out;
    size_t size, length;        /* room in out; what the whole text has so far */
};

struct directive {
    bool left, zero, alternate, plus, space;
    int width, precision;       /* precision -1: none given */
    int size;                   /* -2 hh, -1 h, 0 int, 1 l, 2 ll, z, t */
    char type;
};

static void put(struct sink *s, char c)
{
    if (s->length + 1 < s->size)
        s->out[s->length] = c;
    s->length++;
}

static void put_many(struct sink *s, char c, int n)
{
    while (n-- > 0)
        put(s, c);
}

static void put_text(struct sink *s, const struct directive *d, const char *text, size_t n)
{
    int padding = d->width > (int)n ? d->width - (int)n : 0;

    if (!d->left)
        put_many(s, ' ', padding);
    for (size_t i = 0; i < n; i++)
        put(s, text[i]);
    if (d->left)
        put_many(s, ' ', padding);
}

/* Digits, most significant first, into the end of buffer[24]; returns where they start. */
static char *make_digits(char *buffer, uint64_t value, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char *p = buffer + 24;

    ASSERT(base == 8 || base == 10 || base == 16);
    do {
        *--p = digits[value % base];
        value /= base;
    } while (value);
    return p;
}

static void put_number(struct sink *s, const struct directive *d, uint64_t value, const char *prefix, unsigned base)
{
    char buffer[24];
    const char *p = make_digits(buffer, value, base, d->type == 'X');
    int digits = (int)(buffer + 24 - p), zeros = 0, total;

    if (d->precision == 0 && value == 0)
        digits = 0;
    if (d->precision > digits)
        zeros = d->precision - digits;
    total = digits + zeros + (int)strlen(prefix);
    if (d->zero && !d->left && d->precision < 0 && d->width > total) {
        zeros += d->width - total;
        total = d->width;
    }
    if (!d->left)
        put_many(s, ' ', d->width - total);
    while (*prefix)
        put(s, *prefix++);
    put_many(s, '0', zeros);
    for (int i = 0; i < digits; i++)
        put(s, p[i]);
    if (d->left)
        put_many(s, ' ', d->width - total);
}

static const char *parse_flags(const char *f, struct directive *d)
{
    for (;; f++) {
        switch (*f) {
        case '-': d->left = true; break;
        case '0': d->zero = true; break;
        case '#': d->alternate = true; break;
        case '+': d->plus = true; break;
        case ' ': d->space = true; break;
        default: return f;
        }
    }
}

static const char *parse_int(const char *f, int *value)
{
    *value = 0;
    for (; *f >= '0' && *f <= '9'; f++)
        *value = MIN(*value * 10 + (*f - '0'), 4096);
    return f;
}

static const char *parse_size(const char *f, int *size)
{
    *size = 0;
    for (;; f++) {
        if (*f == 'h')
            --*size;
        else if (*f == 'l')
            ++*size;
        else if (*f == 'z' || *f == 'j' || *f == 't')
            *size = 2;
        else
            return f;
    }
}

static int64_t signed_argument(va_list *args, int size)
{
    int64_t v = size >= 2 ? va_arg(*args, long long) : size == 1 ? va_arg(*args, long) : va_arg(*args, int);

    return size == -1 ? (short)v : size <= -2 ? (signed char)v : v;
}

static uint64_t unsigned_argument(va_list *args, int size)
{
    uint64_t v = size >= 2 ? va_arg(*args, unsigned long long)
                           : size == 1 ? va_arg(*args, unsigned long) : va_arg(*args, unsigned);

    return size == -1 ? (unsigned short)v : size <= -2 ? (unsigned char)v : v;
}

static void put_signed(struct sink *s, const struct directive *d, int64_t v)
{
    const char *prefix = v < 0 ? "-" : d->plus ? "+" : d->space ? " " : "";

    put_number(s, d, v < 0 ? -(uint64_t)v : (uint64_t)v, prefix, 10);
}

static void put_unsigned(struct sink *s, const struct directive *d, uint64_t v)
{
    bool hex = d->type == 'x' || d->type == 'X';
    const char *prefix = "";

    if (d->alternate && v)
        prefix = d->type == 'x' ? "0x" : d->type == 'X' ? "0X" : d->type == 'o' ? "0" : "";
    put_number(s, d, v, prefix, hex ? 16 : d->type == 'o' ? 8 : 10);
}

static void put_string(struct sink *s, const struct directive *d, const char *text)
{
    if (!text)
        text = "(null)";
    put_text(s, d, text, d->precision >= 0 ? strnlen(text, (size_t)d->precision) : strlen(text));
}

static void put_pointer(struct sink *s, const struct directive *d, const void *p)
{
    struct directive x = *d;

    x.type = 'x';
    put_number(s, &x, (uintptr_t)p, "0x", 16);
}

static void put_directive(struct sink *s, const struct directive *d, va_list *args)
{
    char c;

    switch (d->type) {
    case 'd': case 'i':
        put_signed(s, d, signed_argument(args, d->size));
        break;
    case 'u': case 'x': case 'X': case 'o':
        put_unsigned(s, d, unsigned_argument(args, d->size));
        break;
    case 'c':
        c = (char)va_arg(*args, int);
        put_text(s, d, &c, 1);
        break;
    case 's':
        put_string(s, d, va_arg(*args, const char *));
        break;
    case 'p':
        put_pointer(s, d, va_arg(*args, const void *));
        break;
    case '%':
        put(s, '%');
        break;
    default:
        put(s, '?');
    }
}

static const char *parse_directive(const char *f, struct directive *d, va_list *args)
{
    *d = (struct directive){ .precision = -1 };
    f = parse_flags(f, d);
    if (*f == '*') {
        d->width = va_arg(*args, int);
        f++;
    } else {
        f = parse_int(f, &d->width);
    }
    if (d->width < 0) {
        d->left = true;
        d->width = -d->width;
    }
    if (*f == '.' && f[1] == '*') {
        d->precision = va_arg(*args, int);
        f += 2;
    } else if (*f == '.') {
        f = parse_int(f + 1, &d->precision);
    }
    f = parse_size(f, &d->size);
    d->type = *f;
    return *f ? f + 1 : f;
}

int format_string_v(char *out, size_t size, const char *format, va_list args)
{
    struct sink s = { out, size, 0 };
    struct directive d;
    va_list copy;

    ASSERT(out || !size);
    va_copy(copy, args);
    while (*format) {
        if (*format != '%') {
            put(&s, *format++);
            continue;
        }
        format = parse_directive(format + 1, &d, &copy);
        put_directive(&s, &d, &copy);
    }
    va_end(copy);
    if (size)
        out[MIN(s.length, size - 1)] = '\0';
    return (int)s.length;
}

int format_string(char *out, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = format_string_v(out, size, format, args);
    va_end(args);
    return n;
}
