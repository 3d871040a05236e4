/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 2: what others call. Changes: stage2_walk.c. The end: stage2_teardown.c. */
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "mem/stage2_walk.h"

struct stage2_locked stage2_lock(struct stage2 *s)
{
    spin_lock(&s->lock);
    return (struct stage2_locked){ s };
}

void stage2_unlock(struct stage2_locked l)
{
    spin_unlock(&l.s->lock);
}

int stage2_init(struct stage2 *s, struct owner *o)
{
    s2_entry *root = heap_alloc_pages(arch_stage2_geometry()->root_order);

    if (!root)
        return -E_NOMEM;
    *s = (struct stage2){ .root = root, .owner = o, .lowest = GFN_NONE, .leaf_level = (uint8_t)arch_stage2_geometry()->leaf_level };
    spin_lock_init(&s->lock, LOCK_P2M);
    arch_stage2_init(&s->arch, mfn_to_hpa(arch_heap_frame(root)));
    return 0;
}

int stage2_add_twins(struct stage2 *s)
{
    unsigned order = arch_stage2_geometry()->root_order;
    s2_entry *root = heap_alloc_pages(order + 1);

    ASSERT(!s->table_pages && !s->table_order && s->highest.v == 0 && s->lowest.v == GFN_NONE.v);
    if (!root)
        return -E_NOMEM;
    arch_stage2_release(&s->arch);
    heap_free_pages(s->root, order);
    s->root = root;
    s->table_order = 1;
    arch_stage2_init(&s->arch, mfn_to_hpa(arch_heap_frame(root)));
    return 0;
}

int stage2_set_limit(struct stage2 *s, uint64_t pages)
{
    struct stage2_locked l = stage2_lock(s);
    int r = atomic_load(&s->table_pages) > pages ? -E_BUSY : 0;

    if (!r)
        s->table_limit = pages;
    stage2_unlock(l);
    return r;
}

static bool range_is_valid(gfn_t gfn, unsigned order)
{
    return order <= MAX_ORDER && gfn.v < s2_space_pages() && BIT(order) <= s2_space_pages() - gfn.v;
}

/* Under the lock, whatever came before. */
struct s2_change s2_change_init(struct stage2 *s, gfn_t gfn, unsigned order, mfn_t mfn, enum s2_type type)
{
    struct s2_change c;

    ASSERT(type < S2_TYPES && range_is_valid(gfn, order));
    c.s = s;
    c.gfn = gfn.v;
    c.pages = BIT(order);
    c.mfn = mfn.v;
    c.type = type;
    c.filling = c.emptied = false;
    c.pool = NULL;
    c.removed.count = c.removed.entries = 0;
    c.removed.first = c.removed.end = 0;
    return c;
}

static int change(struct stage2 *s, gfn_t gfn, unsigned order, mfn_t mfn, enum s2_type type, bool only_vacant)
{
    struct s2_change c;
    struct stage2_locked l;
    int r;

    if (!range_is_valid(gfn, order))
        return -E_INVAL;
    c = s2_change_init(s, gfn, order, mfn, type);
    l = stage2_lock(s);
    r = s->dying ? -E_INVAL : 0;
    if (!r && only_vacant && !s2_is_vacant(s, gfn.v, order))
        r = -E_BUSY;
    if (!r)
        r = s2_change_commit(&c);
    stage2_unlock(l);
    s2_change_finish(&c);
    return r;
}

/* The usual case: one page, its table is there and its place is empty. False: nothing was done. */
static bool map_empty_page(struct stage2 *s, gfn_t gfn, mfn_t mfn, enum s2_type type)
{
    struct stage2_locked l = stage2_lock(s);
    unsigned level;
    s2_entry *slot;
    bool done = false;

    if (likely(gfn.v < s2_space_pages() && !s->dying)) {
        slot = s2_walk(s, gfn.v, S2_LEVELS - 1, &level);
        done = level == S2_LEVELS - 1 && !arch_s2_read(slot);
        if (done) {
            s2_write(s, slot, arch_s2_leaf(mfn, type, level), level);
            s2_account(s, gfn.v, 1, type);
        }
    }
    stage2_unlock(l);
    return done;
}

int stage2_map(struct stage2 *s, gfn_t gfn, mfn_t mfn, unsigned order, enum s2_type type)
{
    ASSERT(type > S2_EMPTY && type < S2_TYPES);
    if (order == 0 && likely(map_empty_page(s, gfn, mfn, type)))
        return 0;
    return change(s, gfn, order, mfn, type, false);
}

