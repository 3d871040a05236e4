/* SPDX-License-Identifier: Apache-2.0 */
/* Traps from AArch32 by exception class, conditional instructions, and the state that only 32-bit kernels have. */
#include "aarch32.h"
#include "arch/include/arm64_vcpu.h"
#include "arch/include/upcall.h"
#include "guest.h"
#include "lib/print.h"
#include "sysreg.h"

/* ISS of a conditional instruction (D17.2.37) */
#define ISS_CV BIT(24)
#define ISS_COND(esr) ((unsigned)((esr) >> 20 & 0xf))
#define ISS_SMC_UNKNOWN BIT(19)     /* of SMC: the condition is to be looked at */
#define ISS_SRT_SHIFT 16
#define ISS_ISV BIT(24)
#define CONDITION_ALWAYS 0xe
#define FPEXC_RESET 0x700

unsigned aarch32_bank(uint64_t psr, unsigned n)
{
    unsigned mode = psr & PSR_MODE;

    ASSERT(n < 15);
    if (mode == PSR32_FIQ && n >= 8)
        return n + 16;
    if (n < 13)
        return n;
    switch (mode) {
    case PSR32_IRQ:
        return 30 - n;      /* LR is 16, SP is 17, and so on by pairs */
    case PSR32_SVC:
        return 32 - n;
    case PSR32_ABT:
        return 34 - n;
    case PSR32_UND:
        return 36 - n;
    default:
        return n;
    }
}

static unsigned it_state(uint64_t psr)
{
    return (unsigned)((psr >> 25 & 3) | (psr >> 8 & 0xfc));
}

/* A condition as G1.8.1 lists them: by pairs, the odd one is the opposite, except of "always". */
static bool holds(unsigned condition, uint64_t psr)
{
    bool n = psr >> 31 & 1, z = psr >> 30 & 1, c = psr >> 29 & 1, v = psr >> 28 & 1;
    const bool even[8] = { z, c, n, v, c && !z, n == v, n == v && !z, true };

    ASSERT(condition < 16);
    return even[condition >> 1] != ((condition & 1) && condition != 15);
}

bool aarch32_passes(uint64_t esr, uint64_t psr)
{
    unsigned it = it_state(psr);

    if (esr & ISS_CV)
        return holds(ISS_COND(esr), psr);
    return holds(it ? it >> 4 : CONDITION_ALWAYS, psr);
}

uint64_t aarch32_next_it(uint64_t psr)
{
    unsigned it = it_state(psr);

    it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
    return (psr & ~PSR32_IT) | (uint64_t)(it & 3) << 25 | (uint64_t)(it & 0xfc) << 8;
}

/* -- the table -- */

static void trap_unexpected(struct vcpu *v, uint64_t esr)
{
    log_guest("d%uv%u: unexpected trap from AArch32, class 0x%llx, syndrome 0x%llx, pc 0x%llx", v->domain->id.v, v->id,
              (unsigned long long)ESR_EC(esr), (unsigned long long)esr, (unsigned long long)v->arch.pc);
    arch_inject_undefined(v);
}

static void trap_undefined(struct vcpu *v, uint64_t esr UNUSED)
{
    arch_inject_undefined(v);
}

/* The arguments as a call reads them: 32 bits each. */
static void narrow_arguments(struct vcpu *v)
{
    for (unsigned n = 0; n < 8; n++)
        v->arch.x[n] = (uint32_t)v->arch.x[n];
}

static void trap_hvc32(struct vcpu *v, uint64_t esr)
{
    narrow_arguments(v);
    switch (esr & 0xffff) {
    case HVC_XEN:
        upcall_hypercall(v, (uint32_t)v->arch.x[12]);
        return;
    case 0:
        upcall_smccc(v);
        return;
    default:
        v->arch.pc -= 4;        /* HVC returns after itself; an undefined one does not */
        trap_unexpected(v, esr);
    }
}

static void trap_smc32(struct vcpu *v, uint64_t esr)
{
    guest_skip_instruction(v, esr);
    narrow_arguments(v);
    upcall_smccc(v);
}

/* Some processors (QEMU's among them) give the register's number as the instruction has it, not the X register: then it is 13 or
 * 14, or, from FIQ mode, 8 to 14, none of which the other way of counting has in these modes. */
