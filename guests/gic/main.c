/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distributor and redistributor as registers (IHI 0069, 12.9 to 12.11): widths,
 * set/clear pairs, read-only and reserved ones, what is out of range.
 */

#include "guests/gic/gic.h"
#include "guests/lib/hypercall.h"

#define GICD_CTLR 0x0
#define GICD_TYPER 0x4
#define GICD_IIDR 0x8
#define IGROUPR 0x80
#define ISENABLER 0x100
#define ICENABLER 0x180
#define ISPENDR 0x200
#define ICPENDR 0x280
#define ISACTIVER 0x300
#define IPRIORITYR 0x400
#define ITARGETSR 0x800
#define ICFGR 0xc00
#define IROUTER 0x6000
#define PIDR2 0xffe8
#define SGI_FRAME 0x10000
#define TEST_SPI 40
#define ARCH_GICV3 3

static uint64_t d(unsigned offset)
{
    return gicd_base + offset;
}

static uint64_t r(unsigned offset)
{
    return this_cpu()->gicr + offset;
}

static void test_distributor_identity(void)
{
    uint32_t typer = gicd_read32(GICD_TYPER);

    check(gicd_read32(GICD_CTLR) & 0x10, "GICD_CTLR.ARE_NS is set", "%x", gicd_read32(GICD_CTLR));
    check((typer & 0x1f) < 31, "GICD_TYPER.ITLinesNumber", "%x", typer);
    check(((typer >> 19) & 0x1f) >= 9, "GICD_TYPER.IDbits", "%x", typer);
    check_eq("GICD_PIDR2.ArchRev", (gicd_read32(PIDR2) >> 4) & 0xf, ARCH_GICV3);
    gicd_write32(GICD_TYPER, ~typer);
    check_eq("GICD_TYPER is read-only", gicd_read32(GICD_TYPER), typer);
    gicd_write32(GICD_IIDR, 0);
    check(true, "GICD_IIDR write ignored", " ");
}

void pair(const char *name, uint64_t set, uint64_t clear, unsigned bit)
{
    volatile uint32_t *s = (volatile uint32_t *)set, *c = (volatile uint32_t *)clear;
    uint32_t mask = 1u << bit;

    *c = mask;
    check(!(*s & mask), name, "not clear before: %x", *s);
    *s = mask;
    check((*s & mask) && (*c & mask), name, "not set: %x %x", *s, *c);
    *s = 0;
    check(*s & mask, name, "cleared by writing 0");
    *c = mask;
    check(!(*s & mask) && !(*c & mask), name, "not cleared: %x %x", *s, *c);
}

static void test_pairs(void)
{
    pair("GICD enable of an SPI", d(ISENABLER + TEST_SPI / 32 * 4),
         d(ICENABLER + TEST_SPI / 32 * 4), TEST_SPI % 32);
    pair("GICR enable of a PPI", r(SGI_FRAME + ISENABLER), r(SGI_FRAME + ICENABLER), 20);
    pair("GICR enable of an SGI", r(SGI_FRAME + ISENABLER), r(SGI_FRAME + ICENABLER), 7);
    gicd_write32(ISENABLER, 0xffffffff);
    check_either("GICD_ISENABLER0 is reserved with ARE", gicd_read32(ISENABLER), 0, 0xffffffff,
                 "Xen 4.17 shows the private interrupts there");
}

static void test_priorities(void)
{
    volatile uint8_t *p = (volatile uint8_t *)d(IPRIORITYR + TEST_SPI);
    volatile uint8_t *sgi = (volatile uint8_t *)r(SGI_FRAME + IPRIORITYR + 5);
    uint32_t word;

    *p = 0x50;
    check_eq("priority of an SPI by byte", *p, 0x50);
    gicd_write32(IPRIORITYR + TEST_SPI, 0x80604020);
    check_eq("priorities of four SPIs by word", gicd_read32(IPRIORITYR + TEST_SPI), 0x80604020);
    check_eq("byte of that word", p[2], 0x60);
    *p = 0xff;
    check(*p >= 0xf0 || *p == 0xf8, "unimplemented priority bits", "%x", *p);
    *sgi = 0x30;
    check_eq("priority of an SGI", *sgi, 0x30);
    word = gicr_read32(SGI_FRAME + IPRIORITYR + 4);
    check_eq("its word", (word >> 8) & 0xff, 0x30);
    *sgi = 0xa0;
}

