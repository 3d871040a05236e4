/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a guest is run, whichever extension the processor has: svm/ (later vmx/) implements this; exits.c is above it. Everything about
 * v is for the CPU that runs it, or for one that keeps it from running.
 */
#ifndef X86_VIRT_H
#define X86_VIRT_H

#include "arch/include/x86_state.h"
#include "lib/types.h"

struct vcpu;

/* Take the extension into use on this CPU. NULL, or the reason why not, as one line for the log (naming the switch of the BIOS). */
const char *virt_init_cpu(void) MUST_CHECK;

/* What it keeps of a vCPU: made zeroed, -E_NOMEM; a half-made one may be destroyed. */
int virt_vcpu_init(struct vcpu *v) MUST_CHECK;
void virt_vcpu_destroy(struct vcpu *v);
/* The state of a processor after INIT but in real mode's place the flat 32-bit protected mode of PVH (paging off), all registers 0. */
void virt_vcpu_reset(struct vcpu *v);

/* v is about to run on this CPU (its state into the processor), or leaves it. */
void virt_load(struct vcpu *v);
void virt_save(struct vcpu *v);
/* Enter v and stay in the loop of exits for good; on this CPU's empty stack. */
void virt_run(struct vcpu *v) NORETURN;

/* An exception for v before its next instruction; error VIRT_NO_ERROR_CODE: it has none. cr2: of a page fault. */
#define VIRT_NO_ERROR_CODE (-1)
void virt_inject_exception(struct vcpu *v, unsigned vector, int32_t error, uint64_t cr2);
/* An external interrupt with this vector as soon as v takes one: true: injected at the next entry; false: v cannot take it yet, and
 * exits when it can. */
bool virt_inject_interrupt(struct vcpu *v, unsigned vector);
/* Can v take an external interrupt now (RFLAGS.IF, no shadow, nothing pending injection)? */
bool virt_interruptible(const struct vcpu *v);
/* RFLAGS.IF alone. */
bool virt_interrupts_enabled(const struct vcpu *v);

void virt_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out);
void virt_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in);
void virt_get_control_registers(const struct vcpu *v, struct x86_control_registers *out);
void virt_set_control_registers(struct vcpu *v, const struct x86_control_registers *in);
/* Privilege level, 0..3. */
unsigned virt_cpl(const struct vcpu *v);
/* Does it execute 64-bit code? */
bool virt_is_64bit(const struct vcpu *v);
/* The linear address of an offset in a segment; limits are not looked at. */
uint64_t virt_linear(const struct vcpu *v, enum x86_segment_name s, uint64_t offset);
/* MSRs that the processor holds for the guest (STAR, LSTAR, CSTAR, SFMASK, FS, GS, KERNEL_GS bases, SYSENTER_*, PAT). False: not one of them,
 * or a value that it does not take. */
bool virt_get_msr(const struct vcpu *v, uint32_t msr, uint64_t *value);
bool virt_set_msr(struct vcpu *v, uint32_t msr, uint64_t value);
/* What is added to the host's TSC. */
void virt_set_tsc_offset(struct vcpu *v, uint64_t offset);
/* Past an instruction of this many bytes; the interrupt shadow ends. */
void virt_skip(struct vcpu *v, unsigned bytes);

#endif
