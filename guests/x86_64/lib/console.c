/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"
#include <stdarg.h>

enum { CONSOLE_WRITE = 0 };

static char line[512];
static size_t used;
static unsigned passed, failed;

static void put(char c)
{
    if (used < sizeof(line))
        line[used++] = c;
}

static void put_number(uint64_t n, unsigned base)
{
    char digits[20];
    unsigned count = 0;

    do
        digits[count++] = "0123456789abcdef"[n % base];
    while (n /= base);
    while (count)
        put(digits[--count]);
}

static void put_word(const char *s)
{
    while (*s)
        put(*s++);
}

void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    for (used = 0; *format; format++) {
        bool wide = false, prefix = false;

        if (*format != '%') {
            put(*format);
            continue;
        }
        for (format++; *format == 'l' || *format == '#'; format++)
            *format == 'l' ? (wide = true) : (prefix = true);
        if (*format == 's') {
            put_word(va_arg(args, const char *));
        } else {
            uint64_t n = wide ? va_arg(args, uint64_t) : *format == 'd' ? (uint64_t)va_arg(args, int) : va_arg(args, unsigned);

            if (*format == 'd' && (int64_t)n < 0) {
                put('-');
                n = -n;
            }
            if (prefix)
                put_word("0x");
            put_number(n, *format == 'x' ? 16 : 10);
        }
    }
    va_end(args);
    hypercall(CALL_CONSOLE_IO, CONSOLE_WRITE, used, (uint64_t)line);
}

void check(const char *name, bool holds)
{
    holds ? passed++ : failed++;
    say("%s %s\n", holds ? "PASS" : "FAIL", name);
}

void check_equal(const char *name, uint64_t is, uint64_t should)
{
    if (is != should)
        say("%s: %#lx, should be %#lx\n", name, (unsigned long)is, (unsigned long)should);
    check(name, is == should);
}

void done(void)
{
    uint32_t reason = SHUTDOWN_POWEROFF;

    say("DONE %u passed, %u failed\n", passed, failed);
    hypercall(CALL_SCHED_OP, SCHED_SHUTDOWN, (uint64_t)&reason, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}
