/* SPDX-License-Identifier: Apache-2.0 */
/* List registers, few of them, and what a guest does with them: acknowledge and end (Arm IHI 0069, 4.6). */
#include "arch/include/arm64_vgic_hw.h"
#include "arch/host/internal.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "vdev/arm64/vgic.h"

#define LIST_REGISTERS 4
#define SPURIOUS 1023
#define LR_STATE (LR_STATE_PENDING | LR_STATE_ACTIVE)
/* Both groups on, all priorities pass: simulated guests set up their CPU interface this way at once. */
#define VMCR_OPEN (UINT32_C(0xf8) << 24 | 3)

static PER_CPU(uint64_t, list[LIST_REGISTERS]);
static PER_CPU(bool, underflow_wanted);
static PER_CPU(bool, none_pending_wanted);
static PER_CPU(uint32_t, vmcr);
static PER_CPU(bool, maintenance_raised);

static uint64_t *own(unsigned n)
{
    PANIC_IF(n >= LIST_REGISTERS, "there is no list register %u", n);
    return &list[cpu_id()][n];
}

unsigned arch_lr_count(void)
{
    return LIST_REGISTERS;
}

uint64_t arch_lr_read(unsigned n)
{
    return *own(n);
}

/* IHI 0069 12.4.8: the same interrupt in two list registers, or a linked one active and pending, is unpredictable. */
void arch_lr_write(unsigned n, uint64_t value)
{
    for (unsigned i = 0; i < LIST_REGISTERS; i++)
        PANIC_IF(i != n && value & LR_STATE && *own(i) & LR_STATE && (uint32_t)*own(i) == (uint32_t)value,
                 "interrupt %u is in two list registers", (uint32_t)value);
    PANIC_IF(value & LR_HW && (value & LR_STATE) == LR_STATE, "linked interrupt %u active and pending", (uint32_t)value);
    *own(n) = value;
}

uint64_t arch_lr_empty_mask(void)
{
    uint64_t mask = 0;

    for (unsigned n = 0; n < LIST_REGISTERS; n++)
        mask |= *own(n) & LR_STATE ? 0 : BIT(n);
    return mask;
}

void arch_vgic_refill_interrupts(bool underflow, bool none_pending)
{
    underflow_wanted[cpu_id()] = underflow;
    none_pending_wanted[cpu_id()] = none_pending;
}

void arch_vgic_save(struct vgic_vcpu *s)
{
    s->vmcr = vmcr[cpu_id()];
}

void arch_vgic_load(const struct vgic_vcpu *s)
{
    vmcr[cpu_id()] = s->vmcr;
    underflow_wanted[cpu_id()] = s->underflow;
    none_pending_wanted[cpu_id()] = s->none_pending;
    maintenance_raised[cpu_id()] = false;
}

void arch_vgic_reset(struct vgic_vcpu *s)
{
    s->hcr = 1;
    s->vmcr = VMCR_OPEN;
    for (unsigned n = 0; n < ARRAY_SIZE(s->ap0r); n++)
        s->ap0r[n] = s->ap1r[n] = 0;
}

/* --- the guest's side --- */

static unsigned priority_of(uint64_t lr)
{
    return lr >> LR_PRIORITY_SHIFT & 0xff;
}

static void maintenance(void)
{
    maintenance_raised[cpu_id()] = true;
    host_kicked[cpu_id()] = true;
}

static void look_for_refill(void)
{
    unsigned occupied = 0, pending = 0;

    for (unsigned n = 0; n < LIST_REGISTERS; n++) {
        occupied += (*own(n) & LR_STATE) != 0;
        pending += (*own(n) & LR_STATE) == LR_STATE_PENDING;
    }
    if ((underflow_wanted[cpu_id()] && occupied < 2) || (none_pending_wanted[cpu_id()] && pending == 0))
        maintenance();
}

unsigned host_guest_acknowledge(struct vcpu *v)
{
    uint64_t *best = NULL;
    unsigned irq;

    ASSERT(v == cpu_current_vcpu());
    for (unsigned n = 0; n < LIST_REGISTERS; n++) {
        uint64_t *lr = own(n);

        if ((*lr & LR_STATE) == LR_STATE_PENDING && (!best || priority_of(*lr) < priority_of(*best)))
            best = lr;
    }
    if (!best)
        return SPURIOUS;
    irq = (uint32_t)*best;
    *best = (*best & ~LR_STATE) | LR_STATE_ACTIVE;
    look_for_refill();
    return irq;
}

void host_take_maintenance(struct vcpu *v)
{
    if (!maintenance_raised[cpu_id()])
        return;
    maintenance_raised[cpu_id()] = false;
    vgic_maintenance(v);
}

void host_guest_end_interrupt(struct vcpu *v, unsigned irq)
{
    ASSERT(v == cpu_current_vcpu());
    for (unsigned n = 0; n < LIST_REGISTERS; n++) {
        uint64_t *lr = own(n);

        if (!(*lr & LR_STATE_ACTIVE) || (uint32_t)*lr != irq)
            continue;
        *lr &= ~LR_STATE_ACTIVE;
        if (*lr & LR_HW)
            host_end_linked(*lr >> LR_PINTID_SHIFT & 0x1fff);
        else if (*lr & LR_EOI_NOTIFY)
            maintenance();
    }
    look_for_refill();
}
