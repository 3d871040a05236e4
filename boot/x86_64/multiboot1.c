/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot Specification 0.6.96, 3.3: one structure with pointers, each of which is there when its flag is. */
#include "boot/x86_64/loader_info.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"

enum { HAS_SIZES = BIT(0), HAS_WORDS = BIT(2), HAS_MODULES = BIT(3), HAS_MAP = BIT(6), HAS_LOADER = BIT(9) };

struct information {
    uint32_t flags, mem_lower, mem_upper, boot_device, words;
    uint32_t module_count, modules;
    uint32_t symbols[4];
    uint32_t map_size, map;
    uint32_t drives_size, drives, config_table, loader_name;
};

struct module {
    uint32_t start, end, words, reserved;
};

struct PACKED map_entry {
    uint32_t size;      /* of what follows */
    uint64_t base, length;
    uint32_t kind;
};

#define ENTRY_SIZE_MIN (sizeof(struct map_entry) - sizeof(uint32_t))
#define ENTRY_SIZE_MAX 256
#define KIB UINT64_C(1024)
#define HIGH_MEMORY UINT64_C(0x100000)

static int read_map(struct loader_info *l, const struct information *i, physical_reader read, const char **why)
{
    struct map_entry e;
    uint64_t at = i->map, end = at + i->map_size;

    while (at + sizeof(e) <= end) {
        if (!read(&e, at, sizeof(e)) || e.size < ENTRY_SIZE_MIN || e.size > ENTRY_SIZE_MAX) {
            *why = "multiboot: its map of memory has an entry of no sensible size";
            return -E_INVAL;
        }
        loader_add_memory(l, e.base, e.length, e.kind);
        at += sizeof(e.size) + e.size;
    }
    return 0;
}

/* Without a map: what the old calls of a BIOS counted. */
static int read_memory(struct loader_info *l, const struct information *i, physical_reader read, const char **why)
{
    if (i->flags & HAS_MAP)
        return read_map(l, i, read, why);
    if (i->flags & HAS_SIZES) {
        loader_add_memory(l, 0, i->mem_lower * KIB, KIND_RAM);
        loader_add_memory(l, HIGH_MEMORY, i->mem_upper * KIB, KIND_RAM);
    }
    return 0;
}

static void read_module(struct loader_info *l, uint64_t at, const char *loader, physical_reader read)
{
    static char words[COMMAND_LINE_SIZE];
    struct module m;

    if (!read(&m, at, sizeof(m))) {
        log_warning("multiboot: a module's entry at 0x%llx cannot be read", (unsigned long long)at);
        return;
    }
    words[0] = 0;
    if (m.words && !loader_read_string(words, sizeof(words), m.words, read))
        log_warning("multiboot: the words of the module at 0x%x cannot be read", m.start);
    loader_add_module(l, m.start, m.end, loader_skip_file(words, loader));
}

int multiboot1_read(struct loader_info *l, uint64_t at, physical_reader read, const char **why)
{
    struct information i;
    char loader[64] = "", line[COMMAND_LINE_SIZE] = "";
    int error;

    if (!read(&i, at, sizeof(i))) {
        *why = "multiboot: its tables cannot be read";
        return -E_INVAL;
    }
    error = read_memory(l, &i, read, why);
    if (error)
        return error;
    if (i.flags & HAS_LOADER && !loader_read_string(loader, sizeof(loader), i.loader_name, read))
        loader[0] = 0;
    if (i.flags & HAS_WORDS && loader_read_string(line, sizeof(line), i.words, read))
        string_copy(l->command_line, loader_skip_file(line, loader), sizeof(l->command_line));
    for (uint32_t n = 0; i.flags & HAS_MODULES && n < i.module_count; n++) {
        if (n == MAX_MODULES) {
            log_warning("multiboot: %u modules, the first %u count", i.module_count, MAX_MODULES);
            break;
        }
        read_module(l, i.modules + n * sizeof(struct module), loader, read);
    }
    return 0;
}
