/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/devicetree.h"
#include "lib/devicetree_tokens.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/string.h"

#define DT_MAGIC 0xd00dfeedu
#define HEADER_SIZE 40u
enum { H_MAGIC, H_TOTAL, H_STRUCTS, H_STRINGS, H_RESERVED, H_VERSION, H_COMPATIBLE, H_CPU, H_STRINGS_SIZE, H_STRUCTS_SIZE };

/* A value of one or two cells. */
static uint64_t be_cells(const uint8_t *p, uint32_t cells)
{
    return cells == 2 ? (uint64_t)be32(p) << 32 | be32(p + 4) : cells == 1 ? be32(p) : 0;
}

static uint32_t header_word(const void *header, unsigned n)
{
    return be32((const uint8_t *)header + 4 * n);
}

uint32_t dt_needed_size(const void *header)
{
    if (header_word(header, H_MAGIC) != DT_MAGIC)
        return 0;
    uint64_t structs_end = (uint64_t)header_word(header, H_STRUCTS) + header_word(header, H_STRUCTS_SIZE);
    uint64_t strings_end = (uint64_t)header_word(header, H_STRINGS) + header_word(header, H_STRINGS_SIZE);
    uint64_t end = MAX(structs_end, strings_end);

    return end < HEADER_SIZE || end > header_word(header, H_TOTAL) ? 0 : (uint32_t)end;
}

int dt_open(struct devicetree *t, const void *blob, uint32_t available, const char **why)
{
    *why = "it is too short";
    if (available < HEADER_SIZE)
        return -E_INVAL;
    *why = "its magic number or block sizes are wrong";
    uint32_t needed = dt_needed_size(blob);
    if (needed == 0 || needed > available)
        return -E_INVAL;
    *why = "its version is not 17 or compatible";
    if (header_word(blob, H_VERSION) < 17 || header_word(blob, H_COMPATIBLE) > 17)
        return -E_INVAL;
    t->blob = blob;
    t->size = needed;
    t->structs = header_word(blob, H_STRUCTS);
    t->structs_size = header_word(blob, H_STRUCTS_SIZE);
    t->strings = header_word(blob, H_STRINGS);
    t->strings_size = header_word(blob, H_STRINGS_SIZE);
    t->reservations = header_word(blob, H_RESERVED);
    *why = "its blocks are not aligned or its strings not ended";
    if (t->structs % 4 || t->reservations % 8 || t->structs < HEADER_SIZE ||
        (t->strings_size && t->blob[t->strings + t->strings_size - 1]))
        return -E_INVAL;
    *why = NULL;
    return 0;
}

/* Bytes left in the structure block at offset. */
static uint32_t bytes_left(const struct devicetree *t, uint32_t offset)
{
    uint32_t end = t->structs + t->structs_size;

    return offset < end ? end - offset : 0;
}

static enum dt_token read_name(const struct devicetree *t, uint32_t *offset, struct dt_property *item)
{
    const uint8_t *name = t->blob + *offset, *end = t->blob + t->structs + t->structs_size, *behind = behind_name(name, end);

    if (behind > end)
        return DT_BAD;
    item->name = (const char *)name;
    *offset += (uint32_t)(behind - name);
    return DT_BEGIN;
}

static ALWAYS_INLINE enum dt_token read_property(const struct devicetree *t, uint32_t *offset, struct dt_property *item)
{
    if (bytes_left(t, *offset) < 8)
        return DT_BAD;
    uint32_t length = be32(t->blob + *offset), name = be32(t->blob + *offset + 4);

    *offset += 8;
    if (length > bytes_left(t, *offset) || name >= t->strings_size)
        return DT_BAD;
    item->name = (const char *)t->blob + t->strings + name;
    item->value = t->blob + *offset;
    item->length = length;
    *offset += ROUND_UP(length, 4u);
    return DT_PROPERTY;
}

static ALWAYS_INLINE enum dt_token next_item(const struct devicetree *t, uint32_t *offset, struct dt_property *item)
{
    while (bytes_left(t, *offset) >= 4) {
        uint32_t token = be32(t->blob + *offset);

        *offset += 4;
        if (likely(token == TOKEN_PROPERTY))
            return read_property(t, offset, item);
        switch (token) {
        case TOKEN_BEGIN: return read_name(t, offset, item);
        case TOKEN_END: return DT_END;
        case TOKEN_DONE: return DT_DONE;
        case TOKEN_NOP: break;
        default: return DT_BAD;
        }
    }
    return DT_BAD;
}

enum dt_token dt_next(const struct devicetree *t, uint32_t *offset, struct dt_property *item)
{
    return next_item(t, offset, item);
}

void dt_walk_start(struct dt_walk *w, const struct devicetree *t)
{
    memset(w, 0, sizeof(*w));
    w->tree = t;
    w->offset = t->structs;
    w->depth = -1;
}

