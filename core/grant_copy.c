/* SPDX-License-Identifier: Apache-2.0 */
/* GNTTABOP_copy: the hypervisor copies between a page of the caller, or granted to it, and another such page. */
#include "core/grant_internal.h"
#include "arch/include/mapping.h"
#include "lib/string.h"

/* One side, claimed: by a pinned entry, or by a reference to an own page. */
struct copy_page {
    struct domain *granter;     /* NULL: own page */
    uint32_t ref;
    bool read_only;
    mfn_t mfn;
};

static int claim_own(struct domain *d, gfn_t gfn, bool write, struct copy_page *out)
{
    enum s2_type type;
    int rc = stage2_get_frame(&d->stage2, gfn, write, &out->mfn, &type);

    if (rc == -E_AGAIN && stage2_resolve(&d->stage2, gfn, write) == 0)
        return GRANT_AGAIN;
    if (rc != 0)
        return GRANT_BAD_PAGE;
    if (!s2_type_is_own(type)) {
        frame_put(out->mfn);
        return GRANT_BAD_PAGE;
    }
    return GRANT_OKAY;
}

static int claim_side(struct domain *d, const struct grant_copy_side *side, bool write, struct copy_page *out)
{
    *out = (struct copy_page){ .ref = side->ref, .read_only = !write };
    if (!side->is_ref)
        return domid_eq(side->domain, d->id) ? claim_own(d, side->gfn, write, out) : GRANT_PERMISSION_DENIED;
    out->granter = domid_eq(side->domain, d->id) ? d : domain_find(side->domain);
    if (!out->granter || out->granter->life != DOMAIN_ALIVE)
        return GRANT_BAD_DOMAIN;
    return grant_pin(out->granter, side->ref, d->id, !write, false, &out->mfn);
}

static void release_side(const struct copy_page *p)
{
    if (p->granter)
        grant_unpin(p->granter, p->ref, p->read_only);
    else
        frame_put(p->mfn);
}

int grant_copy(struct domain *d, const struct grant_copy_side *from, const struct grant_copy_side *to, uint16_t length)
{
    struct copy_page source, target;
    char *in, *out;
    int status = claim_side(d, from, false, &source);

    if (status != GRANT_OKAY)
        return status;
    status = claim_side(d, to, true, &target);
    if (status == GRANT_OKAY) {
        if ((uint32_t)from->offset + length > PAGE_SIZE || (uint32_t)to->offset + length > PAGE_SIZE) {
            status = GRANT_BAD_COPY;
        } else {
            in = arch_window_map(source.mfn);
            out = arch_window_map(target.mfn);
            /* Both may be one page, and where windows are no mappings of their own, at one address. */
            memmove(out + to->offset, in + from->offset, length);
            arch_window_unmap(out);
            arch_window_unmap(in);
        }
        release_side(&target);
    }
    release_side(&source);
    return status;
}
