/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest's load or store does, from the syndrome or from the instruction itself. */
#ifndef ARM64_DECODE_H
#define ARM64_DECODE_H

#include "mem/guest_copy.h"

/* ISS of a data abort (Arm ARM D17.2.37) */
#define ISS_ISV BIT(24)
#define ISS_SIZE_SHIFT 22
#define ISS_SSE BIT(21)
#define ISS_REGISTER_SHIFT 16
#define ISS_SF BIT(15)
#define ISS_FNV BIT(10)
#define ISS_S1PTW BIT(7)
#define ISS_WNR BIT(6)

struct decoded {
    uint64_t iss;               /* what the processor would have said: ISV, SAS, SSE, SRT, SF, WnR */
    unsigned length;            /* of the instruction */
    unsigned base;              /* register to change afterwards, 31 the stack pointer */
    int32_t step;               /* by how much; 0: not at all */
};

/* Read and decode the instruction at current vCPU v's program counter, whose access has faulted. COPY_FAULT: it cannot be read, or
 * is none of those that are emulated. No lock held. */
enum copy_result decode_access(struct vcpu *v, struct decoded *d) MUST_CHECK;
/* Once the access is done: the base register. */
void decode_write_back(struct vcpu *v, const struct decoded *d);

#endif
