/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/efi_map.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"

/* UEFI Specification 7.2: the parts of a descriptor that are read; a descriptor may be longer. */
struct descriptor {
    uint32_t type, pad;
    uint64_t base, virtual_base, pages, attributes;
};

#define CAN_WRITE_BACK BIT(3)
#define KEPT_AT_RUNTIME BIT(63)
enum { LOADER_CODE = 1, LOADER_DATA, BOOT_CODE, BOOT_DATA, CONVENTIONAL = 7, REGISTERS = 11, PORTS };

static bool is_registers(const struct descriptor *d)
{
    return d->type == REGISTERS || d->type == PORTS || !(d->attributes & CAN_WRITE_BACK);
}

/* Free from the end of the boot services on. */
static bool is_free(const struct descriptor *d)
{
    bool may = d->type == CONVENTIONAL || (d->type >= LOADER_CODE && d->type <= BOOT_DATA);

    return may && !(d->attributes & KEPT_AT_RUNTIME);
}

void efi_map_read(struct range_list *memory, struct range_list *reserved, const struct efi_map *map)
{
    struct descriptor d;

    memory->count = 0;
    if (map->descriptor_size < sizeof(d)) {
        log_error("UEFI: descriptors of memory are %llu bytes short", (unsigned long long)(sizeof(d) - map->descriptor_size));
        return;
    }
    for (uint64_t at = 0; at + map->descriptor_size <= map->size; at += map->descriptor_size) {
        memcpy(&d, (const uint8_t *)map->descriptors + at, sizeof(d));
        if (is_registers(&d) || d.pages == 0 || d.pages > (UINT64_MAX - d.base) >> PAGE_SHIFT)
            continue;
        range_add_joined(memory, d.base, d.pages << PAGE_SHIFT);
        if (!is_free(&d))
            range_add_near(reserved, d.base, d.pages << PAGE_SHIFT);
    }
    ASSERT(memory->count <= MAX_RANGES && reserved->count <= MAX_RANGES);
}
