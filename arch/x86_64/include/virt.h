/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a guest is run, whichever extension the processor has: svm/ and vmx/ implement this; exits.c is above it. Everything about
 * v is for the CPU that runs it, or for one that keeps it from running.
 */
#ifndef X86_VIRT_H
#define X86_VIRT_H

#include "arch/include/x86_state.h"
#include "lib/types.h"

struct vcpu;
/* What code an instruction of a guest belongs to. */
enum virt_code { VIRT_USER_CODE, VIRT_32BIT_KERNEL, VIRT_64BIT_KERNEL };
#define VIRT_HYPERCALL_BYTES 3
/* One of these for each extension. */
struct virt_ops {
    const char *(*init_cpu)(void);
    int (*vcpu_init)(struct vcpu *v);
    void (*vcpu_destroy)(struct vcpu *v);
    void (*vcpu_reset)(struct vcpu *v);     /* what segments, control registers and general registers do not say */
    void (*load)(struct vcpu *v);
    void (*save)(struct vcpu *v);
    void (*run)(struct vcpu *v);
    void (*inject_exception)(struct vcpu *v, unsigned vector, int32_t error, uint64_t cr2);
    bool (*inject_interrupt)(struct vcpu *v, unsigned vector);
    void (*deliver_interrupts)(struct vcpu *v);     /* of a local APIC that has a page (vlapic.h) */
    bool (*inject_nmi)(struct vcpu *v);
    bool (*interruptible)(const struct vcpu *v);
    void (*get_segment)(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out);
    void (*set_segment)(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in);
    void (*get_control_registers)(const struct vcpu *v, struct x86_control_registers *out);
    void (*set_control_registers)(struct vcpu *v, const struct x86_control_registers *in);
    uint64_t (*cr4)(const struct vcpu *v);
    unsigned (*cpl)(const struct vcpu *v);
    bool (*is_64bit)(const struct vcpu *v);
    bool (*get_msr)(const struct vcpu *v, uint32_t msr, uint64_t *value);
    bool (*set_msr)(struct vcpu *v, uint32_t msr, uint64_t value);
    void (*set_tsc_offset)(struct vcpu *v, uint64_t offset);
    void (*skip)(struct vcpu *v, unsigned bytes);
    unsigned (*instruction)(const struct vcpu *v, const uint8_t **bytes);   /* NULL: it never says */
    void (*nmi)(void);          /* another CPU wants something that this one keeps; NULL: it keeps nothing */
    uint8_t hypercall[3];       /* the instruction that makes one: VMMCALL or VMCALL */
};
extern const struct virt_ops *virt;
/* By what the processor has. Boot, once there is something. */
void virt_choose(void);
/* One line for the log: what is used of the extension beside what it cannot be without, and what of that this processor lacks. Boot, CPU 0. */
struct virt_feature {
    const char *name;
    bool is_there;
};
void virt_report(const char *extension, const struct virt_feature *features, unsigned count);
/* Does an MSR of a guest's own take this value? */
bool x86_msr_value_is_valid(uint32_t msr, uint64_t value);
/* MOV to CR0 by v, of which c is what it has now (AMD64 APM volume 2, 3.1.1, 14.6): false: #GP, c as before. True: c has cr0, and EFER.LMA that follows. */
bool x86_write_cr0(const struct vcpu *v, struct x86_control_registers *c, uint64_t cr0) MUST_CHECK;
/* A second exception while a first is delivered: a double fault, or the second after the first (AMD64 APM volume 2, 8.2.9)? */
bool x86_is_double_fault(unsigned first, unsigned second);

/* Take the extension into use on this CPU. NULL, or the reason why not, as one line for the log (naming the switch of the BIOS). */
static inline MUST_CHECK const char *virt_init_cpu(void)
{
    return virt->init_cpu();
}

/* What it keeps of a vCPU: made zeroed, -E_NOMEM; a half-made one may be destroyed. */
static inline MUST_CHECK int virt_vcpu_init(struct vcpu *v)
{
    return virt->vcpu_init(v);
}
static inline void virt_vcpu_destroy(struct vcpu *v)
{
    virt->vcpu_destroy(v);
}
/* The state of a processor after INIT but in real mode's place the flat 32-bit protected mode of PVH (paging off), all registers 0. */
void virt_vcpu_reset(struct vcpu *v);

