/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/x86_64/loader_info.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"

#define READ_MAX UINT64_C(0x200000)
#define FOUR_GIB UINT64_C(0x100000000)
/* No processor has more physical address bits. */
#define TOP_MAX (UINT64_C(1) << 52)

bool loader_read_physical(void *to, uint64_t from, size_t size)
{
    if (size == 0 || size > READ_MAX || from == 0 || from > FOUR_GIB - size)
        return false;
    void *mapped = boot_map(HPA(from), size);

    if (!mapped)
        return false;
    memcpy(to, mapped, size);
    boot_unmap(mapped, size);
    return true;
}

bool loader_read_string(char *to, size_t size, uint64_t from, physical_reader read)
{
    ASSERT(size > 0);
    for (size_t n = 0; n < size; n++) {
        if (!read(&to[n], from + n, 1)) {
            to[0] = 0;
            return false;
        }
        if (to[n] == 0)
            return true;
    }
    to[size - 1] = 0;
    log_warning("loader: a string of %u bytes or more is cut off", (unsigned)size);
    return true;
}

const char *loader_skip_file(const char *line, const char *loader)
{
    bool no_file = strncmp(loader, "GRUB ", 5) == 0 && loader[5] != '0';

    while (*line == ' ')
        line++;
    if (no_file)
        return line;
    while (*line && *line != ' ')
        line++;
    while (*line == ' ')
        line++;
    return line;
}

void loader_add_memory(struct loader_info *l, uint64_t base, uint64_t size, uint32_t kind)
{
    if (size == 0 || base >= TOP_MAX)
        return;
    if (l->map_count == LOADER_MAP_GIVEN) {
        l->map_too_long = true;
        return;
    }
    if (kind == 0 || kind > KIND_BAD)
        kind = KIND_RESERVED;
    l->map[l->map_count++] = (struct memory_entry){ base, MIN(size, TOP_MAX - base), kind };
}

void loader_add_module(struct loader_info *l, uint64_t start, uint64_t end, const char *words)
{
    size_t length = strlen(words) + 1;
    char *copy = l->text + l->text_used;

    if (end <= start || start == 0) {
        log_warning("loader: a module from 0x%llx to 0x%llx is none", (unsigned long long)start, (unsigned long long)end);
        return;
    }
    if (l->module_count == MAX_MODULES) {
        log_warning("loader: more than %u modules, that at 0x%llx is left out", MAX_MODULES, (unsigned long long)start);
        return;
    }
    if (length > sizeof(l->text) - l->text_used) {
        log_warning("loader: the words of the module at 0x%llx are lost, there is no room", (unsigned long long)start);
        length = 1, words = "";
        copy = l->text + sizeof(l->text) - 1;
    }
    string_copy(copy, words, length);
    if (copy != l->text + sizeof(l->text) - 1)
        l->text_used += (unsigned)length;
    enum module_kind kind = l->module_count == 0 ? MODULE_KERNEL : l->module_count == 1 ? MODULE_RAMDISK : MODULE_OTHER;

    l->modules[l->module_count++] = (struct boot_module){ kind, { start, end - start }, copy };
}

/* ---- the map in order ---- */

struct ordered {
    struct memory_entry entry[LOADER_MAP_ENTRIES];
    unsigned count;
};

/* The entry with the lowest address that [base, end) meets; NULL: it meets none. */
static const struct memory_entry *first_met(const struct ordered *o, uint64_t base, uint64_t end)
{
    const struct memory_entry *best = NULL;

    for (unsigned i = 0; i < o->count; i++) {
        const struct memory_entry *e = &o->entry[i];

        if (base < e->base + e->size && e->base < end && (!best || e->base < best->base))
            best = e;
    }
    return best;
}

static void insert(struct ordered *o, struct memory_entry e)
{
    unsigned i = o->count;

    ASSERT(o->count < LOADER_MAP_ENTRIES);
    for (; i > 0 && o->entry[i - 1].base > e.base; i--)
        o->entry[i] = o->entry[i - 1];
    o->entry[i] = e;
    o->count++;
}

/* What of [base, end) no entry has yet. */
static void add_rest(struct ordered *o, uint64_t base, uint64_t end, uint32_t kind)
{
    while (base < end) {
        const struct memory_entry *met = first_met(o, base, end);
        uint64_t stop = met ? met->base : end, next = met ? met->base + met->size : end;

        if (stop > base)
            insert(o, (struct memory_entry){ base, stop - base, kind });
        base = next;
    }
}

/* Where entries overlap, that of no memory is right; among those the first. RAM shrinks to whole pages, everything else grows. */
static void put_in_order(struct loader_info *l)
{
    static struct ordered o;

    o.count = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < l->map_count; i++) {
            const struct memory_entry *e = &l->map[i];
            bool ram = e->kind == KIND_RAM;
            uint64_t end = e->base + e->size;

            if (ram && pass == 1)
                add_rest(&o, ROUND_UP(e->base, PAGE_SIZE), ROUND_DOWN(end, PAGE_SIZE), KIND_RAM);
            if (!ram && pass == 0)
                add_rest(&o, ROUND_DOWN(e->base, PAGE_SIZE), ROUND_UP(end, PAGE_SIZE), e->kind);
        }
    }
    memcpy(l->map, o.entry, sizeof(l->map));
    l->map_count = o.count;
}

static bool has_ram(const struct loader_info *l)
{
    for (unsigned i = 0; i < l->map_count; i++)
        if (l->map[i].kind == KIND_RAM)
            return true;
    return false;
}

int loader_info_read(struct loader_info *l, uint32_t magic, uint64_t at, physical_reader read, const char **why)
{
    int error;

    memset(l, 0, sizeof(*l));
    if (magic == MULTIBOOT1_MAGIC) {
        error = multiboot1_read(l, at, read, why);
    } else if (magic == MULTIBOOT2_MAGIC) {
        error = multiboot2_read(l, at, read, why);
    } else {
        *why = "the loader speaks neither multiboot nor multiboot2";
        return -E_INVAL;
    }
    if (error)
        return error;
    if (l->map_too_long) {
        *why = "the loader's map of memory has more than 128 entries";
        return -E_INVAL;
    }
    put_in_order(l);
    if (!has_ram(l)) {
        *why = "the loader's map names no memory";
        return -E_INVAL;
    }
    return 0;
}

void loader_info_to_boot(struct boot_info *b, const struct loader_info *l)
{
    STATIC_ASSERT(sizeof(b->command_line) == sizeof(l->command_line));
    b->memory.count = b->reserved.count = 0;
    for (unsigned i = 0; i < l->map_count; i++) {
        const struct memory_entry *e = &l->map[i];

        if (e->kind == KIND_RAM)
            range_add_joined(&b->memory, e->base, e->size);
        else
            range_add_near(&b->reserved, e->base, e->size);
    }
    memcpy(b->modules.module, l->modules, sizeof(b->modules.module));
    b->modules.count = l->module_count;
    memcpy(b->command_line, l->command_line, sizeof(b->command_line));
    ASSERT(b->memory.count > 0);
}
