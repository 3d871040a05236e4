/* SPDX-License-Identifier: Apache-2.0 */
/* The host's local APICs (AMD64 APM volume 2, 16; Intel SDM volume 3, 10) as x2APIC where there is one. */
#ifndef X86_APIC_H
#define X86_APIC_H

#include "lib/types.h"

/* Registers: offset in the page, 16 * the number of the x2APIC's MSR. */
#define APIC_ID 0x20
#define APIC_VERSION 0x30
#define APIC_TPR 0x80
#define APIC_EOI 0xb0
#define APIC_LDR 0xd0
#define APIC_SPURIOUS 0xf0
#define APIC_ISR 0x100
#define APIC_IRR 0x200
#define APIC_ERROR 0x280
#define APIC_ICR 0x300
#define APIC_ICR_HIGH 0x310         /* not of an x2APIC, whose ICR is one of 64 bits */
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_THERMAL 0x330
#define APIC_LVT_PERFORMANCE 0x340
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE 0x3e0

#define APIC_ENABLE 0x100           /* of APIC_SPURIOUS */
#define APIC_LVT_MASKED 0x10000
#define APIC_TIMER_DEADLINE 0x40000
#define APIC_DIVIDE_BY_1 0xb
#define ICR_FIXED 0x000
#define ICR_NMI 0x400
#define ICR_INIT 0x500
#define ICR_STARTUP 0x600
#define ICR_PENDING 0x1000
#define ICR_ASSERT 0x4000

/* Find it, and map its registers; CPU 0. Panics where there is none. */
void apic_boot(void);
/* Take this CPU's into use: nothing comes but what is asked for. */
void apic_cpu_init(void);
uint32_t apic_read(unsigned offset);
void apic_write(unsigned offset, uint32_t value);
uint32_t apic_id(void);
/* Send to the CPU with this APIC id: ICR_* and a vector. */
void apic_send(uint32_t apic_id, uint32_t what);
/* vectors of 32 and up: what came while the hypervisor took interrupts. */
void apic_interrupt(unsigned vector);
/* An NMI came to this CPU (cpu.c). */
void cpu_nmi(void);

#endif
