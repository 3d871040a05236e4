/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing system registers, barriers, and registers that the assembler may not know by name. */
#ifndef ARM64_SYSREG_H
#define ARM64_SYSREG_H

#include "lib/compiler.h"

#define read_sysreg(name)                                        \
    ({                                                           \
        uint64_t value_;                                         \
        __asm__ volatile("mrs %0, " #name : "=r"(value_));       \
        value_;                                                  \
    })
#define write_sysreg(name, x)                                    \
    __asm__ volatile("msr " #name ", %x0" :: "rZ"((uint64_t)(x)) : "memory")
/* By encoding, e.g. read_sysreg(S3_0_C12_C12_0); the names below expand first. */
#define read_sysreg_s(name) read_sysreg_expanded(name)
#define read_sysreg_expanded(name) read_sysreg(name)
#define write_sysreg_s(name, x) write_sysreg_expanded(name, x)
#define write_sysreg_expanded(name, x) write_sysreg(name, x)

/* GIC CPU interface (IHI 0069, 12.2) */
#define ICC_IAR1_EL1 S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_BPR1_EL1 S3_0_C12_C12_3
#define ICC_CTLR_EL1 S3_0_C12_C12_4
#define ICC_SRE_EL1 S3_0_C12_C12_5
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define ICC_DIR_EL1 S3_0_C12_C11_1
#define ICC_SGI1R_EL1 S3_0_C12_C11_5
#define ICC_PMR_EL1 S3_0_C4_C6_0
#define ICC_SRE_EL2 S3_4_C12_C9_5

#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain ::: "memory")
#define dmb(domain) __asm__ volatile("dmb " #domain ::: "memory")
#define wfi() __asm__ volatile("wfi" ::: "memory")

/* TLB maintenance: by operation, and by operation and argument. */
#define tlbi(op) __asm__ volatile("tlbi " #op ::: "memory")
#define tlbi_arg(op, x) __asm__ volatile("tlbi " #op ", %0" :: "r"((uint64_t)(x)) : "memory")

#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* HCR_EL2 (Arm ARM D17.2.48); the value while no guest runs and the bits of a guest are cpu.c's and vcpu.c's. */
#define HCR_RW BIT(31)

#endif
