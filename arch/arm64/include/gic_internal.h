/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the drivers of the two interrupt controllers share: GICv3 (gic.c, vgic_hw.c) is what the code is compiled for; on a board
 * with a GICv2 the functions that differ are replaced at boot by gicv2.c's and gicv2_lr.c's (patch.h).
 */
#ifndef ARM64_GIC_INTERNAL_H
#define ARM64_GIC_INTERNAL_H

#include "arch/include/cpu.h"
#include "arch/include/vcpu.h"
#include "core/console.h"
#include "gic.h"

/* The distributor (IHI 0069 12.9, IHI 0048 4.3). A GICv3 has the registers of private interrupts in the redistributor's second
 * frame at the same offsets, a GICv2 in the distributor, banked. */
#define GICD_CTLR 0x000
#define GICD_TYPER 0x004
#define GICD_IGROUPR 0x080
#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICD_ICPENDR 0x280
#define GICD_ISACTIVER 0x300
#define GICD_ICACTIVER 0x380
#define GICD_IPRIORITYR 0x400
#define GICD_ICFGR 0xc00

#define GIC_PRIORITY 0xa0a0a0a0
#define GIC_FIRST_SPECIAL 1020
#define SGI_KICK 0
#define SGI_HALT 1

struct gic_state {
    volatile uint8_t *distributor;
    unsigned spis;
    unsigned console_irq;
    uint32_t private_enabled;       /* on every CPU as it comes up */
    gic_handler private_handler[32];
    struct boot_gic where;
};
extern struct gic_state gic;
/* Where this CPU's private interrupts have their registers. */
extern PER_CPU(volatile uint8_t *, gic_private);

static inline uint32_t gic_read32(volatile uint8_t *base, unsigned offset)
{
    return *(volatile uint32_t *)(base + offset);
}

static inline void gic_write32(volatile uint8_t *base, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(base + offset) = value;
}

/* Nobody wants this interrupt: a line in the log, and it is disabled and ended. */
void gic_refuse(unsigned irq);

static ALWAYS_INLINE void gic_dispatch_private(unsigned irq, void (*deactivate)(unsigned irq))
{
    gic_handler handle = gic.private_handler[irq];

    if (!handle) {
        if (irq == gic.where.maintenance_irq)
            deactivate(irq);        /* to have left the guest is what it is for */
        else
            gic_refuse(irq);
    } else if (handle(irq)) {
        deactivate(irq);
    }
}

static ALWAYS_INLINE void gic_dispatch_shared(unsigned irq, void (*deactivate)(unsigned irq))
{
    if (irq == gic.console_irq) {
        console_input_pending();
        deactivate(irq);
    } else if (!arch_irq_deliver(irq)) {
        gic_refuse(irq);
    }
}

#endif
