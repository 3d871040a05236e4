/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domctl: a domain's processors as a stream of records, each behind a descriptor. (xen/hvm/save.h, xen/arch-x86/hvm/save.h) There are so
 * many as a toolstack needs to start a PVH guest:
 *
 *   HEADER | CPU 0 | MTRR 0 | CPU 1 | MTRR 1 | ... | END          of all vCPUs that are made
 *
 * FPU registers, breakpoints and a pending event are in no record, and refused where a record has one.
 */
#define ABI_X86_64 1
#include "abi/xen/domctl.h"
#include "abi/xen/x86_64/calls.h"
#include "lib/string.h"
#include <xen/hvm/save.h>

/* vCPUs written, and records read, between two runs. */
#define VCPUS_PER_RUN 2
#define RECORDS_PER_RUN 4
#define RFLAGS_RESERVED UINT64_C(2)
#define PAT_RESET UINT64_C(0x0007040600070406)  /* AMD64 APM volume 2, 7.8.2 */
/* Eight pairs, fixed ranges, write-combining. */
#define MTRR_CAPABILITIES UINT64_C(0x508)

struct header_record { struct hvm_save_descriptor d; struct hvm_save_header r; };
struct cpu_record { struct hvm_save_descriptor d; struct hvm_hw_cpu r; };
struct mtrr_record { struct hvm_save_descriptor d; struct hvm_hw_mtrr r; };
struct vcpu_records { struct cpu_record cpu; struct mtrr_record mtrr; };

/* Nothing lies between a descriptor and its record. */
STATIC_ASSERT(sizeof(struct header_record) == sizeof(struct hvm_save_descriptor) + HVM_SAVE_LENGTH(HEADER));
STATIC_ASSERT(sizeof(struct vcpu_records) == 2 * sizeof(struct hvm_save_descriptor) + HVM_SAVE_LENGTH(CPU) + HVM_SAVE_LENGTH(MTRR));
STATIC_ASSERT(sizeof(struct xen_domctl) == 16 + 128);
STATIC_ASSERT(ARRAY_SIZE(((struct hvm_hw_mtrr *)0)->msr_mtrr_var) == X86_MTRR_VARIABLE);
STATIC_ASSERT(ARRAY_SIZE(((struct hvm_hw_mtrr *)0)->msr_mtrr_fixed) == X86_MTRR_FIXED);

#define DESCRIPTOR(name, i) \
    (struct hvm_save_descriptor){ .typecode = HVM_SAVE_CODE(name), .instance = (uint16_t)(i), .length = HVM_SAVE_LENGTH(name) }

/* The ABI's names of a segment's three fields, and which it is. */
#define EACH_SEGMENT(X) X(cs, CS) X(ds, DS) X(es, ES) X(fs, FS) X(gs, GS) X(ss, SS) X(tr, TR) X(ldtr, LDTR)
#define EACH_REGISTER(X) X(rax) X(rbx) X(rcx) X(rdx) X(rbp) X(rsi) X(rdi) X(rsp) X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) \
    X(rip) X(rflags)
#define EACH_MSR(X) X(sysenter_cs, SYSENTER_CS) X(sysenter_esp, SYSENTER_ESP) X(sysenter_eip, SYSENTER_EIP) X(shadow_gs, KERNEL_GS) \
    X(msr_lstar, LSTAR) X(msr_star, STAR) X(msr_cstar, CSTAR) X(msr_syscall_mask, SFMASK)

/* -- to the toolstack -- */

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

static void encode_mtrr(const struct vcpu *v, uint64_t pat, struct hvm_hw_mtrr *m)
{
    const struct x86_mtrr *from = &v->arch.x86.mtrr;

    m->msr_pat_cr = v->initialised ? pat : PAT_RESET;
    m->msr_mtrr_cap = MTRR_CAPABILITIES;
    m->msr_mtrr_def_type = from->default_type;
    memcpy(m->msr_mtrr_var, from->variable, sizeof(m->msr_mtrr_var));
    memcpy(m->msr_mtrr_fixed, from->fixed, sizeof(m->msr_mtrr_fixed));
}

/* The vCPU is held. */
static int encode_vcpu(struct vcpu *v, void *out)
{
    struct vcpu_records *records = out;
    struct x86_vcpu_state s;

    x86_state_get(v, &s);
    records->cpu.d = DESCRIPTOR(CPU, v->id);
    encode(&s, &records->cpu.r);
    records->mtrr.d = DESCRIPTOR(MTRR, v->id);
    encode_mtrr(v, s.msr[STATE_PAT], &records->mtrr.r);
    return 0;
}

