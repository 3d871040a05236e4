/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot2 Specification 2.0, 3.6: a size and a list of tags, each with its own size, eight bytes aligned. */
#include "boot/x86_64/loader_info.h"
#include "lib/error.h"
#include "lib/print.h"

#define TOTAL_MAX UINT32_C(0x100000)
#define TAGS_MAX 1024
#define RSDP_SIZE_MIN 20        /* of ACPI 1.0 */

enum tag_type {
    TAG_END, TAG_WORDS, TAG_LOADER, TAG_MODULE, TAG_MAP = 6, TAG_EFI64 = 12, TAG_RSDP_OLD = 14, TAG_RSDP = 15, TAG_EFI_MAP = 17,
};

struct header { uint32_t total_size, reserved; };
struct tag { uint32_t type, size; };
struct tag_module { struct tag t; uint32_t start, end; };
struct tag_map { struct tag t; uint32_t entry_size, entry_version; };
struct tag_efi64 { struct tag t; uint64_t pointer; };
struct map_entry { uint64_t base, length; uint32_t kind, reserved; };
/* UEFI Specification 7.2; the map's descriptors may be longer. */
struct descriptor { uint32_t type, pad; uint64_t base, virtual_base, pages, attributes; };

/* Being read: tags are handled as they come, apart from a UEFI map, which only counts where there is no other. */
struct reading {
    struct loader_info *l;
    physical_reader read;
    bool has_map;
    uint64_t efi_map;       /* its tag; 0: none */
    const char *why;
};

static bool is_boot_memory(uint32_t type)
{
    return (type >= 1 && type <= 4) || type == 7;       /* loader's, boot services', conventional */
}

static uint32_t efi_kind(uint32_t type)
{
    return is_boot_memory(type) ? KIND_RAM : type == 9 ? KIND_ACPI_TABLES : type == 10 ? KIND_ACPI_NVS : type == 8 ? KIND_BAD : KIND_RESERVED;
}

static bool read_map(struct reading *r, uint64_t at, const struct tag *t)
{
    struct tag_map m;
    struct map_entry e;

    if (t->size < sizeof(m) || !r->read(&m, at, sizeof(m)) || m.entry_size < sizeof(e) || m.entry_size % 8)
        return r->why = "multiboot2: its map of memory has entries of no sensible size", false;
    for (uint64_t place = at + sizeof(m); place + m.entry_size <= at + t->size; place += m.entry_size)
        if (r->read(&e, place, sizeof(e)))
            loader_add_memory(r->l, e.base, e.length, e.kind);
    return r->has_map = true;
}

static bool keep_efi_map(struct reading *r, uint64_t at, const struct tag *t UNUSED)
{
    r->efi_map = at;
    return true;
}

static bool read_efi_map(struct reading *r)
{
    struct tag_map m;
    struct descriptor d;

    if (!r->read(&m, r->efi_map, sizeof(m)) || m.t.size < sizeof(m) || m.entry_size < sizeof(d) || m.entry_size % 8)
        return r->why = "multiboot2: UEFI's map of memory has entries of no sensible size", false;
    for (uint64_t place = r->efi_map + sizeof(m); place + m.entry_size <= r->efi_map + m.t.size; place += m.entry_size)
        if (r->read(&d, place, sizeof(d)) && d.pages <= UINT64_MAX >> PAGE_SHIFT)
            loader_add_memory(r->l, d.base, d.pages << PAGE_SHIFT, efi_kind(d.type));
    return true;
}

static bool read_module(struct reading *r, uint64_t at, const struct tag *t)
{
    static char words[COMMAND_LINE_SIZE];
    struct tag_module m;

    words[0] = 0;
    if (t->size < sizeof(m) || !r->read(&m, at, sizeof(m)))
        return r->why = "multiboot2: a module's tag is too short", false;
    if (t->size > sizeof(m) && !loader_read_string(words, MIN(sizeof(words), t->size - sizeof(m)), at + sizeof(m), r->read))
        log_warning("multiboot2: the words of the module at 0x%x cannot be read", m.start);
    loader_add_module(r->l, m.start, m.end, words);
    return true;
}

static bool read_words(struct reading *r, uint64_t at, const struct tag *t)
{
    size_t size = t->size - sizeof(*t);

    if (size && !loader_read_string(r->l->command_line, MIN(sizeof(r->l->command_line), size), at + sizeof(*t), r->read))
        r->l->command_line[0] = 0;
    return true;
}

static bool read_efi64(struct reading *r, uint64_t at, const struct tag *t)
{
    struct tag_efi64 e;

    if (t->size >= sizeof(e) && r->read(&e, at, sizeof(e)))
        r->l->efi_system_table = e.pointer;
    return true;
}

/* The newer kind holds more and wins. */
static bool read_rsdp(struct reading *r, uint64_t at, const struct tag *t)
{
    unsigned size = t->size - (unsigned)sizeof(*t);

    if (size >= RSDP_SIZE_MIN && size > r->l->rsdp_size) {
        r->l->rsdp_size = size;
        r->l->rsdp = at + sizeof(*t);
    }
    return true;
}

static bool (*const readers[])(struct reading *r, uint64_t at, const struct tag *t) = {
    [TAG_WORDS] = read_words, [TAG_MODULE] = read_module, [TAG_MAP] = read_map, [TAG_EFI64] = read_efi64,
    [TAG_RSDP_OLD] = read_rsdp, [TAG_RSDP] = read_rsdp, [TAG_EFI_MAP] = keep_efi_map,
};

/* The tag at `at`, which must end before `end`; *next is behind it. False with r->why NULL: that was the last. */
static bool read_tag(struct reading *r, uint64_t at, uint64_t end, uint64_t *next)
{
    struct tag t;

    if (at + sizeof(t) > end || !r->read(&t, at, sizeof(t)) || t.size < sizeof(t) || t.size > end - at)
        return r->why = "multiboot2: a tag goes over the end of the list", false;
    *next = at + ROUND_UP((uint64_t)t.size, 8);
    if (t.type == TAG_END)
        return false;
    return t.type < ARRAY_SIZE(readers) && readers[t.type] ? readers[t.type](r, at, &t) : true;
}

int multiboot2_read(struct loader_info *l, uint64_t at, physical_reader read, const char **why)
{
    struct reading r = { .l = l, .read = read };
    struct header h;
    uint64_t place = at + sizeof(h);

    if (at % 8 || !read(&h, at, sizeof(h)) || h.total_size < sizeof(h) || h.total_size > TOTAL_MAX) {
        *why = "multiboot2: its list cannot be read";
        return -E_INVAL;
    }
    for (unsigned n = 0; n < TAGS_MAX && read_tag(&r, place, at + h.total_size, &place); n++)
        ;
    if (!r.why && !r.has_map && r.efi_map)
        (void)read_efi_map(&r);
    *why = r.why;
    return r.why ? -E_INVAL : 0;
}
