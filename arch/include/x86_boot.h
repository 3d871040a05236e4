/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: what boot/x86_64 asks of the processor beside boot.h's common part. CPU 0, once each, in about this order:
 *
 *   (entry code)                 long mode, own tables, exceptions; then:
 *   boot_main(tables, magic)     boot/x86_64's; does not return
 *     arch_boot_com()            from here on arch_console_write is visible
 *     boot_map(tables) ...       the loader's tables, memory, ACPI
 *     arch_boot_heap_map() ... arch_boot_frames_ready()      as boot.h says
 *     arch_boot_local_interrupts()   local APIC, timer: arch_time_now runs from here
 *     arch_boot_virt()           SVM or VMX on this CPU
 *     arch_boot_secondaries()    the other CPUs
 *
 * boot_main's second argument is what the loader left in eax.
 */
#ifndef ARCH_X86_BOOT_H
#define ARCH_X86_BOOT_H

#include "lib/types.h"

/* eax at the entry by multiboot 1 (Multiboot Specification 0.6.96, 3.2). */
#define BOOT_MAGIC_MULTIBOOT1 0x2badb002u

/* The serial line at this I/O port is the console; baud 0: firmware's speed. May be called again. */
void arch_boot_com(uint16_t port, unsigned baud);
/* Panics where there is no local APIC. acpi_timer: the port of ACPI's timer, 0: there is none. */
void arch_boot_local_interrupts(uint16_t acpi_timer);
/* The clocks' rates are known well from here on, and deadlines can be set: after what else can go on while they are measured. */
void arch_boot_time(void);
/* There is an IO-APIC at this place, whose lines count from `first` (ACPI's global system interrupts). All are masked. */
void arch_boot_io_apic(hpa_t at, uint32_t first);
/* This line is the console's: it calls console_input_pending() on CPU 0. After the IO-APICs and arch_boot_local_interrupts. */
void arch_boot_com_interrupt(uint32_t gsi, bool level, bool low);
/* What keeps this machine from running guests, as one line for people; NULL: nothing. */
const char *arch_boot_virt_missing(void);
/* Take SVM or VMX into use on this CPU; other CPUs do as they come up. NULL, or the reason why not. */
const char *arch_boot_virt(void) MUST_CHECK;
/* arch_boot_secondaries (boot.h) takes local APIC ids, and overwrites the page at BOOT_TRAMPOLINE. */
#define BOOT_TRAMPOLINE UINT64_C(0x8000)
/* How machine_power_off is done: values (lib/acpi.h, ACPI_SLEEP) for PM1 control registers; port 0: there is none. */
void arch_boot_power(uint16_t port_a, uint16_t value_a, uint16_t port_b, uint16_t value_b);

#endif
