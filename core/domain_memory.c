/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a domain: frames and where its guest sees them. */
#include "core/domain_internal.h"
#include "lib/error.h"

/* Frames with one reference each, for gfn.. of d: the reserved ones of the same number when it is mapped one to one. */
static int take_frames(struct domain *d, gfn_t gfn, unsigned order, mfn_t *out)
{
    if (!d->direct_mapped)
        return frame_alloc(&d->owner, order, FRAME_ANY, out);
    *out = MFN(gfn.v);
    return frame_take_reserved(&d->owner, *out, order);
}

static int populate_small(struct domain *d, gfn_t gfn, unsigned order)
{
    mfn_t mfn;
    int error = take_frames(d, gfn, order, &mfn);

    if (error)
        return error;
    error = stage2_map(&d->stage2, gfn, mfn, order, S2_RAM);
    if (error)
        frame_put_block(mfn, order);
    return error;
}

int domain_populate(struct domain *d, gfn_t gfn, unsigned order)
{
    if (order > MAX_ORDER || !IS_ALIGNED(gfn.v, BIT(order)))
        return -E_INVAL;
    return order <= EXTENT_SMALL ? populate_small(d, gfn, order) : domain_extent(d, true, gfn, order);
}

/* Are 2^order pages from gfn the domain's own? */
static bool is_own(struct domain *d, gfn_t gfn, unsigned order)
{
    struct stage2_locked l = stage2_lock(&d->stage2);
    bool own = true;

    for (uint64_t i = 0; own && i < BIT(order); i++)
        own = s2_type_is_own(stage2_lookup(l, gfn_add(gfn, i), NULL, NULL));
    stage2_unlock(l);
    return own;
}

static int depopulate_page(struct domain *d, gfn_t gfn)
{
    int error = stage2_unmap_page(&d->stage2, gfn, S2_TYPES_OWN);

    /* A page that is still to be filled is the domain's all the same. */
    if (error == -E_INVAL && stage2_resolve(&d->stage2, gfn, false) == 0)
        error = stage2_unmap_page(&d->stage2, gfn, S2_TYPES_OWN);
    return error == -E_NOENT ? -E_INVAL : error;
}

unsigned domain_depopulate_pages(struct domain *d, const gfn_t *gfn, unsigned n, int *error)
{
    struct stage2_gather g;
    unsigned done = 0;
    int r = 0;

    ASSERT(n && n <= STAGE2_GATHER);
    stage2_gather_start(&g, &d->stage2);
    while (!r && done < n) {
        r = stage2_gather_unmap(&g, gfn[done], S2_TYPES_OWN, NULL);
        done += !r;
    }
    stage2_gather_finish(&g);
    if (r == -E_INVAL) {
        /* One that is still to be filled, perhaps. */
        r = depopulate_page(d, gfn[done]);
        done += !r;
    }
    *error = r == -E_NOENT ? -E_INVAL : r;
    return done;
}

int domain_depopulate(struct domain *d, gfn_t gfn, unsigned order)
{
    if (order > MAX_ORDER || !IS_ALIGNED(gfn.v, BIT(order)))
        return -E_INVAL;
    if (!order)
        return depopulate_page(d, gfn);
    if (order > EXTENT_SMALL)
        return domain_extent(d, false, gfn, order);
    return is_own(d, gfn, order) ? stage2_unmap(&d->stage2, gfn, order) : -E_INVAL;
}

int domain_map_foreign(struct domain *d, gfn_t gfn, struct domain *foreign, gfn_t foreign_gfn)
{
    enum s2_type type;
    mfn_t mfn;
    int error;

    if (d == foreign || atomic_load(&foreign->life) != DOMAIN_ALIVE)
        return -E_INVAL;
    error = stage2_get_frame(&foreign->stage2, foreign_gfn, false, &mfn, &type);
    if (error == -E_AGAIN) {
        error = stage2_resolve(&foreign->stage2, foreign_gfn, false);
        return error ? error : -E_RESTART;
    }
    if (error)
        return error;
    if (!s2_type_is_own(type))
        error = -E_INVAL;
    else
        error = stage2_map(&d->stage2, gfn, mfn, 0, type == S2_RAM ? S2_FOREIGN_RW : S2_FOREIGN_RO);
    if (error)
        frame_put(mfn);
    return error;
}
