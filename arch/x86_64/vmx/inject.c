/* SPDX-License-Identifier: Apache-2.0 */
/* Events that a guest is entered with (Intel SDM volume 3, 25.8.3, 27.6, 28.2.4). */
#include "arch/x86_64/vmx/unpaged.h"
#include "processor.h"

/* An entry with an error code in real mode is refused (27.2.1.3), and real mode's exceptions have none. v is current. */
static uint64_t code_flag(void)
{
    return vmread(VMCS_CR0) & CR0_PE ? EVENT_HAS_CODE : 0;
}

/* v is current: what is to come is the running guest's. */
static void set_event(uint64_t event, uint64_t code, uint64_t length)
{
    vmwrite(VMCS_ENTRY_EVENT, event);
    vmwrite(VMCS_ENTRY_EVENT_CODE, code);
    vmwrite(VMCS_ENTRY_LENGTH, length);
}

void vmx_inject_exception(struct vcpu *v, unsigned vector, int32_t error, uint64_t cr2)
{
    uint64_t pending = vmread(VMCS_ENTRY_EVENT), event = vector | EVENT_EXCEPTION << 8 | EVENT_VALID;
    bool is_behind = (pending & EVENT_VALID) && EVENT_TYPE(pending) == EVENT_EXCEPTION;

    ASSERT(v == cpu_current_vcpu() && vector < 32 && vector != VECTOR_NMI);
    if (unlikely(v->arch.vmx.is_real)) {
        real_mode_deliver(v, vector);
        return;
    }
    if (is_behind && (pending & 0xff) == VECTOR_DF) {
        domain_crash(v->domain, "triple fault");
        return;
    }
    if (is_behind && x86_is_double_fault(pending & 0xff, vector)) {
        set_event(VECTOR_DF | EVENT_EXCEPTION << 8 | EVENT_VALID | code_flag(), 0, 0);
        return;
    }
    if (vector == VECTOR_PF)
        write_cr2(cr2);
    set_event(error >= 0 ? event | code_flag() : event, error >= 0 ? (uint32_t)error : 0, 0);
}

bool vmx_interruptible(const struct vcpu *v)
{
    bool shadowed, pending;

    vmcs_open(v);
    shadowed = vmread(VMCS_SHADOW) & (SHADOW_STI | SHADOW_MOV_SS);
    pending = vmread(VMCS_ENTRY_EVENT) & EVENT_VALID;
    vmcs_close(v);
    return (v->arch.regs.rflags & RFLAGS_IF) && !shadowed && !pending;
}

void vmx_close_window(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    vmwrite(VMCS_CONTROLS, vmread(VMCS_CONTROLS) & ~CONTROL_INTERRUPT_WINDOW);
}

bool vmx_inject_interrupt(struct vcpu *v, unsigned vector)
{
    uint64_t controls = vmread(VMCS_CONTROLS);

    ASSERT(v == cpu_current_vcpu() && vector >= 16 && vector < VECTORS);
    if (!vmx_interruptible(v)) {
        vmwrite(VMCS_CONTROLS, controls | CONTROL_INTERRUPT_WINDOW);
        return false;
    }
    if (unlikely(v->arch.vmx.is_real))
        real_mode_deliver(v, vector);
    else
        set_event(vector | EVENT_INTERRUPT << 8 | EVENT_VALID, 0, 0);
    if (unlikely(controls & CONTROL_INTERRUPT_WINDOW))
        vmx_close_window(v);
    return true;
}

/* The processor keeps them off by itself until the guest's IRET (25.3). */
bool vmx_inject_nmi(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    if (!vmx_has_virtual_nmis())
        return true;
    if ((vmread(VMCS_ENTRY_EVENT) & EVENT_VALID) || (vmread(VMCS_SHADOW) & (SHADOW_STI | SHADOW_MOV_SS | SHADOW_NMI))) {
        vmwrite(VMCS_CONTROLS, vmread(VMCS_CONTROLS) | CONTROL_NMI_WINDOW);
        return false;
    }
    if (unlikely(v->arch.vmx.is_real)) {
        real_mode_deliver(v, VECTOR_NMI);
        vmwrite(VMCS_SHADOW, vmread(VMCS_SHADOW) | SHADOW_NMI);
    } else {
        set_event(VECTOR_NMI | EVENT_NMI << 8 | EVENT_VALID, 0, 0);
    }
    return true;
}

void vmx_close_nmi_window(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    vmwrite(VMCS_CONTROLS, vmread(VMCS_CONTROLS) & ~(uint64_t)CONTROL_NMI_WINDOW);
}

/* What was being delivered when v exited is delivered at the next entry. INT n, INT3 and INTO are executed again. */
void vmx_take_back_event(struct vcpu *v, uint64_t delivered)
{
    unsigned type = EVENT_TYPE(delivered);

    ASSERT(v == cpu_current_vcpu() && (delivered & EVENT_VALID));
    if (type == EVENT_SOFTWARE || type == EVENT_SOFTWARE_EXCEPTION || type == EVENT_PRIVILEGED)
        return;
    if (type == EVENT_NMI)
        vmwrite(VMCS_SHADOW, vmread(VMCS_SHADOW) & ~(uint64_t)SHADOW_NMI);
    set_event(delivered & (EVENT_VALID | EVENT_HAS_CODE | 0x7ff), vmread(VMCS_DELIVERED_CODE), 0);
}
