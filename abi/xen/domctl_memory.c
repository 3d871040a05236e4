/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: how much memory a domain may have, and that the memory of a new one holds what was put there. (xen/domctl.h) */
#include "abi/xen/domctl.h"
#include "arch/include/mapping.h"

/* Pages cleaned between two runs: 64 cache lines each. */
#define PAGES_CLEANED_PER_RUN 24
#define MAX_FRAMES (UINT64_C(1) << 36)

int64_t domctl_max_mem(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    uint64_t frames = call->op.u.max_mem.max_memkb >> (PAGE_SHIFT - 10);

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_max_mem);
    atomic_store(&call->d->owner.limit, MIN(frames, MAX_FRAMES));
    return 0;
}

/* Before the domain has memory: the toolstack calls it with the width that the kernel's image asks for. */
int64_t domctl_set_address_size(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct domain_locked l;
    int r;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_set_address_size);
    l = domain_lock(call->d);
    r = domain_set_address_size(l, call->op.u.address_size.size);
    domain_unlock(l);
    return r;
}

int64_t domctl_get_address_size(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_get_address_size);
    call->op.u.address_size.size = call->d->address_size;
    call->copy_back = true;
    return 0;
}

/* Pages of the domain that are memory are cleaned, holes are passed over. */
static void clean_page(struct domain *d, uint64_t gfn)
{
    mfn_t mfn;

    ASSERT(gfn_is_valid(gfn));
    if (stage2_get_frame(&d->stage2, GFN(gfn), false, &mfn, NULL))
        return;
    arch_frame_clean(mfn);
    frame_put(mfn);
}

/* The place is kept in the range itself. */
int64_t domctl_cache_flush(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_cacheflush *c = &call->op.u.cacheflush;
    uint64_t first = c->start_pfn, end = first + c->nr_pfns, next;

    if (end < first)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_cacheflush);
    end = MIN(end, call->d->stage2.highest.v + 1);
    for (next = first; next < end && next - first < PAGES_CLEANED_PER_RUN; next++)
        clean_page(call->d, next);
    if (next < end) {
        c->start_pfn = next;
        c->nr_pfns = end - next;
        return write_guest_result(v, args[0], &call->op, sizeof(call->op)) ? -E_FAULT : -E_RESTART;
    }
    arch_icache_invalidate_all();
    return 0;
}

/* A quota, not memory set aside. 0 of it cannot hold even the root. */
int64_t domctl_set_mempool(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    uint64_t size = call->op.u.paging_mempool.size;

    if (!IS_ALIGNED(size, PAGE_SIZE))
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_set_paging_mempool_size);
    return stage2_set_limit(&call->d->stage2, MAX(size >> PAGE_SHIFT, UINT64_C(1)));
}

int64_t domctl_get_mempool(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_get_paging_mempool_size);
    call->op.u.paging_mempool.size = call->d->stage2.table_limit << PAGE_SHIFT;
    call->copy_back = true;
    return 0;
}
