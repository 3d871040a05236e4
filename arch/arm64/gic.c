/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's GICv3 (Arm IHI 0069): everything is group 1 at one priority. Ending is split (EOImode 1): the priority drops as soon as
 * an interrupt was taken, so that others come; it is deactivated by us, or, when it was handed to a guest, by that guest
 * through its list register.
 */
#include "arch/include/arm64_vcpu.h"
#include "gic_internal.h"
#include "arch/include/vcpu.h"
#include "core/console.h"
#include "drivers/uart.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/spinlock.h"
#include "sysreg.h"
#include "vdev/arm64/vits.h"

/* Distributor (12.9): what gic_internal.h does not have. */
#define GICD_IGRPMODR 0xd00
#define GICD_IROUTER 0x6000
#define GICD_PIDR2 0xffe8
#define GICD_BYTES 0x10000
#define CTLR_ENABLE (BIT(4) | BIT(1) | BIT(0))     /* affinity routing, both group enables */
#define CTLR_RWP BIT(31)

#define GICR_CTLR 0x000
#define GICR_TYPER 0x008
#define GICR_WAKER 0x014
#define GICR_PRIVATE 0x10000
#define GICR_BYTES 0x20000
#define GICR_CTLR_RWP BIT(3)
#define WAKER_SLEEP BIT(1)
#define WAKER_CHILDREN_ASLEEP BIT(2)
#define TYPER_LAST BIT(4)
#define TYPER_VLPIS BIT(1)

#define PATIENCE 1000000

struct gic_state gic;
PER_CPU(volatile uint8_t *, gic_private);
static PER_CPU(volatile uint8_t *, redistributor);
static volatile uint8_t *region[BOOT_GIC_REGIONS];
static uint64_t region_mapped[BOOT_GIC_REGIONS];
static spinlock_t config_lock = SPINLOCK(LOCK_HYP_TABLES);      /* read-modify-write of GICx_ICFGR */

static void wait_clear(volatile uint8_t *base, unsigned offset, uint64_t bits)
{
    for (unsigned i = 0; gic_read32(base, offset) & bits; i++)
        PANIC_IF(i > PATIENCE, "GIC: register %#x keeps %#llx", offset, (unsigned long long)bits);
}

/* -- set-up -- */

void gic_reset_shared(uint32_t groups)
{
    for (unsigned i = 1; i <= gic.spis / 32; i++) {
        gic_write32(gic.distributor, GICD_ICENABLER + 4 * i, UINT32_MAX);
        gic_write32(gic.distributor, GICD_ICACTIVER + 4 * i, UINT32_MAX);
        gic_write32(gic.distributor, GICD_ICPENDR + 4 * i, UINT32_MAX);
        gic_write32(gic.distributor, GICD_IGROUPR + 4 * i, groups);
    }
    for (unsigned i = 32; i < 32 + gic.spis; i += 4)
        gic_write32(gic.distributor, GICD_IPRIORITYR + i, GIC_PRIORITY);
    for (unsigned i = 32; i < 32 + gic.spis; i += 16)
        gic_write32(gic.distributor, GICD_ICFGR + i / 4, 0);
}

static void distributor_init(void)
{
    gic_write32(gic.distributor, GICD_CTLR, 0);
    wait_clear(gic.distributor, GICD_CTLR, CTLR_RWP);
    gic_reset_shared(UINT32_MAX);
    for (unsigned i = 1; i <= gic.spis / 32; i++)
        gic_write32(gic.distributor, GICD_IGRPMODR + 4 * i, 0);
    wait_clear(gic.distributor, GICD_CTLR, CTLR_RWP);
    gic_write32(gic.distributor, GICD_CTLR, CTLR_ENABLE);
    wait_clear(gic.distributor, GICD_CTLR, CTLR_RWP);
    for (unsigned i = 32; i < 32 + gic.spis; i++)
        arch_irq_set_target(i, 0);
}

