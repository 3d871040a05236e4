/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BOOT_EFI_MAP_H
#define BOOT_EFI_MAP_H

#include "boot/ranges.h"

/* UEFI's memory map, which then says what is memory instead of the tree (UEFI Specification 7.2, GetMemoryMap). */
struct efi_map {
    const void *descriptors;
    uint64_t size, descriptor_size;
};
/* Fill memory and reserved from the map: all that is RAM is memory, and what firmware keeps of it is reserved too. */
void efi_map_read(struct range_list *memory, struct range_list *reserved, const struct efi_map *map);

#endif
