/* SPDX-License-Identifier: Apache-2.0 */
/* What each record of a vCPU is made of, and what becomes of one that a toolstack brings. (xen/arch-x86/hvm/save.h) Breakpoints and a pending
 * event are in no record, and refused where one has them. */
#define ABI_X86_64 1
#include "abi/xen/x86_64/records.h"
#include "lib/string.h"
#include "vdev/x86_64/vlapic.h"

#define RFLAGS_RESERVED UINT64_C(2)
#define CR0_PAGING BIT(31)
#define FLAT_DATA 0x10
#define FLAT_DATA_ATTRIBUTES 0xc93
/* Eight pairs, fixed ranges, write-combining. */
#define MTRR_CAPABILITIES UINT64_C(0x508)
#define LEGACY_FP_BYTES 512
#define MSR_MISC_FEATURES_ENABLES 0x140

STATIC_ASSERT(ARRAY_SIZE(((struct hvm_hw_mtrr *)0)->msr_mtrr_var) == X86_MTRR_VARIABLE);
STATIC_ASSERT(ARRAY_SIZE(((struct hvm_hw_mtrr *)0)->msr_mtrr_fixed) == X86_MTRR_FIXED);
STATIC_ASSERT(sizeof(((struct hvm_hw_cpu *)0)->fpu_regs) == LEGACY_FP_BYTES);

/* The ABI's names of a segment's three fields, and which it is. */
#define EACH_SEGMENT(X) X(cs, CS) X(ds, DS) X(es, ES) X(fs, FS) X(gs, GS) X(ss, SS) X(tr, TR) X(ldtr, LDTR)
#define EACH_REGISTER(X) X(rax) X(rbx) X(rcx) X(rdx) X(rbp) X(rsi) X(rdi) X(rsp) X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) \
    X(rip) X(rflags)
#define EACH_MSR(X) X(sysenter_cs, SYSENTER_CS) X(sysenter_esp, SYSENTER_ESP) X(sysenter_eip, SYSENTER_EIP) X(shadow_gs, KERNEL_GS) \
    X(msr_lstar, LSTAR) X(msr_star, STAR) X(msr_cstar, CSTAR) X(msr_syscall_mask, SFMASK)

/* -- general registers -- */

static void encode(const struct x86_vcpu_state *s, struct hvm_hw_cpu *c)
{
    memset(c, 0, sizeof(*c));
#define REGISTER(name) c->name = s->regs.name;
    EACH_REGISTER(REGISTER)
#undef REGISTER
#define SEGMENT(name, N)                               \
    c->name##_sel = s->segments[X86_##N].selector;     \
    c->name##_limit = s->segments[X86_##N].limit;      \
    c->name##_base = s->segments[X86_##N].base;        \
    c->name##_arbytes = s->segments[X86_##N].attributes;
    EACH_SEGMENT(SEGMENT)
#undef SEGMENT
#define MSR(name, N) c->name = s->msr[STATE_##N];
    EACH_MSR(MSR)
#undef MSR
    c->gdtr_base = s->segments[X86_GDTR].base;
    c->gdtr_limit = s->segments[X86_GDTR].limit;
    c->idtr_base = s->segments[X86_IDTR].base;
    c->idtr_limit = s->segments[X86_IDTR].limit;
    c->cr0 = s->control.cr0;
    c->cr2 = s->control.cr2;
    c->cr3 = s->control.cr3;
    c->cr4 = s->control.cr4;
    c->dr6 = s->control.dr6;
    c->dr7 = s->control.dr7;
    c->msr_efer = s->control.efer;
    c->tsc = arch_counter();
}

static void encode_cpu(struct vcpu *v, void *out)
{
    struct hvm_hw_cpu *c = out;
    struct x86_vcpu_state s;

    x86_state_get(v, &s);
    encode(&s, c);
    x86_fp_get(v, c->fpu_regs, LEGACY_FP_BYTES);
    c->flags = XEN_X86_FPU_INITIALISED;
}

/* What would be lost. */
static bool is_more_than_we_keep(const struct hvm_hw_cpu *c)
{
    return c->pending_valid || c->flags & ~XEN_X86_FPU_INITIALISED || c->dr0 || c->dr1 || c->dr2 || c->dr3 || c->msr_tsc_aux;
}

