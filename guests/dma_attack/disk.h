/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio disk behind a PCI host bridge (OASIS virtio 1.2: 2.7, 4.1, 5.2), told to move its sectors to and from any address. */
#ifndef GUESTS_DMA_ATTACK_DISK_H
#define GUESTS_DMA_ATTACK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define SECTOR 512
/* Vendor and device, as the function's first register has them. */
#define DISK_ID 0x10421af4u

/* Finds the first disk on bus 0 of the bridge in fdt and gives it a place for its registers. */
bool disk_find(const void *fdt);
/* The function with this configuration space, which decodes memory and may begin accesses: its BARs lie from `at` on, `space` bytes from one to
 * the next; space 0: where they say, below 4 GiB. False: it has not the registers of a disk. */
bool disk_use(volatile uint8_t *config, uint64_t at, uint32_t space);
/* From its reset on: a queue of its own, in our memory. Whatever a device was told before is over. */
bool disk_start(void);
/* Reads (to_memory) or writes a sector, the data at bus address `at`; true: the disk says that it was done. */
bool disk_move(uint64_t at, uint64_t sector, bool to_memory);

#endif
