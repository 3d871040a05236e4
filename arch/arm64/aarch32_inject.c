/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions for a 32-bit kernel, as the processor would have taken them (Arm ARM G1.10, G1.12). */
#include "aarch32.h"
#include "guest.h"
#include "sysreg.h"

#define VECTOR_UNDEFINED 0x04
#define VECTOR_PREFETCH_ABORT 0x0c
#define VECTOR_DATA_ABORT 0x10
#define HIGH_VECTORS 0xffff0000u
#define PSR32_KEPT (PSR_NZCV | BIT(27) | PSR_PAN | (UINT64_C(0xf) << 16))   /* flags, Q, PAN, GE */
#define PSR32_SSBS BIT(23)
/* Synchronous external abort, not on a table walk: in both formats of a fault status (G8.2.46). */
#define FSR_LONG (BIT(9) | 0x10)
#define FSR_SHORT 0x8
#define ID_PAN_SHIFT 16
#define ID_MMFR3 (1 * 8 + 7)

static uint64_t psr_at_entry(uint64_t psr, uint64_t sctlr, unsigned mode)
{
    uint64_t out = (psr & (PSR32_KEPT | PSR32_A | PSR32_F)) | PSR32_I | mode;

    if (mode != PSR32_UND)
        out |= PSR32_A;
    if (sctlr & SCTLR32_TE)
        out |= PSR32_T;
    if (sctlr & SCTLR32_EE)
        out |= PSR32_E;
    if (sctlr & SCTLR32_DSSBS)
        out |= PSR32_SSBS;
    if (!(sctlr & SCTLR32_SPAN) && id_registers[ID_MMFR3] >> ID_PAN_SHIFT & 0xf)
        out |= PSR_PAN;
    return out;
}

/* v is current. `lr` is how far the link register lies behind the instruction. The mode's SPSR is in the hardware. */
static void take_exception(struct vcpu *v, unsigned mode, uint32_t vector, unsigned lr)
{
    uint64_t sctlr = read_sysreg(sctlr_el1);

    ASSERT(v == cpu_current_vcpu() && (mode == PSR32_UND || mode == PSR32_ABT));
    if (mode == PSR32_UND)
        write_sysreg(spsr_und, v->arch.psr);
    else
        write_sysreg(spsr_abt, v->arch.psr);
    v->arch.x[aarch32_bank(mode, 14)] = (uint32_t)(v->arch.pc + lr);
    v->arch.psr = psr_at_entry(v->arch.psr, sctlr, mode);
    v->arch.pc = (uint32_t)((sctlr & SCTLR32_V ? HIGH_VECTORS : read_sysreg(vbar_el1)) + vector);
}

void aarch32_inject_undefined(struct vcpu *v)
{
    take_exception(v, PSR32_UND, VECTOR_UNDEFINED, v->arch.psr & PSR32_T ? 2 : 4);
}

/* FAR_EL1 holds DFAR in its lower and IFAR in its upper half. */
void aarch32_inject_bad_address(struct vcpu *v, uint64_t address, bool is_instruction)
{
    uint64_t status = read_sysreg(tcr_el1) & TTBCR_EAE ? FSR_LONG : FSR_SHORT, far = read_sysreg(far_el1);

    if (is_instruction) {
        write_sysreg(far_el1, address << 32 | (uint32_t)far);
        write_sysreg(ifsr32_el2, status);
        take_exception(v, PSR32_ABT, VECTOR_PREFETCH_ABORT, 4);
    } else {
        write_sysreg(far_el1, far >> 32 << 32 | (uint32_t)address);
        write_sysreg(esr_el1, status);
        take_exception(v, PSR32_ABT, VECTOR_DATA_ABORT, 8);
    }
}