static uint32_t vcpus_made(const struct domain *d)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < d->max_vcpus; i++)
        n += d->vcpus[i] != NULL;
    return n;
}

/* Where the records of a vCPU begin, `before` others being in front of it. */
static uint64_t place_of(uint32_t before)
{
    return sizeof(struct header_record) + before * sizeof(struct vcpu_records);
}

static uint32_t stream_size(const struct domain *d)
{
    return (uint32_t)(place_of(vcpus_made(d)) + sizeof(struct hvm_save_descriptor));
}

static int write_ends(struct vcpu *v, const struct domain *d, uint64_t to)
{
    struct header_record h = { DESCRIPTOR(HEADER, 0), { .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION,
                                                        .gtsc_khz = arch_counter_khz() } };
    struct hvm_save_descriptor end = { .typecode = HVM_SAVE_CODE(END) };
    int r = write_guest(v, to, &h, sizeof(h));

    return r ? r : write_guest(v, to + place_of(vcpus_made(d)), &end, sizeof(end));
}

/* The vCPU's records, or with `what` one of them. */
static int write_vcpu(struct vcpu *v, struct vcpu *target, uint64_t to)
{
    struct vcpu_records records;
    int r = domctl_with_held(target, &records, encode_vcpu);

    return r ? r : write_guest(v, to, &records, sizeof(records));
}

/* Up to VCPUS_PER_RUN of the vCPUs from number *next on. */
static int write_some(struct vcpu *v, struct domain *d, uint64_t to, uint32_t *next)
{
    uint32_t before = 0, written = 0;

    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        int r;

        if (!d->vcpus[i])
            continue;
        if (i >= *next) {
            if (written++ == VCPUS_PER_RUN)
                return -E_RESTART;
            r = write_vcpu(v, d->vcpus[i], to + place_of(before));
            if (r)
                return r;
            *next = i + 1;
        }
        before++;
    }
    return 0;
}

int64_t x86_get_hvm_context(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_hvmcontext *in = &call->op.u.hvmcontext;
    uint32_t size = stream_size(call->d), next = is_continued(args[1]) ? (uint32_t)args[1] : 0;
    uint64_t to = guest_address(in->buffer);
    int r;

    if (call->d == v->domain)
        return -E_INVAL;
    if (to && in->size < size)
        return -E_NOSPC;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_gethvmcontext);
    if (to) {
        r = write_some(v, call->d, to, &next);
        if (r == -E_RESTART)
            hypercall_set_arg(v, 1, CONTINUED(next));
        if (!r)
            r = write_ends(v, call->d, to);
        if (r)
            return r;
        hypercall_set_arg(v, 1, 0);
    }
    in->size = size;
    call->copy_back = true;
    return 0;
}

/* One record without its descriptor. */
int64_t x86_get_hvm_context_partial(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_hvmcontext_partial *in = &call->op.u.hvmcontext_partial;
    struct vcpu *target = domain_vcpu(call->d, in->instance);
    bool is_cpu = in->type == HVM_SAVE_CODE(CPU);
    uint64_t size = is_cpu ? HVM_SAVE_LENGTH(CPU) : HVM_SAVE_LENGTH(MTRR);
    struct vcpu_records records;
    int r;

    if (call->d == v->domain || (!is_cpu && in->type != HVM_SAVE_CODE(MTRR)))
        return -E_INVAL;
    if (!target)
        return -E_NOENT;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_gethvmcontext_partial);
    call->copy_back = true;
    if (guest_address(in->buffer) && in->bufsz < size)
        return -E_NOSPC;
    in->bufsz = size;
    if (!guest_address(in->buffer))
        return 0;
    r = domctl_with_held(target, &records, encode_vcpu);
    if (r)
        return r;
    return write_guest(v, guest_address(in->buffer), is_cpu ? (const void *)&records.cpu.r : &records.mtrr.r, size);
}

/* -- from the toolstack -- */

