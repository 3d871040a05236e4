/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's part of vCPUs (arch/include/vcpu.h). */
#include "arch/include/vcpu.h"
#include "core/domain.h"

uint64_t arch_vcpu_pc(const struct vcpu *v)
{
    return v->arch.regs.rip;
}

void arch_vcpu_print(const struct vcpu *v)
{
    const struct x86_registers *r = &v->arch.regs;

    log_info("  rip %016llx flg %016llx rsp %016llx rbp %016llx", (unsigned long long)r->rip, (unsigned long long)r->rflags,
             (unsigned long long)r->rsp, (unsigned long long)r->rbp);
    log_info("  rax %016llx rbx %016llx rcx %016llx rdx %016llx", (unsigned long long)r->rax, (unsigned long long)r->rbx,
             (unsigned long long)r->rcx, (unsigned long long)r->rdx);
    log_info("  rsi %016llx rdi %016llx", (unsigned long long)r->rsi, (unsigned long long)r->rdi);
}

void x86_pending(const char *function) NORETURN;
void x86_pending(const char *function)
{
    panic("not written yet: %s", function);
}
