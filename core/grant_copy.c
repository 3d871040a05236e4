/* SPDX-License-Identifier: Apache-2.0 */
/* GNTTABOP_copy: the hypervisor copies between a page of the caller, or granted to it, and another such page. */
#include "core/grant_internal.h"
#include "arch/include/mapping.h"
#include "lib/string.h"

static int claim_own(struct domain *d, gfn_t gfn, bool write, mfn_t *mfn)
{
    int rc = stage2_get_own(&d->stage2, gfn, write, mfn);

    if (unlikely(rc == -E_AGAIN) && stage2_resolve(&d->stage2, gfn, write) == 0)
        return GRANT_AGAIN;
    return rc == 0 ? GRANT_OKAY : GRANT_BAD_PAGE;
}

/* By a pinned entry, or by a reference to an own page. */
static int claim(struct domain *d, struct grant_copy_side side, struct grant_copy_page *p)
{
    bool own = domid_eq(side.domain, d->id);

    p->granter = NULL;
    if (!side.is_ref)
        return own ? claim_own(d, GFN(side.number), p->write, &p->mfn) : GRANT_PERMISSION_DENIED;
    p->granter = own ? d : domain_find(side.domain);
    if (!p->granter || p->granter->life != DOMAIN_ALIVE)
        return GRANT_BAD_DOMAIN;
    return grant_pin(p->granter, (uint32_t)side.number, d->id, !p->write, false, &p->mfn);
}

static void release(struct grant_copy_page *p)
{
    if (!p->window)
        return;
    arch_window_unmap(p->window);
    p->window = NULL;
    if (p->granter)
        grant_unpin(p->granter, (uint32_t)p->side.number, !p->write, p->mfn);
    else
        frame_put(p->mfn);
}

static inline bool is_claimed(const struct grant_copy_page *p, struct grant_copy_side side)
{
    return p->window && p->side.number == side.number && domid_eq(p->side.domain, side.domain) && p->side.is_ref == side.is_ref;
}

/* Instead of what p was. */
static NOINLINE int claim_another(struct domain *d, struct grant_copy_side side, struct grant_copy_page *p)
{
    int status;

    release(p);
    status = claim(d, side, p);
    if (status != GRANT_OKAY)
        return status;
    p->side = side;
    p->window = arch_window_map(p->mfn);
    return GRANT_OKAY;
}

static inline int claim_side(struct domain *d, struct grant_copy_side side, struct grant_copy_page *p)
{
    return is_claimed(p, side) ? GRANT_OKAY : claim_another(d, side, p);
}

void grant_copy_start(struct grant_copier *c, struct domain *d)
{
    c->d = d;
    c->source.window = c->target.window = NULL;
    c->source.write = false;
    c->target.write = true;
}

void grant_copy_finish(struct grant_copier *c)
{
    release(&c->target);
    release(&c->source);
}

int grant_copy(struct grant_copier *c, struct grant_copy_side from, struct grant_copy_side to, uint16_t length)
{
    int status = claim_side(c->d, from, &c->source);

    if (status == GRANT_OKAY)
        status = claim_side(c->d, to, &c->target);
    if (status != GRANT_OKAY)
        return status;
    if ((uint32_t)from.offset + length > PAGE_SIZE || (uint32_t)to.offset + length > PAGE_SIZE)
        return GRANT_BAD_COPY;
    /* Two windows on one page may be at one address. */
    if (unlikely(mfn_eq(c->source.mfn, c->target.mfn)))
        memmove(c->target.window + to.offset, c->target.window + from.offset, length);
    else
        arch_copy_many(c->target.window + to.offset, c->source.window + from.offset, length);
    return GRANT_OKAY;
}
