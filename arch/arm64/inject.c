/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions for a guest, as the processor would have taken them to EL1 (Arm ARM D1.3, AArch64.TakeException). */
#include "aarch32.h"
#include "arch/include/vcpu.h"
#include "core/domain.h"
#include "guest.h"
#include "sysreg.h"

#define SCTLR_SPAN BIT(23)
#define SCTLR_DSSBS BIT(44)
#define VECTOR_EL1H 0x200
#define VECTOR_LOWER_64 0x400
#define VECTOR_LOWER_32 0x600
#define FAULT_EXTERNAL 0x10     /* synchronous external abort, not on a table walk */
#define ID_PAN_SHIFT 20
#define ID_AA64MMFR1 (7 * 8 + 1)

static bool from_kernel(const struct vcpu *v)
{
    return !(v->arch.psr & PSR_AARCH32) && (v->arch.psr & PSR_MODE) != PSR_EL0T;
}

static uint64_t vector_offset(uint64_t psr)
{
    if (psr & PSR_AARCH32)
        return VECTOR_LOWER_32;
    switch (psr & PSR_MODE) {
    case PSR_EL0T:
        return VECTOR_LOWER_64;
    case PSR_EL1T:
        return 0;
    default:
        return VECTOR_EL1H;
    }
}

/* Flags and what the exception leaves alone stay; the rest is as D1.3.5 says. */
static uint64_t psr_at_entry(uint64_t psr, uint64_t sctlr)
{
    uint64_t out = (psr & (PSR_NZCV | PSR_DIT | PSR_PAN)) | PSR_START;

    if (!(sctlr & SCTLR_SPAN) && id_registers[ID_AA64MMFR1] >> ID_PAN_SHIFT & 0xf)
        out |= PSR_PAN;
    if (sctlr & SCTLR_DSSBS)
        out |= PSR_SSBS;
    return out;
}

/* v is current: its EL1 registers are in the hardware. */
static void take_exception(struct vcpu *v, uint64_t esr)
{
    uint64_t psr = v->arch.psr;

    ASSERT(v == cpu_current_vcpu());
    write_sysreg(spsr_el1, psr);
    write_sysreg(elr_el1, v->arch.pc);
    write_sysreg(esr_el1, esr);
    v->arch.psr = psr_at_entry(psr, read_sysreg(sctlr_el1));
    v->arch.pc = read_sysreg(vbar_el1) + vector_offset(psr);
}

void arch_inject_undefined(struct vcpu *v)
{
    if (domain_is_narrow(v->domain)) {
        aarch32_inject_undefined(v);
        return;
    }
    take_exception(v, (uint64_t)EC_UNKNOWN << ESR_EC_SHIFT | ESR_IL);
}

void arch_inject_bad_address(struct vcpu *v, uint64_t address, bool is_instruction)
{
    uint64_t ec = is_instruction ? EC_INST_ABORT_LOWER : EC_DATA_ABORT_LOWER;

    if (domain_is_narrow(v->domain)) {
        aarch32_inject_bad_address(v, address, is_instruction);
        return;
    }
    if (from_kernel(v))
        ec += EC_DATA_ABORT_SAME - EC_DATA_ABORT_LOWER;
    write_sysreg(far_el1, address);
    take_exception(v, ec << ESR_EC_SHIFT | ESR_IL | FAULT_EXTERNAL);
}
