/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

#define COM1 0x3f8
#define LINE_STATUS 5
#define ROOM 0x20
#define WAIT_MAX 1000000
#define LEAF_FIRST 0x40000000u
#define LEAF_LAST 0x40010000u
#define LEAF_STEP 0x100u
enum { CALL_CONSOLE_IO = 18, CALL_SCHED_OP = 29, CALL_SIZE = 32, CONSOLE_WRITE = 0, SCHED_SHUTDOWN = 2, SHUTDOWN_CRASH = 3 };

extern char hypercall_page[];
static bool has_calls;

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static uint8_t port_read(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void port_write(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static long hypercall(unsigned number, uint64_t a, uint64_t b, uint64_t c)
{
    long result;

    __asm__ volatile("call *%[page]" : "=a"(result), "+D"(a), "+S"(b), "+d"(c)
                     : [page] "r"(hypercall_page + number * CALL_SIZE) : "memory", "rcx", "r8", "r9", "r10", "r11");
    return result;
}

void console_start(void)
{
    uint32_t r[4];

    for (uint32_t base = LEAF_FIRST; base < LEAF_LAST; base += LEAF_STEP) {
        cpuid(base, r);
        if (memcmp(&r[1], "XenVMMXenVMM", 12) != 0)
            continue;
        cpuid(base + 2, r);
        write_msr(r[1], (uint64_t)hypercall_page);
        has_calls = true;
        return;
    }
}

static void say_byte(char c)
{
    for (unsigned n = 0; n < WAIT_MAX && !(port_read(COM1 + LINE_STATUS) & ROOM); n++)
        ;
    port_write(COM1, (uint8_t)c);
}

void say(const char *text)
{
    size_t length = strlen(text);

    if (has_calls && hypercall(CALL_CONSOLE_IO, CONSOLE_WRITE, length, (uint64_t)text) == 0)
        return;
    for (; *text; text++) {
        if (*text == '\n')
            say_byte('\r');
        say_byte(*text);
    }
}

void say_number(uint64_t n)
{
    char digits[21];
    unsigned at = sizeof(digits) - 1;

    digits[at] = 0;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    say(digits + at);
}

static _Noreturn void end(void)
{
    uint32_t reason = SHUTDOWN_CRASH;

    say("\n");
    if (has_calls)
        hypercall(CALL_SCHED_OP, SCHED_SHUTDOWN, (uint64_t)&reason, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void stop(const char *why)
{
    say("unpack: ");
    say(why);
    end();
}

void stop_with(const char *why, uint64_t n)
{
    say("unpack: ");
    say(why);
    say(" ");
    say_number(n);
    end();
}
