/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: a vCPU's registers for debuggers. (xen/arch-x86/xen.h: vcpu_guest_context) */
#include "abi/xen/domctl.h"
#include "arch/include/x86_state.h"
#include "core/domain.h"
#include "lib/error.h"
#include "lib/string.h"

#define RFLAGS_RESERVED UINT64_C(2)

static void set_general(struct x86_vcpu_state *s, const struct cpu_user_regs *r)
{
    s->regs = (struct x86_registers){
        .r15 = r->r15, .r14 = r->r14, .r13 = r->r13, .r12 = r->r12, .rbp = r->rbp, .rbx = r->rbx, .r11 = r->r11, .r10 = r->r10, .r9 = r->r9,
        .r8 = r->r8, .rax = r->rax, .rcx = r->rcx, .rdx = r->rdx, .rsi = r->rsi, .rdi = r->rdi, .rip = r->rip,
        .rflags = r->rflags | RFLAGS_RESERVED, .rsp = r->rsp,
    };
}

/* A guest of this kind gets its first state by XEN_DOMCTL_sethvmcontext. Later a toolstack changes general registers alone, such as the result of a
 * suspend that was called off. */
int vcpu_context_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct x86_vcpu_state s;

    if (!v->initialised)
        return -E_OPNOTSUPP;
    x86_state_get(v, &s);
    set_general(&s, &c->user_regs);
    return x86_state_set(v, &s) ? 0 : -E_INVAL;
}

static void get_general(const struct x86_vcpu_state *s, struct cpu_user_regs *r)
{
    const struct x86_registers *g = &s->regs;

    *r = (struct cpu_user_regs){
        .r15 = g->r15, .r14 = g->r14, .r13 = g->r13, .r12 = g->r12, .rbp = g->rbp, .rbx = g->rbx, .r11 = g->r11, .r10 = g->r10, .r9 = g->r9,
        .r8 = g->r8, .rax = g->rax, .rcx = g->rcx, .rdx = g->rdx, .rsi = g->rsi, .rdi = g->rdi, .rip = g->rip, .rflags = g->rflags,
        .rsp = g->rsp, .cs = s->segments[X86_CS].selector, .ss = s->segments[X86_SS].selector, .ds = s->segments[X86_DS].selector,
        .es = s->segments[X86_ES].selector, .fs = s->segments[X86_FS].selector, .gs = s->segments[X86_GS].selector,
    };
}

/* What a guest in hardware's care has of it: no tables, callbacks or floating point. */
void vcpu_context_get(const struct vcpu *v, struct vcpu_guest_context *c)
{
    struct x86_vcpu_state s;

    x86_state_get(v, &s);
    memset(c, 0, sizeof(*c));
    get_general(&s, &c->user_regs);
    c->flags = VGCF_in_kernel | (atomic_load(&v->pause_flags) & VCPU_DOWN ? 0 : VGCF_online);
    c->ctrlreg[0] = s.control.cr0;
    c->ctrlreg[2] = s.control.cr2;
    c->ctrlreg[3] = s.control.cr3;
    c->ctrlreg[4] = s.control.cr4;
    c->debugreg[6] = s.control.dr6;
    c->debugreg[7] = s.control.dr7;
    c->fs_base = s.segments[X86_FS].base;
    c->gs_base_kernel = s.segments[X86_GS].base;
    c->gs_base_user = s.msr[STATE_KERNEL_GS];
    c->vm_assist = v->domain->vm_assist;
}
