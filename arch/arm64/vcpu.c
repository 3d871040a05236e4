/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's processor: set-up, reset, and the switch from one vCPU to another. */
#include "aarch32.h"
#include "arch/include/arm64_vcpu.h"
#include "arch/include/vcpu.h"
#include "arch/include/arm64_vgic_hw.h"
#include "core/domain.h"
#include "core/event.h"
#include "gic.h"
#include "guest.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "stage2_hw.h"
#include "sysreg.h"

/* Where a guest's interrupt controller lies (xen/arch-arm.h, GUEST_GICV3_*; GUEST_GICD_BASE, GUEST_GICC_BASE), and its shared
 * interrupts. */
#define GUEST_DISTRIBUTOR UINT64_C(0x03001000)
#define GUEST_REDISTRIBUTORS UINT64_C(0x03020000)
#define GUEST_REDISTRIBUTORS_SIZE UINT64_C(0x01000000)
#define GUEST_V2_INTERFACE UINT64_C(0x03002000)
#define GUEST_V2_INTERFACE_SIZE 0x2000
#define GUEST_SPIS 32
/* The event channels' interrupt: GUEST_EVTCHN_PPI; in dom0, which has the host's tree, the first that no device uses. */
#define GUEST_EVENT_PPI 31
#define CONTROL_EVENT_PPI 16

/*
 * HCR_EL2 (Arm ARM D17.2.48): stage 2, physical interrupts and SErrors to EL2, cache and TLB maintenance broadcast to
 * the inner shareable domain, and traps of WFI, WFE, SMC, feature registers, ACTLR, set/way operations, what is
 * implementation defined, LORegions and error records.
 */
#define HCR_VM BIT(0)
#define HCR_SWIO BIT(1)
#define HCR_PTW BIT(2)
#define HCR_FMO BIT(3)
#define HCR_IMO BIT(4)
#define HCR_AMO BIT(5)
#define HCR_FB BIT(9)
#define HCR_BSU_INNER (UINT64_C(1) << 10)
#define HCR_TWI BIT(13)
#define HCR_TWE BIT(14)
#define HCR_TID3 BIT(18)
#define HCR_TSC BIT(19)
#define HCR_TIDCP BIT(20)
#define HCR_TACR BIT(21)
#define HCR_TSW BIT(22)
#define HCR_TLOR BIT(35)
#define HCR_TERR BIT(36)
#define HCR_GUEST                                                                                                   \
    (HCR_RW | HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_INNER | HCR_TWI | HCR_TWE | \
     HCR_TID3 | HCR_TSC | HCR_TIDCP | HCR_TACR | HCR_TSW | HCR_TLOR | HCR_TERR)

/* SCTLR_EL1 out of reset: MMU and caches off, the bits that are one in Armv8.0 set (D17.2.118). */
#define SCTLR_RESET UINT64_C(0x30d00800)
#define MPIDR_RES1 BIT(31)
#define EL_IS_64_ONLY 1         /* ID_AA64PFR0_EL1.EL0 and .EL1; 2: AArch32 too */

static bool maintenance(unsigned irq UNUSED)
{
    struct vcpu *v = cpu_current_vcpu();

    if (v)
        vgic_maintenance(v);
    return true;
}

/* With the first domain, which is built on CPU 0 during boot. */
static void first_domain_init(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    id_registers_init();
    gic_set_handler(gic_maintenance_irq(), maintenance);
}

/* As configured, in the controller's steps. */
static uint32_t guest_spis(const struct domain *d)
{
    return MAX(ROUND_UP(d->shared_irqs, 32u), (unsigned)GUEST_SPIS);
}

static int init_v3(struct domain *d, const struct boot_gic *host)
{
    if (!d->direct_mapped)
        return vgic_domain_init(d, guest_spis(d), GPA(GUEST_DISTRIBUTOR), GPA(GUEST_REDISTRIBUTORS), GUEST_REDISTRIBUTORS_SIZE);
    return vgic_domain_init(d, arch_irq_spi_count(), GPA(host->distributor.v), GPA(host->redistributor[0].base.v),
                            host->redistributor[0].size);
}

/* A GICv2 is a distributor of ours and the host's CPU interface for guests. */
static int init_v2(struct domain *d, const struct boot_gic *host)
{
    gpa_t interface = d->direct_mapped ? GPA(host->cpu_interface.v) : GPA(GUEST_V2_INTERFACE);
    int error;

    if (d->direct_mapped)
        error = vgic_v2_domain_init(d, arch_irq_spi_count(), GPA(host->distributor.v));
    else
        error = vgic_v2_domain_init(d, guest_spis(d), GPA(GUEST_DISTRIBUTOR));
    if (error)
        return error;
    d->arch.vgic.redist_base = interface;
    d->arch.vgic.redist_size = GUEST_V2_INTERFACE_SIZE;
    error = gicv2_map_guest_interface(d, interface);
    if (error)
        vgic_domain_destroy(d);
    return error;
}

