/* SPDX-License-Identifier: Apache-2.0 */
/* Running guests: traps, emulated registers, virtual timers. What arch/arm64's files share. */
#ifndef ARM64_GUEST_H
#define ARM64_GUEST_H

#include "core/domain.h"

/* From vectors.S: the vCPU trapped, its general registers are stored. Each returns the vCPU to enter. */
struct vcpu *arm64_trap_sync(struct vcpu *v, uint64_t esr);
struct vcpu *arm64_trap_serror(struct vcpu *v);
/* The same for hypercalls, firmware calls by HVC and interrupts, with x20 to x28 not stored: v, or NULL when upcall_leave is
 * to be called once they are. */
struct vcpu *arm64_trap_hypercall(struct vcpu *v);
struct vcpu *arm64_trap_smccc(struct vcpu *v);
struct vcpu *arm64_trap_irq(struct vcpu *v);

/* ESR_ELx (Arm ARM D17.2.37) */
#define ESR_EC_SHIFT 26
#define ESR_EC(esr) ((esr) >> ESR_EC_SHIFT & 0x3f)
#define ESR_IL BIT(25)
#define ESR_ISS(esr) ((esr) & 0x1ffffff)
#define EC_UNKNOWN 0x00
#define EC_WFX 0x01
#define EC_HVC64 0x16
#define EC_SMC64 0x17
#define EC_SYSREG 0x18
#define EC_INST_ABORT_LOWER 0x20
#define EC_INST_ABORT_SAME 0x21
#define EC_DATA_ABORT_LOWER 0x24
#define EC_DATA_ABORT_SAME 0x25

/* SPSR_ELx */
#define PSR_MODE 0x1f
#define PSR_EL0T 0x0
#define PSR_EL1T 0x4
#define PSR_EL1H 0x5
#define PSR_AARCH32 BIT(4)
#define PSR_DAIF (UINT64_C(0xf) << 6)
#define PSR_SSBS BIT(12)
#define PSR_IL BIT(20)
#define PSR_SS BIT(21)
#define PSR_PAN BIT(22)
#define PSR_UAO BIT(23)
#define PSR_DIT BIT(24)
#define PSR_NZCV (UINT64_C(0xf) << 28)
/* A vCPU at its start: EL1 with its own stack, everything masked. */
#define PSR_START (PSR_EL1H | PSR_DAIF)

/* Go past the instruction that trapped; a single step ends there. */
static inline void guest_skip_instruction(struct vcpu *v, uint64_t esr)
{
    v->arch.pc += esr & ESR_IL ? 4 : 2;
    v->arch.psr &= ~PSR_SS;
}

/* The same for one of AArch64 state, which are all four bytes long. */
static inline void guest_skip_a64(struct vcpu *v)
{
    v->arch.pc += 4;
    v->arch.psr &= ~PSR_SS;
}

/* General register n as an operand (31 reads as zero, writes vanish). */
static inline uint64_t guest_register(const struct vcpu *v, unsigned n)
{
    ASSERT(n < 32);
    return n == 31 ? 0 : v->arch.x[n];
}

static inline void guest_set_register(struct vcpu *v, unsigned n, uint64_t value)
{
    ASSERT(n < 32);
    if (n != 31)
        v->arch.x[n] = value;
}

/* The processor state that a toolstack or PSCI asked for, or the usual one when it is not for d's guest to have. */
uint64_t guest_allowed_psr(const struct domain *d, uint64_t psr);

/* Trapped MSR/MRS/SYS (sysreg_emulation.c); EC 0x20 and 0x24 (abort.c). */
void trap_sysreg(struct vcpu *v, uint64_t esr);
/* A register by its number in the layout of the ISS, without a look at who asks: one of sysreg_emulation.c's table that can be read
 * or written so. */
#define SYSREG_KEY(op0, op1, crn, crm, op2) \
    ((uint32_t)(op0) << 20 | (uint32_t)(op2) << 17 | (uint32_t)(op1) << 14 | (uint32_t)(crn) << 10 | (uint32_t)(crm) << 1)
void sysreg_emulate(struct vcpu *v, uint32_t key, bool is_read, uint64_t *value);
/* WFI, WFE and their variants with a timeout (traps.c). */
void trap_wfx(struct vcpu *v, uint64_t esr);
void trap_instruction_abort(struct vcpu *v, uint64_t esr);
void trap_data_abort(struct vcpu *v, uint64_t esr);

/* Feature registers as guests see them (id_registers.c), by CRm * 8 + op2 of the space op0 = 3, op1 = 0, CRn = 0.
 * Constant once id_registers_init has run: boot, before the first guest. */
#define ID_REGISTERS 64
extern uint64_t id_registers[ID_REGISTERS];
void id_registers_init(void);

/* Timers of a vCPU (vcpu_timer.c). */
#define PPI_VIRTUAL_TIMER 27
#define PPI_PHYSICAL_TIMER 30
void vcpu_timer_boot(void);
int vcpu_timer_init(struct vcpu *v) MUST_CHECK;
void vcpu_timer_retire(struct vcpu *v);
void vcpu_timer_destroy(struct vcpu *v);
void vcpu_timer_reset(struct vcpu *v);
/* The virtual timer's hardware: before v leaves the CPU (after vgic_save), when it comes (after vgic_load). */
void vcpu_timer_save(struct vcpu *v);
void vcpu_timer_load(struct vcpu *v);
/* v, current, has trapped: the timer's output may have gone low before the guest took its interrupt. */
void vcpu_timer_resample(struct vcpu *v);
/* Has the virtual timer fired without having been injected yet? v current or not running. */
bool vcpu_timer_is_due(const struct vcpu *v);
/* The emulated physical timer's registers, v current. */
enum ptimer_register { PTIMER_TVAL, PTIMER_CTL, PTIMER_CVAL };
uint64_t ptimer_read(struct vcpu *v, enum ptimer_register r);
void ptimer_write(struct vcpu *v, enum ptimer_register r, uint64_t value);

/* fpsimd.S: q0..q31 */
void fpsimd_save(uint64_t *to);
void fpsimd_load(const uint64_t *from);

#endif