static void test_config(void)
{
    uint32_t before = gicd_read32(ICFGR + TEST_SPI / 16 * 4);
    uint32_t bit = 2u << (TEST_SPI % 16 * 2);
    uint32_t sgis = gicr_read32(SGI_FRAME + ICFGR);

    gicd_write32(ICFGR + TEST_SPI / 16 * 4, before | bit);
    check(gicd_read32(ICFGR + TEST_SPI / 16 * 4) & bit, "SPI made edge-triggered", "%x",
          gicd_read32(ICFGR + TEST_SPI / 16 * 4));
    gicd_write32(ICFGR + TEST_SPI / 16 * 4, before & ~bit);
    check(!(gicd_read32(ICFGR + TEST_SPI / 16 * 4) & bit), "SPI made level-sensitive", "%x",
          gicd_read32(ICFGR + TEST_SPI / 16 * 4));
    gicr_write32(SGI_FRAME + ICFGR, 0);
    check_eq("SGIs' configuration is fixed", gicr_read32(SGI_FRAME + ICFGR), sgis);
    check_either("SGIs are edge-triggered", sgis & 0xaaaaaaaa, 0xaaaaaaaa, 0,
                 "Xen 4.17 reads GICR_ICFGR0 as zero");
}

static void test_routes(void)
{
    volatile uint64_t *route = (volatile uint64_t *)d(IROUTER + 8 * TEST_SPI);
    volatile uint64_t *below = (volatile uint64_t *)d(IROUTER + 8 * 8);

    *route = 0;
    check_eq("route to vCPU 0", (long)*route, 0);
    *below = 1;
    check_eq("no route for a private interrupt", (long)*below, 0);
}

static void test_redistributor(void)
{
    uint64_t typer = *(volatile uint64_t *)r(0x8);
    uint32_t waker;

    check_eq("GICR_PIDR2.ArchRev", (gicr_read32(PIDR2) >> 4) & 0xf, ARCH_GICV3);
    check_eq("GICR_TYPER affinity", (long)(typer >> 32), 0);
    check_eq("GICR_TYPER processor number", (long)(typer >> 8) & 0xffff, 0);
    check_eq("GICR_TYPER by halves", gicr_read32(0xc), (long)(typer >> 32));
    waker = gicr_read32(0x14);
    check(!(waker & 4), "awake: GICR_WAKER.ChildrenAsleep", "%x", waker);
    check_either("GICR_IGROUPR0", gicr_read32(SGI_FRAME + IGROUPR), 0xffffffff, 0,
                 "group registers read as zero when there is one security state less");
}

static void test_odd_access(void)
{
    uint64_t value = 0, esr;

    esr = probe_load(d(0x7000), 4, &value);
    print("NOTE reserved GICD register: esr %lx value %lx\n", esr, value);
    check(!esr && !value, "reserved GICD register reads zero", "esr %lx value %lx", esr, value);
    check(!probe_store(d(0x7000), 4, ~0UL), "reserved GICD register write ignored", "fault");
    esr = probe_load(r(0x7000), 4, &value);
    check(!esr && !value, "reserved GICR register reads zero", "esr %lx value %lx", esr, value);
    check(!probe_load(d(PIDR2), 4, &value), "32-bit read of an ID register", "fault");
    esr = probe_load(d(GICD_TYPER), 2, &value);
    print("NOTE 16-bit GICD_TYPER: esr %lx value %lx\n", esr, value);
    check(!esr || ESR_EC(esr) == EC_DABT_SAME, "16-bit read of GICD_TYPER is harmless", "%lx",
          esr);
    esr = probe_store(d(ISENABLER + 4), 1, 0);
    check(!esr || ESR_EC(esr) == EC_DABT_SAME, "8-bit write of an enable is harmless", "%lx",
          esr);
}

