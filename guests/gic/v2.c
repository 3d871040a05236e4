/* SPDX-License-Identifier: Apache-2.0 */
/* A GICv2's distributor as registers (IHI 0048, 4.3), and SGIs by sender. The guest has two vCPUs. */

#include "guests/gic/gic.h"
#include "guests/lib/hypercall.h"

#define GICD_CTLR 0x0
#define GICD_TYPER 0x4
#define ISENABLER 0x100
#define ICENABLER 0x180
#define ISPENDR 0x200
#define ICPENDR 0x280
#define IPRIORITYR 0x400
#define ITARGETSR 0x800
#define ICFGR 0xc00
#define SGIR 0xf00
#define CPENDSGIR 0xf10
#define SPENDSGIR 0xf20
#define PIDR2 0xfe8
#define TEST_SPI 40
#define SGI 5
#define ARCH_GICV2 2
#define SPURIOUS 1023

static volatile uint8_t *byte(unsigned offset)
{
    return (volatile uint8_t *)(gicd_base + offset);
}

static void test_identity(void)
{
    uint32_t typer = gicd_read32(GICD_TYPER);

    check_eq("GICD_CTLR", gicd_read32(GICD_CTLR), 1);
    check((typer & 0x1f) < 31, "GICD_TYPER.ITLinesNumber", "%x", typer);
    check_eq("GICD_TYPER.CPUNumber", (typer >> 5) & 7, 1);
    check_either("GICD_PIDR2.ArchRev", (gicd_read32(PIDR2) >> 4) & 0xf, ARCH_GICV2, 0, "Xen 4.17 has no ID registers there");
    gicd_write32(GICD_TYPER, ~typer);
    check_eq("GICD_TYPER is read-only", gicd_read32(GICD_TYPER), typer);
}

static void test_registers(void)
{
    uint64_t d = gicd_base;

    pair("enable of an SPI", d + ISENABLER + TEST_SPI / 32 * 4, d + ICENABLER + TEST_SPI / 32 * 4, TEST_SPI % 32);
    pair("enable of a PPI", d + ISENABLER, d + ICENABLER, 20);
    *byte(IPRIORITYR + TEST_SPI) = 0x50;
    check_eq("priority of an SPI by byte", *byte(IPRIORITYR + TEST_SPI), 0x50);
    *byte(IPRIORITYR + SGI) = 0x30;
    check_eq("priority of an SGI", (gicd_read32(IPRIORITYR + SGI / 4 * 4) >> 8) & 0xff, 0x30);
    *byte(IPRIORITYR + SGI) = 0xa0;
    gicd_write32(ICFGR + TEST_SPI / 16 * 4, 2u << TEST_SPI % 16 * 2);
    check_eq("SPI made edge-triggered", gicd_read32(ICFGR + TEST_SPI / 16 * 4) >> TEST_SPI % 16 * 2 & 2, 2);
    gicd_write32(ICFGR + TEST_SPI / 16 * 4, 0);
}

static void test_targets(void)
{
    check_eq("private interrupts go to their CPU", gicd_read32(ITARGETSR), 0x01010101);
    *byte(ITARGETSR + TEST_SPI) = 2;
    check_eq("an SPI to vCPU 1", *byte(ITARGETSR + TEST_SPI), 2);
    *byte(ITARGETSR + TEST_SPI) = 0xff;
    check_eq("to every vCPU there is", *byte(ITARGETSR + TEST_SPI), 3);
    gicd_write32(ITARGETSR + TEST_SPI, 0x01010101);
    check_eq("four SPIs by word", gicd_read32(ITARGETSR + TEST_SPI), 0x01010101);
}

static void expect_sgi(const char *name, uint32_t want)
{
    uint32_t got = gic_acknowledge();

    check_eq(name, got, want);
    if ((got & 0x3ff) != SPURIOUS)
        gic_end(got);
}

/* Interrupts are masked: what is pending is acknowledged by hand. */
static void test_sgis(void)
{
    gicd_write32(SGIR, 2u << 24 | SGI);
    expect_sgi("an SGI to itself", SGI);
    expect_sgi("once", SPURIOUS);
    gicd_write32(SGIR, 1u << 24 | SGI);
    expect_sgi("to all others is not to itself", SPURIOUS);
    gicd_write32(SGIR, 0xfeu << 16 | SGI);
    expect_sgi("to vCPUs that are off or not there", SPURIOUS);
    gicd_write32(SGIR, 1u << 16 | SGI);
    gicd_write32(SGIR, 1u << 16 | SGI);
    expect_sgi("twice before it is taken", SGI);
    expect_sgi("is once", SPURIOUS);
}

/* The reference knows no senders. */
static void test_senders(void)
{
    uint32_t first;

    *byte(SPENDSGIR + SGI) = 0xff;
    check_eq("pending from every vCPU there is", *byte(SPENDSGIR + SGI), 3);
    *byte(CPENDSGIR + SGI) = 1;
    check_eq("taken back from one", *byte(CPENDSGIR + SGI), 2);
    expect_sgi("the other's", 1 << 10 | SGI);
    *byte(SPENDSGIR + SGI) = 3;
    first = gic_acknowledge();
    check_eq("of two senders the first", first, SGI);
    gicd_write32(SGIR, 1u << 16 | SGI);
    gic_end(first);
    expect_sgi("then one of two", SGI);
    expect_sgi("then the other", 1 << 10 | SGI);
    expect_sgi("and that is all", SPURIOUS);
    gicd_write32(ISPENDR, 1u << SGI);
    expect_sgi("GICD_ISPENDR makes no SGI pending", SPURIOUS);
}

void test_v2(bool on_reference)
{
    test_identity();
    test_registers();
    test_targets();
    test_sgis();
    if (!on_reference)
        test_senders();
}