/* Of those that end: what follows the last NUL is no string. */
static uint32_t initials_of_strings(const struct dt_property *p)
{
    const char *at = (const char *)p->value, *end = at + p->length;
    uint32_t initials = 0;

    while (end > at && end[-1])
        end--;
    while (at < end) {
        initials |= DT_INITIAL(*at);
        while (*at++)
            continue;
    }
    return initials;
}

/* `room`: bytes from the name to the end of the strings. No call: this is asked of most properties. */
#define IS_NAME(name, room, text) ((room) >= sizeof(text) && __builtin_memcmp(name, text, sizeof(text)) == 0)

/* What is asked for most, and what its children's addresses need. */
static ALWAYS_INLINE void note_property(struct dt_walk *w, struct dt_node *n, const struct dt_property *p, uint32_t room)
{
    if (IS_NAME(p->name, room, "compatible") && !n->compatible.name) {
        n->compatible = *p;
        n->compatible_initials = initials_of_strings(p);
    } else if (IS_NAME(p->name, room, "device_type") && !n->device_type.name) {
        n->device_type = *p;
    } else if (IS_NAME(p->name, room, "#address-cells") && !n->has_address_cells) {
        n->has_address_cells = true;
        w->levels[n->depth].address_cells = dt_cell(p, 0, 2);
    } else if (IS_NAME(p->name, room, "#size-cells") && !n->has_size_cells) {
        n->has_size_cells = true;
        w->levels[n->depth].size_cells = dt_cell(p, 0, 1);
    }
}

/* All properties of the node that begins, once: the walk goes on behind them. This loop is most of a walk. */
static void note_properties(struct dt_walk *w, struct dt_node *n)
{
    const uint32_t noted = DT_INITIAL('c') | DT_INITIAL('d') | DT_INITIAL('#');
    const struct devicetree *t = w->tree;
    uint32_t at = w->offset, end = t->structs + t->structs_size, strings_size = t->strings_size, initials = 0;
    const uint8_t *blob = t->blob, *strings = blob + t->strings;

    while (at < end && end - at >= PROPERTY_HEADER) {
        uint32_t token = be32(blob + at), length = be32(blob + at + 4), name = be32(blob + at + 8), initial;

        if (token == TOKEN_NOP) {
            at += 4;
            continue;
        }
        if (token != TOKEN_PROPERTY || length > end - at - PROPERTY_HEADER || name >= strings_size)
            break;
        initial = DT_INITIAL(strings[name]);
        initials |= initial;
        if (initial & noted)
            note_property(w, n, &(struct dt_property){ (const char *)strings + name, blob + at + PROPERTY_HEADER, length },
                          strings_size - name);
        at += PROPERTY_HEADER + ROUND_UP(length, 4u);
    }
    w->offset = at;
    n->initials = initials;
}

/* A node begins: note where its properties are and what they say of its children's addresses. */
static bool enter_node(struct dt_walk *w, struct dt_node *n, const char *name)
{
    if (w->depth + 1 >= DT_MAX_DEPTH) {
        w->damaged = true;
        return false;
    }
    /* a node that does not say inherits, as the reference and Linux have it (QEMU's /chosen relies on it) */
    uint32_t address_cells = w->depth < 0 ? 2 : w->levels[w->depth].address_cells;
    uint32_t size_cells = w->depth < 0 ? 1 : w->levels[w->depth].size_cells;

    w->depth++;
    n->name = name;
    n->depth = (unsigned)w->depth;
    n->properties = w->offset;
    n->compatible.name = n->device_type.name = NULL;
    n->has_address_cells = n->has_size_cells = false;
    w->levels[w->depth].name = name;
    w->levels[w->depth].properties = w->offset;
    w->levels[w->depth].address_cells = address_cells;
    w->levels[w->depth].size_cells = size_cells;
    note_properties(w, n);
    return true;
}

bool dt_walk_next(struct dt_walk *w, struct dt_node *n)
{
    struct dt_property item;

    while (!w->damaged) {
        switch (next_item(w->tree, &w->offset, &item)) {
        case DT_BEGIN:
            return enter_node(w, n, item.name);
        case DT_END:
            w->damaged = w->depth < 0;
            w->depth--;
            break;
        case DT_PROPERTY:
            break;
        case DT_DONE:
            w->damaged = w->depth >= 0;
            return false;
        case DT_BAD:
            w->damaged = true;
            break;
        }
    }
    return false;
}

uint32_t dt_node_place(const struct devicetree *t, const struct dt_node *n)
{
    return (uint32_t)((const uint8_t *)n->name - t->blob) - 4;      /* the token in front of its name */
}

void dt_walk_to(struct dt_walk *w, unsigned depth, uint32_t place)
{
    ASSERT(depth >= 1 && depth < DT_MAX_DEPTH);
    w->offset = place;
    w->depth = (int)depth - 1;
}

bool dt_walk_path(const struct dt_walk *w, char *out, size_t size)
{
    size_t used = 0;

    for (int level = 1; level <= w->depth; level++) {
        const char *name = w->levels[level].name;
        size_t length = strlen(name);

        if (used + 1 + length >= size)
            return false;
        out[used] = '/';
        memcpy(out + used + 1, name, length + 1);
        used += 1 + length;
    }
    return used != 0;
}

