/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 32-bit kernels, and 32-bit programs of 64-bit ones, as EL2 in AArch64 sees them (Arm ARM D1.19, G1). General registers of all
 * modes lie in X0..X30 (D1.19.1); their upper halves mean nothing after an exception.
 */
#ifndef ARM64_AARCH32_H
#define ARM64_AARCH32_H

#include "core/domain.h"

/* CPSR as SPSR_EL2 holds it (G8.2.33); modes by their five bits */
#define PSR32_USR 0x10
#define PSR32_FIQ 0x11
#define PSR32_IRQ 0x12
#define PSR32_SVC 0x13
#define PSR32_ABT 0x17
#define PSR32_UND 0x1b
#define PSR32_SYS 0x1f
#define PSR32_T BIT(5)
#define PSR32_F BIT(6)
#define PSR32_I BIT(7)
#define PSR32_A BIT(8)
#define PSR32_E BIT(9)
#define PSR32_IT (UINT64_C(0x0600fc00))     /* 26:25 and 15:10 */
#define PSR32_Z BIT(30)
/* A 32-bit vCPU at its start (xen/arch-arm.h, PSR_GUEST32_INIT). */
#define PSR32_START (PSR32_Z | PSR32_A | PSR32_I | PSR32_F | PSR32_SVC)
/* SCTLR (G8.2.126) out of reset: MMU and caches off (xen/arch-arm.h, SCTLR_GUEST_INIT). */
#define SCTLR32_RESET UINT64_C(0x00c50078)
#define SCTLR32_V BIT(13)
#define SCTLR32_SPAN BIT(23)
#define SCTLR32_EE BIT(25)
#define SCTLR32_AFE BIT(29)
#define SCTLR32_TE BIT(30)
#define SCTLR32_DSSBS BIT(31)
#define TTBCR_EAE BIT(31)

/* vectors.S: a synchronous trap from AArch32, of a kernel or of a program, to EL2. */
struct vcpu *arm64_trap_sync_aarch32(struct vcpu *v);

/* The X register that holds R<n> (0..14) of the mode in `psr`. */
unsigned aarch32_bank(uint64_t psr, unsigned n);
/* Does the trapped instruction pass its condition (ESR_EL2.CV and COND, or the IT state)? D17.2.37. */
bool aarch32_passes(uint64_t esr, uint64_t psr);
/* The IT state after one more instruction (G1.8.3). */
uint64_t aarch32_next_it(uint64_t psr);

/* Registers that only a 32-bit kernel has: reset v, which does not run; save and load at a switch. */
void aarch32_reset(struct vcpu *v);
void aarch32_save(struct arch_vcpu *a);
void aarch32_load(const struct arch_vcpu *a);

/* Exceptions for current vCPU v, whose kernel is a 32-bit one. */
void aarch32_inject_undefined(struct vcpu *v);
void aarch32_inject_bad_address(struct vcpu *v, uint64_t address, bool is_instruction);

/* Trapped coprocessor registers, by class (aarch32_registers.c); the instruction passes its condition. */
void trap_cp15(struct vcpu *v, uint64_t esr);
void trap_cp15_pair(struct vcpu *v, uint64_t esr);
void trap_cp14(struct vcpu *v, uint64_t esr);
void trap_cp14_pair(struct vcpu *v, uint64_t esr);
void trap_vmrs(struct vcpu *v, uint64_t esr);

#endif
