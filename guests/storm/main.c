/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition whose device never stops interrupting; it says ten times a second how many it took:
 *   line       a PL031 whose alarm is never cleared: its line is high again as soon as an interrupt of it has ended
 *   messages   QEMU's `edu` device is told to send messages as fast as it can
 * or its neighbour, that says how many turns of a loop it made:
 *   beside
 */
#include "guests/lib/guest.h"

#define TENTH (100 * TICKS_PER_MS)

#define RTC_DATA 0x0
#define RTC_MATCH 0x4
#define RTC_MASK 0x10

#define ECAM_AT WINDOW_BASE
#define EDU_ID 0x11e81234u
#define PCI_COMMAND 0x04
#define PCI_BAR0 0x10
#define PCI_CAPABILITIES 0x34
#define COMMAND_MEMORY_AND_MASTER 6
#define CAPABILITY_MSI 5
#define MSI_ON (1u << 16)
#define EDU_RAISE 0x60
#define EDU_AT 0x10000000u      /* the bridge's window for 32-bit memory (tools/pci_bridge.dts) */

#define GICR_PROPBASER 0x70
#define GICR_PENDBASER 0x78
#define GITS_CBASER 0x80
#define GITS_CWRITER 0x88
#define GITS_CREADR 0x90
#define GITS_TRANSLATER 0x10040
#define VALID (1UL << 63)
#define LPI_FIRST 8192u
#define LPI_BITS 14
#define LPI_COUNTED 5u          /* the library counts interrupts by the low ten bits of their numbers: this one as 5 */

static uint64_t commands[PAGE_SIZE / 8] PAGE_ALIGNED;
static uint8_t lpi_config[PAGE_SIZE] PAGE_ALIGNED;
static uint8_t lpi_pending[16 * PAGE_SIZE] __attribute__((aligned(16 * PAGE_SIZE)));
static volatile uint8_t *function;      /* the device's configuration space */
static uint32_t device;                 /* and its number for the ITS */
static uint64_t its;

static volatile uint32_t *reg32(uint64_t at)
{
    return (volatile uint32_t *)at;
}

static void say_each_tenth(unsigned long taken)
{
    static unsigned long before;
    static uint64_t end;

    if (!end)
        end = counter_now() + TENTH;
    if (counter_now() < end)
        return;
    print("took %lu in 100 ms\n", taken - before);
    before = taken;
    end += TENTH;
}

/* A storm leaves no time between one interrupt and the next: its handler speaks. */
static void on_interrupt(unsigned intid)
{
    say_each_tenth(irq_count[intid]);
}

static void wait_for_ever(void)
{
    irq_enable();
    for (;;)
        wfi();
}

static void storm_of_a_line(const void *fdt)
{
    unsigned node = fdt_find(fdt, "compatible", "arm,pl031"), length;
    uint64_t rtc = node ? fdt_u64(fdt_prop(fdt, node, "reg", &length), 0) : 0;
    unsigned intid = node ? 32 + fdt_u32(fdt_prop(fdt, node, "interrupts", &length), 1) : 0;

    ASSERT(rtc);
    gic_handler(intid, on_interrupt);
    gic_set_priority(intid, 0xa0);
    gic_enable(intid);
    *reg32(rtc + RTC_MATCH) = *reg32(rtc + RTC_DATA);
    *reg32(rtc + RTC_MASK) = 1;
    wait_for_ever();
}

/* -- messages -- */

static bool find_function(const void *fdt)
{
    unsigned node = fdt_find(fdt, "compatible", "pci-host-ecam-generic"), length;

    if (!node)
        return false;
    mmu_map(ECAM_AT, fdt_u64(fdt_prop(fdt, node, "reg", &length), 0), 2, MAP_DEVICE);
    for (device = 0; device < 256; device += 8) {
        function = (volatile uint8_t *)ECAM_AT + ((uint64_t)device << 12);
        if (*reg32((uint64_t)function) == EDU_ID)
            return true;
    }
    return false;
}

static void start_function(void)
{
    uint64_t at = (uint64_t)function;
    unsigned c;

    *reg32(at + PCI_BAR0) = EDU_AT;
    *reg32(at + PCI_COMMAND) = COMMAND_MEMORY_AND_MASTER;
    for (c = function[PCI_CAPABILITIES]; c && function[c] != CAPABILITY_MSI; c = function[c + 1])
        continue;
    ASSERT(c);
    *reg32(at + c + 4) = (uint32_t)(its + GITS_TRANSLATER);
    *reg32(at + c + 8) = (uint32_t)((its + GITS_TRANSLATER) >> 32);
    *reg32(at + c + 12) = 0;
    *reg32(at + c) = *reg32(at + c) | MSI_ON;
}

static void command(uint64_t word0, uint64_t word1, uint64_t word2)
{
    static unsigned at;

    commands[at / 8] = word0;
    commands[at / 8 + 1] = word1;
    commands[at / 8 + 2] = word2;
    dsb();
    at += 32;
    *(volatile uint64_t *)(its + GITS_CWRITER) = at;
    while (*(volatile uint64_t *)(its + GITS_CREADR) != at)
        continue;
}

/* Event 0 of the device is LPI_FIRST + LPI_COUNTED of vCPU 0. */
static void start_its(const void *fdt)
{
    unsigned node = fdt_find(fdt, "compatible", "arm,gic-v3-its"), length;

    ASSERT(node);
    its = fdt_u64(fdt_prop(fdt, node, "reg", &length), 0);
    lpi_config[LPI_COUNTED] = 0xa1;
    dsb();
    gicr_write32(GICR_PROPBASER, (uint32_t)(uint64_t)lpi_config | (LPI_BITS - 1));
    gicr_write32(GICR_PROPBASER + 4, (uint32_t)((uint64_t)lpi_config >> 32));
    gicr_write32(GICR_PENDBASER, (uint32_t)(uint64_t)lpi_pending);
    gicr_write32(GICR_PENDBASER + 4, (uint32_t)((uint64_t)lpi_pending >> 32));
    gicr_write32(0, 1);
    *(volatile uint64_t *)(its + GITS_CBASER) = VALID | (uint64_t)commands;
    *reg32(its) = 1;
    command(0x09, 0, VALID);
    command(0x08 | (uint64_t)device << 32, 4, VALID);
    command(0x0a | (uint64_t)device << 32, (uint64_t)(LPI_FIRST + LPI_COUNTED) << 32, 0);
}

static void storm_of_messages(const void *fdt)
{
    ASSERT(find_function(fdt));
    gic_handler(LPI_COUNTED, on_interrupt);
    start_its(fdt);
    start_function();
    irq_enable();
    for (;;)
        *reg32(EDU_AT + EDU_RAISE) = 1;
}

#define TURNS_A_LOOK 1000

static void count_turns(void)
{
    for (unsigned long turns = 0;; turns += TURNS_A_LOOK) {
        for (unsigned i = 0; i < TURNS_A_LOOK; i++)
            asm volatile("");
        say_each_tenth(turns);
    }
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    if (fdt_option(fdt, "beside"))
        count_turns();
    if (fdt_option(fdt, "messages"))
        storm_of_messages(fdt);
    storm_of_a_line(fdt);
}
