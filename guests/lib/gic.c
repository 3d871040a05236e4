/* SPDX-License-Identifier: Apache-2.0 */
/* GICv3 with the system register interface (IHI 0069) or GICv2 (IHI 0048), whichever the processor has; and the counter. */

#include "guests/lib/hypercall.h"

#define GICD_CTLR 0x0
#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICD_IPRIORITYR 0x400
#define GICR_WAKER 0x14
#define GICR_TYPER 0x8
#define GICR_STRIDE 0x20000UL
#define GICR_SGI 0x10000UL
#define INTID_SPURIOUS 1023

/* GICv2's CPU interface */
#define GICC_CTLR 0x0
#define GICC_PMR 0x4
#define GICC_BPR 0x8
#define GICC_IAR 0xc
#define GICC_EOIR 0x10
#define GICC_HPPIR 0x18
#define GICD_SGIR 0xf00

uint64_t gicd_base;
static uint64_t gicr_base, gicc_base;
volatile unsigned irq_count[IRQ_MAX];
volatile unsigned irq_spurious;
static irq_handler_t handlers[IRQ_MAX];
void irq_entry(void);

static uint32_t mmio_read32(uint64_t address)
{
    return *(volatile uint32_t *)address;
}

static void mmio_write32(uint64_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

uint32_t gicd_read32(unsigned offset)
{
    return mmio_read32(gicd_base + offset);
}

void gicd_write32(unsigned offset, uint32_t value)
{
    mmio_write32(gicd_base + offset, value);
}

uint32_t gicr_read32(unsigned offset)
{
    return mmio_read32(this_cpu()->gicr + offset);
}

void gicr_write32(unsigned offset, uint32_t value)
{
    mmio_write32(this_cpu()->gicr + offset, value);
}

/* Asked once: a hypervisor may trap the register. */
bool gic_is_v2(void)
{
    static enum { UNKNOWN, V2, V3 } version;

    if (version == UNKNOWN)
        version = (read_sysreg(id_aa64pfr0_el1) >> 24) & 0xf ? V3 : V2;
    return version == V2;
}

static void find_registers(const void *fdt)
{
    unsigned node, len;
    const uint32_t *reg;

    gicd_base = gic_is_v2() ? GUEST_GICD_BASE : GUEST_GICV3_GICD_BASE;
    gicr_base = GUEST_GICV3_GICR0_BASE;
    gicc_base = GUEST_GICC_BASE;
    if (!fdt)
        return;
    node = fdt_find(fdt, "compatible", gic_is_v2() ? "arm,cortex-a15-gic" : "arm,gic-v3");
    ASSERT(node);
    reg = fdt_prop(fdt, node, "reg", &len);
    ASSERT(reg && len >= 32);
    gicd_base = fdt_u64(reg, 0);
    gicr_base = gicc_base = fdt_u64(reg, 2);
}

void gic_init(const void *fdt)
{
    find_registers(fdt);
    gicd_write32(GICD_CTLR, gic_is_v2() ? 1 : 0x12); /* v3: ARE_NS, EnableGrp1A */
    gic_cpu_init();
}

/* Redistributors are in address order; TYPER[63:32] is the affinity, bit 4 the last one. */
static uint64_t find_redistributor(void)
{
    uint64_t affinity = read_sysreg(mpidr_el1);
    uint64_t base = gicr_base;

    affinity = (affinity & 0xffffff) | ((affinity >> 8) & 0xff000000);
    for (;;) {
        uint64_t typer = *(volatile uint64_t *)(base + GICR_TYPER);

        if (typer >> 32 == affinity)
            return base;
        if (typer & (1 << 4))
            guest_panic("no redistributor for affinity %lx", affinity);
        base += GICR_STRIDE;
    }
}

static void cpu_init_v2(void)
{
    for (unsigned i = 0; i < 32; i += 4)
        gicd_write32(GICD_IPRIORITYR + i, 0xa0a0a0a0);
    gicd_write32(GICD_ISENABLER, 0xffff);
    mmio_write32(gicc_base + GICC_PMR, 0xff);
    mmio_write32(gicc_base + GICC_CTLR, 1);
}

void gic_cpu_init(void)
{
    struct cpu *cpu = this_cpu();

    if (gic_is_v2()) {
        cpu_init_v2();
        return;
    }
    write_sysreg(S3_0_C12_C12_5, read_sysreg(S3_0_C12_C12_5) | 1); /* ICC_SRE_EL1.SRE */
    isb();
    cpu->gicr = find_redistributor();
    gicr_write32(GICR_WAKER, gicr_read32(GICR_WAKER) & ~2u);
    for (unsigned i = 0; i < 32; i += 4)
        gicr_write32(GICR_SGI + GICD_IPRIORITYR + i, 0xa0a0a0a0);
    gicr_write32(GICR_SGI + 0x80, 0xffffffff); /* IGROUPR0: group 1 */
    gicr_write32(GICR_SGI + GICD_ISENABLER, 0xffff);
    write_sysreg(S3_0_C4_C6_0, 0xff); /* ICC_PMR_EL1 */
    write_sysreg(S3_0_C12_C12_4, 0); /* ICC_CTLR_EL1: EOI ends and deactivates */
    write_sysreg(S3_0_C12_C12_7, 1); /* ICC_IGRPEN1_EL1 */
    isb();
}

void gic_handler(unsigned intid, irq_handler_t handler)
{
    ASSERT(intid < IRQ_MAX);
    handlers[intid] = handler;
}

static uint64_t bank(unsigned intid)
{
    return intid < 32 && !gic_is_v2() ? this_cpu()->gicr + GICR_SGI : gicd_base;
}

void gic_enable(unsigned intid)
{
    mmio_write32(bank(intid) + GICD_ISENABLER + intid / 32 * 4, 1u << (intid % 32));
}

void gic_disable(unsigned intid)
{
    mmio_write32(bank(intid) + GICD_ICENABLER + intid / 32 * 4, 1u << (intid % 32));
}

void gic_set_priority(unsigned intid, uint8_t priority)
{
    *(volatile uint8_t *)(bank(intid) + GICD_IPRIORITYR + intid) = priority;
}

void gic_send_sgi(unsigned intid, unsigned target_aff0)
{
    dsb();
    if (gic_is_v2()) {
        if (target_aff0 < 8)
            gicd_write32(GICD_SGIR, 1u << (16 + target_aff0) | intid);
        return;
    }
    /* ICC_SGI1R_EL1: INTID in [27:24], target list of 16 in [15:0], RS in [47:44] */
    write_sysreg(S3_0_C12_C11_5, ((uint64_t)intid << 24) | (1UL << (target_aff0 & 15)) |
                                     ((uint64_t)(target_aff0 >> 4) << 44));
    isb();
}

uint32_t gic_acknowledge(void)
{
    return gic_is_v2() ? mmio_read32(gicc_base + GICC_IAR) : (uint32_t)read_sysreg(S3_0_C12_C12_0) & 0xffffff;
}

void gic_end(uint32_t acknowledged)
{
    if (gic_is_v2())
        mmio_write32(gicc_base + GICC_EOIR, acknowledged);
    else
        write_sysreg(S3_0_C12_C12_1, acknowledged); /* ICC_EOIR1_EL1 */
    isb();
}

uint32_t gic_highest_pending(void)
{
    return gic_is_v2() ? mmio_read32(gicc_base + GICC_HPPIR) : (uint32_t)read_sysreg(S3_0_C12_C12_2);
}

void gic_set_mask(uint8_t priority)
{
    if (gic_is_v2())
        mmio_write32(gicc_base + GICC_PMR, priority);
    else
        write_sysreg(S3_0_C4_C6_0, priority);
    isb();
}

void gic_set_group_bits(unsigned bits)
{
    /* ICC_BPR1 names the lowest bit of the group priority, GICC_BPR the one below it. */
    if (gic_is_v2())
        mmio_write32(gicc_base + GICC_BPR, bits < 7 ? 7 - bits : 0);
    else
        write_sysreg(S3_0_C12_C12_3, bits < 8 ? 8 - bits : 0);
    isb();
}

void gic_cpu_enable(bool on)
{
    if (gic_is_v2())
        mmio_write32(gicc_base + GICC_CTLR, on);
    else
        write_sysreg(S3_0_C12_C12_7, on);
    isb();
}

void irq_entry(void)
{
    uint32_t acknowledged = gic_acknowledge(), intid = acknowledged & 0x3ff;

    if (intid == INTID_SPURIOUS) {
        irq_spurious++;
        return;
    }
    ASSERT(intid < IRQ_MAX);
    irq_count[intid]++;
    this_cpu()->nesting++;
    if (handlers[intid])
        handlers[intid](intid);
    this_cpu()->nesting--;
    gic_end(acknowledged);
}

void set_vectors(const char *table)
{
    write_sysreg(vbar_el1, table);
    isb();
}

void spin_ticks(uint64_t n)
{
    uint64_t start = counter_now();

    while (counter_now() - start < n)
        ;
}

bool wait_for(const volatile unsigned *value, unsigned wanted, uint64_t ticks)
{
    uint64_t start = counter_now();

    while (*value < wanted) {
        if (counter_now() - start > ticks)
            return false;
        sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}
