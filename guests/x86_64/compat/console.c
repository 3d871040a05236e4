/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"
#include <stdarg.h>

static unsigned passed, failed;

void *memset(void *to, int byte, size_t n)
{
    char *p = to;

    while (n--)
        *p++ = (char)byte;
    return to;
}

static char *put_number(char *at, unsigned long value, unsigned base)
{
    char digits[12];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n)
        *at++ = digits[--n];
    return at;
}

/* "%s %d %x" are enough. */
void say(const char *format, ...)
{
    char line[256], *at = line;
    va_list args;

    va_start(args, format);
    for (; *format && at < line + sizeof(line) - 64; format++) {
        if (*format != '%') {
            *at++ = *format;
            continue;
        }
        format++;
        if (*format == 's') {
            for (const char *s = va_arg(args, const char *); *s && at < line + sizeof(line) - 64; s++)
                *at++ = *s;
        } else {
            unsigned long value = va_arg(args, unsigned long);

            if (*++format == 'd' && (long)value < 0) {
                *at++ = '-';
                value = -value;
            }
            at = put_number(at, value, *format == 'x' ? 16 : 10);
        }
    }
    va_end(args);
    (void)call_narrow(__HYPERVISOR_console_io, CONSOLEIO_write, (unsigned long)(at - line), (unsigned long)line, 0, 0);
}

void check(const char *name, bool holds)
{
    say(holds ? "PASS %s\n" : "FAIL %s\n", name);
    *(holds ? &passed : &failed) += 1;
}

void check_equal(const char *name, long is, long should)
{
    if (is == should)
        check(name, true);
    else {
        say("FAIL %s: %ld (0x%lx) instead of %ld\n", name, is, (unsigned long)is, should);
        failed++;
    }
}

void done(void)
{
    struct sched_shutdown off = { .reason = SHUTDOWN_poweroff };

    say("DONE %ld passed, %ld failed\n", (long)passed, (long)failed);
    for (;;)
        (void)call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &off, 0);
}
