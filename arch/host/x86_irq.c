/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts of an x86-64 host's devices, simulated: two IO-APICs whose lines are as somebody last opened or closed them. */
#include "arch/include/x86_irq.h"
#include "arch/host/host.h"
#include "lib/assert.h"
#include "lib/error.h"

static const struct x86_io_apic io_apics[] = { { HPA(0xfec00000), 0, 24 }, { HPA(0xfec10000), 32, 8 } };
static struct host_line lines[HOST_LINES];
static struct { void (*handle)(void *arg); void *arg; } messages[X86_OWN_MESSAGES];
static unsigned message_count;
static bool has_x2apics, messages_held, message_waits;

const struct x86_io_apic *arch_io_apic(unsigned n)
{
    return n < ARRAY_SIZE(io_apics) ? &io_apics[n] : NULL;
}

bool arch_line_is_own(uint32_t gsi)
{
    return gsi == HOST_OWN_LINE;
}

struct host_line *host_line(uint32_t gsi)
{
    ASSERT(gsi < HOST_LINES);
    return &lines[gsi];
}

void arch_line_open(uint32_t gsi, unsigned vector, unsigned cpu, bool level, bool low)
{
    ASSERT(!arch_line_is_own(gsi) && vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
    *host_line(gsi) = (struct host_line){ .vector = vector, .cpu = cpu, .level = level, .low = low, .is_open = true };
}

void arch_line_close(uint32_t gsi)
{
    ASSERT(!arch_line_is_own(gsi));
    host_line(gsi)->is_open = false;
}

uint32_t arch_message_address(unsigned cpu)
{
    return 0xfee00000 | (cpu * 2) << 12;
}

bool arch_has_x2apics(void)
{
    return has_x2apics;
}

void host_has_x2apics(bool has)
{
    has_x2apics = has;
}

struct x86_message arch_message(unsigned vector, unsigned cpu, uint16_t function UNUSED)
{
    return (struct x86_message){ arch_message_address(cpu), vector };
}

void arch_vector_end(unsigned vector)
{
    ASSERT(vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
}

void host_messages_clear(void)
{
    message_count = 0;
    messages_held = message_waits = false;
}

int arch_boot_own_message(void (*handle)(void *arg), void *arg)
{
    if (message_count == X86_OWN_MESSAGES)
        return -E_BUSY;
    messages[message_count].handle = handle;
    messages[message_count++].arg = arg;
    return HOST_OWN_VECTOR;
}

void host_own_message(uint32_t address, uint32_t data)
{
    static bool handled;

    PANIC_IF(address != arch_message_address(0) || data != HOST_OWN_VECTOR, "a message %#x to %#x", data, address);
    message_waits = true;
    while (message_waits && !messages_held && !handled) {
        message_waits = false;
        handled = true;     /* interrupts are off: the next waits */
        for (unsigned i = 0; i < message_count; i++)
            messages[i].handle(messages[i].arg);
        handled = false;
    }
}

void host_hold_messages(bool hold)
{
    messages_held = hold;
    if (!hold && message_waits)
        host_own_message(arch_message_address(0), HOST_OWN_VECTOR);
}