void gic_init(const struct boot_gic *g)
{
    unsigned version;

    gic.where = *g;
    gic.distributor = map_device(g->distributor, GICD_BYTES);
    PANIC_IF(!gic.distributor, "GIC: no room to map the distributor");
    version = gic_read32(gic.distributor, GICD_PIDR2) >> 4 & 15;
    PANIC_IF(version != 3 && version != 4, "GIC: architecture version %u at 0x%llx, only 3 and 4 are driven", version,
             (unsigned long long)g->distributor.v);
    PANIC_IF(g->regions == 0 || g->regions > BOOT_GIC_REGIONS, "GIC: %u redistributor regions", g->regions);
    gic.spis = MIN((gic_read32(gic.distributor, GICD_TYPER) & 31) * 32, 960u);
    distributor_init();
}

void arch_boot_interrupts(const struct boot_gic *g)
{
    ASSERT(cpu_id() == 0);
    if (g->version == 2) {
        gicv2_init(g);
    } else {
        gic_init(g);
        PANIC_IF(gic_cpu_init(0), "GIC: no redistributor for CPU 0 (MPIDR %#llx)", (unsigned long long)this_cpu()->mpidr);
    }
    gic_enable_on_all(gic.where.maintenance_irq);
}

/* The registers at `offset` of region i, mapped as the walk gets there. NULL behind its end. */
static volatile uint8_t *region_at(unsigned i, uint64_t offset)
{
    if (offset + GICR_BYTES > gic.where.redistributor[i].size)
        return NULL;
    while (region_mapped[i] < offset + GICR_BYTES) {
        volatile uint8_t *p = map_device(HPA(gic.where.redistributor[i].base.v + region_mapped[i]), GICR_BYTES);

        if (!p)
            return NULL;
        if (region_mapped[i] == 0)
            region[i] = p;
        /* CPUs come up one at a time, so nothing else is mapped meanwhile; but regions may alternate. */
        PANIC_IF(p != region[i] + region_mapped[i], "GIC: redistributors are not mapped in one piece");
        region_mapped[i] += GICR_BYTES;
    }
    return region[i] + offset;
}

/* Walk a region until this CPU's affinity or the frame that says it is the last. */
static volatile uint8_t *find_in_region(unsigned i, uint64_t affinity)
{
    volatile uint8_t *r;
    uint64_t offset = 0;

    while ((r = region_at(i, offset))) {
        uint64_t type = *(volatile uint64_t *)(r + GICR_TYPER);

        if (type >> 32 == affinity)
            return r;
        if (type & TYPER_LAST)
            return NULL;
        offset += type & TYPER_VLPIS ? 2 * GICR_BYTES : GICR_BYTES;
    }
    return NULL;
}

/* MPIDR has affinity 3 in bits 39:32, GICR_TYPER in the top byte of its upper half. */
static uint64_t typer_affinity(uint64_t mpidr)
{
    return (mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff);
}

static volatile uint8_t *find_redistributor(void)
{
    volatile uint8_t *found = NULL;

    for (unsigned i = 0; i < gic.where.regions && !found; i++)
        found = find_in_region(i, typer_affinity(this_cpu()->mpidr));
    return found;
}

static void redistributor_init(volatile uint8_t *r)
{
    volatile uint8_t *p = r + GICR_PRIVATE;

    gic_write32(r, GICR_WAKER, gic_read32(r, GICR_WAKER) & ~(uint32_t)WAKER_SLEEP);
    wait_clear(r, GICR_WAKER, WAKER_CHILDREN_ASLEEP);
    gic_write32(p, GICD_ICENABLER, UINT32_MAX);
    gic_write32(p, GICD_ICACTIVER, UINT32_MAX);
    gic_write32(p, GICD_IGROUPR, UINT32_MAX);
    gic_write32(p, GICD_IGRPMODR, 0);
    for (unsigned i = 0; i < 32; i += 4)
        gic_write32(p, GICD_IPRIORITYR + i, GIC_PRIORITY);
    wait_clear(r, GICR_CTLR, GICR_CTLR_RWP);
    gic_write32(p, GICD_ISENABLER, BIT(SGI_KICK) | BIT(SGI_HALT) | gic.private_enabled);
}