int arch_domain_init(struct domain *d)
{
    first_domain_init();
    ASSERT(d->max_vcpus && d->max_vcpus <= MAX_VCPUS);
    d->arch.mmio.count = 0;
    d->arch.counter_offset = arch_counter();
    d->arch.event_ppi = d->direct_mapped ? CONTROL_EVENT_PPI : GUEST_EVENT_PPI;
    return arch_vgic_version() == 2 ? init_v2(d, gic_host()) : init_v3(d, gic_host());
}

void arch_domain_destroy(struct domain *d)
{
    arch_irq_unroute_all(d);
    vgic_domain_destroy(d);
}

static uint64_t hcr_of(const struct domain *d)
{
    return domain_is_narrow(d) ? HCR_GUEST & ~HCR_RW : HCR_GUEST;
}

int arch_vcpu_init(struct vcpu *v)
{
    int error = vcpu_timer_init(v);

    if (error)
        return error;
    vgic_vcpu_init(v);
    v->arch.hcr_el2 = hcr_of(v->domain);
    v->arch.vmpidr = MPIDR_RES1 | vgic_affinity(v->id);
    v->arch.psr = PSR_START;
    v->arch.sctlr_el1 = SCTLR_RESET;
    return 0;
}

void arch_vcpu_retire(struct vcpu *v)
{
    vcpu_timer_retire(v);
}

void arch_vcpu_destroy(struct vcpu *v)
{
    vcpu_timer_destroy(v);
}

bool arch_has_narrow_guests(void)
{
    return (read_sysreg(id_aa64pfr0_el1) >> 4 & 0xf) > EL_IS_64_ONLY;
}

static bool has_narrow_programs(void)
{
    return (read_sysreg(id_aa64pfr0_el1) & 0xf) > EL_IS_64_ONLY;
}

/* What ERET would take for another exception level, or for a width that is not there, is not for a guest to have. */
uint64_t guest_allowed_psr(const struct domain *d, uint64_t psr)
{
    static const uint32_t wide = BIT(PSR_EL0T) | BIT(PSR_EL1T) | BIT(PSR_EL1H);
    static const uint32_t narrow = BIT(PSR32_USR) | BIT(PSR32_FIQ) | BIT(PSR32_IRQ) | BIT(PSR32_SVC) | BIT(PSR32_ABT) |
                                   BIT(PSR32_UND) | BIT(PSR32_SYS);
    uint64_t allowed = domain_is_narrow(d) ? narrow : wide | (has_narrow_programs() ? BIT(PSR32_USR) : 0);

    if (allowed & BIT(psr & PSR_MODE))
        return psr & UINT32_MAX & ~PSR_IL;
    return domain_is_narrow(d) ? PSR32_START : PSR_START;
}

/* Bit 0 of a 32-bit start address asks for T32 (Arm DEN 0022, CPU_ON). */
static uint64_t start_psr(const struct domain *d, uint64_t *pc)
{
    uint64_t t32 = *pc & 1;

    if (!domain_is_narrow(d))
        return PSR_START;
    *pc = (uint32_t)(*pc & ~UINT64_C(1));
    return PSR32_START | (t32 ? PSR32_T : 0);
}

void arch_vcpu_reset(struct vcpu *v, const struct vcpu_start *start)
{
    struct arch_vcpu *a = &v->arch;

    ASSERT(v != cpu_current_vcpu());
    memset(a->x, 0, sizeof(a->x));
    memset(a->fp, 0, sizeof(a->fp));
    a->fpsr = a->fpcr = 0;
    a->sp_el0 = a->sp_el1 = a->elr_el1 = a->spsr_el1 = a->cpacr_el1 = a->mair_el1 = a->amair_el1 = 0;
    a->esr_el1 = a->far_el1 = a->afsr0_el1 = a->afsr1_el1 = a->vbar_el1 = a->contextidr_el1 = 0;
    a->tpidr_el0 = a->tpidr_el1 = a->tpidrro_el0 = a->par_el1 = a->csselr_el1 = a->mdscr_el1 = 0;
    a->actlr_el1 = 0;
    a->x[0] = start->context;
    a->pc = start->pc;
    a->psr = guest_allowed_psr(v->domain, start->flags ? start->flags : start_psr(v->domain, &a->pc));
    a->sctlr_el1 = start->control ? start->control : domain_is_narrow(v->domain) ? SCTLR32_RESET : SCTLR_RESET;
    a->ttbr0_el1 = start->table0;
    a->ttbr1_el1 = start->table1;
    a->tcr_el1 = start->table_control;
    a->hcr_el2 = hcr_of(v->domain);
    if (domain_is_narrow(v->domain))
        aarch32_reset(v);
    arch_vgic_reset(&a->vgic);
    vcpu_timer_reset(v);
}

