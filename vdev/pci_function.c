/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/pci_function.h"
#include "lib/assert.h"

#define BAR_TYPE(low) ((low) >> 1 & 3)
#define BAR_TYPE_64 2
#define ROM_FLAGS 0x7ffu
#define ROM_ON BIT(0)
#define ROM_AT(header) ((header) == HEADER_BRIDGE ? 0x38u : 0x30u)
#define EXTENDED_FIRST 0x100        /* PCI Express 3.0, 7.9 */
#define EXTENDED_MOST 480
#define EXTENDED_ID(header) ((header) & 0xffff)
#define EXTENDED_NEXT(header) ((header) >> 20 & 0xffc)

static uint32_t size_mask(uint32_t function, unsigned reg)
{
    uint32_t old = arch_pci_read(function, reg, 4), mask;

    arch_pci_write(function, reg, 4, UINT32_MAX);
    mask = arch_pci_read(function, reg, 4);
    arch_pci_write(function, reg, 4, old);
    return mask;
}

/* How many registers it takes. */
static unsigned read_bar(uint32_t function, unsigned n, unsigned count, struct pci_bar *b)
{
    unsigned reg = PCI_BAR0 + 4 * n;
    uint32_t low = arch_pci_read(function, reg, 4);
    uint64_t mask = size_mask(function, reg) & ~BAR_FLAGS;

    if (low & BAR_PORTS)
        return 1;
    *b = (struct pci_bar){ .base = low & ~BAR_FLAGS, .reg = (uint8_t)reg, .is_on = true };
    b->is_64 = BAR_TYPE(low) == BAR_TYPE_64 && n + 1 < count;
    if (b->is_64) {
        b->base |= (uint64_t)arch_pci_read(function, reg + 4, 4) << 32;
        mask |= (uint64_t)size_mask(function, reg + 4) << 32;
    }
    b->size = mask & -mask;
    return b->is_64 ? 2 : 1;
}

static void read_rom(uint32_t function, unsigned header, struct pci_bar *b)
{
    unsigned reg = ROM_AT(header);
    uint32_t low = arch_pci_read(function, reg, 4), mask = size_mask(function, reg) & ~ROM_FLAGS;

    *b = (struct pci_bar){ .base = low & ~ROM_FLAGS, .size = mask & -mask, .reg = (uint8_t)reg, .is_rom = true, .is_on = low & ROM_ON };
}

void pci_bars_read(uint32_t function, unsigned header, struct pci_bar bars[PCI_BARS])
{
    uint32_t command = arch_pci_read(function, PCI_COMMAND, 2);
    unsigned count = pci_bar_count(header);

    ASSERT(count < PCI_BARS);
    if (!count)
        return;
    arch_pci_write(function, PCI_COMMAND, 2, command & ~(uint32_t)(COMMAND_IO | COMMAND_MEMORY));
    for (unsigned n = 0; n < count;)
        n += read_bar(function, n, count, &bars[n]);
    read_rom(function, header, &bars[PCI_BARS - 1]);
    arch_pci_write(function, PCI_COMMAND, 2, command);
}

int pci_bar_at(const struct pci_bar bars[PCI_BARS], unsigned reg)
{
    for (int n = 0; n < PCI_BARS; n++) {
        const struct pci_bar *b = &bars[n];

        if (b->size && (reg == b->reg || (b->is_64 && reg == b->reg + 4u)))
            return n;
    }
    return -1;
}

unsigned pci_find_extended(uint32_t function, unsigned kind)
{
    unsigned at = EXTENDED_FIRST;

    for (unsigned i = 0; at >= EXTENDED_FIRST && i < EXTENDED_MOST; i++) {
        uint32_t header = arch_pci_read(function, at, 4);

        if (!header || header == NO_DEVICE)
            return 0;
        if (EXTENDED_ID(header) == kind)
            return at;
        at = EXTENDED_NEXT(header);
    }
    return 0;
}
