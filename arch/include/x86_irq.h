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
#define X86_IO_APICS 8

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
/* The address to which a device writes a vector's number to have it come to `cpu` (Intel SDM volume 3, 10.11), if nothing remaps it. */
uint32_t arch_message_address(unsigned cpu);
/* Local APICs have numbers of 32 bits. */
bool arch_has_x2apics(void);
/* What a function of PCI is to write, and where, to have it come to `cpu` as this vector. Where interrupts are remapped no other device can
 * send that vector from now on. As for lines. */
struct x86_message { uint32_t address, data; };
struct x86_message arch_message(unsigned vector, unsigned cpu, uint16_t function);
/* No device sends it any more, be it a line's or a message's. */
void arch_vector_end(unsigned vector);

/*
 * Interrupts are remapped: what a device sends names an entry, which has the vector's number, of a table that only the hypervisor writes.
 * `route`: source (a function of PCI, or what the lines of an IO-APIC go by) alone sends the vector, which comes to this local APIC; `end`:
 * nobody does. Each is called by one CPU at a time for a vector, and completes before it returns.
 */
struct x86_remapping {
    void (*route)(unsigned vector, uint16_t source, bool is_function, uint32_t apic, bool level);
    void (*end)(unsigned vector);
    bool in_place;                      /* devices and lines say the vector, as without it, and that names the entry */
    uint16_t io_apic[X86_IO_APICS];     /* sources of the host's, as arch_io_apic counts them */
};
/* Boot: from now on it is so. The line of the console follows, which may have been opened; others may not. */
void arch_boot_remapping(const struct x86_remapping *r);

/*
 * A device that the hypervisor itself drives may send the returned vector to arch_message_address(0): `handle` runs on CPU 0 with no lock
 * held and in bounded time, also when it was another such device's. Boot, CPU 0. -E_BUSY: more than X86_OWN_MESSAGES.
 */
#define X86_OWN_MESSAGES 8
int arch_boot_own_message(void (*handle)(void *arg), void *arg) MUST_CHECK;

#endif
