/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of vmx/ share. */
#ifndef X86_VMX_H
#define X86_VMX_H

/* Offsets in struct arch_vcpu, for run.S. */
#define VMX_SPACE_CHANGES 144
#define VMX_SEEN_CHANGES 152
#define VMX_LAUNCHED 160

#ifndef __ASSEMBLER__
#include "arch/x86_64/include/virt.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "core/domain.h"

extern const struct virt_ops vmx_ops;

/* Alignment checks and debug exceptions that a guest brings about while they are delivered would never end (XSA-156). */
#define INTERCEPTED_EXCEPTIONS (BIT(VECTOR_DB) | BIT(VECTOR_AC) | BIT(VECTOR_MC))

/*
 * A VMCS is looked at where it is the CPU's current one. That of the vCPU that is loaded is; another one's, of a vCPU that is loaded nowhere,
 * becomes it from vmcs_open to vmcs_close, which do not nest.
 */
void vmcs_borrow(const struct vcpu *v);
void vmcs_return(void);
static inline void vmcs_open(const struct vcpu *v)
{
    if (unlikely(!v->arch.vmx.is_current))
        vmcs_borrow(v);
}
static inline void vmcs_close(const struct vcpu *v)
{
    if (unlikely(!v->arch.vmx.is_current))
        vmcs_return();
}
static inline uint64_t vmcs_get(const struct vcpu *v, uint32_t field)
{
    uint64_t value;

    vmcs_open(v);
    value = vmread(field);
    vmcs_close(v);
    return value;
}

/* Between what the hypervisor looks at and what the processor loads. */
static inline void vmx_registers_to_vmcs(const struct vcpu *v)
{
    vmwrite(VMCS_RSP, v->arch.regs.rsp);
    vmwrite(VMCS_RIP, v->arch.regs.rip);
    vmwrite(VMCS_RFLAGS, v->arch.regs.rflags);
}

static inline void vmx_registers_from_vmcs(struct vcpu *v)
{
    v->arch.regs.rsp = vmread(VMCS_RSP);
    v->arch.regs.rip = vmread(VMCS_RIP);
    v->arch.regs.rflags = vmread(VMCS_RFLAGS);
}

/* vmx.c: entry controls and the like that are right for this guest's state. */
void vmx_set_control(struct vcpu *v, uint32_t field, uint64_t bit, bool on);

/* run.S: enter v, and after each exit whom vmx_exit names; on the CPU's stack, of which this is what the loop has for itself. */
#define VMX_LOOP_STACK(cpu) (PERCPU_STACK_TOP((uint64_t)(cpu)) - 16)
void vmx_loop(struct vcpu *v, uint64_t stack) NORETURN;
/* run.S, from C: the processor refused to look at the VMCS at all. */
void vmx_refused(struct vcpu *v) NORETURN;
/* exits.c: after an exit, the vCPU's registers stored; returns the one to enter. */
struct vcpu *vmx_exit(struct vcpu *v);
/* vmx.c, for run.S: nothing of v's space that was changed is cached on this CPU any more. */
void vmx_forget_space(struct vcpu *v);

/* msr_map.c: the map of MSRs that are not intercepted, by physical address; of a guest whose local APIC's MSRs are in part the processor's. */
uint64_t vmx_msr_map(void);
uint64_t vmx_msr_map_of_x2apic(void);
void vmx_msr_map_init(void);

/* apic.c: interrupts of local APICs that the processor delivers. Boot, CPU 0: takes it into use where the processor has all of it, and adds to the
 * controls what that needs. */
void vmx_apic_choose(uint32_t *first, uint32_t *second);
bool vmx_apic_is_there(void);
/* The page of v's, and what stands in the VMCS (which is open) for it. -E_NOMEM. Nothing where the processor does not deliver. */
int vmx_apic_init(struct vcpu *v) MUST_CHECK;
void vmx_apic_destroy(struct vcpu *v);
/* virt.h's deliver_interrupts. */
void vmx_apic_deliver(struct vcpu *v);
/* Exits after an end of an interrupt that came as a level, and after a write that no local APIC takes. */
void vmx_eoi_exit(struct vcpu *v);
void vmx_apic_write_exit(struct vcpu *v);

/* inject.c */
void vmx_close_window(struct vcpu *v);
void vmx_take_back_event(struct vcpu *v, uint64_t delivered);
void vmx_inject_exception(struct vcpu *v, unsigned vector, int32_t error, uint64_t cr2);
bool vmx_inject_interrupt(struct vcpu *v, unsigned vector);
bool vmx_inject_nmi(struct vcpu *v);
/* The guest can take an NMI now. */
void vmx_close_nmi_window(struct vcpu *v);
/* vmx.c: can a guest be given NMIs at all? */
bool vmx_has_virtual_nmis(void);
bool vmx_interruptible(const struct vcpu *v);

/* state.c */
void vmx_vcpu_reset(struct vcpu *v);
void vmx_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out);
void vmx_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in);
unsigned vmx_cpl(const struct vcpu *v);
bool vmx_is_64bit(const struct vcpu *v);
void vmx_skip(struct vcpu *v, unsigned bytes);
/* Past the instruction of a hypercall, as vmx_skip, in one go with the question whose it was. */
enum virt_code vmx_skip_hypercall(struct vcpu *v);
/* control.c: control registers. False: the processor would answer with #GP. */
uint64_t vmx_cr4(const struct vcpu *v);
void vmx_get_control_registers(const struct vcpu *v, struct x86_control_registers *out);
void vmx_set_control_registers(struct vcpu *v, const struct x86_control_registers *in);
void vmx_cr_exit(struct vcpu *v);
/* msrs.c: those of the guest that no VMCS holds, in and out. */
void vmx_load_msrs(const struct vcpu *v);
void vmx_save_msrs(struct vcpu *v);
void vmx_reset_msrs(struct vcpu *v);
bool vmx_get_msr(const struct vcpu *v, uint32_t msr, uint64_t *value);
bool vmx_set_msr(struct vcpu *v, uint32_t msr, uint64_t value);
/* debug.c: the guest has reached for a debug register that was not loaded; it leaves the CPU. */
void vmx_load_debug_registers(struct vcpu *v);
void vmx_unload_debug_registers(struct vcpu *v);
/* What a debug exception that is given to v, current, by us leaves in its DR6. */
void vmx_note_debug_causes(struct vcpu *v, uint64_t causes);
#endif

#endif
