/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real mode as virtual-8086 mode (unpaged.h): the segments are what that mode wants, 64 KiB from 16 times their selector; a guest that has
 * brought larger ones from protected mode does not keep their limits. RFLAGS has VM and IOPL 3 while it runs.
 */
#include "arch/x86_64/vmx/unpaged.h"

#define CODE_RIGHTS 0x9b
#define DATA_RIGHTS 0x93
#define VIRTUAL_8086_RIGHTS 0xf3
#define SEGMENT_LIMIT 0xffff
#define REACH BIT(20)

static bool is_of_memory(enum x86_segment_name s)
{
    return s <= X86_GS;
}

static bool is_kept(enum x86_segment_name s)
{
    return s == X86_LDTR || s == X86_TR;
}

/* The same place, if the mode can say it: a jump that ends the old segment comes behind the change of modes. */
static struct x86_segment as_virtual_8086(const struct x86_segment *in)
{
    uint64_t base = in->base < REACH && IS_ALIGNED(in->base, 16) ? in->base : (uint64_t)in->selector << 4;

    return (struct x86_segment){ (uint16_t)(base >> 4), VIRTUAL_8086_RIGHTS, SEGMENT_LIMIT, base };
}

void real_mode_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in)
{
    struct vmx_vcpu *x = &v->arch.vmx;
    struct x86_segment out = *in;

    ASSERT(x->is_real);
    if (s == X86_TR)
        x->task = out;
    if (s == X86_LDTR)
        x->local = out;
    if (is_kept(s))
        return;
    if (s == X86_IDTR) {
        /* No entry of it is the processor's to read: INT n comes here. */
        x->vectors_limit = out.limit;
        out.limit = 0;
    }
    if (is_of_memory(s))
        out = as_virtual_8086(in);
    vmcs_set_segment(s, &out);
}

void real_mode_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out)
{
    const struct vmx_vcpu *x = &v->arch.vmx;

    ASSERT(x->is_real);
    vmcs_get_segment(s, out);
    if (is_kept(s))
        *out = s == X86_TR ? x->task : x->local;
    else if (is_of_memory(s))
        out->attributes = s == X86_CS ? CODE_RIGHTS : DATA_RIGHTS;
    else if (s == X86_IDTR)
        out->limit = x->vectors_limit;
}

void real_mode_enter(struct vcpu *v)
{
    const struct x86_segment task = unpaged_task(), none = { 0 };
    struct vmx_vcpu *x = &v->arch.vmx;
    struct x86_segment s[X86_SEGMENTS];

    ASSERT(x->is_unpaged && !x->is_real);
    x->is_real = true;
    for (unsigned i = 0; i < X86_SEGMENTS; i++) {
        vmcs_get_segment((enum x86_segment_name)i, &s[i]);
        real_mode_set_segment(v, (enum x86_segment_name)i, &s[i]);
    }
    vmcs_set_segment(X86_TR, &task);
    vmcs_set_segment(X86_LDTR, &none);
    vmwrite(VMCS_EXCEPTIONS, UINT32_MAX);
    real_mode_flags(v);
}

void real_mode_flags(struct vcpu *v)
{
    v->arch.regs.rflags |= RFLAGS_VM | RFLAGS_IOPL;
}

/* The code's and the stack's selectors are of level 0 then, which the entry looks at (26.3.1.2); the guest loads its own next. */
void real_mode_leave(struct vcpu *v)
{
    struct vmx_vcpu *x = &v->arch.vmx;
    struct x86_segment s[X86_SEGMENTS];

    ASSERT(x->is_real);
    for (unsigned i = 0; i < X86_SEGMENTS; i++)
        real_mode_get_segment(v, (enum x86_segment_name)i, &s[i]);
    s[X86_CS].selector &= (uint16_t)~3u;
    s[X86_SS].selector &= (uint16_t)~3u;
    for (unsigned i = X86_DS; i <= X86_GS; i++)
        s[i].attributes = VIRTUAL_8086_RIGHTS;
    s[X86_ES].attributes = VIRTUAL_8086_RIGHTS;
    x->is_real = false;
    for (unsigned i = 0; i < X86_SEGMENTS; i++)
        vmcs_set_segment((enum x86_segment_name)i, &s[i]);
    vmwrite(VMCS_EXCEPTIONS, INTERCEPTED_EXCEPTIONS);
    v->arch.regs.rflags &= ~(uint64_t)(RFLAGS_VM | RFLAGS_IOPL);
}
