/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of svm/ share. */
#ifndef X86_SVM_H
#define X86_SVM_H

/* Offset in struct arch_vcpu, for run.S. */
#define SVM_VMCB_PA 144

#ifndef __ASSEMBLER__
#include "arch/x86_64/svm/vmcb.h"
#include "core/domain.h"

/* run.S: after an exit, the vCPU's registers stored; returns the one to enter. */
struct vcpu *svm_exit(struct vcpu *v);
/* asid.c: the space of translations that v runs with on this CPU, before each entry. */
void svm_asid_prepare(struct vcpu *v);
void svm_asid_init(unsigned count);
/* Maps of ports and MSRs that are not intercepted (permissions.c), by physical address. */
uint64_t svm_msr_map(void);
uint64_t svm_io_map(const struct domain *d);
void svm_permissions_init(void);

static inline struct vmcb *vmcb_of(const struct vcpu *v)
{
    return v->arch.svm.vmcb;
}
#endif

#endif
