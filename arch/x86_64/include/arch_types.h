/* SPDX-License-Identifier: Apache-2.0 */
/* What x86-64 keeps per domain and per vCPU; embedded in core's structures. */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include "arch/include/x86_registers.h"
#include "lib/types.h"
#include "vdev/mmio.h"

struct vmcb;

/* SVM's part of a vCPU (svm/). */
struct svm_vcpu {
    uint64_t vmcb_pa;           /* run.S: SVM_VMCB_PA */
    struct vmcb *vmcb;
    uint64_t asid_generation, asid_changes;
    uint64_t dr[4];
    uint32_t asid_cpu;
};

struct arch_domain {
    struct mmio_space mmio;
    uint8_t event_vector;       /* of the event-channel upcall; 0: none yet */
};

/* The exit code stores the registers by their place. */
struct arch_vcpu {
    struct x86_registers regs;
    struct svm_vcpu svm;
    void *fp;                   /* XSAVE's or FXSAVE's area, or NULL */
    uint64_t xcr0;
    uint64_t tsc_offset;        /* what its TSC has before the host's */
};

#endif
