/* SPDX-License-Identifier: Apache-2.0 */
/* A vCPU's registers as the Arm ABI writes them down. (xen/arch-arm.h, struct vcpu_guest_context) */
#include "abi/xen/domctl.h"
#include "arch/include/arm64_registers.h"
#include "lib/string.h"

#define PSR_MODE_MASK 0x1f

STATIC_ASSERT(offsetof(struct vcpu_guest_core_regs, x30) == 30 * sizeof(uint64_t));

#define MODES_64 (BIT(PSR_MODE_EL1h) | BIT(PSR_MODE_EL1t) | BIT(PSR_MODE_EL0t))
#define MODES_32 (BIT(PSR_MODE_USR) | BIT(PSR_MODE_FIQ) | BIT(PSR_MODE_IRQ) | BIT(PSR_MODE_SVC) | BIT(PSR_MODE_ABT) | \
                  BIT(PSR_MODE_UND) | BIT(PSR_MODE_SYS))

/* A mode that a guest of its width may be in; what only the other width has must not be there. */
static bool state_is_valid(const struct vcpu_guest_core_regs *u, bool is_narrow)
{
    uint64_t mode = BIT(u->cpsr & PSR_MODE_MASK);

    if (is_narrow)
        return mode & MODES_32 && !u->sp_el0 && !u->sp_el1 && !u->elr_el1;
    return mode & MODES_64 && !u->spsr_fiq && !u->spsr_irq && !u->spsr_und && !u->spsr_abt;
}

static void decode(const struct vcpu_guest_context *c, struct arm_registers *r)
{
    const struct vcpu_guest_core_regs *u = &c->user_regs;

    memcpy(r->x, &u->x0, sizeof(r->x));
    r->pc = u->pc64;
    r->psr = u->cpsr;
    r->sp_el0 = u->sp_el0;
    r->sp_el1 = u->sp_el1;
    r->elr_el1 = u->elr_el1;
    r->spsr_el1 = u->spsr_el1;
    r->spsr_fiq = u->spsr_fiq;
    r->spsr_irq = u->spsr_irq;
    r->spsr_und = u->spsr_und;
    r->spsr_abt = u->spsr_abt;
    r->sctlr = c->sctlr;
    r->ttbr0 = c->ttbr0;
    r->ttbr1 = c->ttbr1;
    r->tcr = c->ttbcr;
}

static void encode(const struct arm_registers *r, struct vcpu_guest_context *c)
{
    struct vcpu_guest_core_regs *u = &c->user_regs;

    memcpy(&u->x0, r->x, sizeof(r->x));
    u->pc64 = r->pc;
    u->cpsr = r->psr;
    u->sp_el0 = r->sp_el0;
    u->sp_el1 = r->sp_el1;
    u->elr_el1 = r->elr_el1;
    u->spsr_el1 = r->spsr_el1;
    u->spsr_fiq = r->spsr_fiq;
    u->spsr_irq = r->spsr_irq;
    u->spsr_und = r->spsr_und;
    u->spsr_abt = r->spsr_abt;
    c->sctlr = r->sctlr;
    c->ttbr0 = r->ttbr0;
    c->ttbr1 = r->ttbr1;
    c->ttbcr = r->tcr;
}

/* The domain is held: between coming up and having all its registers the vCPU does not run. */
int vcpu_context_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
    bool is_down = atomic_load(&v->pause_flags) & VCPU_DOWN;
    struct arm_registers r;
    int error = 0;

    ASSERT(atomic_load(&v->domain->pause_count) > 0);
    if (!state_is_valid(&c->user_regs, domain_is_narrow(v->domain)))
        return -E_INVAL;
    decode(c, &r);
    if (c->flags & VGCF_online && is_down) {
        struct vcpu_start start = { .pc = r.pc, .context = r.x[0], .flags = r.psr, .control = r.sctlr, .table0 = r.ttbr0,
                                    .table1 = r.ttbr1, .table_control = r.tcr };

        error = vcpu_up(v, &start);
    } else if (!(c->flags & VGCF_online) && !is_down) {
        vcpu_down(v);
    }
    if (error)
        return error;
    arm_registers_set(v, &r);
    v->initialised = true;
    return 0;
}

void vcpu_context_get(const struct vcpu *v, struct vcpu_guest_context *c)
{
    struct arm_registers r;

    memset(c, 0, sizeof(*c));
    arm_registers_get(v, &r);
    encode(&r, c);
    if (!(atomic_load(&v->pause_flags) & VCPU_DOWN))
        c->flags = VGCF_online;
}
