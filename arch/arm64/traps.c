/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps from a guest by exception class (Arm ARM D17.2.37, ESR_ELx.EC). Every slot of the table is filled: a class
 * that nobody expects gives the guest an undefined-instruction exception and the log a line.
 *
 * List registers are read back only where it matters (vdev/arm64/vgic.h): before waiting, before the guest looks at its interrupt
 * controller, and when something changes for their interrupts.
 */
#include "arch/include/arm64_vcpu.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "gic.h"
#include "guest.h"
#include "lib/print.h"
#include "sysreg.h"

#define HCR_VSE BIT(8)

/* What the guest executed is not there for it. */
static void trap_unexpected(struct vcpu *v, uint64_t esr)
{
    log_guest("d%uv%u: unexpected trap, class 0x%llx, syndrome 0x%llx, pc 0x%llx", v->domain->id.v, v->id,
              (unsigned long long)ESR_EC(esr), (unsigned long long)esr, (unsigned long long)v->arch.pc);
    arch_inject_undefined(v);
}

static void trap_absent_feature(struct vcpu *v, uint64_t esr)
{
    (void)esr;
    arch_inject_undefined(v);
}

/* One with a timeout may end early. */
void trap_wfx(struct vcpu *v, uint64_t esr)
{
    guest_skip_instruction(v, esr);
    if (esr & 1) {
        sched_unit_yield(&v->unit);
        return;
    }
    arch_vcpu_sync(v);
    vcpu_block(v);
}

/* HVC returns after itself; an undefined one does not. */
static void trap_hvc(struct vcpu *v, uint64_t esr)
{
    v->arch.pc -= 4;
    trap_unexpected(v, esr);
}

/* A trapped SMC returns to itself (D1.15.3). */
static void trap_smc(struct vcpu *v, uint64_t esr)
{
    if (esr & 0xffff) {
        trap_unexpected(v, esr);
        return;
    }
    guest_skip_instruction(v, esr);
    upcall_smccc(v);
}

static void (*const trap_table[64])(struct vcpu *v, uint64_t esr) = {
    [0x00] = trap_unexpected,
    [EC_WFX] = trap_wfx,
    [0x02 ... 0x06] = trap_unexpected,
    [0x07] = trap_absent_feature,       /* FP and SVE by CPTR_EL2.TFP */
    [0x08] = trap_unexpected,
    [0x09] = trap_absent_feature,       /* pointer authentication */
    [0x0a] = trap_absent_feature,       /* LS64 */
    [0x0b ... 0x15] = trap_unexpected,
    [EC_HVC64] = trap_hvc,              /* with an unusual tag */
    [EC_SMC64] = trap_smc,
    [EC_SYSREG] = trap_sysreg,
    [0x19] = trap_absent_feature,       /* SVE */
    [0x1a ... 0x1c] = trap_unexpected,
    [0x1d] = trap_absent_feature,       /* SME */
    [0x1e ... 0x1f] = trap_unexpected,
    [EC_INST_ABORT_LOWER] = trap_instruction_abort,
    [0x21 ... 0x23] = trap_unexpected,
    [EC_DATA_ABORT_LOWER] = trap_data_abort,
    [0x25 ... 0x3f] = trap_unexpected,
};

struct vcpu *arm64_trap_sync(struct vcpu *v, uint64_t esr)
{
    ASSERT(v == cpu_current_vcpu());
    trap_table[ESR_EC(esr)](v, esr);
    return likely(upcall_reenter(v)) ? v : upcall_leave(v);
}

/* The short way back: what it does not load is as the guest has it. */
static inline struct vcpu *reenter(struct vcpu *v)
{
    ASSERT(v->arch.pc == read_sysreg(elr_el2) && v->arch.psr == read_sysreg(spsr_el2));
    return upcall_reenter(v) ? v : NULL;
}

struct vcpu *arm64_trap_hypercall(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    upcall_hypercall(v, v->arch.x[16]);
    return reenter(v);
}

struct vcpu *arm64_trap_smccc(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    upcall_smccc(v);
    return reenter(v);
}

struct vcpu *arm64_trap_irq(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    vcpu_timer_resample(v);
    gic_handle_interrupt();
    return reenter(v);
}

/* Somebody's memory access went wrong later: most likely the guest's own, to a device. It gets the virtual
 * counterpart. */
struct vcpu *arm64_trap_serror(struct vcpu *v)
{
    log_guest("d%uv%u: SError, syndrome 0x%llx, pc 0x%llx", v->domain->id.v, v->id,
              (unsigned long long)read_sysreg(esr_el2), (unsigned long long)v->arch.pc);
    write_sysreg(hcr_el2, read_sysreg(hcr_el2) | HCR_VSE);
    return upcall_leave(v);
}