int stage2_map_vacant(struct stage2 *s, gfn_t gfn, mfn_t mfn, unsigned order, enum s2_type type)
{
    ASSERT(type != S2_EMPTY && IS_ALIGNED(gfn.v, BIT(order)));
    return change(s, gfn, order, mfn, type, true);
}

int stage2_unmap(struct stage2 *s, gfn_t gfn, unsigned order)
{
    return change(s, gfn, order, MFN(0), S2_EMPTY, false);
}

int stage2_map_pages(struct stage2 *s, gfn_t gfn, mfn_t mfn, uint64_t pages, enum s2_type type)
{
    int error = 0;

    for (uint64_t done = 0; !error && done < pages;) {
        unsigned order = MIN(largest_order(gfn.v + done, pages - done), largest_order(mfn.v + done, pages - done));

        error = stage2_map(s, GFN(gfn.v + done), MFN(mfn.v + done), order, type);
        done += BIT(order);
    }
    return error;
}

int stage2_unmap_pages(struct stage2 *s, gfn_t gfn, uint64_t pages)
{
    int error = 0;

    for (uint64_t done = 0; !error && done < pages;) {
        unsigned order = largest_order(gfn.v + done, pages - done);

        error = stage2_unmap(s, GFN(gfn.v + done), order);
        done += BIT(order);
    }
    return error;
}

/* -- single pages, several to an invalidation -- */

void stage2_gather_start(struct stage2_gather *g, struct stage2 *s)
{
    g->lock = stage2_lock(s);
    g->count = 0;
    g->first = UINT64_MAX;
    g->last = 0;
}

/* A page that is part of a block, or of no memory: the long way, with an invalidation of its own. */
static NOINLINE int unmap_piece(struct stage2 *s, gfn_t gfn)
{
    struct s2_change c = s2_change_init(s, gfn, 0, MFN(0), S2_EMPTY);
    int r = s2_change_commit(&c);

    s2_change_finish(&c);
    return r;
}

int stage2_gather_unmap(struct stage2_gather *g, gfn_t gfn, uint32_t types, const mfn_t *mfn)
{
    struct stage2 *s = g->lock.s;
    s2_entry *slot, e;
    unsigned level;

    ASSERT(spin_is_held(&s->lock) && g->count < STAGE2_GATHER && !(types & BIT(S2_EMPTY)));
    if (unlikely(gfn.v >= s2_space_pages()))
        return -E_INVAL;
    if (unlikely(s->dying))
        return -E_NOENT;
    slot = s2_walk(s, gfn.v, S2_LEVELS - 1, &level);
    e = arch_s2_read(slot);
    if (!e)
        return -E_NOENT;
    if (!(types & BIT(arch_s2_type(e))) || (mfn && !mfn_eq(s2_frame_at(e, gfn.v, level), *mfn)))
        return -E_INVAL;
    if (unlikely(level != S2_LEVELS - 1 || !s2_type_is_memory(arch_s2_type(e))))
        return unmap_piece(s, gfn);
    s2_write(s, slot, 0, level);
    s2_account(s, gfn.v, 1, S2_EMPTY);
    g->first = MIN(g->first, gfn.v);
    g->last = MAX(g->last, gfn.v);
    g->page[g->count].frame = arch_s2_frame(e);
    g->page[g->count++].type = arch_s2_type(e);
    return 0;
}

void stage2_gather_finish(struct stage2_gather *g)
{
    struct stage2 *s = g->lock.s;

    if (likely(g->count))
        s2_invalidate(s, g->first, g->last - g->first + 1, g->last - g->first + 1);
    stage2_unlock(g->lock);
    for (unsigned i = 0; i < g->count; i++) {
        atomic_fetch_sub(&s->mapped[g->page[i].type], 1);
        frame_put(g->page[i].frame);
    }
}

int stage2_unmap_page(struct stage2 *s, gfn_t gfn, uint32_t types)
{
    struct stage2_gather g;
    int r;

    stage2_gather_start(&g, s);
    r = stage2_gather_unmap(&g, gfn, types, NULL);
    stage2_gather_finish(&g);
    return r;
}

int stage2_unmap_exact(struct stage2 *s, gfn_t gfn, mfn_t mfn, enum s2_type type)
{
    struct stage2_gather g;
    int r;

    stage2_gather_start(&g, s);
    r = stage2_gather_unmap(&g, gfn, (uint32_t)BIT(type), &mfn);
    stage2_gather_finish(&g);
    return r;
}