static void cpu_interface_init(void)
{
    /* System registers for us and for guests, bypass off. */
    write_sysreg_s(ICC_SRE_EL2, 0xf);
    isb();
    PANIC_IF(!(read_sysreg_s(ICC_SRE_EL2) & 1), "GIC: CPU %u has no system register interface", cpu_id());
    write_sysreg_s(ICC_SRE_EL1, 7);
    write_sysreg_s(ICC_PMR_EL1, 0xff);
    write_sysreg_s(ICC_BPR1_EL1, 0);
    write_sysreg_s(ICC_CTLR_EL1, BIT(1));
    write_sysreg_s(ICC_IGRPEN1_EL1, 1);
    isb();
}

int gic_cpu_init(unsigned cpu)
{
    volatile uint8_t *r;

    ASSERT(cpu == cpu_id());
    if (gic_is_v2())
        return gicv2_cpu_init(cpu);
    r = find_redistributor();
    if (!r)
        return -E_NODEV;
    redistributor[cpu] = r;
    gic_private[cpu] = r + GICR_PRIVATE;
    redistributor_init(r);
    cpu_interface_init();
    its_cpu_up(cpu);
    return 0;
}

volatile uint8_t *gic_redistributor(unsigned cpu)
{
    ASSERT(cpu < MAX_CPUS);
    return redistributor[cpu];
}

hpa_t gic_redistributor_address(unsigned cpu)
{
    for (unsigned i = 0; i < gic.where.regions; i++)
        if (region[i] && redistributor[cpu] >= region[i] && redistributor[cpu] < region[i] + region_mapped[i])
            return HPA(gic.where.redistributor[i].base.v + (uint64_t)(redistributor[cpu] - region[i]));
    panic("GIC: CPU %u has no redistributor", cpu);
}

/* -- handling -- */

void gic_set_handler(unsigned irq, gic_handler handle)
{
    ASSERT(irq >= 16 && irq < 32 && handle);
    gic.private_handler[irq] = handle;
}

void gic_enable_on_all(unsigned irq)
{
    ASSERT(irq >= 16 && irq < 32 && cpu_id() == 0 && !(gic.private_enabled & BIT(irq)));
    gic.private_enabled |= BIT(irq);
    arch_irq_enable(irq, true);
}

unsigned gic_maintenance_irq(void)
{
    return gic.where.maintenance_irq;
}

const struct boot_gic *gic_host(void)
{
    return &gic.where;
}

unsigned arch_vgic_version(void)
{
    return gic.where.version == 2 ? 2 : 3;
}

void gic_set_console_irq(unsigned irq)
{
    ASSERT(irq >= 32 && irq < 32 + gic.spis);
    gic.console_irq = irq;
}

void arch_boot_console_interrupt(unsigned irq)
{
    gic_set_console_irq(irq);
    arch_irq_enable(irq, true);
    uart_enable_interrupt();
}

static void refuse(unsigned irq)
{
    log_guest("interrupt %u is nobody's: disabled", irq);
    arch_irq_enable(irq, false);
    arch_irq_deactivate(irq);
}

static ALWAYS_INLINE void handle_private(unsigned irq)
{
    gic_handler handle = gic.private_handler[irq];

    if (!handle)
        refuse(irq);
    else if (handle(irq))
        arch_irq_deactivate(irq);
}

static ALWAYS_INLINE void handle_shared(unsigned irq)
{
    if (irq == gic.console_irq) {
        console_input_pending();
        arch_irq_deactivate(irq);
    } else if (!arch_irq_deliver(irq) && !gic_handle_own(irq)) {
        refuse(irq);
    }
}

void gic_dispatch(unsigned irq)
{
    ASSERT(irq >= 16);
    if (irq >= 32)
        handle_shared(irq);
    else
        handle_private(irq);
}

/* An LPI has no active state: it is over with its priority's drop. One that is nobody's was on its way when it was unmapped. */
static COLD NOINLINE void handle_lpi(unsigned irq)
{
    if (irq < LPI_FIRST)
        return;
    dsb(sy);
    write_sysreg_s(ICC_EOIR1_EL1, irq);
    (void)vits_deliver(irq);
}

static void handle_sgi(unsigned irq)
{
    arch_irq_deactivate(irq);
    if (irq == SGI_HALT)
        machine_halt();
    ASSERT(irq == SGI_KICK);
}