/* Without a valid syndrome (a store of a pair) the access cannot be emulated: an abort, no crash. */
static void test_no_syndrome(void)
{
    uint64_t esr = PROBE("stp %0, %0, [%1]", : : "r"(0UL), "r"(d(IPRIORITYR + 64)) : "memory");

    check(ESR_EC(esr) == EC_DABT_SAME, "a pair stored to the GIC aborts", "esr %lx", esr);
    esr = PROBE("ldr x1, [%0, #8]!", : : "r"(d(IPRIORITYR + 56)) : "x1", "memory");
    check(ESR_EC(esr) == EC_DABT_SAME, "a base changed before the access aborts", "esr %lx", esr);
}

/* The processor describes no access that changes its base register. */
static void test_base_changed_after(void)
{
    volatile uint32_t *enable = (volatile uint32_t *)d(ISENABLER + TEST_SPI / 32 * 4);
    uint64_t at = d(GICD_TYPER), value = ~0UL, stack;
    uint32_t typer = gicd_read32(GICD_TYPER), mask = 1u << TEST_SPI % 32;

    check_eq("load", (long)PROBE("ldr %w0, [%1], #4", : "+r"(value), "+r"(at) : : "memory"), 0);
    check_eq("loaded", (long)value, typer);
    check_eq("base after a load", (long)(at - d(GICD_TYPER)), 4);
    at = (uint64_t)enable;
    check_eq("store", (long)PROBE("str %w1, [%0], #-256", : "+r"(at) : "r"(mask) : "memory"), 0);
    check(*enable & mask, "stored", "%x", *enable);
    check_eq("base after a store", (long)(at - (uint64_t)enable), -256);
    at = d(IPRIORITYR + TEST_SPI);
    check_eq("byte", (long)PROBE("ldrb %w0, [%1], #1", : "+r"(value), "+r"(at) : : "memory"), 0);
    check_eq("loaded byte", (long)value, *(volatile uint8_t *)d(IPRIORITYR + TEST_SPI));
    at = d(GICD_TYPER);
    PROBE("mov %1, sp\n mov sp, %2\n ldr %w0, [sp], #16\n mov %2, sp\n mov sp, %1", : "=&r"(value), "=&r"(stack), "+r"(at)
          : : "memory");
    check_eq("loaded by the stack pointer", (long)value, typer);
    check_eq("stack pointer", (long)(at - d(GICD_TYPER)), 16);
    *(volatile uint32_t *)d(ICENABLER + TEST_SPI / 32 * 4) = mask;
}

static void test_sysregs(void)
{
    uint64_t ctlr = read_sysreg(S3_0_C12_C12_4);

    check(((ctlr >> 8) & 7) >= 4, "ICC_CTLR.PRIbits", "%lx", ctlr);
    write_sysreg(S3_0_C4_C6_0, 0x80);
    isb();
    check_eq("ICC_PMR reads back", (long)read_sysreg(S3_0_C4_C6_0), 0x80);
    write_sysreg(S3_0_C4_C6_0, 0xff);
    check_eq("ICC_SRE", (long)read_sysreg(S3_0_C12_C12_5) & 1, 1);
    check_eq("ICC_RPR when idle", (long)read_sysreg(S3_0_C12_C11_3), 0xff);
    check_eq("ICC_IAR1 when nothing is pending", (long)read_sysreg(S3_0_C12_C12_0), 1023);
    check_eq("ICC_HPPIR1 when nothing is pending", (long)read_sysreg(S3_0_C12_C12_2), 1023);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    if (gic_is_v2()) {
        test_v2(fdt_option(fdt, "reference"));
        test_done();
    }
    test_distributor_identity();
    test_pairs();
    test_priorities();
    test_config();
    test_routes();
    test_redistributor();
    test_odd_access();
    test_no_syndrome();
    test_base_changed_after();
    test_sysregs();
    test_done();
}
