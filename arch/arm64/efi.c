/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As an EFI application: find the device tree, take the memory map, end the boot services and go where every other loader begins.
 * Runs at whatever address the firmware chose, so, like early.c, without stack protector and without tables of pointers.
 */
#include "arch/include/boot.h"
#include "efi.h"
#include "sysreg.h"

#define EL2 2
/* Room for descriptors that our own allocation and the end of the boot services add. */
#define SLACK_DESCRIPTORS 16
#define EXIT_TRIES 4
#define TREE_BYTES_MAX 0x200000

/* In .data: it must outlive the zeroing of .bss, which comes later. */
static struct boot_efi handoff SECTION(".data.efi");

const struct boot_efi *arch_boot_efi(void)
{
    return handoff.map_size ? &handoff : NULL;
}

static efi_status refuse(struct efi_system_table *table, const uint16_t *why)
{
    table->output->write(table->output, u"Vinci: not started: ");
    table->output->write(table->output, why);
    table->output->write(table->output, u"\r\n");
    return EFI_UNSUPPORTED;
}

static uint64_t find_table(const struct efi_system_table *table, uint64_t low, uint64_t high)
{
    for (uint64_t i = 0; i < table->table_count; i++)
        if (table->tables[i].which.low == low && table->tables[i].which.high == high)
            return (uint64_t)table->tables[i].at;
    return 0;
}

static uint32_t read_be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Of a board? GRUB makes an empty tree with its modules alone where firmware has none. A node "cpus" below the root decides. */
static bool describes_board(const uint8_t *tree)
{
    uint32_t at = read_be(tree + 8), end = at + read_be(tree + 36);

    if (read_be(tree) != 0xd00dfeed || end > TREE_BYTES_MAX || end < at)
        return false;
    while (at + 12 <= end) {
        uint32_t token = read_be(tree + at);

        if (token == 1 && read_be(tree + at + 4) == 0x63707573 && tree[at + 8] == 0)
            return true;
        at += token == 3 ? 12 + ROUND_UP(read_be(tree + at + 4), 4u) : 4;
    }
    return false;
}

/* What the firmware's boot entry or its shell says behind our name, as far as it is ASCII. */
static void take_options(void *handle, const struct efi_boot_services *boot)
{
    static const struct efi_guid loaded_image = { 0x11d295625b1b31a1, 0x3b7269c9a0003f8e };
    struct efi_loaded_image *image;
    unsigned used = 0;

    if (boot->handle_protocol(handle, &loaded_image, (void **)&image) || !image->options)
        return;
    for (uint32_t i = 0; i < image->options_size / 2 && image->options[i] && used + 1 < sizeof(handoff.command_line); i++)
        handoff.command_line[used++] = image->options[i] < 0x7f ? (char)image->options[i] : '?';
    handoff.command_line[used] = 0;
}

/* End the boot services with the map that is the last word: it must not change between the two calls. */
static efi_status end_boot_services(void *handle, const struct efi_boot_services *boot)
{
    uint64_t room = 0, size = 0, key;
    uint32_t version;
    void *map = NULL;
    efi_status status = boot->get_memory_map(&room, NULL, &key, &handoff.descriptor_size, &version);

    if (status != EFI_BUFFER_TOO_SMALL)
        return status ? status : EFI_INVALID_PARAMETER;
    room += SLACK_DESCRIPTORS * handoff.descriptor_size;
    status = boot->allocate_pool(EFI_LOADER_DATA, room, &map);
    if (status)
        return status;
    for (unsigned i = 0; i < EXIT_TRIES; i++) {
        size = room;
        status = boot->get_memory_map(&size, map, &key, &handoff.descriptor_size, &version);
        if (!status)
            status = boot->exit_boot_services(handle, key);
        if (!status)
            break;
    }
    if (status) {
        boot->free_pool(map);
        return status;
    }
    handoff.map = HPA((uint64_t)map);
    handoff.map_size = size;
    return 0;
}

efi_status efi_main(void *handle, struct efi_system_table *table)
{
    uint64_t tree = find_table(table, 0x41a5f19cb1b621d5, 0xe0aa692c15d90b83);
    uint64_t acpi = find_table(table, 0x11d3e4f18868e871, 0x81883cc7800022bc);

    if ((read_sysreg(CurrentEL) >> 2 & 3) != EL2)
        return refuse(table, u"the firmware does not run at EL2 (QEMU: -machine virt,virtualization=on)");
    if (!tree || !describes_board((const uint8_t *)tree))
        return refuse(table, acpi ? u"the firmware describes the board by ACPI only; a device tree is needed "
                                    u"(a setting of the firmware; QEMU: -no-acpi)"
                                  : u"the firmware has no device tree");
    take_options(handle, table->boot);
    if (end_boot_services(handle, table->boot))
        return refuse(table, u"the firmware does not let go (ExitBootServices)");
    efi_leave(tree);
}
