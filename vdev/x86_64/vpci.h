/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dom0 sees of PCI's configuration space: the host's, through the ports and MMCONFIG. Reads pass. Of what is written
 *   - messages (MSI, MSI-X: PCI Local Bus 3.0, 6.8) are dom0's own words, of which the device is never told: it sends the host's vectors, which
 *     become what dom0 said; MSI-X tables are out of dom0's stage 2;
 *   - places of registers (BARs, 6.2.5) are looked at before they take effect: not over memory, nor what the hypervisor keeps. Above 4 GiB
 *     they come into dom0's stage 2 and go with the place;
 *   - all else passes.
 */
#ifndef VDEV_X86_64_VPCI_H
#define VDEV_X86_64_VPCI_H

#include "lib/types.h"

struct domain;
struct vcpu;

/* Boot, before vpci_init: no device's registers may lie here: memory, interrupt controllers, MMCONFIG. */
void vpci_keep_out(uint64_t base, uint64_t size);
/* Boot, before vpci_init: this function is not there for dom0. */
void vpci_hide(uint16_t function);
/* Boot, before vpci_init: MMCONFIG of segment 0 (at most VPCI_WINDOWS), where dom0 has nothing mapped. */
#define VPCI_WINDOWS 2
void vpci_show_window(uint64_t base, unsigned first_bus, unsigned last_bus);

/* d sees the host's PCI from now on; the functions that firmware has found are known. Boot. -E_NOMEM. */
int vpci_init(struct domain *d) MUST_CHECK;
/* Nobody refers to d any more: its devices send nothing. */
void vpci_free(struct domain *d);

/* An access of the guest to one of the ports 0xcf8 to 0xcff, size 1, 2 or 4. False: the port is another one's. */
bool vpci_port(struct domain *d, uint16_t port, unsigned size, bool is_in, uint32_t *value);
/* An access to a function's registers, aligned to its size of 1, 2 or 4, by whatever way. */
uint32_t vpci_read(struct domain *d, uint16_t function, unsigned reg, unsigned size);
void vpci_write(struct domain *d, uint16_t function, unsigned reg, unsigned size, uint32_t value);
/* An access to a page that an MSI-X table is on. False: there is none. */
bool vpci_table_access(struct domain *d, uint64_t address, unsigned size, bool is_write, uint64_t *value);

/* dom0 says that it has found a function, or that one is gone. -E_NODEV. */
int vpci_device_add(struct domain *d, uint16_t function) MUST_CHECK;
int vpci_device_remove(struct domain *d, uint16_t function) MUST_CHECK;
/* Is MMCONFIG of these buses there? */
bool vpci_has_window(uint64_t base, unsigned first_bus, unsigned last_bus);

/* The nth message of a function comes to this vector, which host_vector_cpu says a new CPU for. No lock held. False: not now. */
bool vpci_message_moved(struct domain *d, unsigned vector, uint16_t function, uint32_t n);

#endif
