/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a loader of x86 tells us: multiboot 1 (Multiboot Specification 0.6.96, 3.3: QEMU's -kernel, GRUB) or multiboot2 (Multiboot2
 * Specification 2.0, 3.6: GRUB on BIOS and on UEFI). Read once, before anything is allocated; nothing of it stays in the loader's memory
 * but the modules themselves.
 */
#ifndef BOOT_X86_64_LOADER_INFO_H
#define BOOT_X86_64_LOADER_INFO_H

#include "boot/x86_64/boot_info.h"

#define MULTIBOOT1_MAGIC 0x2badb002u     /* what eax holds at the entry */
#define MULTIBOOT2_MAGIC 0x36d76289u

/* The kinds of memory that a PC's firmware knows (ACPI Specification 6.4, 15.2); others count as reserved. */
enum memory_kind { KIND_RAM = 1, KIND_RESERVED, KIND_ACPI_TABLES, KIND_ACPI_NVS, KIND_BAD };

struct memory_entry {
    uint64_t base, size;
    uint32_t kind;
};

#define LOADER_MAP_GIVEN 128                            /* entries of a loader's map */
#define LOADER_MAP_ENTRIES (2 * LOADER_MAP_GIVEN)       /* what they are at most once cut apart where they overlap */
#define LOADER_TEXT_SIZE 4096

struct loader_info {
    struct memory_entry map[LOADER_MAP_ENTRIES];        /* in address order, without overlaps, whole pages of RAM */
    unsigned map_count;
    bool map_too_long;
    struct boot_module modules[MAX_MODULES];            /* the command lines are in `text`, without the file's name */
    unsigned module_count;
    char command_line[COMMAND_LINE_SIZE];               /* our own, without the file's name */
    uint64_t rsdp;                                      /* where the loader's copy of ACPI's root pointer is; 0: it gave none */
    unsigned rsdp_size;
    uint64_t efi_system_table;                          /* 0: not started by UEFI */
    char text[LOADER_TEXT_SIZE];
    unsigned text_used;
};

/* Copies size bytes of physical memory; false where there is nothing that a loader may point to. */
typedef bool (*physical_reader)(void *to, uint64_t from, size_t size);

/* The reader that goes through boot_map: below 4 GiB, at most 2 MiB in one piece. */
bool loader_read_physical(void *to, uint64_t from, size_t size);

/*
 * Read what the loader left at physical address `at`; magic is eax's at the entry. 0, or -E_INVAL with one line about what is wrong in
 * *why. What is only partly wrong (a module of no length, a string without an end) is left out with a line in the log.
 */
int loader_info_read(struct loader_info *l, uint32_t magic, uint64_t at, physical_reader read, const char **why) MUST_CHECK;

/* For the readers of the two formats (multiboot1.c, multiboot2.c): */
int multiboot1_read(struct loader_info *l, uint64_t at, physical_reader read, const char **why) MUST_CHECK;
int multiboot2_read(struct loader_info *l, uint64_t at, physical_reader read, const char **why) MUST_CHECK;
/* One entry of the firmware's map; of no use: ignored. */
void loader_add_memory(struct loader_info *l, uint64_t base, uint64_t size, uint32_t kind);
/* [start, end) is a module; its words are `words`. */
void loader_add_module(struct loader_info *l, uint64_t start, uint64_t end, const char *words);
/* A string of the loader's at `from`, cut off at size bytes with a line in the log. False: it cannot be read. */
bool loader_read_string(char *to, size_t size, uint64_t from, physical_reader read);
/* The words behind the name of the file, which every loader but GRUB from version 1 on puts first (loader: its name, "" unknown). */
const char *loader_skip_file(const char *line, const char *loader);

/* Fill what both architectures have: memory, reserved (what is not RAM), modules, command line. l must outlive *b. */
void loader_info_to_boot(struct boot_info *b, const struct loader_info *l);

#endif
