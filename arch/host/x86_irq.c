/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts of an x86-64 host's devices, simulated: two IO-APICs whose lines are as somebody last opened or closed them. */
#include "arch/include/x86_irq.h"
#include "arch/host/host.h"
#include "lib/assert.h"

static const struct x86_io_apic io_apics[] = { { HPA(0xfec00000), 0, 24 }, { HPA(0xfec10000), 32, 8 } };
static struct host_line lines[HOST_LINES];

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
