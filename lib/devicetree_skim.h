/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quick look at many nodes: of each the named properties only. A name is compared with the list once and is known by its place in the
 * string block from then on. What a node has several times counts once, the first.
 */
#ifndef LIB_DEVICETREE_SKIM_H
#define LIB_DEVICETREE_SKIM_H

#include "lib/devicetree.h"
#include "lib/devicetree_tokens.h"

#define DT_SKIM_NAMES 9
#define DT_SKIM_PLACES 4096
struct dt_skim {
    const uint8_t *at, *end;    /* in the structure block */
    int depth, above;
    uint32_t places;            /* of the string block that are remembered */
    uint8_t known[DT_SKIM_PLACES];  /* by place: SKIM_NEW nobody has looked, SKIM_OTHER none of the names, else the name's number and SKIM_NAMES */
    struct dt_walk *walk;
    const char *const *names;   /* at most DT_SKIM_NAMES */
    unsigned name_count;
};
struct dt_skimmed {
    const uint8_t *place;       /* of its first token */
    const uint8_t *properties;
    unsigned depth;
    uint32_t has;               /* BIT(n): property n is there */
    struct dt_property property[DT_SKIM_NAMES];     /* without names */
};
enum { SKIM_NEW, SKIM_OTHER, SKIM_NAMES };     /* what is known of a name */
/* Looks at what is below the node that the walk returned last. */
void dt_skim_start(struct dt_skim *s, struct dt_walk *w, const char *const *names, unsigned name_count);
/* The node that was skimmed, so that everything may be asked of it but `compatible` and `device_type`. */
struct dt_node dt_skim_node(const struct dt_skim *s, const struct dt_skimmed *n);

/* Parts of dt_skim_next that are seldom needed. */
unsigned dt_skim_look_up(struct dt_skim *s, uint32_t place);
const uint8_t *dt_skim_other(const struct dt_skim *s, const uint8_t *at);
bool dt_skim_end(const struct dt_skim *s, const uint8_t *at, bool damaged);

/* Behind the properties at `at`; if that is behind `end` they did not fit. This loop is most of a skim. */
static ALWAYS_INLINE const uint8_t *dt_skim_properties(struct dt_skim *s, struct dt_skimmed *n, const uint8_t *at)
{
    const uint8_t *last = s->end - PROPERTY_HEADER;
    uint32_t has = 0, places = s->places;

    while (at <= last) {
        uint32_t token = be32(at), length = be32(at + 4), name = be32(at + 8);
        unsigned known = likely(name < places) ? s->known[name] : SKIM_NEW;

        if (unlikely(token != TOKEN_PROPERTY)) {
            if (token != TOKEN_NOP)
                break;
            at += 4;
            continue;
        }
        at += PROPERTY_HEADER;
        if (unlikely(known == SKIM_NEW) && (known = dt_skim_look_up(s, name)) == SKIM_NEW)
            return s->end + 1;
        if (known != SKIM_OTHER && !(has & BIT(known))) {
            has |= BIT(known);
            n->property[known - SKIM_NAMES].value = at;
            n->property[known - SKIM_NAMES].length = length;
        }
        at += ROUND_UP((uint64_t)length, 4u);
    }
    n->has = has >> SKIM_NAMES;
    return at;
}

/* The next node below. False at the end, from where the walk goes on then (see its `damaged`). */
static ALWAYS_INLINE bool dt_skim_next(struct dt_skim *s, struct dt_skimmed *n)
{
    const uint8_t *at = s->at, *end = s->end;
    uint32_t token;

    for (;;) {
        if (end - at < 4)
            return dt_skim_end(s, end, true);
        token = be32(at);
        if (token == TOKEN_BEGIN)
            break;
        if (likely(token == TOKEN_END)) {
            if (s->depth == s->above)
                return dt_skim_end(s, at, false);
            s->depth--;
            at += 4;
        } else if (!(at = dt_skim_other(s, at))) {
            return dt_skim_end(s, end, true);
        }
    }
    n->place = at;
    n->depth = (unsigned)++s->depth;
    n->properties = at = behind_name(at + 4, end);
    if (likely(at <= end))
        s->at = at = dt_skim_properties(s, n, at);
    return at > end || s->depth >= DT_MAX_DEPTH ? dt_skim_end(s, end, true) : true;
}

#endif
