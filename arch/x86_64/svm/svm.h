/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of svm/ share. */
#ifndef X86_SVM_H
#define X86_SVM_H

/* Offsets in struct arch_vcpu, for run.S. */
#define SVM_VMCB_PA 144
#define SVM_SPACE_CHANGES 152
#define SVM_ASID_CHANGES 160

#ifndef __ASSEMBLER__
#include "arch/x86_64/svm/vmcb.h"
#include "core/domain.h"

/* A CPU's numbering. */
struct asids {
    uint64_t generation;
    uint32_t next;              /* 0: none given out yet */
    bool must_flush;            /* a new generation, and nothing has been entered yet */
};
void svm_asid_init(unsigned count);
/* v is loaded on this CPU: its number of another time may be somebody else's. */
void svm_asid_load(struct vcpu *v);
/* Nothing of v is cached under what it has from now on; run.S calls it too. */
void svm_asid_renew(struct vcpu *v);
/* v was entered with everything dropped. */
void svm_asid_flushed(struct vcpu *v);

/* svm.c, state.c, inject.c: what virt.h says. */
const char *svm_init_cpu(void) MUST_CHECK;
int svm_vcpu_init(struct vcpu *v) MUST_CHECK;
void svm_vcpu_destroy(struct vcpu *v);
void svm_vcpu_reset(struct vcpu *v);
void svm_load(struct vcpu *v);
void svm_save(struct vcpu *v);
void svm_run(struct vcpu *v) NORETURN;
void svm_inject_exception(struct vcpu *v, unsigned vector, int32_t error, uint64_t cr2);
bool svm_inject_interrupt(struct vcpu *v, unsigned vector);
bool svm_inject_nmi(struct vcpu *v);
bool svm_interruptible(const struct vcpu *v);
void svm_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out);
void svm_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in);
void svm_get_control_registers(const struct vcpu *v, struct x86_control_registers *out);
void svm_set_control_registers(struct vcpu *v, const struct x86_control_registers *in);
uint64_t svm_cr4(const struct vcpu *v);
unsigned svm_cpl(const struct vcpu *v);
bool svm_is_64bit(const struct vcpu *v);
bool svm_get_msr(const struct vcpu *v, uint32_t msr, uint64_t *value);
bool svm_set_msr(struct vcpu *v, uint32_t msr, uint64_t value);
void svm_set_tsc_offset(struct vcpu *v, uint64_t offset);
void svm_skip(struct vcpu *v, unsigned bytes);
/* Past the instruction of a hypercall, as svm_skip, in one go with the question whose it was. */
enum virt_code svm_skip_hypercall(struct vcpu *v);

/* run.S: enter v, and after each exit whom svm_exit names; on the CPU's stack. host_pa: where VMSAVE has put the hypervisor's own state. */
void svm_loop(struct vcpu *v, uint64_t host_pa) NORETURN;
/* exits.c: after an exit, the vCPU's registers stored; returns the one to enter. */
struct vcpu *svm_exit(struct vcpu *v);

/* The guest takes interrupts now; its handler of an NMI has ended. */
void svm_close_window(struct vcpu *v);
void svm_iret_exit(struct vcpu *v);
/* mov_cr.c */
void svm_cr8_exit(struct vcpu *v);
void svm_cr0_exit(struct vcpu *v);
void svm_cr4_exit(struct vcpu *v);
/* msr_map.c: the map of MSRs that are not intercepted, by physical address. */
uint64_t svm_msr_map(void);
void svm_msr_map_init(void);

/* length.c: of the instruction at which v exited with this code; 0: it cannot be read, or is no such instruction (any more). */
unsigned svm_instruction_length(struct vcpu *v, uint32_t exit_code);

/* inject.c: what was about to be delivered when v exited is delivered at the next entry. */
void svm_take_back_event(struct vcpu *v);
/* state.c: the guest has reached for a debug register that was not loaded. */
void svm_load_debug_registers(struct vcpu *v);
void svm_unload_debug_registers(struct vcpu *v);

static inline struct vmcb *vmcb_of(const struct vcpu *v)
{
    return v->arch.svm.vmcb;
}

/* svm.c: is this processor QEMU's emulation, whose ways mov_cr.c and inject.c have to know? */
extern bool svm_is_qemu;
/* Does the processor say what the intercepted instruction is? */
extern bool svm_decodes;
/* Fields of these groups (CLEAN_*) have been written: after an exit all are clean. A processor that does not know the bits does not look. */
static inline void svm_written(struct vmcb *m, uint32_t groups)
{
    m->clean &= ~groups;
}
/* clean.c, for checked builds: what v has exited with; nothing that is called clean is different from that. */
void svm_clean_note(struct vcpu *v);
void svm_clean_check(const struct vcpu *v);
/* Bytes of the instruction of this exit that the processor has read: how many, 0: it does not say. */
unsigned svm_instruction(const struct vcpu *v, const uint8_t **bytes);

/* Between what the hypervisor looks at and what the processor loads. */
static inline void svm_registers_to_vmcb(const struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    m->rax = v->arch.regs.rax;
    m->rsp = v->arch.regs.rsp;
    m->rip = v->arch.regs.rip;
    m->rflags = v->arch.regs.rflags;
}

static inline void svm_registers_from_vmcb(struct vcpu *v)
{
    const struct vmcb *m = vmcb_of(v);

    v->arch.regs.rax = m->rax;
    v->arch.regs.rsp = m->rsp;
    v->arch.regs.rip = m->rip;
    v->arch.regs.rflags = m->rflags;
}
#endif

#endif