/* The entry that gfn is in; 0 when it is outside. */
static inline s2_entry entry_at(struct stage2_locked l, gfn_t gfn, unsigned *level)
{
    ASSERT(spin_is_held(&l.s->lock));
    *level = S2_LEVELS - 1;
    if (unlikely(gfn.v >= s2_space_pages() || !l.s->root))
        return 0;
    return arch_s2_read(s2_walk(l.s, gfn.v, S2_LEVELS - 1, level));
}

enum s2_type stage2_lookup(struct stage2_locked l, gfn_t gfn, mfn_t *mfn, unsigned *order)
{
    unsigned level;
    s2_entry e = entry_at(l, gfn, &level);

    if (mfn)
        *mfn = e ? s2_frame_at(e, gfn.v, level) : MFN_NONE;
    if (order)
        *order = s2_shift(level);
    return arch_s2_type(e);
}

/* Why a page of this type, which is not one of those wanted, may not be had. */
static int denied(enum s2_type type)
{
    if (type == S2_EMPTY)
        return -E_NOENT;
    return type == S2_NEEDS_WORK ? -E_AGAIN : -E_ACCES;
}

/* The entry keeps a reference to its frame while the lock is held. */
static inline int get_frame(struct stage2 *s, gfn_t gfn, uint32_t types, mfn_t *mfn, enum s2_type *type)
{
    struct stage2_locked l = stage2_lock(s);
    unsigned level;
    s2_entry e = entry_at(l, gfn, &level);

    *type = arch_s2_type(e);
    *mfn = MFN_NONE;
    if (likely(types & BIT(*type))) {
        *mfn = s2_frame_at(e, gfn.v, level);
        frame_get_another(*mfn);
    }
    stage2_unlock(l);
    return likely(types & BIT(*type)) ? 0 : denied(*type);
}

int stage2_get_frame(struct stage2 *s, gfn_t gfn, bool write, mfn_t *mfn, enum s2_type *type)
{
    enum s2_type found;
    int r = get_frame(s, gfn, write ? S2_TYPES_WRITABLE : S2_TYPES_MEMORY, mfn, &found);

    if (type)
        *type = found;
    return r;
}

int stage2_get_own(struct stage2 *s, gfn_t gfn, bool write, mfn_t *mfn)
{
    enum s2_type found;

    return get_frame(s, gfn, write ? (uint32_t)BIT(S2_RAM) : S2_TYPES_OWN, mfn, &found);
}

/* Is all of it to be filled lazily with frames from anywhere? That has cookie 0. */
static bool is_lazy(struct stage2_locked l, gfn_t gfn, unsigned order)
{
    unsigned found;
    mfn_t cookie;

    return !l.s->dying && stage2_lookup(l, gfn, &cookie, &found) == S2_NEEDS_WORK && cookie.v == 0 && found >= order;
}

int stage2_fill(struct stage2 *s, gfn_t gfn, mfn_t mfn, unsigned order)
{
    struct s2_change c = s2_change_init(s, gfn, order, mfn, S2_RAM);
    struct stage2_locked l = stage2_lock(s);
    int r = is_lazy(l, gfn, order) ? s2_change_commit(&c) : -E_BUSY;

    stage2_unlock(l);
    s2_change_finish(&c);
    return r;
}

int stage2_resolve(struct stage2 *s, gfn_t gfn, bool write)
{
    int r;

    do {
        r = stage2_resolve_some(s, gfn, write);
    } while (unlikely(r == -E_RESTART));
    return r;
}

int stage2_resolve_some(struct stage2 *s, gfn_t gfn, bool write UNUSED)
{
    struct stage2_locked l = stage2_lock(s);
    bool wanted = is_lazy(l, gfn, 0);
    mfn_t mfn;
    int r;

    stage2_unlock(l);
    if (!wanted)
        return s2_resolve_home(s, gfn);
    /* The limit was looked at when the page was promised. */
    if (frame_alloc(s->owner, 0, FRAME_IGNORE_LIMIT, &mfn))
        return -E_NOMEM;
    r = stage2_fill(s, gfn, mfn, 0);
    if (r)
        frame_put(mfn);
    /* Somebody else may have been faster: then there is nothing left to do. */
    return r == -E_BUSY ? 0 : r;
}
