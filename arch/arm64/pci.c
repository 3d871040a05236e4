/* SPDX-License-Identifier: Apache-2.0 */
/* The host's PCI: bus 0 of each host bridge, as ECAM shows it (PCI Express 3.0, 7.2.2). */
#include "arch/include/pci.h"
#include "arch/include/mmio.h"
#include "lib/assert.h"
#include "lib/error.h"

#define BRIDGES 8
#define BUS_FUNCTIONS 256u

static volatile uint8_t *buses[BRIDGES];
static unsigned count;

int arch_boot_pci_bridge(volatile void *config)
{
    if (count == BRIDGES)
        return -E_NOSPC;
    buses[count] = config;
    return (int)count++;
}

/* NULL: what is not on bus 0 of one of them. */
static volatile uint8_t *place(uint32_t function, unsigned reg)
{
    unsigned bridge = function >> 16;

    if (bridge >= count || (function & 0xffff) >= BUS_FUNCTIONS)
        return NULL;
    return buses[array_index_nospec(bridge, BRIDGES)] + (uint64_t)(function & 0xff) * PCI_EXTENDED_BYTES + reg;
}

uint32_t arch_pci_read(uint32_t function, unsigned reg, unsigned size)
{
    volatile uint8_t *at = place(function, reg);

    ASSERT(reg + size <= PCI_EXTENDED_BYTES && IS_ALIGNED(reg, size) && size <= 4);
    if (!at)
        return size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
    return size == 1 ? *at : size == 2 ? *(volatile uint16_t *)at : *(volatile uint32_t *)at;
}

void arch_pci_write(uint32_t function, unsigned reg, unsigned size, uint32_t value)
{
    volatile uint8_t *at = place(function, reg);

    ASSERT(reg + size <= PCI_EXTENDED_BYTES && IS_ALIGNED(reg, size) && size <= 4);
    if (!at)
        return;
    if (size == 1)
        *at = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)at = (uint16_t)value;
    else
        *(volatile uint32_t *)at = value;
    mmio_barrier();
}
