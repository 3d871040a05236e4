/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: interrupts of the host's devices on x86-64. A line of an IO-APIC, by ACPI's number (global system interrupt), or a message of a
 * PCI device arrives at a CPU as a vector, the same on every CPU, and from there at upcall_interrupt with the vector as its number.
 */
#ifndef ARCH_X86_IRQ_H
#define ARCH_X86_IRQ_H

#include "lib/types.h"

/* Vectors that devices may have: [first, end). Below are exceptions, above the hypervisor's own. */
#define X86_VECTOR_FIRST 0x20u
#define X86_VECTOR_END 0xf0u

struct x86_io_apic {
    hpa_t at;
    uint32_t first, lines;      /* global system interrupts */
};
/* The nth of the host's (from 0), or NULL. */
const struct x86_io_apic *arch_io_apic(unsigned n);
/* Is this line the hypervisor's own? */
bool arch_line_is_own(uint32_t gsi);
/* A line that an IO-APIC of the host's has, and that is not the hypervisor's own, comes to `cpu` as this vector; or no more. Any CPU,
 * locks of classes before LOCK_ITS may be held. */
void arch_line_open(uint32_t gsi, unsigned vector, unsigned cpu, bool level, bool low);
void arch_line_close(uint32_t gsi);
/* The address to which a device writes a vector's number to have it come to `cpu` (Intel SDM volume 3, 10.11). */
uint32_t arch_message_address(unsigned cpu);

#endif
