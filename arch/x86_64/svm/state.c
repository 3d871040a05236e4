/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's state as the VMCB holds it, for everybody else (virt.h). */
#include "arch/include/x86_state.h"
#include "arch/x86_64/svm/svm.h"
#include "lib/string.h"
#include "msr.h"
#include "processor.h"

#define ALL_DEBUG_REGISTERS 0xffff
/* Of EFER: SCE, LME, LMA, NXE, FFXSR, TCE. SVME is the hypervisor's and always on (15.5.1). */
#define EFER_GUEST (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | BIT(14) | BIT(15))

static struct x86_segment_field *segment_of(const struct vcpu *v, enum x86_segment_name s)
{
    struct vmcb *m = vmcb_of(v);
    struct x86_segment_field *const fields[X86_SEGMENTS] = {
        [X86_ES] = &m->es, [X86_CS] = &m->cs, [X86_SS] = &m->ss, [X86_DS] = &m->ds, [X86_FS] = &m->fs, [X86_GS] = &m->gs,
        [X86_LDTR] = &m->ldtr, [X86_TR] = &m->tr, [X86_GDTR] = &m->gdtr, [X86_IDTR] = &m->idtr,
    };

    ASSERT(s < X86_SEGMENTS);
    return fields[s];
}

void svm_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out)
{
    const struct x86_segment_field *f = segment_of(v, s);

    *out = (struct x86_segment){ .selector = f->selector, .attributes = f->attributes, .limit = f->limit, .base = f->base };
}

void svm_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in)
{
    *segment_of(v, s) = (struct x86_segment_field){ in->selector, in->attributes & 0xfff, in->limit, in->base };
    /* The stack segment's level is the guest's (15.5.1). */
    if (s == X86_SS)
        vmcb_of(v)->cpl = in->attributes >> 5 & 3;
    svm_written(vmcb_of(v), CLEAN_SEGMENTS | CLEAN_TABLES);
}

void svm_get_control_registers(const struct vcpu *v, struct x86_control_registers *out)
{
    const struct vmcb *m = vmcb_of(v);

    *out = (struct x86_control_registers){
        .cr0 = m->cr0, .cr2 = m->cr2, .cr3 = m->cr3, .cr4 = m->cr4, .dr6 = m->dr6, .dr7 = m->dr7,
        .efer = (m->efer & ~(uint64_t)EFER_SVME) | v->arch.svm.hidden_efer,
    };
}

/* What mov_cr.c is about. */
static uint64_t hidden_efer(const struct x86_control_registers *c)
{
    return svm_is_qemu && !(c->cr0 & CR0_PG) && !(c->cr4 & CR4_PAE) ? c->efer & EFER_LME : 0;
}

void svm_set_control_registers(struct vcpu *v, const struct x86_control_registers *in)
{
    struct vmcb *m = vmcb_of(v);

    m->cr0 = in->cr0;
    m->cr2 = in->cr2;
    m->cr3 = in->cr3;
    m->cr4 = in->cr4;
    v->arch.svm.hidden_efer = hidden_efer(in);
    m->efer = ((in->efer & EFER_GUEST) | EFER_SVME) & ~v->arch.svm.hidden_efer;
    if (svm_is_qemu)
        m->cr_writes = BIT(8) | (in->cr0 & CR0_PG ? 0 : BIT(4));
    m->dr6 = in->dr6;
    m->dr7 = in->dr7;
    svm_written(m, CLEAN_INTERCEPTS | CLEAN_CONTROL | CLEAN_CR2 | CLEAN_DEBUG);
    /* What it has cached was by other registers. */
    v->arch.svm.asid_cpu = MAX_CPUS;
    v->arch.svm.asid_changes = 0;
}

void svm_vcpu_reset(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    m->star = m->lstar = m->cstar = m->sfmask = m->kernel_gs_base = m->sysenter_cs = m->sysenter_esp = m->sysenter_eip = 0;
    m->pat = X86_PAT_RESET;
    m->event = m->interrupt_shadow = m->exit_int_info = m->debugctl = 0;
    m->v_intr = V_INTR_MASKING;
    m->misc1 &= ~(uint32_t)(MISC1_VINTR | MISC1_IRET);
    svm_written(m, CLEAN_ALL);
    v->arch.svm.in_nmi = false;
    memset(v->arch.svm.dr, 0, sizeof(v->arch.svm.dr));
}

