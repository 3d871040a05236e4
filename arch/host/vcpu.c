/* SPDX-License-Identifier: Apache-2.0 */
/* The processor state of simulated guests: Arm's registers, without anything behind them. */
#include "arch/include/vcpu.h"
#include "arch/host/internal.h"
#include "arch/include/arm64_vcpu.h"
#include "arch/include/stage2.h"
#include "arch/include/arm64_vgic_hw.h"
#include "core/domain.h"
#include "core/event.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "vdev/arm64/vgic_internal.h"

/* Guests' interrupt controller (xen/arch-arm.h, GUEST_GICV3_*), and the event channels' interrupt (GUEST_EVTCHN_PPI). */
#define DISTRIBUTOR GPA(0x03001000)
#define REDISTRIBUTORS GPA(0x03020000)
#define REDISTRIBUTORS_SIZE 0x01000000
#define EVENT_PPI 31
#define GUEST_SPIS 32

int arch_domain_init(struct domain *d)
{
    uint32_t spis = d->is_control ? HOST_SPIS : MAX(ROUND_UP(d->shared_irqs, 32u), (uint32_t)GUEST_SPIS);

    d->arch.mmio.count = 0;
    d->arch.event_ppi = EVENT_PPI;
    if (arch_vgic_version() == 2)
        return vgic_v2_domain_init(d, spis, DISTRIBUTOR);
    return vgic_domain_init(d, spis, DISTRIBUTOR, REDISTRIBUTORS, REDISTRIBUTORS_SIZE);
}

void arch_domain_destroy(struct domain *d)
{
    arch_irq_unroute_all(d);
    vgic_domain_destroy(d);
    x86_platform_free(d);
}

int arch_vcpu_init(struct vcpu *v)
{
    vgic_vcpu_init(v);
    arch_vgic_reset(&v->arch.vgic);
    /* As the simulated guest's kernel does first: let the upcall's interrupt through. */
    v->arch.vgic.irqs[v->domain->arch.event_ppi].enabled = true;
    return 0;
}

void arch_vcpu_retire(struct vcpu *v UNUSED)
{
}

void arch_vcpu_destroy(struct vcpu *v)
{
    host_cancel(v);
}

bool arch_has_narrow_guests(void)
{
    return true;
}

void arch_vcpu_reset(struct vcpu *v, const struct vcpu_start *start)
{
    ASSERT(v != cpu_current_vcpu());
    memset(&v->arch.regs, 0, sizeof(v->arch.regs));
    v->arch.regs.x[0] = start->context;
    v->arch.regs.pc = start->pc;
    v->arch.regs.psr = start->flags;
    v->arch.regs.sctlr = start->control;
    v->arch.regs.ttbr0 = start->table0;
    v->arch.regs.ttbr1 = start->table1;
    v->arch.regs.tcr = start->table_control;
    v->arch.repeat = false;
    arch_vgic_reset(&v->arch.vgic);
}

void arch_vcpu_switch(struct vcpu *prev, struct vcpu *next)
{
    ASSERT(prev != next && prev == cpu_current_vcpu());
    if (prev)
        vgic_save(prev);
    tlb_load_space(next ? &next->domain->stage2.arch : NULL);
    if (next)
        vgic_load(next);
}

void arch_vcpu_flush(struct vcpu *v)
{
    vgic_flush(v);
}

void arch_vcpu_sync(struct vcpu *v)
{
    vgic_sync(v);
}

uint64_t arch_hypercall_arg(const struct vcpu *v, unsigned n)
{
    ASSERT(n < 6);
    return v->arch.regs.x[n];
}

void arch_hypercall_set_arg(struct vcpu *v, unsigned n, uint64_t value)
{
    ASSERT(n < 6);
    v->arch.regs.x[n] = value;
}

void arch_hypercall_result(struct vcpu *v, int64_t result)
{
    v->arch.regs.x[0] = (uint64_t)result;
}

void arch_hypercall_repeat(struct vcpu *v)
{
    v->arch.repeat = true;
}

void arch_vcpu_raise_upcall(struct vcpu *v)
{
    vgic_inject_edge(v, v->domain->arch.event_ppi);
}

bool arch_vcpu_has_interrupt(struct vcpu *v)
{
    return vgic_has_pending(v) || event_vcpu_pending(v);
}

void arch_inject_undefined(struct vcpu *v)
{
    v->arch.faults++;
}

void arch_inject_bad_address(struct vcpu *v, uint64_t address UNUSED, bool is_instruction UNUSED)
{
    v->arch.faults++;
}

uint64_t arch_vcpu_pc(const struct vcpu *v)
{
    return v->arch.regs.pc;
}

void arch_vcpu_print(const struct vcpu *v)
{
    log_info("d%uv%u: pc %llx, %u faults", v->domain->id.v, v->id, (unsigned long long)v->arch.regs.pc, v->arch.faults);
}

void arm_registers_get(const struct vcpu *v, struct arm_registers *out)
{
    ASSERT(v != cpu_current_vcpu());
    *out = v->arch.regs;
}

void arm_registers_set(struct vcpu *v, const struct arm_registers *in)
{
    ASSERT(v != cpu_current_vcpu());
    v->arch.regs = *in;
}

/* Stage 1 is an offset; the upper half of the address space is not mapped. */
enum translate_result arch_guest_translate(struct vcpu *v, gva_t address, bool write UNUSED, gpa_t *out)
{
    uint64_t physical = address.v - v->domain->arch.virtual_offset;

    ASSERT(v == cpu_current_vcpu());
    arch_schedule_point();
    if (physical >> 48)
        return TRANSLATE_FAULT;
    *out = GPA(physical);
    return TRANSLATE_OK;
}

void routes_boot(void)
{
    memset(irq_owners, 0, sizeof(irq_owners));
}

/* The simulated processor does not speculate, and no firmware lies under it. */
int32_t arch_guest_workaround(uint32_t function)
{
    ASSERT(function != 0);
    return -1;
}
