/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/devicetree_skim.h"
#include "lib/assert.h"
#include "lib/string.h"

void dt_skim_start(struct dt_skim *s, struct dt_walk *w, const char *const *names, unsigned name_count)
{
    const struct devicetree *t = w->tree;

    ASSERT(name_count <= DT_SKIM_NAMES && w->depth >= 0);
    s->walk = w;
    s->at = t->blob + w->offset;
    s->end = t->blob + t->structs + t->structs_size;
    s->depth = s->above = w->depth;
    s->names = names;
    s->name_count = name_count;
    s->places = MIN(t->strings_size, (uint32_t)DT_SKIM_PLACES);
    memset(s->known, 0, s->places);
}

/* A name that was not met before, or lies behind those that are remembered. SKIM_NEW: it lies outside the block. */
unsigned dt_skim_look_up(struct dt_skim *s, uint32_t place)
{
    const struct devicetree *t = s->walk->tree;
    unsigned known = SKIM_OTHER;

    if (place >= t->strings_size)
        return SKIM_NEW;
    for (unsigned i = 0; i < s->name_count; i++)
        if (strcmp((const char *)t->blob + t->strings + place, s->names[i]) == 0)
            known = SKIM_NAMES + i;
    if (place < s->places)
        s->known[place] = (uint8_t)known;
    return known;
}

/* Where the walk goes on. */
bool dt_skim_end(const struct dt_skim *s, const uint8_t *at, bool damaged)
{
    s->walk->offset = (uint32_t)(at - s->walk->tree->blob);
    s->walk->damaged = damaged;
    return false;
}

/* What a node may have between its properties: nothing that counts. NULL: it is none of these. */
const uint8_t *dt_skim_other(const struct dt_skim *s, const uint8_t *at)
{
    const struct devicetree *t = s->walk->tree;
    uint32_t offset = (uint32_t)(at - t->blob);
    struct dt_property item;

    if (be32(at) == TOKEN_NOP)
        return at + 4;
    return dt_next(t, &offset, &item) == DT_PROPERTY ? t->blob + offset : NULL;
}

struct dt_node dt_skim_node(const struct dt_skim *s, const struct dt_skimmed *n)
{
    return (struct dt_node){ .name = (const char *)n->place + 4, .depth = n->depth,
                             .properties = (uint32_t)(n->properties - s->walk->tree->blob) };
}