/* The counter is the host's, which every guest reads: c->tsc says nothing to us. */
static void decode(const struct hvm_hw_cpu *c, uint64_t pat, struct x86_vcpu_state *s)
{
    memset(s, 0, sizeof(*s));
#define REGISTER(name) s->regs.name = c->name;
    EACH_REGISTER(REGISTER)
#undef REGISTER
#define SEGMENT(name, N)                                                                                          \
    s->segments[X86_##N] = (struct x86_segment){ .selector = (uint16_t)c->name##_sel, .limit = c->name##_limit,   \
                                                 .base = c->name##_base, .attributes = (uint16_t)c->name##_arbytes };
    EACH_SEGMENT(SEGMENT)
#undef SEGMENT
    /* A PVH kernel of 32 bits (Debian's 686-pae) reads by FS before it has loaded it, and libxc says nothing of FS. */
    if (!(c->cr0 & CR0_PAGING) && !c->fs_arbytes)
        s->segments[X86_FS] = (struct x86_segment){ .selector = FLAT_DATA, .limit = UINT32_MAX, .attributes = FLAT_DATA_ATTRIBUTES };
#define MSR(name, N) s->msr[STATE_##N] = c->name;
    EACH_MSR(MSR)
#undef MSR
    s->segments[X86_GDTR] = (struct x86_segment){ .limit = c->gdtr_limit, .base = c->gdtr_base };
    s->segments[X86_IDTR] = (struct x86_segment){ .limit = c->idtr_limit, .base = c->idtr_base };
    s->control = (struct x86_control_registers){ .cr0 = c->cr0, .cr2 = c->cr2, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->msr_efer,
                                                 .dr6 = c->dr6, .dr7 = c->dr7 };
    s->regs.rflags |= RFLAGS_RESERVED;
    s->msr[STATE_PAT] = pat;
}

/* The domain is held: between coming up and having all its registers the vCPU does not run. */
static int take_cpu(struct vcpu *v, void *record, uint32_t length UNUSED)
{
    const struct hvm_hw_cpu *c = record;
    const struct vcpu_start start = { .pc = c->rip, .context = c->rbx };
    struct x86_vcpu_state s;
    int r;

    if (is_more_than_we_keep(c))
        return -E_OPNOTSUPP;
    ASSERT(atomic_load(&v->domain->pause_count) > 0);
    r = vcpu_up(v, &start);
    if (r)
        return r;
    x86_state_get(v, &s);
    decode(c, s.msr[STATE_PAT], &s);
    if (x86_state_set(v, &s) && (!(c->flags & XEN_X86_FPU_INITIALISED) || x86_fp_set(v, c->fpu_regs, LEGACY_FP_BYTES, 0)))
        return 0;
    vcpu_down(v);
    return -E_INVAL;
}

/* -- memory types -- */

static void encode_mtrr(struct vcpu *v, void *out)
{
    const struct x86_mtrr *from = &v->arch.x86.mtrr;
    struct hvm_hw_mtrr *m = out;
    struct x86_vcpu_state s;

    x86_state_get(v, &s);
    m->msr_pat_cr = v->initialised ? s.msr[STATE_PAT] : X86_PAT_RESET;
    m->msr_mtrr_cap = MTRR_CAPABILITIES;
    m->msr_mtrr_def_type = from->default_type;
    memcpy(m->msr_mtrr_var, from->variable, sizeof(m->msr_mtrr_var));
    memcpy(m->msr_mtrr_fixed, from->fixed, sizeof(m->msr_mtrr_fixed));
}

static int take_mtrr(struct vcpu *v, void *record, uint32_t length UNUSED)
{
    const struct hvm_hw_mtrr *m = record;
    struct x86_mtrr *to = &v->arch.x86.mtrr;

    to->default_type = m->msr_mtrr_def_type;
    to->capabilities = MTRR_CAPABILITIES;
    memcpy(to->variable, m->msr_mtrr_var, sizeof(to->variable));
    memcpy(to->fixed, m->msr_mtrr_fixed, sizeof(to->fixed));
    return 0;
}

/* -- floating point and vectors -- */

static uint32_t fp_length(void)
{
    return x86_fp_bytes() ? (uint32_t)offsetof(struct hvm_hw_cpu_xsave, save_area) + x86_fp_bytes() : 0;
}

static void encode_fp(struct vcpu *v, void *out)
{
    struct hvm_hw_cpu_xsave *x = out;

    x->xfeature_mask = x86_fp_features();
    x->xcr0 = x86_fp_get(v, &x->save_area, x86_fp_bytes());
    x->xcr0_accum = x->xcr0 | x->save_area.xsave_hdr.xstate_bv;
}

static int take_fp(struct vcpu *v, void *record, uint32_t length)
{
    struct hvm_hw_cpu_xsave *x = record;

    if (length < sizeof(*x) || length > fp_length() || !x->xcr0)
        return -E_INVAL;
    return x86_fp_set(v, &x->save_area, length - (uint32_t)offsetof(struct hvm_hw_cpu_xsave, save_area), x->xcr0) ? 0 : -E_INVAL;
}

/* -- the local APIC: its state, and its page -- */

static void encode_apic(struct vcpu *v, void *out)
{
    struct hvm_hw_lapic *a = out;

    a->apic_base_msr = v->arch.lapic.base;
    a->timer_divisor = vlapic_timer_divisor(v);
}

static int take_apic(struct vcpu *v, void *record, uint32_t length UNUSED)
{
    const struct hvm_hw_lapic *a = record;

    return !a->tdt_msr && vlapic_set_base(v, a->apic_base_msr) ? 0 : -E_INVAL;
}

static void encode_apic_page(struct vcpu *v, void *out)
{
    vlapic_get_page(v, out);
}

static int take_apic_page(struct vcpu *v, void *record, uint32_t length UNUSED)
{
    vlapic_set_page(v, record);
    return 0;
}

/* -- model-specific registers -- */

/* The counter is nobody's to adjust. */
static void encode_adjust(struct vcpu *v UNUSED, void *out)
{
    ((struct hvm_tsc_adjust *)out)->tsc_adjust = 0;
}

static int take_adjust(struct vcpu *v UNUSED, void *record, uint32_t length UNUSED)
{
    return ((struct hvm_tsc_adjust *)record)->tsc_adjust ? -E_OPNOTSUPP : 0;
}

static void encode_msrs(struct vcpu *v, void *out)
{
    struct hvm_msr *m = out;

    m->count = 1;
    m->msr[0] = (struct hvm_one_msr){ .index = MSR_MISC_FEATURES_ENABLES, .val = v->arch.x86.cpuid_faults };
}

static int take_msrs(struct vcpu *v, void *record, uint32_t length)
{
    const struct hvm_msr *m = record;

    if (length < sizeof(*m) || m->count > 1 || length != sizeof(*m) + m->count * sizeof(m->msr[0]))
        return -E_INVAL;
    if (!m->count)
        return 0;
    if (m->msr[0].index != MSR_MISC_FEATURES_ENABLES)
        return -E_NXIO;
    if (m->msr[0]._rsvd || m->msr[0].val > (x86_policy_platform_info(&v->domain->arch.x86.policy) ? 1 : 0))
        return -E_INVAL;
    v->arch.x86.cpuid_faults = m->msr[0].val;
    return 0;
}

const struct record_kind record_kinds[RECORD_KINDS] = {
    { HVM_SAVE_CODE(CPU), HVM_SAVE_LENGTH(CPU), NULL, encode_cpu, take_cpu },
    { HVM_SAVE_CODE(LAPIC), HVM_SAVE_LENGTH(LAPIC), NULL, encode_apic, take_apic },
    { HVM_SAVE_CODE(LAPIC_REGS), HVM_SAVE_LENGTH(LAPIC_REGS), NULL, encode_apic_page, take_apic_page },
    { HVM_SAVE_CODE(MTRR), HVM_SAVE_LENGTH(MTRR), NULL, encode_mtrr, take_mtrr },
    { CPU_XSAVE_CODE, 0, fp_length, encode_fp, take_fp },
    { HVM_SAVE_CODE(TSC_ADJUST), HVM_SAVE_LENGTH(TSC_ADJUST), NULL, encode_adjust, take_adjust },
    { CPU_MSR_CODE, sizeof(struct hvm_msr) + sizeof(struct hvm_one_msr), NULL, encode_msrs, take_msrs },
};