/* What would be lost. */
static bool is_more_than_we_keep(const struct hvm_hw_cpu *c)
{
    return c->pending_valid || c->flags & XEN_X86_FPU_INITIALISED || c->dr0 || c->dr1 || c->dr2 || c->dr3 || c->msr_tsc_aux;
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
static int set_cpu(struct vcpu *v, void *record)
{
    const struct hvm_hw_cpu *c = record;
    const struct vcpu_start start = { .pc = c->rip, .context = c->rbx };
    struct x86_vcpu_state s;
    int r;

    ASSERT(atomic_load(&v->domain->pause_count) > 0);
    r = vcpu_up(v, &start);
    if (r)
        return r;
    x86_state_get(v, &s);
    decode(c, s.msr[STATE_PAT], &s);
    if (x86_state_set(v, &s))
        return 0;
    vcpu_down(v);
    return -E_INVAL;
}

static int set_mtrr(struct vcpu *v, void *record)
{
    const struct hvm_hw_mtrr *m = record;
    struct x86_mtrr *to = &v->arch.x86.mtrr;

    to->default_type = m->msr_mtrr_def_type;
    to->capabilities = MTRR_CAPABILITIES;
    memcpy(to->variable, m->msr_mtrr_var, sizeof(to->variable));
    memcpy(to->fixed, m->msr_mtrr_fixed, sizeof(to->fixed));
    return 0;
}

/* Kinds of records that are taken, their lengths, and what becomes of them; `body` is the record's copy. */
union body {
    struct hvm_save_header header;
    struct hvm_hw_cpu cpu;
    struct hvm_hw_mtrr mtrr;
};

static int take_header(struct domain *d UNUSED, uint16_t instance UNUSED, union body *b)
{
    return b->header.magic == HVM_FILE_MAGIC && b->header.version == HVM_FILE_VERSION ? 0 : -E_INVAL;
}

static int take_cpu(struct domain *d, uint16_t instance, union body *b)
{
    struct vcpu *target = domain_vcpu(d, instance);

    if (!target)
        return -E_INVAL;
    return is_more_than_we_keep(&b->cpu) ? -E_OPNOTSUPP : domctl_with_held(target, &b->cpu, set_cpu);
}

static int take_mtrr(struct domain *d, uint16_t instance, union body *b)
{
    struct vcpu *target = domain_vcpu(d, instance);

    return target ? domctl_with_held(target, &b->mtrr, set_mtrr) : -E_INVAL;
}

static const struct kind {
    uint16_t code;
    uint32_t length;
    int (*take)(struct domain *d, uint16_t instance, union body *b);
} kinds[] = {
    { HVM_SAVE_CODE(HEADER), HVM_SAVE_LENGTH(HEADER), take_header },
    { HVM_SAVE_CODE(CPU), HVM_SAVE_LENGTH(CPU), take_cpu },
    { HVM_SAVE_CODE(MTRR), HVM_SAVE_LENGTH(MTRR), take_mtrr },
};

static const struct kind *find_kind(uint16_t code)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i].code == code)
            return &kinds[i];
    return NULL;
}

/* The record at *place of `size` bytes at `from`; *place moves behind it, beyond the last to `size`. */
static int take_record(struct vcpu *v, struct domain *d, uint64_t from, uint32_t size, uint32_t *place)
{
    struct hvm_save_descriptor h;
    const struct kind *k;
    union body b;
    int r;

    if (size - *place < sizeof(h))
        return -E_INVAL;
    r = read_guest(v, &h, from + *place, sizeof(h));
    if (r)
        return r;
    if (h.typecode == HVM_SAVE_CODE(END))
        return *place = size, 0;
    k = find_kind(h.typecode);
    if (!k || (*place == 0) != (k == &kinds[0]))
        return k ? -E_INVAL : -E_OPNOTSUPP;
    if (h.length != k->length || size - *place - sizeof(h) < h.length)
        return -E_INVAL;
    r = read_guest(v, &b, from + *place + sizeof(h), h.length);
    if (!r)
        r = k->take(d, h.instance, &b);
    if (!r)
        *place += (uint32_t)sizeof(h) + h.length;
    return r;
}

/* A stream says of every vCPU whether it is up: those that it does not speak of are down. */
static void put_down(struct domain *d)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            vcpu_down(d->vcpus[i]);
}

/* Records before one that is refused have been taken. */
int64_t x86_set_hvm_context(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_hvmcontext *in = &call->op.u.hvmcontext;
    uint32_t place = is_continued(args[1]) ? (uint32_t)args[1] : 0;
    int r = 0;

    if (call->d == v->domain || place > in->size)
        return -E_INVAL;
    if (atomic_load(&call->d->started))
        return -E_BUSY;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_sethvmcontext);
    if (place == 0)
        put_down(call->d);
    for (unsigned n = 0; !r && place < in->size; n++) {
        if (n == RECORDS_PER_RUN)
            r = -E_RESTART;
        else
            r = take_record(v, call->d, guest_address(in->buffer), in->size, &place);
    }
    hypercall_set_arg(v, 1, r == -E_RESTART ? CONTINUED(place) : 0);
    return r;
}
