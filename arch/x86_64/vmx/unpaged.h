/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests without paging on processors without "unrestricted guest" (Intel SDM volume 3, 24.8, 26.3.1): there CR0.PE and CR0.PG stay set while a
 * guest runs.
 *
 *   protected mode, paging off   the guest runs by an identity map, its CR3, CR4 and EFER are kept until it starts paging     (unpaged.c)
 *   real mode                    virtual-8086 mode on top of that; what that mode refuses is done here, and exceptions and interrupts
 *                                are delivered by the guest's interrupt vector table                                          (real_mode.c)
 *
 * The identity map and virtual-8086 mode's task segment are pages of the domain's in the range of interrupt messages, where nobody has memory or
 * devices. A guest that writes there misleads itself. All functions are for who may work with v (virt.h).
 */
#ifndef X86_VMX_UNPAGED_H
#define X86_VMX_UNPAGED_H

#include "arch/x86_64/vmx/vmx.h"
#include "processor.h"

/* CR0's bits that a write of the guest exits for, beside those of every guest. */
#define CR0_RESTRICTED (CR0_PE | (uint64_t)CR0_PG)

/* unpaged.c: what TR holds in virtual-8086 mode. */
struct x86_segment unpaged_task(void);
/* This processor lacks "unrestricted guest". Boot, CPU 0, before the first vCPU. */
void unpaged_needed(void);
bool unpaged_is_needed(void);
/* The pages of v's domain, with its vCPU 0. -E_NOMEM. */
int unpaged_vcpu_init(struct vcpu *v) MUST_CHECK;
void unpaged_vcpu_destroy(struct vcpu *v);
/* v, whose VMCS is open, is to have these: what of them goes into the processor while they are without paging; the rest is kept. */
struct x86_control_registers unpaged_enter(struct vcpu *v, const struct x86_control_registers *in);
/* Paging is on: v, whose VMCS is open, runs by its own registers. */
void unpaged_leave(struct vcpu *v);
/* As the guest sees them, where *c is what the VMCS holds; v's VMCS is open. */
void unpaged_show(const struct vcpu *v, struct x86_control_registers *c);
/* MOV to and from CR3 and CR4 by v, which runs here without paging; goes past the instruction, or #GP. */
void unpaged_move_cr3(struct vcpu *v, uint64_t *operand, bool is_read, unsigned length);
void unpaged_write_cr4(struct vcpu *v, uint64_t cr4, unsigned length);

/* real_mode.c: v's VMCS is open; it enters real mode, or has left it. */
void real_mode_enter(struct vcpu *v);
void real_mode_leave(struct vcpu *v);
/* v, which does not run, has been given registers: RFLAGS becomes what it runs with. */
void real_mode_flags(struct vcpu *v);
/* Segments and tables as the guest has them. v's VMCS is open. */
void real_mode_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out);
void real_mode_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in);
/* real_mode_deliver.c: v, which runs here, goes on in its handler of this vector; ends the domain where there is none. */
void real_mode_deliver(struct vcpu *v, unsigned vector);
/* An exception of v's in virtual-8086 mode, which is what it is in real mode, or an instruction that only that has. */
void real_mode_exception(struct vcpu *v, unsigned vector);

/* control.c: v runs here and goes on with these. */
void vmx_set_running_control_registers(struct vcpu *v, const struct x86_control_registers *c);
/* MOV to CR0, LMSW, by v, which runs here, past an instruction of that length. */
void vmx_write_cr0(struct vcpu *v, uint64_t cr0, unsigned length);
void vmx_write_machine_status(struct vcpu *v, uint64_t word, unsigned length);
/* state.c: fields of the VMCS that is current. */
void vmcs_get_segment(enum x86_segment_name s, struct x86_segment *out);
void vmcs_set_segment(enum x86_segment_name s, const struct x86_segment *in);

#endif
