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
    *s = (struct stage2){ .root = root, .owner = o, .lowest = GFN_NONE };
    spin_lock_init(&s->lock, LOCK_P2M);
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
static struct s2_change change_init(struct stage2 *s, gfn_t gfn, unsigned order, mfn_t mfn, enum s2_type type)
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
    c = change_init(s, gfn, order, mfn, type);
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

int stage2_map(struct stage2 *s, gfn_t gfn, mfn_t mfn, unsigned order, enum s2_type type)
{
    ASSERT(type != S2_EMPTY);
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

int stage2_unmap_exact(struct stage2 *s, gfn_t gfn, mfn_t mfn, enum s2_type type)
{
    struct stage2_locked l;
    struct s2_change c;
    enum s2_type found;
    mfn_t there;
    int r = 0;

    if (!range_is_valid(gfn, 0))
        return -E_INVAL;
    c = change_init(s, gfn, 0, MFN(0), S2_EMPTY);
    l = stage2_lock(s);
    found = stage2_lookup(l, gfn, &there, NULL);
    if (found == S2_EMPTY || s->dying)
        r = -E_NOENT;
    else if (found != type || !mfn_eq(there, mfn))
        r = -E_INVAL;
    if (!r)
        r = s2_change_commit(&c);
    stage2_unlock(l);
    s2_change_finish(&c);
    return r;
}

enum s2_type stage2_lookup(struct stage2_locked l, gfn_t gfn, mfn_t *mfn, unsigned *order)
{
    enum s2_type type;
    unsigned level;
    s2_entry e;

    ASSERT(spin_is_held(&l.s->lock));
    if (mfn)
        *mfn = MFN_NONE;
    if (order)
        *order = 0;
    if (gfn.v >= s2_space_pages() || !l.s->root)
        return S2_EMPTY;
    e = arch_s2_read(s2_walk(l.s, gfn.v, S2_LEVELS - 1, &level));
    type = arch_s2_type(e);
    if (order)
        *order = s2_shift(level);
    if (mfn && type != S2_EMPTY)
        *mfn = mfn_add(arch_s2_frame(e), type == S2_NEEDS_WORK ? 0 : gfn.v & (s2_span(level) - 1));
    return type;
}

int stage2_get_frame(struct stage2 *s, gfn_t gfn, bool write, mfn_t *mfn, enum s2_type *type)
{
    struct stage2_locked l = stage2_lock(s);
    enum s2_type found = stage2_lookup(l, gfn, mfn, NULL);
    int r = 0;

    if (found == S2_EMPTY)
        r = -E_NOENT;
    else if (found == S2_NEEDS_WORK)
        r = -E_AGAIN;
    else if (!s2_type_is_memory(found) || (write && !s2_type_is_writable(found)) || !frame_get_any(*mfn))
        r = -E_ACCES;
    stage2_unlock(l);
    if (type)
        *type = found;
    return r;
}

/* The page is filled lazily: the one kind of work there is has cookie 0 and means "zeros". */
int stage2_resolve(struct stage2 *s, gfn_t gfn, bool write UNUSED)
{
    struct stage2_locked l = stage2_lock(s);
    struct s2_change c;
    mfn_t cookie, mfn;
    bool wanted = stage2_lookup(l, gfn, &cookie, NULL) == S2_NEEDS_WORK && cookie.v == 0;
    int r;

    stage2_unlock(l);
    if (!wanted)
        return -E_NOENT;
    if (frame_alloc(s->owner, 0, FRAME_ANY, &mfn))
        return -E_NOMEM;
    c = change_init(s, gfn, 0, mfn, S2_RAM);
    l = stage2_lock(s);
    /* Somebody else may have been faster: then there is nothing left to do. */
    wanted = !s->dying && stage2_lookup(l, gfn, &cookie, NULL) == S2_NEEDS_WORK;
    r = wanted ? s2_change_commit(&c) : 0;
    stage2_unlock(l);
    if (!wanted || r)
        frame_put(mfn);
    s2_change_finish(&c);
    return r;
}
