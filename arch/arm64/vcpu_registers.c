/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's registers for others: hypercall arguments, the toolstack's view, logs. */
#include "arch/include/arm64_registers.h"
#include "arch/include/vcpu.h"
#include "core/domain.h"
#include "guest.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sysreg.h"

uint64_t arch_hypercall_arg(const struct vcpu *v, unsigned n)
{
    ASSERT(n < 6);
    return v->arch.x[n];
}

void arch_hypercall_set_arg(struct vcpu *v, unsigned n, uint64_t value)
{
    ASSERT(n < 6);
    v->arch.x[n] = value;
}

void arch_hypercall_result(struct vcpu *v, int64_t result)
{
    v->arch.x[0] = (uint64_t)result;
}

/* HVC and SMC are four bytes long, and the guest is past them (traps.c). The short way back loads no ELR_EL2 (vectors.S). */
void arch_hypercall_repeat(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    v->arch.pc -= 4;
    write_sysreg(elr_el2, v->arch.pc);
}

void arm_registers_get(const struct vcpu *v, struct arm_registers *out)
{
    const struct arch_vcpu *a = &v->arch;

    ASSERT(v != cpu_current_vcpu());
    memcpy(out->x, a->x, sizeof(out->x));
    out->pc = a->pc;
    out->psr = a->psr;
    out->sp_el0 = a->sp_el0;
    out->sp_el1 = a->sp_el1;
    out->elr_el1 = a->elr_el1;
    out->spsr_el1 = a->spsr_el1;
    out->spsr_fiq = a->spsr_fiq;
    out->spsr_irq = a->spsr_irq;
    out->spsr_und = a->spsr_und;
    out->spsr_abt = a->spsr_abt;
    out->sctlr = a->sctlr_el1;
    out->ttbr0 = a->ttbr0_el1;
    out->ttbr1 = a->ttbr1_el1;
    out->tcr = a->tcr_el1;
}

void arm_registers_set(struct vcpu *v, const struct arm_registers *in)
{
    struct arch_vcpu *a = &v->arch;

    ASSERT(v != cpu_current_vcpu());
    memcpy(a->x, in->x, sizeof(a->x));
    a->pc = in->pc;
    a->psr = guest_allowed_psr(v->domain, in->psr);
    a->sp_el0 = in->sp_el0;
    a->sp_el1 = in->sp_el1;
    a->elr_el1 = in->elr_el1;
    a->spsr_el1 = in->spsr_el1;
    a->spsr_fiq = in->spsr_fiq;
    a->spsr_irq = in->spsr_irq;
    a->spsr_und = in->spsr_und;
    a->spsr_abt = in->spsr_abt;
    a->sctlr_el1 = in->sctlr;
    a->ttbr0_el1 = in->ttbr0;
    a->ttbr1_el1 = in->ttbr1;
    a->tcr_el1 = in->tcr;
}

uint64_t arch_vcpu_pc(const struct vcpu *v)
{
    return v->arch.pc;
}

static void print_three(const struct arch_vcpu *a, unsigned n)
{
    log_info("  x%-2u %016llx  x%-2u %016llx  x%-2u %016llx", n, (unsigned long long)a->x[n], n + 1,
             (unsigned long long)a->x[n + 1], n + 2, (unsigned long long)a->x[n + 2]);
}

/* A hypercall or an interrupt leaves x20 to x28 where they are (vectors.S). */
void arch_vcpu_print(const struct vcpu *v)
{
    const struct arch_vcpu *a = &v->arch;

    log_info("d%uv%u: pc %016llx psr %08llx", v->domain->id.v, v->id, (unsigned long long)a->pc,
             (unsigned long long)a->psr);
    for (unsigned n = 0; n < 18; n += 3)
        print_three(a, n);
    log_info("  x18 %016llx  x19 %016llx  x29 %016llx  x30 %016llx  when it last trapped otherwise:",
             (unsigned long long)a->x[18], (unsigned long long)a->x[19], (unsigned long long)a->x[29],
             (unsigned long long)a->x[30]);
    for (unsigned n = 20; n < 29; n += 3)
        print_three(a, n);
    log_info("  when it last left its CPU: sp_el0 %llx sctlr %llx ttbr0 %llx ttbr1 %llx vbar %llx esr %llx far %llx",
             (unsigned long long)a->sp_el0, (unsigned long long)a->sctlr_el1, (unsigned long long)a->ttbr0_el1,
             (unsigned long long)a->ttbr1_el1, (unsigned long long)a->vbar_el1, (unsigned long long)a->esr_el1,
             (unsigned long long)a->far_el1);
}
