/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: device registers of the host for a guest (xl's iomem=), and what needs an IOMMU. (xen/domctl.h) */
#include "abi/xen/domctl.h"

/* Pages of one call, as in the reference: tools try again with fewer on -E_2BIG. */
#define PAGES_PER_CALL 64
/* Pages between two runs. */
#define PAGES_PER_RUN 8

/* The last of nr frames from first on, or -E_INVAL when there are none, or the range leaves the address space. */
static int range_end(uint64_t first, uint64_t nr, uint64_t *last)
{
    *last = first + nr - 1;
    return nr && *last >= first && gfn_is_valid(*last) ? 0 : -E_INVAL;
}

int64_t domctl_iomem_permission(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_iomem_permission *in = &call->op.u.iomem_permission;
    struct domain_locked l;
    uint64_t last;
    int r = range_end(in->first_mfn, in->nr_mfns, &last);

    if (!r && call->d == v->domain)
        r = -E_INVAL;           /* what it has is what it was built with */
    if (!r)
        r = device_reachable(v->domain, in->first_mfn, last);
    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_iomem_permission);
    l = domain_lock(call->d);
    r = in->allow_access ? device_permit(l, in->first_mfn, last) : device_deny(l, in->first_mfn, last);
    domain_unlock(l);
    return r;
}

static bool is_permitted(struct domain *d, uint64_t first, uint64_t last)
{
    struct domain_locked l = domain_lock(d);
    bool yes = device_is_permitted(l, first, last);

    domain_unlock(l);
    return yes;
}

static int change_page(struct domain *d, uint64_t gfn, uint64_t mfn, bool add)
{
    int r;

    if (add)
        return stage2_map(&d->stage2, GFN(gfn), MFN(mfn), 0, S2_DEVICE);
    r = stage2_unmap_exact(&d->stage2, GFN(gfn), MFN(mfn), S2_DEVICE);
    return r == -E_NOENT ? 0 : r;
}

static int check_mapping(struct vcpu *v, const struct domctl_call *call)
{
    const struct xen_domctl_memory_mapping *in = &call->op.u.memory_mapping;
    uint64_t last, last_gfn;
    int r = range_end(in->first_mfn, in->nr_mfns, &last);

    if (!r)
        r = range_end(in->first_gfn, in->nr_mfns, &last_gfn);
    if (!r && call->d == v->domain)
        r = -E_INVAL;
    if (!r && in->nr_mfns > PAGES_PER_CALL)
        r = -E_2BIG;
    if (!r)
        r = device_reachable(v->domain, in->first_mfn, last);
    if (!r && !is_permitted(call->d, in->first_mfn, last))
        r = -E_PERM;
    return r;
}

/* The place is kept in the range itself. Pages before one that fails are done. */
int64_t domctl_memory_mapping(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_memory_mapping *in = &call->op.u.memory_mapping;
    uint64_t n;
    int r = check_mapping(v, call);

    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_memory_mapping);
    ASSERT(in->nr_mfns && in->nr_mfns <= PAGES_PER_CALL);
    for (n = 0; n < MIN(in->nr_mfns, (uint64_t)PAGES_PER_RUN); n++) {
        r = change_page(call->d, in->first_gfn + n, in->first_mfn + n, in->add_mapping);
        if (r)
            return r;
    }
    if (n == in->nr_mfns)
        return 0;
    in->first_gfn += n;
    in->first_mfn += n;
    in->nr_mfns -= n;
    return write_guest_result(v, args[0], &call->op, sizeof(call->op)) ? -E_FAULT : -E_RESTART;
}

/* PCI functions are given to guests with their host bridge, not one by one. */
int64_t domctl_no_device_groups(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    subcall_reached(FAMILY_DOMCTL, ((const struct domctl_call *)op)->op.cmd);
    return -E_OPNOTSUPP;
}
