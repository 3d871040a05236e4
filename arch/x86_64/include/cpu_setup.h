/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a CPU up, and what the assembler files call or offer. */
#ifndef X86_CPU_SETUP_H
#define X86_CPU_SETUP_H

#include "lib/types.h"

/* head.S: the hypervisor's tables are to be built; then, on CPU 0's own stack, the loader's tables and magic. */
void x86_early(void);
void x86_start(uint64_t loader_tables, uint64_t magic) NORETURN;
/* Fill in CPU n's block; its stacks are mapped by map_cpu_stacks. */
void cpu_setup_block(unsigned cpu, uint32_t apic);
/* Each CPU, before much else in C: control registers, exceptions. */
void cpu_setup_registers(void);
/* head.S: the others, on their own stacks. */
void x86_secondary_start(void) NORETURN;
extern uint64_t secondary_stack;
extern const char trampoline[], trampoline_end[];
/* head.S */
void run_on_empty_stack(void (*f)(void), uint64_t stack_top) NORETURN;

#endif