static void trap_data_abort32(struct vcpu *v, uint64_t esr)
{
    unsigned n = esr >> ISS_SRT_SHIFT & 0x1f;

    if (esr & ISS_ISV && n < 15)
        esr = (esr & ~(UINT64_C(0x1f) << ISS_SRT_SHIFT)) | (uint64_t)aarch32_bank(v->arch.psr, n) << ISS_SRT_SHIFT;
    trap_data_abort(v, esr);
}

static const struct trap32 {
    void (*handle)(struct vcpu *v, uint64_t esr);
    bool conditional;           /* the syndrome has a condition */
} traps[64] = {
    [0x00] = { trap_unexpected, false },
    [EC_WFX] = { trap_wfx, true },
    [0x02] = { trap_unexpected, false },
    [0x03] = { trap_cp15, true },
    [0x04] = { trap_cp15_pair, true },
    [0x05] = { trap_cp14, true },
    [0x06] = { trap_undefined, true },              /* LDC, STC: the debug channel, which nobody listens to */
    [0x07] = { trap_undefined, true },
    [0x08] = { trap_vmrs, true },
    [0x09 ... 0x0b] = { trap_unexpected, false },
    [0x0c] = { trap_cp14_pair, true },
    [0x0d ... 0x11] = { trap_unexpected, false },
    [0x12] = { trap_hvc32, false },
    [0x13] = { trap_smc32, false },
    [0x14 ... 0x1f] = { trap_unexpected, false },
    [EC_INST_ABORT_LOWER] = { trap_instruction_abort, false },
    [0x21 ... 0x23] = { trap_unexpected, false },
    [EC_DATA_ABORT_LOWER] = { trap_data_abort32, false },
    [0x25 ... 0x3f] = { trap_unexpected, false },
};

/* Had the instruction any effect at all? */
static bool is_executed(const struct trap32 *t, uint64_t esr, uint64_t psr)
{
    return !(t->conditional || (t->handle == trap_smc32 && esr & ISS_SMC_UNKNOWN)) || aarch32_passes(esr, psr);
}

struct vcpu *arm64_trap_sync_aarch32(struct vcpu *v)
{
    uint64_t esr = read_sysreg(esr_el2), next = v->arch.pc + (esr & ESR_IL ? 4 : 2);
    const struct trap32 *t = &traps[ESR_EC(esr)];

    ASSERT(v == cpu_current_vcpu() && v->arch.psr & PSR_AARCH32);
    if (is_executed(t, esr, v->arch.psr))
        t->handle(v, esr);
    else
        guest_skip_instruction(v, esr);
    /* It was passed over, so is its place in an IT block. An exception for the guest has left no IT state, or no AArch32. */
    if (v->arch.psr & PSR_AARCH32) {
        if (v->arch.pc == next)
            v->arch.psr = aarch32_next_it(v->arch.psr);
        v->arch.pc = (uint32_t)v->arch.pc;
    }
    return upcall_leave(v);
}

/* -- state -- */

void aarch32_reset(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;

    ASSERT(domain_is_narrow(v->domain));
    a->dacr32_el2 = a->ifsr32_el2 = 0;
    a->fpexc32_el2 = FPEXC_RESET;
    a->spsr_fiq = a->spsr_irq = a->spsr_und = a->spsr_abt = 0;
}

void aarch32_save(struct arch_vcpu *a)
{
    a->dacr32_el2 = read_sysreg(dacr32_el2);
    a->ifsr32_el2 = read_sysreg(ifsr32_el2);
    a->fpexc32_el2 = read_sysreg(fpexc32_el2);
    a->spsr_fiq = (uint32_t)read_sysreg(spsr_fiq);
    a->spsr_irq = (uint32_t)read_sysreg(spsr_irq);
    a->spsr_und = (uint32_t)read_sysreg(spsr_und);
    a->spsr_abt = (uint32_t)read_sysreg(spsr_abt);
}

void aarch32_load(const struct arch_vcpu *a)
{
    write_sysreg(dacr32_el2, a->dacr32_el2);
    write_sysreg(ifsr32_el2, a->ifsr32_el2);
    write_sysreg(fpexc32_el2, a->fpexc32_el2);
    write_sysreg(spsr_fiq, a->spsr_fiq);
    write_sysreg(spsr_irq, a->spsr_irq);
    write_sysreg(spsr_und, a->spsr_und);
    write_sysreg(spsr_abt, a->spsr_abt);
}
