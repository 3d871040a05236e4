/* SPDX-License-Identifier: Apache-2.0 */
/* Debug registers: DR7 is the VMCS's; the others are loaded when the guest first reaches for one, until it leaves the CPU. */
#include "arch/x86_64/vmx/vmx.h"
#include "processor.h"

void vmx_load_debug_registers(struct vcpu *v)
{
    const uint64_t *dr = v->arch.vmx.dr;

    ASSERT(v == cpu_current_vcpu() && !v->arch.vmx.dr_live);
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3" : : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
    write_dr6(v->arch.vmx.dr6);
    v->arch.vmx.dr_live = true;
    vmx_set_control(v, VMCS_CONTROLS, CONTROL_MOV_DR, false);
}

void vmx_unload_debug_registers(struct vcpu *v)
{
    uint64_t *dr = v->arch.vmx.dr;

    ASSERT(v->arch.vmx.dr_live);
    __asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3" : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
    v->arch.vmx.dr6 = read_dr6();
    v->arch.vmx.dr_live = false;
    vmx_set_control(v, VMCS_CONTROLS, CONTROL_MOV_DR, true);
}
