/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor offers against the misuse of our own code, and against speculation trained by guests. */
#ifndef ARM64_HARDENING_H
#define ARM64_HARDENING_H

#include "arch_cpu.h"
#include "sysreg.h"

/* SCTLR_EL2 (Arm ARM D17.2.118): key A signs return addresses; PACIASP is no landing pad for BR by any register. */
#define SCTLR_ENIA BIT(31)
#define SCTLR_BT BIT(36)
/* APIAKey, by number: the assembler is told armv8.0. */
#define APIAKEYLO_EL1 S3_0_C2_C1_0
#define APIAKEYHI_EL1 S3_0_C2_C1_1

/* The return-address key, the same on all CPUs, and different at each start. Guests do not see pointer authentication, so the
 * registers stay ours. */
extern uint64_t hardening_key[2];

/* Numbers for the key and the stack guard from what differs between two starts: the device tree's seeds, RNDR, the counter.
 * Before the first function that a stack guard protects returns. */
uint64_t hardening_entropy(uint64_t fdt_pa, uint64_t image_pa);

/* Switch on what this CPU has. Only in a function that does not return: the caller's own return address is not signed. */
static inline __attribute__((always_inline)) void hardening_enable(void)
{
    uint64_t isar1 = read_sysreg(id_aa64isar1_el1), isar2 = read_sysreg(S3_0_C0_C6_2), sctlr = read_sysreg(sctlr_el2);

    if ((isar1 & 0xff0) || (isar2 & 0xf000)) {
        write_sysreg_s(APIAKEYLO_EL1, hardening_key[0]);
        write_sysreg_s(APIAKEYHI_EL1, hardening_key[1]);
        sctlr |= SCTLR_ENIA;
    }
    if (read_sysreg(id_aa64pfr1_el1) & 0xf)
        sctlr |= SCTLR_BT;
    write_sysreg(sctlr_el2, sctlr);
    isb();
}

/* A return address as it was before it was signed: all of ours lie below 2^48. */
static inline uint64_t hardening_strip(uint64_t address)
{
    return address & (BIT(48) - 1);
}

/* One line in the log about CPU 0. */
void hardening_report(void);

#endif
