/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/assert.h"
#include "lib/devicetree.h"
#include "lib/string.h"

#define HEADER_SIZE 40u
#define RESERVATIONS_SIZE 16u       /* the empty list's end */
#define STRUCTS_OFFSET (HEADER_SIZE + RESERVATIONS_SIZE)

enum { TOKEN_BEGIN = 1, TOKEN_END = 2, TOKEN_PROPERTY = 3, TOKEN_DONE = 9 };

/*
 * buffer:  | header | no reservations | structure block ->        <- strings |
 *          0        40                56                 used     size - strings_used
 * Each string is put below those already there, so a name's offset counts from the buffer's end until dt_write_finish
 * moves the strings behind the structure block and rewrites the offsets.
 */
static void put32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Room for n more bytes of structure, zeroed; NULL and the overflow noted when there is none. */
static uint8_t *take(struct dt_writer *w, uint32_t n)
{
    uint32_t rounded = ROUND_UP(n, 4u);

    if (w->overflow || n > rounded || rounded > w->size - w->strings_used - w->used) {
        w->overflow = true;
        return NULL;
    }
    uint8_t *p = w->buffer + w->used;
    memset(p, 0, rounded);
    w->used += rounded;
    return p;
}

void dt_write_start(struct dt_writer *w, void *buffer, uint32_t size)
{
    ASSERT(size >= STRUCTS_OFFSET);
    memset(w, 0, sizeof(*w));
    w->buffer = buffer;
    w->size = size;
    memset(buffer, 0, STRUCTS_OFFSET);
    w->used = STRUCTS_OFFSET;
}

void dt_write_begin(struct dt_writer *w, const char *name)
{
    uint32_t length = (uint32_t)strlen(name) + 1;
    uint8_t *p = take(w, 4 + length);

    w->depth++;
    if (p) {
        put32(p, TOKEN_BEGIN);
        memcpy(p + 4, name, length);
    }
}

void dt_write_end(struct dt_writer *w)
{
    uint8_t *p = take(w, 4);

    ASSERT(w->depth > 0);
    w->depth--;
    if (p)
        put32(p, TOKEN_END);
}

/* The distance of the string from the buffer's end; 0: it is not there. */
static uint32_t find_string(const struct dt_writer *w, const char *name)
{
    const uint8_t *end = w->buffer + w->size;

    for (const uint8_t *s = end - w->strings_used; s < end; s++) {
        const uint8_t *first = s;

        for (const char *n = name; *s && *s == (uint8_t)*n; n++)
            s++;
        if (*s == name[s - first])
            return (uint32_t)(end - first);
        while (*s)
            s++;
    }
    return 0;
}

static uint32_t add_string(struct dt_writer *w, const char *name, uint32_t size)
{
    if (size > w->size - w->strings_used - w->used) {
        w->overflow = true;
        return 0;
    }
    w->strings_used += size;
    memcpy(w->buffer + w->size - w->strings_used, name, size);
    return w->strings_used;
}

/* The same, adding it when it is new. A name is looked for only among those of its hash: none, the last, or all. */
static uint32_t string_place(struct dt_writer *w, const char *name)
{
    uint32_t size = (uint32_t)strlen(name) + 1, place;
    uint32_t *last = &w->places[((uint8_t)name[0] + 7 * (uint8_t)name[size / 2] + 3 * size) % ARRAY_SIZE(w->places)];

    if (*last && memcmp(w->buffer + w->size - *last, name, MIN(size, *last)) == 0)
        return *last;
    place = *last ? find_string(w, name) : 0;
    if (!place)
        place = add_string(w, name, size);
    *last = place;
    return place;
}

void dt_write_property(struct dt_writer *w, const char *name, const void *value, uint32_t length)
{
    uint32_t place = string_place(w, name);
    uint8_t *p = length > INT32_MAX ? NULL : take(w, 12 + length);

    if (!p) {
        w->overflow = true;
        return;
    }
    put32(p, TOKEN_PROPERTY);
    put32(p + 4, length);
    put32(p + 8, place);
    memcpy(p + 12, value, length);
}

void dt_write_string(struct dt_writer *w, const char *name, const char *value)
{
    dt_write_property(w, name, value, (uint32_t)strlen(value) + 1);
}

void dt_write_cells(struct dt_writer *w, const char *name, const uint32_t *cells, unsigned count)
{
    uint32_t place = string_place(w, name);
    uint8_t *p = take(w, 12 + 4 * count);

    if (!p)
        return;
    put32(p, TOKEN_PROPERTY);
    put32(p + 4, 4 * count);
    put32(p + 8, place);
    for (unsigned i = 0; i < count; i++)
        put32(p + 12 + 4 * i, cells[i]);
}

/* Names were noted as distances from the buffer's end: make them offsets into the strings block. */
static void fix_name_offsets(struct dt_writer *w)
{
    uint32_t at = STRUCTS_OFFSET;

    while (at < w->used) {
        switch (get32(w->buffer + at)) {
        case TOKEN_BEGIN:
            at += 4 + ROUND_UP((uint32_t)strlen((char *)w->buffer + at + 4) + 1, 4u);
            break;
        case TOKEN_PROPERTY:
            put32(w->buffer + at + 8, w->strings_used - get32(w->buffer + at + 8));
            at += 12 + ROUND_UP(get32(w->buffer + at + 4), 4u);
            break;
        default:
            at += 4;
            break;
        }
    }
}

uint32_t dt_write_finish(struct dt_writer *w)
{
    uint8_t *p = take(w, 4);

    if (!p || w->overflow || w->depth != 0)
        return 0;
    put32(p, TOKEN_DONE);
    fix_name_offsets(w);
    memmove(w->buffer + w->used, w->buffer + w->size - w->strings_used, w->strings_used);
    const uint32_t header[10] = {
        0xd00dfeed, w->used + w->strings_used, STRUCTS_OFFSET, w->used, HEADER_SIZE, 17, 16, 0,
        w->strings_used, w->used - STRUCTS_OFFSET,
    };
    for (unsigned i = 0; i < 10; i++)
        put32(w->buffer + 4 * i, header[i]);
    return w->used + w->strings_used;
}
