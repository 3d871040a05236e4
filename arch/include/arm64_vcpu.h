/* SPDX-License-Identifier: Apache-2.0 */
/* Contract, arm64's part of vcpu.h and upcall.h: the interrupt controller's version, firmware calls. */
#ifndef ARCH_ARM64_VCPU_H
#define ARCH_ARM64_VCPU_H

#include "lib/types.h"

struct vcpu;

/* The architecture version, 2 or 3, of the interrupt controller that every domain gets: the host's. With 2 a domain has at most
 * VGIC_V2_VCPUS vCPUs. After arch_boot_interrupts. */
unsigned arch_vgic_version(void);

/* SMCCC_ARCH_WORKAROUND_1, _2, _3 (Arm DEN 0028, 7.5): branch predictors, store bypass, branch history. */
#define SMCCC_WORKAROUND_1 UINT32_C(0x80008000)
#define SMCCC_WORKAROUND_2 UINT32_C(0x80007fff)
#define SMCCC_WORKAROUND_3 UINT32_C(0x80003fff)
/* What SMCCC_ARCH_FEATURES tells a guest about ARCH_WORKAROUND_1, _2 or _3 on this board: 0 calling it helps, 1 not needed,
 * -1 not offered, -2 in force for good (Arm DEN 0028, 7.5). */
int32_t arch_guest_workaround(uint32_t function);

/* vdev: SMCCC call (HVC #0 or SMC) of the current vCPU; registers by arch_hypercall_arg-like accessors of the
 * architecture. */
void upcall_smccc(struct vcpu *v);

#endif
