/* SPDX-License-Identifier: Apache-2.0 */
/* As much of the flattened device tree (Devicetree Specification 5) as a guest needs. */

#include "guests/lib/guest.h"

#define FDT_MAGIC 0xd00dfeed
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE 2
#define FDT_PROP 3
#define FDT_NOP 4
#define FDT_END 9

uint32_t fdt_u32(const uint32_t *prop, unsigned i)
{
    return __builtin_bswap32(prop[i]);
}

uint64_t fdt_u64(const uint32_t *prop, unsigned i)
{
    return ((uint64_t)fdt_u32(prop, 2 * i) << 32) | fdt_u32(prop, 2 * i + 1);
}

static const uint32_t *structure(const void *fdt)
{
    const uint32_t *header = fdt;

    ASSERT(fdt && fdt_u32(header, 0) == FDT_MAGIC);
    return (const uint32_t *)((const char *)fdt + fdt_u32(header, 2));
}

static const char *string_at(const void *fdt, uint32_t offset)
{
    return (const char *)fdt + fdt_u32(fdt, 3) + offset;
}

/* Words that the token at p takes. */
static unsigned token_words(const uint32_t *p)
{
    if (fdt_u32(p, 0) == FDT_BEGIN_NODE)
        return 1 + (unsigned)(strlen((const char *)(p + 1)) + 4) / 4;
    if (fdt_u32(p, 0) == FDT_PROP)
        return 3 + (fdt_u32(p, 1) + 3) / 4;
    return 1;
}

const uint32_t *fdt_prop(const void *fdt, unsigned node, const char *name, unsigned *len)
{
    const uint32_t *p = structure(fdt) + node;

    ASSERT(fdt_u32(p, 0) == FDT_BEGIN_NODE);
    for (p += token_words(p); fdt_u32(p, 0) == FDT_PROP || fdt_u32(p, 0) == FDT_NOP;
         p += token_words(p)) {
        if (fdt_u32(p, 0) == FDT_PROP && !strcmp(string_at(fdt, fdt_u32(p, 2)), name)) {
            *len = fdt_u32(p, 1);
            return p + 3;
        }
    }
    return NULL;
}

static bool list_has(const char *list, unsigned len, const char *value)
{
    for (unsigned at = 0; at < len; at += (unsigned)strlen(list + at) + 1)
        if (!strcmp(list + at, value))
            return true;
    return false;
}

unsigned fdt_find(const void *fdt, const char *key, const char *value)
{
    const uint32_t *base = structure(fdt);

    for (const uint32_t *p = base; fdt_u32(p, 0) != FDT_END; p += token_words(p)) {
        unsigned len;
        const uint32_t *list;

        if (fdt_u32(p, 0) != FDT_BEGIN_NODE)
            continue;
        list = fdt_prop(fdt, (unsigned)(p - base), key, &len);
        if (list && (!value || list_has((const char *)list, len, value)))
            return (unsigned)(p - base);
    }
    return 0;
}

bool fdt_option(const void *fdt, const char *word)
{
    unsigned node = fdt_find(fdt, "bootargs", NULL);
    unsigned len, size = (unsigned)strlen(word);
    const char *args;

    if (!node)
        return false;
    args = (const char *)fdt_prop(fdt, node, "bootargs", &len);
    for (unsigned at = 0; args[at] && at + size < len; at++) {
        bool begins = !at || args[at - 1] == ' ';
        bool ends = args[at + size] == ' ' || !args[at + size];

        if (begins && ends && !memcmp(args + at, word, size))
            return true;
    }
    return false;
}
