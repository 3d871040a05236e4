/* SPDX-License-Identifier: Apache-2.0 */
/* Debug registers: DR7 is the VMCS's; the others are loaded when the guest first reaches for one, until it leaves the CPU. */
#include "arch/x86_64/vmx/vmx.h"
#include "processor.h"

void vmx_load_debug_registers(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu() && !v->arch.vmx.dr_live);
    load_dr0_to_3(v->arch.vmx.dr);
    write_dr6(v->arch.vmx.dr6);
    v->arch.vmx.dr_live = true;
    vmx_set_control(v, VMCS_CONTROLS, CONTROL_MOV_DR, false);
}

void vmx_unload_debug_registers(struct vcpu *v)
{
    ASSERT(v->arch.vmx.dr_live);
    store_dr0_to_3(v->arch.vmx.dr);
    v->arch.vmx.dr6 = read_dr6();
    v->arch.vmx.dr_live = false;
    vmx_set_control(v, VMCS_CONTROLS, CONTROL_MOV_DR, true);
}

void vmx_note_debug_causes(struct vcpu *v, uint64_t causes)
{
    ASSERT(v == cpu_current_vcpu());
    if (v->arch.vmx.dr_live)
        write_dr6(read_dr6() | causes);
    else
        v->arch.vmx.dr6 |= causes;
}
