/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions, NMIs and interrupts while the hypervisor runs. */
#ifndef X86_IDT_H
#define X86_IDT_H

#include "lib/compiler.h"

/* As vectors.S and the processor leave them on the stack. */
struct own_registers {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
/* vectors.S: any of them. */
void x86_own_trap(struct own_registers *r);
/* panic.c: an exception that no fix-up knows. */
void x86_own_exception(const struct own_registers *r) NORETURN;

/* Interrupts that are the hypervisor's own; devices have those from VECTOR_DEVICES to below VECTOR_OWN. */
#define VECTOR_DEVICES 0x20
#define VECTOR_OWN 0xf0
enum own_vector { VECTOR_TIMER = VECTOR_OWN, VECTOR_KICK, VECTOR_CONSOLE, VECTOR_ERROR, VECTOR_MESSAGE, VECTOR_SPURIOUS = 0xff };

/* Build the table; once, before any CPU loads it. */
void idt_build(void);
/* This CPU takes its exceptions by the table and with its stacks from now on. */
void idt_load(void);
/* Address of this CPU's task segment. */
uint64_t idt_task_segment(void);
/* Take the interrupts that wait, and no more. No lock held. */
static inline void interrupts_take(void)
{
    /* One instruction follows STI before the first is taken (APM volume 3, STI). */
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

#endif
