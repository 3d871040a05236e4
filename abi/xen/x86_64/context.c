/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: a vCPU's registers for debuggers. (xen/arch-x86/xen.h: vcpu_guest_context) */
#include "abi/xen/domctl.h"
#include "arch/include/x86_state.h"
#include "core/domain.h"
#include "lib/error.h"
#include "lib/string.h"

/* A guest of this kind gets its state by XEN_DOMCTL_sethvmcontext; the reference's toolstack uses nothing else. */
int vcpu_context_set(struct vcpu *v UNUSED, const struct vcpu_guest_context *c UNUSED)
{
    return -E_OPNOTSUPP;
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