uint64_t svm_cr4(const struct vcpu *v)
{
    return vmcb_of(v)->cr4;
}

unsigned svm_cpl(const struct vcpu *v)
{
    return vmcb_of(v)->cpl;
}

bool svm_is_64bit(const struct vcpu *v)
{
    return (vmcb_of(v)->efer & EFER_LMA) && (vmcb_of(v)->cs.attributes & X86_SEGMENT_LONG);
}

/* Where the VMCB holds an MSR. */
static uint64_t *msr_field(const struct vcpu *v, uint32_t msr)
{
    struct vmcb *m = vmcb_of(v);

    switch (msr) {
    case MSR_STAR: return &m->star;
    case MSR_LSTAR: return &m->lstar;
    case MSR_CSTAR: return &m->cstar;
    case MSR_SFMASK: return &m->sfmask;
    case MSR_FS_BASE: return &m->fs.base;
    case MSR_GS_BASE: return &m->gs.base;
    case MSR_KERNEL_GS_BASE: return &m->kernel_gs_base;
    case MSR_SYSENTER_CS: return &m->sysenter_cs;
    case MSR_SYSENTER_ESP: return &m->sysenter_esp;
    case MSR_SYSENTER_EIP: return &m->sysenter_eip;
    case MSR_PAT: return &m->pat;
    default: return NULL;
    }
}

bool svm_get_msr(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const uint64_t *field = msr_field(v, msr);

    if (field)
        *value = *field;
    return field;
}

bool svm_set_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t *field = msr_field(v, msr);

    if (field)
        *field = value;
    if (msr == MSR_PAT)
        svm_written(vmcb_of(v), CLEAN_NESTED);
    return field;
}

void svm_set_tsc_offset(struct vcpu *v, uint64_t offset)
{
    vmcb_of(v)->tsc_offset = offset;
    svm_written(vmcb_of(v), CLEAN_INTERCEPTS);
}

static ALWAYS_INLINE void skip(struct vcpu *v, unsigned bytes, bool is_64bit)
{
    uint64_t rip = v->arch.regs.rip + bytes;
    struct vmcb *m = vmcb_of(v);

    v->arch.regs.rip = is_64bit ? rip : (uint32_t)rip;
    v->arch.regs.rflags &= ~(uint64_t)RFLAGS_RF;
    m->interrupt_shadow = 0;
    /* A step over it ends here. */
    if (unlikely(v->arch.regs.rflags & RFLAGS_TF)) {
        m->dr6 |= DR6_SINGLE_STEP;
        svm_written(m, CLEAN_DEBUG);
        svm_inject_exception(v, VECTOR_DB, VIRT_NO_ERROR_CODE, 0);
    }
}

void svm_skip(struct vcpu *v, unsigned bytes)
{
    skip(v, bytes, svm_is_64bit(v));
}

HOT enum virt_code svm_skip_hypercall(struct vcpu *v)
{
    if (unlikely(!svm_is_64bit(v))) {
        skip(v, VIRT_HYPERCALL_BYTES, false);
        return svm_cpl(v) ? VIRT_USER_CODE : VIRT_32BIT_KERNEL;
    }
    skip(v, VIRT_HYPERCALL_BYTES, true);
    return unlikely(svm_cpl(v)) ? VIRT_USER_CODE : VIRT_64BIT_KERNEL;
}

/* -- debug registers: DR0 to DR3 are loaded when the guest first reaches for one, until it leaves the CPU (15.5.1 leaves them alone) -- */

void svm_load_debug_registers(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu() && !v->arch.svm.dr_live);
    load_dr0_to_3(v->arch.svm.dr);
    v->arch.svm.dr_live = true;
    vmcb_of(v)->dr_reads = vmcb_of(v)->dr_writes = 0;
    svm_written(vmcb_of(v), CLEAN_INTERCEPTS);
}

void svm_unload_debug_registers(struct vcpu *v)
{
    store_dr0_to_3(v->arch.svm.dr);
    v->arch.svm.dr_live = false;
    vmcb_of(v)->dr_reads = vmcb_of(v)->dr_writes = ALL_DEBUG_REGISTERS;
    svm_written(vmcb_of(v), CLEAN_INTERCEPTS);
}