static void save_system(struct arch_vcpu *a)
{
    a->sp_el0 = read_sysreg(sp_el0);
    a->sp_el1 = read_sysreg(sp_el1);
    a->elr_el1 = read_sysreg(elr_el1);
    a->spsr_el1 = read_sysreg(spsr_el1);
    a->sctlr_el1 = read_sysreg(sctlr_el1);
    a->cpacr_el1 = read_sysreg(cpacr_el1);
    a->tcr_el1 = read_sysreg(tcr_el1);
    a->ttbr0_el1 = read_sysreg(ttbr0_el1);
    a->ttbr1_el1 = read_sysreg(ttbr1_el1);
    a->mair_el1 = read_sysreg(mair_el1);
    a->amair_el1 = read_sysreg(amair_el1);
    a->esr_el1 = read_sysreg(esr_el1);
    a->far_el1 = read_sysreg(far_el1);
    a->afsr0_el1 = read_sysreg(afsr0_el1);
    a->afsr1_el1 = read_sysreg(afsr1_el1);
    a->vbar_el1 = read_sysreg(vbar_el1);
    a->contextidr_el1 = read_sysreg(contextidr_el1);
    a->tpidr_el0 = read_sysreg(tpidr_el0);
    a->tpidr_el1 = read_sysreg(tpidr_el1);
    a->tpidrro_el0 = read_sysreg(tpidrro_el0);
    a->par_el1 = read_sysreg(par_el1);
    a->csselr_el1 = read_sysreg(csselr_el1);
    a->hcr_el2 = read_sysreg(hcr_el2);      /* a virtual SError may still be pending */
    a->fpsr = (uint32_t)read_sysreg(fpsr);
    a->fpcr = (uint32_t)read_sysreg(fpcr);
    fpsimd_save(a->fp);
    if (unlikely(!(a->hcr_el2 & HCR_RW)))
        aarch32_save(a);
}

/* Nothing walks the guest's tables while EL2 executes, so the order of these and of the stage-2 root does not matter. */
static void load_system(const struct arch_vcpu *a)
{
    write_sysreg(sp_el0, a->sp_el0);
    write_sysreg(sp_el1, a->sp_el1);
    write_sysreg(elr_el1, a->elr_el1);
    write_sysreg(spsr_el1, a->spsr_el1);
    write_sysreg(sctlr_el1, a->sctlr_el1);
    write_sysreg(cpacr_el1, a->cpacr_el1);
    write_sysreg(tcr_el1, a->tcr_el1);
    write_sysreg(ttbr0_el1, a->ttbr0_el1);
    write_sysreg(ttbr1_el1, a->ttbr1_el1);
    write_sysreg(mair_el1, a->mair_el1);
    write_sysreg(amair_el1, a->amair_el1);
    write_sysreg(esr_el1, a->esr_el1);
    write_sysreg(far_el1, a->far_el1);
    write_sysreg(afsr0_el1, a->afsr0_el1);
    write_sysreg(afsr1_el1, a->afsr1_el1);
    write_sysreg(vbar_el1, a->vbar_el1);
    write_sysreg(contextidr_el1, a->contextidr_el1);
    write_sysreg(tpidr_el0, a->tpidr_el0);
    write_sysreg(tpidr_el1, a->tpidr_el1);
    write_sysreg(tpidrro_el0, a->tpidrro_el0);
    write_sysreg(par_el1, a->par_el1);
    write_sysreg(csselr_el1, a->csselr_el1);
    write_sysreg(mdscr_el1, a->mdscr_el1);
    write_sysreg(vmpidr_el2, a->vmpidr);
    write_sysreg(hcr_el2, a->hcr_el2);
    write_sysreg(fpsr, a->fpsr);
    write_sysreg(fpcr, a->fpcr);
    fpsimd_load(a->fp);
    if (unlikely(!(a->hcr_el2 & HCR_RW)))
        aarch32_load(a);
}

void arch_vcpu_switch(struct vcpu *prev, struct vcpu *next)
{
    ASSERT(prev != next);
    if (prev) {
        save_system(&prev->arch);
        vgic_save(prev);
        vcpu_timer_save(prev);
    }
    /* An idle CPU walks no guest's tables, not even speculatively: they may be freed. */
    stage2_load(next ? &next->domain->stage2.arch : NULL);
    if (next) {
        load_system(&next->arch);
        vgic_load(next);
        vcpu_timer_load(next);
    }
    isb();      /* addresses of the guest may be translated before it is entered */
}

HOT void arch_vcpu_flush(struct vcpu *v)
{
    vgic_flush(v);
}

void arch_vcpu_sync(struct vcpu *v)
{
    vgic_sync(v);
    vcpu_timer_resample(v);
}

void arch_vcpu_raise_upcall(struct vcpu *v)
{
    vgic_inject_edge(v, v->domain->arch.event_ppi);
}

bool arch_vcpu_has_interrupt(struct vcpu *v)
{
    return vcpu_timer_is_due(v) || vgic_has_pending(v) || event_vcpu_pending(v);
}
