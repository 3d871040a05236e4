/* SPDX-License-Identifier: Apache-2.0 */
/* Contract: the hardware beneath the virtual interrupt controller: list registers, the virtual CPU interface's state, and the
 * physical interrupts linked to virtual ones. Only vdev/arm64/vgic_lr.c calls it. (Arm IHI 0069, 12.4) */
#ifndef ARCH_ARM64_VGIC_HW_H
#define ARCH_ARM64_VGIC_HW_H

#include "lib/types.h"

/* A list register in the GICv3 layout: vINTID 31:0, pINTID 44:32 (or EOI bit 41 when HW=0), priority 55:48, group 60, HW 61,
 * state 63:62 (0 invalid, 1 pending, 2 active, 3 both). */
#define LR_STATE_PENDING BIT(62)
#define LR_STATE_ACTIVE BIT(63)
#define LR_HW BIT(61)
#define LR_GROUP1 BIT(60)
#define LR_PRIORITY_SHIFT 48
#define LR_PINTID_SHIFT 32
#define LR_EOI_NOTIFY BIT(41)
/* A GICv2's SGI: the vCPU that sent it, in 12:10 of the vINTID, which is the interrupt's number below that. */
#define LR_SOURCE_SHIFT 10

unsigned arch_lr_count(void);
uint64_t arch_lr_read(unsigned n);
void arch_lr_write(unsigned n, uint64_t value);
/* Bit n: list register n is empty (ICH_ELRSR_EL2). */
uint64_t arch_lr_empty_mask(void);
/* Maintenance interrupts wanted while: fewer than two list registers are occupied; none is pending (and not active). */
void arch_vgic_refill_interrupts(bool underflow, bool none_pending);

struct vgic_vcpu;
void arch_vgic_save(struct vgic_vcpu *s);     /* VMCR, active priorities, HCR */
void arch_vgic_load(const struct vgic_vcpu *s);
void arch_vgic_reset(struct vgic_vcpu *s);

/* Physical interrupt control for routed interrupts (SPIs: any CPU; PPIs: of this CPU). The target is set of one that is not active,
 * and a list register is linked to an SPI only on the CPU that took it: the active state may be each CPU's own. Deactivating ends it
 * for all CPUs. */
void arch_irq_enable(unsigned irq, bool on);
void arch_irq_set_edge(unsigned irq, bool edge);
void arch_irq_set_target(unsigned irq, unsigned cpu);
/* End a physical interrupt for which no list register will do it; force its active state (for the timer's PPI at a switch). */
void arch_irq_deactivate(unsigned irq);
void arch_irq_set_active(unsigned irq, bool active);
/* The host's shared interrupts: number, multiple of 32. */
unsigned arch_irq_spi_count(void);

#endif
