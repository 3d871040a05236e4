/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers of the two interrupt controllers share. Where they differ GICv3's functions ask gic_is_v2() (static_key.h) first. */
#ifndef ARM64_GIC_INTERNAL_H
#define ARM64_GIC_INTERNAL_H

#include "arch/include/cpu.h"
#include "arch/include/arm64_vgic_hw.h"
#include "gic.h"
#include "static_key.h"

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

/* A private or shared interrupt that was acknowledged and whose priority was dropped goes to whom it concerns. */
COLD void gic_dispatch(unsigned irq);

/* An interrupt of arch_boot_device_interrupt: handled and deactivated. False: it is none. */
COLD bool gic_handle_own(unsigned irq);

/* The redistributor of a CPU that is or was up, NULL: another one's; and its physical address. */
volatile uint8_t *gic_redistributor(unsigned cpu);
hpa_t gic_redistributor_address(unsigned cpu);
/* This CPU takes LPIs as well, if there is an ITS in use (its.c). */
COLD void its_cpu_up(unsigned cpu);

/* The GICv2's variants of gic.h's and arm64_vgic_hw.h's functions (gicv2.c, gicv2_lr.c). */
COLD void gicv2_init(const struct boot_gic *g);
COLD int gicv2_cpu_init(unsigned cpu) MUST_CHECK;
COLD void gicv2_handle_interrupt(void);
COLD void gicv2_send_kick(unsigned cpu);
COLD void gicv2_send_halt_all(void);
COLD void gicv2_enable(unsigned irq, bool on);
COLD void gicv2_set_target(unsigned irq, unsigned cpu);
COLD void gicv2_deactivate(unsigned irq);
COLD void gicv2_lr_init(const struct boot_gic *g);
COLD unsigned gicv2_lr_count(void);
COLD uint64_t gicv2_lr_read(unsigned n);
COLD void gicv2_lr_write(unsigned n, uint64_t value);
COLD uint64_t gicv2_lr_empty_mask(void);
COLD void gicv2_refill_interrupts(bool underflow, bool none_pending);
COLD void gicv2_save(struct vgic_vcpu *s);
COLD void gicv2_load(const struct vgic_vcpu *s);

/* Every shared interrupt, of either GIC: disabled, neither active nor pending, a level, and 32 of them in these groups. gic.spis is known. */
COLD void gic_reset_shared(uint32_t groups);

#endif
