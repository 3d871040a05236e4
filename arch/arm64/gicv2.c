/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's GICv2 (Arm IHI 0048): distributor and CPU interface are memory; private interrupts are banked in the distributor. As
 * with a GICv3 ending is split (EOImode 1). At most eight CPUs.
 */
#include "gic_internal.h"
#include "core/domain.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "sysreg.h"

#define GICD_ITARGETSR 0x800
#define GICD_SGIR 0xf00
#define SGIR_ALL_OTHERS BIT(24)
#define SGIR_TARGETS_SHIFT 16
#define GICD_BYTES 0x1000

/* CPU interface (4.4); the last is in its second page. */
#define GICC_CTLR 0x0000
#define GICC_PMR 0x0004
#define GICC_BPR 0x0008
#define GICC_IAR 0x000c
#define GICC_EOIR 0x0010
#define GICC_DIR 0x1000
#define GICC_BYTES 0x2000
#define GICC_CTLR_EOIMODE BIT(9)
#define ENABLE BIT(0)               /* group 0, or group 1 where that is all that we see */
#define INTERRUPT_MASK 0x3ffu       /* of GICC_IAR; above it for an SGI the CPU that sent it */

static volatile uint8_t *interface;
static PER_CPU(uint8_t, target_bit);    /* this CPU's in GICD_ITARGETSR and GICD_SGIR; 0: not up */

/* -- set-up -- */

static void distributor_init(void)
{
    gic_write32(gic.distributor, GICD_CTLR, 0);
    gic_reset_shared(0);
    gic_write32(gic.distributor, GICD_CTLR, ENABLE);
}

/* The targets of the private interrupts read as the reader's own bit (4.3.12). */
static uint8_t own_target_bit(void)
{
    uint32_t targets = 0;

    for (unsigned i = 0; i < 32 && !targets; i += 4)
        targets = gic_read32(gic.distributor, GICD_ITARGETSR + i);
    targets |= targets >> 16;
    targets |= targets >> 8;
    return (uint8_t)targets;
}

int gicv2_cpu_init(unsigned cpu)
{
    ASSERT(cpu == cpu_id());
    gic_private[cpu] = gic.distributor;
    gic_write32(gic.distributor, GICD_ICENABLER, UINT32_MAX);
    gic_write32(gic.distributor, GICD_ICACTIVER, UINT32_MAX);
    gic_write32(gic.distributor, GICD_IGROUPR, 0);
    for (unsigned i = 0; i < 32; i += 4)
        gic_write32(gic.distributor, GICD_IPRIORITYR + i, GIC_PRIORITY);
    gic_write32(gic.distributor, GICD_ISENABLER, BIT(SGI_KICK) | BIT(SGI_HALT) | gic.private_enabled);
    gic_write32(interface, GICC_PMR, 0xff);
    gic_write32(interface, GICC_BPR, 0);
    gic_write32(interface, GICC_CTLR, ENABLE | GICC_CTLR_EOIMODE);
    target_bit[cpu] = own_target_bit();
    /* With a single CPU the targets read as zero. */
    return target_bit[cpu] || cpu == 0 ? 0 : -E_NODEV;
}

/* -- handling -- */

/* Through the distributor a shared one ends whoever took it. */
void gicv2_deactivate(unsigned irq)
{
    if ((irq & INTERRUPT_MASK) < 32)
        gic_write32(interface, GICC_DIR, irq);
    else
        gic_write32(gic.distributor, GICD_ICACTIVER + irq / 32 * 4, (uint32_t)BIT(irq % 32));
}

static void handle_sgi(uint32_t acknowledged)
{
    gicv2_deactivate(acknowledged);
    if ((acknowledged & INTERRUPT_MASK) == SGI_HALT)
        machine_halt();
    ASSERT((acknowledged & INTERRUPT_MASK) == SGI_KICK);
}

void gicv2_handle_interrupt(void)
{
    uint32_t acknowledged = gic_read32(interface, GICC_IAR);
    unsigned irq = acknowledged & INTERRUPT_MASK;

    if (unlikely(irq >= GIC_FIRST_SPECIAL))
        return;
    /* What the sender wrote before it sent is visible: acknowledging is ordered by this. */
    dsb(sy);
    gic_write32(interface, GICC_EOIR, acknowledged);
    if (irq >= 16)
        gic_dispatch(irq);
    else
        handle_sgi(acknowledged);
}

/* -- sending -- */

void gicv2_send_kick(unsigned cpu)
{
    ASSERT(cpu < MAX_CPUS);
    dsb(ishst);
    gic_write32(gic.distributor, GICD_SGIR, (uint32_t)target_bit[cpu] << SGIR_TARGETS_SHIFT | SGI_KICK);
}

void gicv2_send_halt_all(void)
{
    if (!gic_private[cpu_id()])
        return;
    dsb(ishst);
    gic_write32(gic.distributor, GICD_SGIR, SGIR_ALL_OTHERS | SGI_HALT);
}

/* -- one interrupt -- */

/* Nothing here tells when a disabled one has gone: reading back orders the write; one that was on its way is spurious. */
void gicv2_enable(unsigned irq, bool on)
{
    unsigned offset = (on ? GICD_ISENABLER : GICD_ICENABLER) + irq / 32 * 4;

    ASSERT(irq < 32 + gic.spis);
    gic_write32(gic.distributor, offset, (uint32_t)BIT(irq % 32));
    (void)gic_read32(gic.distributor, offset);
}

void gicv2_set_target(unsigned irq, unsigned cpu)
{
    ASSERT(irq >= 32 && irq < 32 + gic.spis && cpu < MAX_CPUS);
    gic.distributor[GICD_ITARGETSR + irq] = target_bit[cpu];
}

/* -- CPU interfaces: ours and guests' -- */

/*
 * Where pages are 64 KiB apart the interface fills 128 KiB, each of its two pages repeated sixteen times, so that the last of the
 * first and the first of the second make the 8 KiB that are expected.
 */
static hpa_t two_pages(hpa_t base, uint64_t size)
{
    return HPA(base.v + (size >= 0x20000 ? 0xf000 : 0));
}

int gicv2_map_guest_interface(struct domain *d, gpa_t at)
{
    hpa_t from = two_pages(gic.where.guest_interface, gic.where.guest_interface_size);
    int error = 0;

    ASSERT(IS_ALIGNED(at.v, PAGE_SIZE) && IS_ALIGNED(from.v, PAGE_SIZE));
    for (uint64_t done = 0; !error && done < GICC_BYTES; done += PAGE_SIZE)
        error = stage2_map(&d->stage2, gpa_to_gfn(GPA(at.v + done)), hpa_to_mfn(HPA(from.v + done)), 0, S2_DEVICE);
    return error;
}

/* -- start -- */

void gicv2_init(const struct boot_gic *g)
{
    gic.where = *g;
    gic.distributor = map_device(g->distributor, GICD_BYTES);
    interface = map_device(two_pages(g->cpu_interface, g->cpu_interface_size), GICC_BYTES);
    PANIC_IF(!gic.distributor || !interface, "GIC: no room to map its registers");
    static_key_set_gicv2();
    gicv2_lr_init(g);
    gic.spis = MIN((gic_read32(gic.distributor, GICD_TYPER) & 31) * 32, 960u);
    distributor_init();
    PANIC_IF(gic_cpu_init(0), "GIC: CPU 0 has no interface");
    for (unsigned i = 32; i < 32 + gic.spis; i++)
        arch_irq_set_target(i, 0);
}
