/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's registers as the Arm ABI names them (xen/arch-arm.h, struct vcpu_guest_core_regs), for the ABI's veneer; both arch/arm64
 * and the simulated processor have them. */
#ifndef ARCH_ARM64_REGISTERS_H
#define ARCH_ARM64_REGISTERS_H

#include "lib/compiler.h"

struct vcpu;

struct arm_registers {
    uint64_t x[31];
    uint64_t pc, psr;
    uint64_t sp_el0, sp_el1, elr_el1;
    uint64_t spsr_el1;          /* of a 32-bit kernel: SPSR_svc */
    uint32_t spsr_fiq, spsr_irq, spsr_und, spsr_abt;    /* 32-bit kernels only */
    uint64_t sctlr, ttbr0, ttbr1, tcr;
};

/* v does not run. */
void arm_registers_get(const struct vcpu *v, struct arm_registers *out);
void arm_registers_set(struct vcpu *v, const struct arm_registers *in);

#endif
