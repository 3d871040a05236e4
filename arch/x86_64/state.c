/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/include/x86_state.h"
#include "core/domain.h"
#include "msr_numbers.h"
#include "processor.h"
#include "virt.h"

static const uint32_t msr_of[STATE_MSRS] = {
    [STATE_STAR] = MSR_STAR, [STATE_LSTAR] = MSR_LSTAR, [STATE_CSTAR] = MSR_CSTAR, [STATE_SFMASK] = MSR_SFMASK,
    [STATE_KERNEL_GS] = MSR_KERNEL_GS_BASE, [STATE_SYSENTER_CS] = MSR_SYSENTER_CS, [STATE_SYSENTER_ESP] = MSR_SYSENTER_ESP,
    [STATE_SYSENTER_EIP] = MSR_SYSENTER_EIP, [STATE_PAT] = MSR_PAT,
};

void x86_state_get(const struct vcpu *v, struct x86_vcpu_state *out)
{
    ASSERT(v != cpu_current_vcpu());
    out->regs = v->arch.regs;
    virt_get_control_registers(v, &out->control);
    /* Virtual-8086 mode may stand in for real mode, which has neither. */
    if (!(out->control.cr0 & CR0_PE))
        out->regs.rflags &= ~(uint64_t)(RFLAGS_VM | RFLAGS_IOPL);
    for (unsigned s = 0; s < X86_SEGMENTS; s++)
        virt_get_segment(v, s, &out->segments[s]);
    for (unsigned i = 0; i < STATE_MSRS; i++)
        if (!virt_get_msr(v, msr_of[i], &out->msr[i]))
            out->msr[i] = 0;
}

bool x86_state_set(struct vcpu *v, const struct x86_vcpu_state *in)
{
    bool taken = true;

    ASSERT(v != cpu_current_vcpu());
    v->arch.regs = in->regs;
    virt_set_control_registers(v, &in->control);
    for (unsigned s = 0; s < X86_SEGMENTS; s++)
        virt_set_segment(v, s, &in->segments[s]);
    for (unsigned i = 0; i < STATE_MSRS; i++)
        taken &= virt_set_msr(v, msr_of[i], in->msr[i]);
    return taken;
}
