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
static int claim(struct domain *d, const struct grant_copy_side *side, struct grant_copy_page *p)
{
    bool own = domid_eq(side->domain, d->id);

    p->granter = NULL;
    if (!side->is_ref)
        return own ? claim_own(d, side->gfn, p->write, &p->mfn) : GRANT_PERMISSION_DENIED;
    p->granter = own ? d : domain_find(side->domain);
    if (!p->granter || p->granter->life != DOMAIN_ALIVE)
        return GRANT_BAD_DOMAIN;
    return grant_pin(p->granter, side->ref, d->id, !p->write, false, &p->mfn);
}

static void release(struct grant_copy_page *p)
{
    if (!p->claimed)
        return;
    p->claimed = false;
    if (p->granter)
        grant_unpin(p->granter, p->side.ref, !p->write, p->mfn);
    else
        frame_put(p->mfn);
}

static bool is_claimed(const struct grant_copy_page *p, const struct grant_copy_side *side)
{
    return p->claimed && p->side.is_ref == side->is_ref && domid_eq(p->side.domain, side->domain) &&
           (side->is_ref ? p->side.ref == side->ref : gfn_eq(p->side.gfn, side->gfn));
}

static int claim_side(struct domain *d, const struct grant_copy_side *side, struct grant_copy_page *p)
{
    int status;

    if (is_claimed(p, side))
        return GRANT_OKAY;
    release(p);
    status = claim(d, side, p);
    p->claimed = status == GRANT_OKAY;
    p->side = *side;
    return status;
}

void grant_copy_start(struct grant_copier *c, struct domain *d)
{
    c->d = d;
    c->source.claimed = c->target.claimed = false;
    c->source.write = false;
    c->target.write = true;
}

void grant_copy_finish(struct grant_copier *c)
{
    release(&c->target);
    release(&c->source);
}

int grant_copy(struct grant_copier *c, const struct grant_copy_side *from, const struct grant_copy_side *to, uint16_t length)
{
    int status = claim_side(c->d, from, &c->source);
    char *in, *out;

    if (status == GRANT_OKAY)
        status = claim_side(c->d, to, &c->target);
    if (status != GRANT_OKAY)
        return status;
    if ((uint32_t)from->offset + length > PAGE_SIZE || (uint32_t)to->offset + length > PAGE_SIZE)
        return GRANT_BAD_COPY;
    in = arch_window_map(c->source.mfn);
    out = arch_window_map(c->target.mfn);
    /* Of one page both windows may be at one address. */
    if (unlikely(mfn_eq(c->source.mfn, c->target.mfn)))
        memmove(out + to->offset, in + from->offset, length);
    else
        memcpy(out + to->offset, in + from->offset, length);
    arch_window_unmap(out);
    arch_window_unmap(in);
    return GRANT_OKAY;
}