/* v is about to run on this CPU (its state into the processor), or leaves it. */
static inline void virt_load(struct vcpu *v)
{
    virt->load(v);
}
static inline void virt_save(struct vcpu *v)
{
    virt->save(v);
}
/* Enter v and stay in the loop of exits for good; on this CPU's empty stack. */
static inline NORETURN void virt_run(struct vcpu *v)
{
    virt->run(v);
    __builtin_unreachable();
}

/* An exception for v before its next instruction; error VIRT_NO_ERROR_CODE: it has none. cr2: of a page fault. */
#define VIRT_NO_ERROR_CODE (-1)
static inline void virt_inject_exception(struct vcpu *v, unsigned vector, int32_t error, uint64_t cr2)
{
    virt->inject_exception(v, vector, error, cr2);
}
/* An external interrupt with this vector as soon as v takes one: true: injected at the next entry; false: v cannot take it yet, and
 * exits when it can. */
static inline bool virt_inject_interrupt(struct vcpu *v, unsigned vector)
{
    return virt->inject_interrupt(v, vector);
}
/* What v's local APIC has goes to the processor, which gives it to v by itself as soon as v takes it. Of one with a page (vlapic.h), v current. */
static inline void virt_deliver_interrupts(struct vcpu *v)
{
    virt->deliver_interrupts(v);
}
/* An NMI, as virt_inject_interrupt; none while v handles another one. */
static inline bool virt_inject_nmi(struct vcpu *v)
{
    return virt->inject_nmi(v);
}
/* Can v take an external interrupt now (RFLAGS.IF, no shadow, nothing pending injection)? */
static inline bool virt_interruptible(const struct vcpu *v)
{
    return virt->interruptible(v);
}
/* RFLAGS.IF alone. */
bool virt_interrupts_enabled(const struct vcpu *v);

static inline void virt_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out)
{
    virt->get_segment(v, s, out);
}
static inline void virt_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in)
{
    virt->set_segment(v, s, in);
}
static inline void virt_get_control_registers(const struct vcpu *v, struct x86_control_registers *out)
{
    virt->get_control_registers(v, out);
}
static inline void virt_set_control_registers(struct vcpu *v, const struct x86_control_registers *in)
{
    virt->set_control_registers(v, in);
}
/* One of them alone. */
static inline uint64_t virt_cr4(const struct vcpu *v)
{
    return virt->cr4(v);
}
/* Privilege level, 0..3. */
static inline unsigned virt_cpl(const struct vcpu *v)
{
    return virt->cpl(v);
}
/* Does it execute 64-bit code? */
static inline bool virt_is_64bit(const struct vcpu *v)
{
    return virt->is_64bit(v);
}
/* The linear address of an offset in a segment; limits are not looked at. */
uint64_t virt_linear(const struct vcpu *v, enum x86_segment_name s, uint64_t offset);
/* MSRs that the processor holds for the guest (STAR, LSTAR, CSTAR, SFMASK, FS, GS, KERNEL_GS bases, SYSENTER_*, PAT). False: not one of them,
 * or a value that it does not take. */
static inline bool virt_get_msr(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    return virt->get_msr(v, msr, value);
}
static inline bool virt_set_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    return x86_msr_value_is_valid(msr, value) && virt->set_msr(v, msr, value);
}
/* What is added to the host's TSC. */
static inline void virt_set_tsc_offset(struct vcpu *v, uint64_t offset)
{
    virt->set_tsc_offset(v, offset);
}
/* Bytes of the instruction of this exit, of a nested fault's, that the processor itself has read: how many; 0: it does not say. There may be more. */
static inline unsigned virt_instruction(const struct vcpu *v, const uint8_t **bytes)
{
    return virt->instruction ? virt->instruction(v, bytes) : 0;
}
/* Past an instruction of this many bytes; the interrupt shadow ends. */
static inline void virt_skip(struct vcpu *v, unsigned bytes)
{
    virt->skip(v, bytes);
}

#endif
