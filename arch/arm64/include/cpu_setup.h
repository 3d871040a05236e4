/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a CPU up, and what the assembler files call or offer. */
#ifndef ARM64_CPU_SETUP_H
#define ARM64_CPU_SETUP_H

#include "lib/types.h"

struct vcpu;

/* Each CPU, before anything else in C: EL2's control registers, so that a guest finds only what it may touch. */
void cpu_setup_registers(void);
/* Fill in CPU n's block; its stacks are mapped by map_cpu_stacks. */
void cpu_setup_block(unsigned cpu, uint64_t mpidr);

/* head.S calls these. */
void arm64_start(uint64_t fdt_pa, uint64_t image_pa) NORETURN;
void arm64_secondary_start(void) NORETURN;
/* vectors.S: of the hypervisor's own exceptions; registers as they were: x0-x30, SP, PC, PSR. */
struct own_registers {
    uint64_t x[31], sp, pc, psr;
};
void arm64_own_exception(const struct own_registers *r, unsigned vector) NORETURN;

/* vectors.S */
void enter_guest(struct vcpu *v) NORETURN;
void run_on_empty_stack(void (*f)(void), uint64_t stack_top) NORETURN;
/* head.S: physical entry of the other CPUs. */
extern char secondary_entry[];

#endif
