/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's bochs-display (docs/specs/standard-vga.rst there): memory in BAR 0, registers in BAR 2, no DMA. The partition has nothing of
 * PCI but this function's configuration page and a window of bus addresses, in a node of its device tree:
 *
 *   compatible = "vinci,bochs-display"; reg = <configuration page>, <window for the BARs, bus address = guest address>;
 *
 * Two pages lie one below the other in the memory; which of them is shown is a register, so a frame appears as a whole.
 */

#include "guests/camera/camera.h"

#define CONFIG_ID 0x00
#define CONFIG_COMMAND 0x04
#define CONFIG_BAR0 0x10
#define CONFIG_BAR2 0x18
#define COMMAND_MEMORY 2u
#define ID_BOCHS 0x11111234u
#define PAGE_BYTES (SCREEN_WIDTH * SCREEN_HEIGHT * 4u)

#define DISPI 0x500u
#define DISPI_WIDTH 1
#define DISPI_HEIGHT 2
#define DISPI_DEPTH 3
#define DISPI_ENABLE 4
#define DISPI_VIRTUAL_WIDTH 6
#define DISPI_X 8
#define DISPI_Y 9
#define DISPI_ENABLED 0x41 /* on, linear memory */

#define BLOCK 0x200000UL
/* Where they are seen in the window of guests/lib. */
#define CONFIG_AT WINDOW_BASE
#define REGISTERS_AT (WINDOW_BASE + PAGE_SIZE)
#define MEMORY_AT (WINDOW_BASE + 0x40000000UL)

static unsigned shown;

static volatile uint32_t *config(unsigned offset)
{
    return (volatile uint32_t *)(CONFIG_AT + offset);
}

static void dispi(unsigned index, uint16_t value)
{
    *(volatile uint16_t *)(REGISTERS_AT + DISPI + index * 2) = value;
}

static uint32_t bar_size(unsigned bar)
{
    *config(bar) = ~0u;
    return ~(*config(bar) & ~15u) + 1;
}

/* Both BARs into the window: the memory first, the page of registers behind it. */
static void place(uint64_t base, uint64_t size)
{
    uint32_t bytes = bar_size(CONFIG_BAR0);

    if (*config(CONFIG_ID) != ID_BOCHS || bytes < 2 * PAGE_BYTES || (base + size) >> 32 || base % bytes || size < bytes + PAGE_SIZE)
        guest_panic("display: id %x with %x bytes does not fit into %lx at %lx", *config(CONFIG_ID), bytes, size, base);
    *config(CONFIG_BAR0) = (uint32_t)base;
    *config(CONFIG_BAR2) = (uint32_t)base + bytes;
    *config(CONFIG_COMMAND) |= COMMAND_MEMORY;
    mmu_map(REGISTERS_AT, base + bytes, 3, MAP_DEVICE);
    for (uint64_t at = 0; at < 2 * PAGE_BYTES; at += BLOCK)
        mmu_map(MEMORY_AT + at, base + at, 2, MAP_UNCACHED);
}

static struct canvas page(unsigned number)
{
    return (struct canvas){ (uint32_t *)(MEMORY_AT + number * PAGE_BYTES), SCREEN_WIDTH, SCREEN_HEIGHT, SCREEN_WIDTH };
}

void display_open(const void *fdt)
{
    unsigned len = 0, node = fdt_find(fdt, "compatible", "vinci,bochs-display");
    const uint32_t *reg = node ? fdt_prop(fdt, node, "reg", &len) : NULL;

    if (!reg || len < 32)
        guest_panic("display: the device tree names none");
    mmu_map(CONFIG_AT, fdt_u64(reg, 0), 3, MAP_DEVICE);
    place(fdt_u64(reg, 2), fdt_u64(reg, 3));
    dispi(DISPI_WIDTH, SCREEN_WIDTH);
    dispi(DISPI_HEIGHT, SCREEN_HEIGHT);
    dispi(DISPI_DEPTH, 32);
    dispi(DISPI_VIRTUAL_WIDTH, SCREEN_WIDTH);
    dispi(DISPI_X, 0);
    dispi(DISPI_Y, 0);
}

struct canvas display_back(void)
{
    return page(!shown);
}

struct canvas display_front(void)
{
    return page(shown);
}

/* The first flip also switches the display on: nobody sees what was in its memory. */
void display_flip(void)
{
    dsb();
    shown = !shown;
    dispi(DISPI_Y, (uint16_t)(shown * SCREEN_HEIGHT));
    dispi(DISPI_ENABLE, DISPI_ENABLED);
}