bool dt_find_property(const struct devicetree *t, const struct dt_node *n, const char *name, struct dt_property *out)
{
    uint32_t offset = n->properties;

    while (next_item(t, &offset, out) == DT_PROPERTY)
        if (out->name[0] == name[0] && strcmp(out->name, name) == 0)
            return true;
    return false;
}

bool dt_has_string(const struct dt_property *p, const char *s)
{
    for (uint32_t i = 0, k; i < p->length; i++) {
        for (k = 0; i < p->length && p->value[i] == (uint8_t)s[k]; i++, k++)
            if (s[k] == '\0')
                return true;
        while (i < p->length && p->value[i])
            i++;
    }
    return false;
}

bool dt_is_compatible(const struct devicetree *t, const struct dt_node *n, const char *with)
{
    struct dt_property p;

    if (n->initials)
        return n->compatible.name && n->compatible_initials & DT_INITIAL(with[0]) && dt_has_string(&n->compatible, with);
    return dt_property(t, n, "compatible", &p) && dt_has_string(&p, with);
}

const char *dt_string(const struct devicetree *t, const struct dt_node *n, const char *name)
{
    struct dt_property p;

    if (!dt_property(t, n, name, &p) || strnlen((const char *)p.value, p.length) == p.length)
        return NULL;
    return (const char *)p.value;
}

uint32_t dt_cell(const struct dt_property *p, uint32_t i, uint32_t missing)
{
    return p->length / 4 > i ? be32(p->value + 4 * i) : missing;
}

uint64_t dt_cells(const struct dt_property *p, uint32_t i, uint32_t count)
{
    uint64_t value = 0;

    for (uint32_t k = 0; k < count; k++)
        value = value << 32 | dt_cell(p, i + k, 0);
    return value;
}

bool dt_is_type(const struct dt_node *n, const char *type)
{
    return n->device_type.name && n->device_type.length == strlen(type) + 1 && memcmp(n->device_type.value, type, n->device_type.length) == 0;
}

bool dt_is_enabled(const struct devicetree *t, const struct dt_node *n)
{
    const char *status = dt_string(t, n, "status");

    return !status || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

/* One level up: an address of the bus at `level` as its parent sees it. */
static bool translate_level(const struct dt_walk *w, int level, uint64_t *address)
{
    struct dt_node bus = { .properties = w->levels[level].properties };
    uint32_t child = w->levels[level].address_cells, size_cells = w->levels[level].size_cells;
    uint32_t parent = w->levels[level - 1].address_cells;
    uint32_t entry = child + parent + size_cells;
    struct dt_property p;

    if (!dt_property(w->tree, &bus, "ranges", &p))
        return false;
    if (p.length == 0)
        return true;
    for (uint32_t i = 0; entry && (i + entry) * 4 <= p.length; i += entry) {
        uint64_t from = dt_cells(&p, i, child), to = dt_cells(&p, i + child, parent);
        uint64_t size = dt_cells(&p, i + child + parent, size_cells);

        if (*address >= from && *address - from < size) {
            *address = *address - from + to;
            return true;
        }
    }
    return false;
}

HOT bool dt_entry(const struct dt_property *p, uint32_t address_cells, uint32_t size_cells, unsigned i, uint64_t *address, uint64_t *size)
{
    uint32_t entry = address_cells + size_cells;

    if (address_cells < 1 || address_cells > 2 || size_cells > 2 || (uint64_t)(i + 1) * entry * 4 > p->length)
        return false;
    *address = be_cells(p->value + 4 * i * entry, address_cells);
    *size = be_cells(p->value + 4 * (i * entry + address_cells), size_cells);
    return *address + *size >= *address;
}

bool dt_reg_untranslated(const struct dt_walk *w, const struct dt_node *n, unsigned i, uint64_t *address, uint64_t *size)
{
    struct dt_property p;

    if (n->depth == 0 || !dt_property(w->tree, n, "reg", &p))
        return false;
    return dt_entry(&p, w->levels[n->depth - 1].address_cells, w->levels[n->depth - 1].size_cells, i, address, size);
}

bool dt_reg(const struct dt_walk *w, const struct dt_node *n, unsigned i, uint64_t *address, uint64_t *size)
{
    if (!dt_reg_untranslated(w, n, i, address, size))
        return false;
    for (int level = (int)n->depth - 1; level > 0; level--)
        if (!translate_level(w, level, address))
            return false;
    return *address + *size >= *address;
}

bool dt_reservation(const struct devicetree *t, unsigned i, uint64_t *address, uint64_t *size)
{
    uint64_t offset = (uint64_t)t->reservations + 16 * (uint64_t)i;

    if (offset + 16 > t->size)
        return false;
    const uint8_t *p = t->blob + offset;
    *address = (uint64_t)be32(p) << 32 | be32(p + 4);
    *size = (uint64_t)be32(p + 8) << 32 | be32(p + 12);
    return *address || *size;
}
