/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be known of a PCI function of the host before it is shown to a guest, whichever processor (PCI Local Bus 3.0, 6.1, 6.2). */
#ifndef VDEV_PCI_FUNCTION_H
#define VDEV_PCI_FUNCTION_H

#include "arch/include/pci.h"

#define PCI_VENDOR 0x00
#define PCI_COMMAND 0x04
#define PCI_STATUS 0x06
#define PCI_HEADER 0x0e
#define PCI_BAR0 0x10
#define PCI_BUSES 0x18          /* of a bridge: primary, secondary, subordinate */
#define PCI_INTERRUPT 0x3c      /* line, pin */
#define COMMAND_IO BIT(0)
#define COMMAND_MEMORY BIT(1)
#define COMMAND_MASTER BIT(2)
#define COMMAND_PARITY BIT(6)
#define COMMAND_SERR BIT(8)
#define COMMAND_NO_LINE BIT(10)
#define HEADER_MANY BIT(7)
#define HEADER_BRIDGE 1
#define NO_DEVICE UINT32_MAX

#define CAPABILITY_MSI 0x05
#define CAPABILITY_EXPRESS 0x10
#define CAPABILITY_MSIX 0x11
#define EXTENDED_SRIOV 0x10
#define EXTENDED_RESIZE 0x15

#define BAR_PORTS BIT(0)
#define BAR_FLAGS 0xfu

#define PCI_BARS 7              /* six and the ROM's */

struct pci_bar {
    uint64_t base, size;        /* size 0: there is none, or it is one of ports, or the upper half of the one before */
    uint8_t reg;
    bool is_64, is_rom;
    bool is_on;                 /* a ROM's own enable bit */
    bool is_claimed;            /* whoever shows it to a guest: it is decoded at base */
};

/* How many BARs a header of this type has. */
static inline unsigned pci_bar_count(unsigned header)
{
    return header == 0 ? 6 : header == HEADER_BRIDGE ? 2 : 0;
}

/* Is this what a function's first register says? All ones, and what some answer for one that there is not. */
static inline bool pci_is_there(uint32_t vendor)
{
    return vendor != NO_DEVICE && (uint16_t)vendor != UINT16_MAX && vendor;
}

/* An access of `size` bytes at reg to the register of four bytes that it lies in: what of its value is read; the value when this is written. */
static inline uint32_t pci_part(uint32_t value, unsigned reg, unsigned size)
{
    return size == 4 ? value : value >> 8 * (reg & 3) & ((1u << 8 * size) - 1);
}

static inline uint32_t pci_whole(uint32_t before, unsigned reg, unsigned size, uint32_t value)
{
    uint32_t mask = size == 4 ? UINT32_MAX : ((1u << 8 * size) - 1) << 8 * (reg & 3);

    return (before & ~mask) | (value << 8 * (reg & 3) & mask);
}

/* Where its BARs are and how large (6.2.5.1), the ROM's last; nothing is decoded meanwhile. The caller sees to it that nobody else writes
 * to its registers. */
void pci_bars_read(uint32_t function, unsigned header, struct pci_bar bars[PCI_BARS]);
/* The number of the BAR whose register, or one of whose two registers, is at reg; -1: none of them. */
int pci_bar_at(const struct pci_bar bars[PCI_BARS], unsigned reg);
/* Where a function has an extended capability of this kind (PCI Express 3.0, 7.9); 0: it has none. A list that is a circle ends too. */
unsigned pci_find_extended(uint32_t function, unsigned kind);

#endif
