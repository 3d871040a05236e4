/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's part of vCPUs (arch/include/vcpu.h). */
#include "arch/include/vcpu.h"
#include "core/domain.h"
#include "fpu.h"
#include "idt.h"
#include "stage2_space.h"
#include "vdev/x86_64/vlapic.h"
#include "virt.h"

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

/* -- hypercalls -- */

/* The registers of the six arguments (xen/arch-x86/xen-x86_64.h). */
static uint64_t *argument(struct x86_registers *r, unsigned n)
{
    uint64_t *const registers[] = { &r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9 };

    ASSERT(n < ARRAY_SIZE(registers));
    return registers[n];
}

uint64_t arch_hypercall_arg(const struct vcpu *v, unsigned n)
{
    return *argument((struct x86_registers *)(uintptr_t)&v->arch.regs, n);
}

void arch_hypercall_set_arg(struct vcpu *v, unsigned n, uint64_t value)
{
    *argument(&v->arch.regs, n) = value;
}

void arch_hypercall_result(struct vcpu *v, int64_t result)
{
    v->arch.regs.rax = (uint64_t)result;
}

/* Both instructions that make one are three bytes. */
void arch_hypercall_repeat(struct vcpu *v)
{
    v->arch.regs.rip -= 3;
}

/* -- life -- */

int arch_vcpu_init(struct vcpu *v)
{
    int error = virt_vcpu_init(v);

    if (!error)
        error = fpu_vcpu_init(v);
    if (!error)
        error = vlapic_init(v);
    if (error) {
        fpu_vcpu_destroy(v);
        virt_vcpu_destroy(v);
    }
    return error;
}

void arch_vcpu_destroy(struct vcpu *v)
{
    vlapic_destroy(v);
    fpu_vcpu_destroy(v);
    virt_vcpu_destroy(v);
}

/* A kernel starts with flat 32-bit segments, paging off, and ebx at what it is told (the PVH entry: Xen's docs/misc/pvh.pandoc). */
bool arch_has_narrow_guests(void)
{
    return false;
}

void arch_vcpu_reset(struct vcpu *v, const struct vcpu_start *start)
{
    ASSERT(v != cpu_current_vcpu());
    virt_vcpu_reset(v);
    fpu_vcpu_reset(v);
    vlapic_reset(v);
    v->arch.regs.rip = start->pc;
    v->arch.regs.rbx = start->context;
}

/* -- running -- */

void arch_vcpu_switch(struct vcpu *prev, struct vcpu *next)
{
    ASSERT(prev != next);
    if (prev) {
        virt_save(prev);
        fpu_save(prev);
    }
    stage2_load(next ? &next->domain->stage2.arch : NULL);
    if (next) {
        virt_load(next);
        fpu_load(next);
    }
}

/* One interrupt at a time: the next one follows when the guest can take it, for which the processor exits. */
HOT void arch_vcpu_flush(struct vcpu *v)
{
    int vector = vlapic_highest(v);

    if (unlikely(vector >= 0) && virt_inject_interrupt(v, (unsigned)vector))
        vlapic_accept(v, (unsigned)vector);
}

/* Nothing is in hardware that core does not see. */
void arch_vcpu_sync(struct vcpu *v UNUSED)
{
}

bool arch_vcpu_has_interrupt(struct vcpu *v)
{
    return vlapic_highest(v) >= 0;
}

/* -- interrupts of devices -- */

bool arch_irq_is_own(unsigned irq)
{
    return irq >= VECTOR_OWN;
}

void x86_pending(const char *function) NORETURN;
void x86_pending(const char *function)
{
    panic("not written yet: %s", function);
}
