/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: the host's PCI. A function is a number: host bridge 31:16 (x86-64: 0), bus 15:8, device 7:3, function 2:0. Any CPU; locks of
 * classes before LOCK_ITS may be held.
 */
#ifndef ARCH_PCI_H
#define ARCH_PCI_H

#include "lib/types.h"

#define PCI_ID(bus, device, function) ((uint16_t)((bus) << 8 | (device) << 3 | (function)))
#define PCI_CONFIG_BYTES 256        /* reached by ports */
#define PCI_EXTENDED_BYTES 4096     /* where MMCONFIG shows the bus */

/* Configuration space: size 1, 2 or 4, reg aligned to it and below PCI_EXTENDED_BYTES. What there is not reads as ones. */
uint32_t arch_pci_read(uint32_t function, unsigned reg, unsigned size);
void arch_pci_write(uint32_t function, unsigned reg, unsigned size, uint32_t value);
/* x86-64: MMCONFIG shows these buses (first to last) from base on (PCI Firmware Specification 3.0, 4.1.2). Boot. */
void arch_boot_pci_window(hpa_t base, unsigned first_bus, unsigned last_bus);

/* Where a function has a capability of this kind (PCI Local Bus 3.0, 6.7); 0: it has none. A list that is a circle ends too. */
static inline unsigned pci_capability(uint32_t function, unsigned kind)
{
    unsigned at = arch_pci_read(function, 0x06, 2) & BIT(4) ? arch_pci_read(function, 0x34, 1) & 0xfc : 0;

    for (unsigned i = 0; at >= 0x40 && i < 48; i++) {
        uint32_t header = arch_pci_read(function, at, 2);

        if ((header & 0xff) == kind)
            return at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

/* arm64: bus 0 of a host bridge is at `config`, which arch_boot_device returned. Its number; -E_NOSPC. Boot. */
int arch_boot_pci_bridge(volatile void *config) MUST_CHECK;

/* x86-64: registers of a device at a physical address: size 1, 2, 4 or 8, aligned. */
uint64_t arch_device_read(hpa_t at, unsigned size);
void arch_device_write(hpa_t at, unsigned size, uint64_t value);

#endif
