/* SPDX-License-Identifier: Apache-2.0 */
/* The little of UEFI that an application needs to leave it (UEFI Specification 2.10, chapters 4, 7, 9 and 12). Its calls follow the
 * processor's own procedure call standard. */
#ifndef ARM64_EFI_H
#define ARM64_EFI_H

#include "lib/assert.h"
#include "lib/types.h"

typedef uint64_t efi_status;
#define EFI_INVALID_PARAMETER (BIT(63) | 2)
#define EFI_UNSUPPORTED (BIT(63) | 3)
#define EFI_BUFFER_TOO_SMALL (BIT(63) | 5)
#define EFI_LOADER_DATA 2

struct efi_guid {
    uint64_t low, high;         /* the sixteen bytes as two little-endian numbers */
};

struct efi_text_output {
    void *reset;
    efi_status (*write)(struct efi_text_output *self, const uint16_t *text);
};

struct efi_boot_services {
    uint8_t header[24];
    void *task_levels[2], *pages[2];
    efi_status (*get_memory_map)(uint64_t *size, void *map, uint64_t *key, uint64_t *descriptor_size, uint32_t *version);
    efi_status (*allocate_pool)(uint32_t type, uint64_t size, void **buffer);
    efi_status (*free_pool)(void *buffer);
    void *events[6], *install_protocols[3];
    efi_status (*handle_protocol)(void *handle, const struct efi_guid *which, void **interface);
    void *locate[5], *images[4];
    efi_status (*exit_boot_services)(void *handle, uint64_t key);
};

struct efi_system_table {
    uint8_t header[24];
    void *vendor;
    uint32_t revision;
    void *input_handle, *input, *output_handle;
    struct efi_text_output *output;
    void *error_handle, *error, *runtime;
    struct efi_boot_services *boot;
    uint64_t table_count;
    struct efi_table {
        struct efi_guid which;
        void *at;
    } *tables;
};

struct efi_loaded_image {
    uint32_t revision;
    void *parent, *system_table, *device, *path, *reserved;
    uint32_t options_size;
    const uint16_t *options;
};

STATIC_ASSERT(offsetof(struct efi_boot_services, get_memory_map) == 56);
STATIC_ASSERT(offsetof(struct efi_boot_services, handle_protocol) == 152);
STATIC_ASSERT(offsetof(struct efi_boot_services, exit_boot_services) == 232);
STATIC_ASSERT(offsetof(struct efi_system_table, boot) == 96);
STATIC_ASSERT(offsetof(struct efi_loaded_image, options) == 56);

/* efi.c; called by the firmware through the image's PE header, at the address where it loaded us. Returns when nothing can be
 * started; then the firmware goes on. */
efi_status efi_main(void *handle, struct efi_system_table *table);
/* efi_entry.S: caches and MMU off, then the entry of the boot protocol with the device tree. */
void efi_leave(uint64_t tree) NORETURN;

#endif
