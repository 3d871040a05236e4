/* SPDX-License-Identifier: Apache-2.0 */
/* Which extension this machine has, and what SVM and VMX have in common. */
#include "virt.h"
#include "core/domain.h"
#include "cpuid_host.h"
#include "msr_numbers.h"
#include "processor.h"

extern const struct virt_ops svm_ops, vmx_ops;
const struct virt_ops *virt;

void virt_choose(void)
{
    virt = CPU_HAS_SVM ? &svm_ops : &vmx_ops;
}

bool virt_interrupts_enabled(const struct vcpu *v)
{
    return v->arch.regs.rflags & RFLAGS_IF;
}

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* Types of memory: 0, 1, 4 to 7 (AMD64 APM volume 2, 7.8.1). */
static bool is_pat(uint64_t value)
{
    for (; value; value >>= 8) {
        if ((value & 0xff) > 7 || (value & 0xff) == 2 || (value & 0xff) == 3)
            return false;
    }
    return true;
}

bool x86_msr_value_is_valid(uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_STAR:
    case MSR_SFMASK:
    case MSR_SYSENTER_CS:
        return true;
    case MSR_TSC_AUX:
        return value <= UINT32_MAX;
    case MSR_PAT:
        return is_pat(value);
    default:
        return is_canonical(value);
    }
}

static bool is_contributory(unsigned vector)
{
    return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

bool x86_is_double_fault(unsigned first, unsigned second)
{
    if (first == VECTOR_PF)
        return is_contributory(second) || second == VECTOR_PF;
    return is_contributory(first) && is_contributory(second);
}
