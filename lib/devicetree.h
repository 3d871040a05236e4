/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flattened device trees: reading one that is not trusted, and writing a new one. (Devicetree Specification 0.4, chapter 5)
 * Reading copies nothing: names and values point into the blob, which must stay mapped.
 */
#ifndef LIB_DEVICETREE_H
#define LIB_DEVICETREE_H

#include "lib/types.h"

#define DT_MAX_DEPTH 16

struct devicetree {
    const uint8_t *blob;
    uint32_t size;              /* up to the end of the last block that is used, not what the header claims as total */
    uint32_t structs, structs_size, strings, strings_size, reservations;
};

/* Look at the first 40 bytes: how many bytes must be mapped for the whole tree (end of its last block), or 0 if it is none. */
uint32_t dt_needed_size(const void *header);
/* Check the header and blocks against `available` bytes. 0 or -E_INVAL; *why then says what is wrong. */
int dt_open(struct devicetree *t, const void *blob, uint32_t available, const char **why) MUST_CHECK;

struct dt_property {
    const char *name;
    const uint8_t *value;
    uint32_t length;
};

/* What a set of first letters has for this one. */
#define DT_INITIAL(c) (UINT32_C(1) << ((uint8_t)(c) & 31))

/* A node; its properties follow at `properties`. The walk notes what is asked for most. */
struct dt_node {
    const char *name;
    uint32_t properties;
    unsigned depth;             /* root: 0 */
    uint32_t initials;          /* DT_INITIAL of its properties' names; 0: not noted */
    struct dt_property compatible;  /* name NULL: none */
    uint32_t compatible_initials;   /* DT_INITIAL of its strings */
    struct dt_property device_type; /* name NULL: none */
    bool has_address_cells, has_size_cells;
};

/* Walk over all nodes in the order of the blob. Levels remember what the nodes above say of addresses. */
struct dt_walk {
    const struct devicetree *tree;
    uint32_t offset;
    int depth;                  /* of the node returned last, -1 before the root */
    bool damaged;               /* the walk ended at nonsense instead of the end */
    struct {
        const char *name;
        uint32_t address_cells, size_cells;     /* for the node's children */
        uint32_t properties;
    } levels[DT_MAX_DEPTH];
};
void dt_walk_start(struct dt_walk *w, const struct devicetree *t);
/* The next node, false at the end (see damaged). */
bool dt_walk_next(struct dt_walk *w, struct dt_node *n);
/* Where a node lies in the blob, and back: the next node of a walk that stands at its parent is the one at that place. */
uint32_t dt_node_place(const struct devicetree *t, const struct dt_node *n);
void dt_walk_to(struct dt_walk *w, unsigned depth, uint32_t place);
/* "/soc/nic@a000000": the node that the walk returned last. False: it is the root, or there is no room. */
bool dt_walk_path(const struct dt_walk *w, char *out, size_t size);

/* Lowest-level reading, for copying a tree: the item at *offset, moving on. */
enum dt_token { DT_BEGIN, DT_END, DT_PROPERTY, DT_DONE, DT_BAD };
enum dt_token dt_next(const struct devicetree *t, uint32_t *offset, struct dt_property *item);

/* A property of the node; false: it has none of that name. Most that are asked for are not there: told without a call. */
bool dt_find_property(const struct devicetree *t, const struct dt_node *n, const char *name, struct dt_property *out);
static inline bool dt_property(const struct devicetree *t, const struct dt_node *n, const char *name, struct dt_property *out)
{
    return (!n->initials || n->initials & DT_INITIAL(name[0])) && dt_find_property(t, n, name, out);
}
bool dt_has_string(const struct dt_property *p, const char *s);
bool dt_is_compatible(const struct devicetree *t, const struct dt_node *n, const char *with);
/* The property as a string, up to its first NUL (GRUB writes a byte of anything behind it); NULL when it is missing or has none. */
const char *dt_string(const struct devicetree *t, const struct dt_node *n, const char *name);
/* 32-bit cell i of the value, `missing` when it is too short. */
uint32_t dt_cell(const struct dt_property *p, uint32_t i, uint32_t missing);
uint64_t dt_cells(const struct dt_property *p, uint32_t i, uint32_t count);
/* Of a node that comes from a walk: is its device_type this one? */
bool dt_is_type(const struct dt_node *n, const char *type);
/* status is absent, "okay" or "ok" */
bool dt_is_enabled(const struct devicetree *t, const struct dt_node *n);

/* Entry i of the reg of the node that the walk returned last, as an address of the CPUs (translated through the ranges above it).
 * False: no such entry or not reachable. */
bool dt_reg(const struct dt_walk *w, const struct dt_node *n, unsigned i, uint64_t *address, uint64_t *size);
/* The same in the terms of the node's own bus, for nodes that are no devices (modules below /chosen). */
bool dt_reg_untranslated(const struct dt_walk *w, const struct dt_node *n, unsigned i, uint64_t *address, uint64_t *size);
/* The same of a value in hand: entries of so many cells for address and size. */
bool dt_entry(const struct dt_property *p, uint32_t address_cells, uint32_t size_cells, unsigned i, uint64_t *address, uint64_t *size);
/* Entry i of the memory reservation block; false at its end. */
bool dt_reservation(const struct devicetree *t, unsigned i, uint64_t *address, uint64_t *size);

/* Writing: into a buffer, properties before children; errors are remembered and come out of dt_write_finish. */
struct dt_writer {
    uint8_t *buffer;
    uint32_t size, used;        /* structure block grows up from the header */
    uint32_t strings_used;      /* strings gather at the buffer's end, growing down block by block */
    int depth;
    bool overflow;
    uint32_t places[64];        /* of names that have been used, by a hash of them; 0: none of that hash */
};
void dt_write_start(struct dt_writer *w, void *buffer, uint32_t size);
void dt_write_begin(struct dt_writer *w, const char *name);
void dt_write_end(struct dt_writer *w);
void dt_write_property(struct dt_writer *w, const char *name, const void *value, uint32_t length);
void dt_write_string(struct dt_writer *w, const char *name, const char *value);
void dt_write_cells(struct dt_writer *w, const char *name, const uint32_t *cells, unsigned count);
static inline void dt_write_u32(struct dt_writer *w, const char *name, uint32_t x)
{
    dt_write_cells(w, name, &x, 1);
}
static inline void dt_write_u64(struct dt_writer *w, const char *name, uint64_t x)
{
    dt_write_cells(w, name, (uint32_t[]){ (uint32_t)(x >> 32), (uint32_t)x }, 2);
}
/* Ends the tree; its size in bytes, or 0 when the buffer was too small or nodes are unbalanced. */
uint32_t dt_write_finish(struct dt_writer *w);

#endif