HOT void gic_handle_interrupt(void)
{
    unsigned irq;

    if (gic_is_v2()) {
        gicv2_handle_interrupt();
        return;
    }
    irq = (unsigned)read_sysreg_s(ICC_IAR1_EL1);
    if (unlikely(irq >= GIC_FIRST_SPECIAL)) {
        handle_lpi(irq);
        return;
    }
    /* What the sender wrote before it sent is visible: acknowledging is ordered by this. */
    dsb(sy);
    write_sysreg_s(ICC_EOIR1_EL1, irq);
    if (irq >= 32)
        handle_shared(irq);
    else if (irq >= 16)
        handle_private(irq);
    else
        handle_sgi(irq);
}

/* -- sending -- */

/* ICC_SGI1R_EL1: affinities 3.2.1 and a bit for each of 16 neighbours in affinity 0 (12.2.19). */
void gic_send_kick(unsigned cpu)
{
    uint64_t m = cpu_blocks[cpu].mpidr, aff0 = m & 0xff;

    if (gic_is_v2()) {
        gicv2_send_kick(cpu);
        return;
    }
    ASSERT(cpu < MAX_CPUS);
    dsb(ishst);
    write_sysreg_s(ICC_SGI1R_EL1, (m >> 32 & 0xff) << 48 | (m >> 16 & 0xff) << 32 | (m >> 8 & 0xff) << 16 |
                   (aff0 >> 4) << 44 | BIT(aff0 & 15) | (uint64_t)SGI_KICK << 24);
    isb();
}

void gic_send_halt_all(void)
{
    if (gic_is_v2()) {
        gicv2_send_halt_all();
        return;
    }
    if (!redistributor[cpu_id()])
        return;
    dsb(ishst);
    /* IRM: everybody but this CPU */
    write_sysreg_s(ICC_SGI1R_EL1, BIT(40) | (uint64_t)SGI_HALT << 24);
    isb();
}

/* -- one interrupt -- */

/* Where an interrupt's bits are. */
static volatile uint8_t *base_of(unsigned irq)
{
    ASSERT(irq < 32 + gic.spis);
    return irq < 32 ? gic_private[cpu_id()] : gic.distributor;
}

static void write_bit(unsigned irq, unsigned offset)
{
    gic_write32(base_of(irq), offset + irq / 32 * 4, (uint32_t)BIT(irq % 32));
}

void arch_irq_enable(unsigned irq, bool on)
{
    if (gic_is_v2()) {
        gicv2_enable(irq, on);
        return;
    }
    write_bit(irq, on ? GICD_ISENABLER : GICD_ICENABLER);
    if (on)
        return;
    if (irq < 32)
        wait_clear(redistributor[cpu_id()], GICR_CTLR, GICR_CTLR_RWP);
    else
        wait_clear(gic.distributor, GICD_CTLR, CTLR_RWP);
}

void arch_irq_set_edge(unsigned irq, bool edge)
{
    volatile uint8_t *base = base_of(irq);
    unsigned offset = GICD_ICFGR + irq / 16 * 4;
    uint32_t bit = UINT32_C(2) << irq % 16 * 2, value;

    spin_lock(&config_lock);
    value = gic_read32(base, offset);
    gic_write32(base, offset, edge ? value | bit : value & ~bit);
    spin_unlock(&config_lock);
}

void arch_irq_set_target(unsigned irq, unsigned cpu)
{
    if (gic_is_v2()) {
        gicv2_set_target(irq, cpu);
        return;
    }
    ASSERT(irq >= 32 && irq < 32 + gic.spis && cpu < MAX_CPUS);
    *(volatile uint64_t *)(gic.distributor + GICD_IROUTER + irq * 8) = cpu_blocks[cpu].mpidr;
}

void arch_irq_deactivate(unsigned irq)
{
    if (gic_is_v2())
        gicv2_deactivate(irq);
    else
        write_sysreg_s(ICC_DIR_EL1, irq);
}

void arch_irq_set_active(unsigned irq, bool active)
{
    write_bit(irq, active ? GICD_ISACTIVER : GICD_ICACTIVER);
}

unsigned arch_irq_spi_count(void)
{
    return gic.spis;
}
