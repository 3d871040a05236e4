/* SPDX-License-Identifier: Apache-2.0 */
/* The board's PCI host bridge by the device tree, and the disk on its bus 0. */
#include "guests/dma_attack/disk.h"
#include "guests/lib/guest.h"

#define ECAM_AT WINDOW_BASE
#define PCI_ID 0x00
#define PCI_COMMAND 0x04
#define PCI_BAR0 0x10
#define COMMAND_MEMORY_AND_MASTER 6
#define REGISTERS_SPACE 0x10000u /* of each BAR */

static volatile uint8_t *config;        /* of the function */

static uint32_t get32(unsigned offset)
{
    return *(volatile uint32_t *)(config + offset);
}

static void put32(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(config + offset) = value;
}

/* Where the window for 32-bit memory begins, for the CPU and on the bus alike: entries of seven cells, kind 2. */
static uint64_t memory_window(const void *fdt, unsigned node)
{
    unsigned length;
    const uint32_t *ranges = fdt_prop(fdt, node, "ranges", &length);

    for (unsigned i = 0; ranges && i + 7 <= length / 4; i += 7)
        if ((fdt_u32(ranges, i) >> 24 & 3) == 2)
            return (uint64_t)fdt_u32(ranges, i + 3) << 32 | fdt_u32(ranges, i + 4);
    return 0;
}

static bool find_function(const void *fdt, unsigned node)
{
    unsigned length;
    const uint32_t *reg = fdt_prop(fdt, node, "reg", &length);

    if (!reg)
        return false;
    mmu_map(ECAM_AT, fdt_u64(reg, 0), 2, MAP_DEVICE);
    for (unsigned device = 0; device < 32; device++) {
        config = (volatile uint8_t *)ECAM_AT + (device << 15);
        if (get32(PCI_ID) == DISK_ID)
            return true;
    }
    return false;
}

static void place_registers(uint64_t at)
{
    for (unsigned bar = 0; bar < 6; bar++) {
        unsigned offset = PCI_BAR0 + 4 * bar;

        put32(offset, (uint32_t)(at + bar * REGISTERS_SPACE));
        if ((get32(offset) & 6) == 4)
            put32(PCI_BAR0 + 4 * ++bar, 0);
    }
    put32(PCI_COMMAND, COMMAND_MEMORY_AND_MASTER);
}

bool disk_find(const void *fdt)
{
    unsigned node = fdt_find(fdt, "compatible", "pci-host-ecam-generic");
    uint64_t window = node ? memory_window(fdt, node) : 0;

    if (!window || !find_function(fdt, node))
        return false;
    place_registers(window);
    return disk_use(config, window, REGISTERS_SPACE);
}
