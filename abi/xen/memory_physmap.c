/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: pages that are not a domain's own RAM appear in its physical space, and anything leaves it. (xen/memory.h) */
#include "abi/xen/memory.h"
#include "arch/include/mapping.h"

/* Mappings made between two looks at whether something better waits. */
#define MAPPINGS_PER_RUN 16

/* Show frame mfn, a hypervisor page of d's, at gfn. */
static int map_shared(struct domain *d, uint64_t gfn, mfn_t mfn)
{
    int r;

    ASSERT(gfn_is_valid(gfn));
    if (!frame_get(mfn, &d->owner))
        return -E_INVAL;
    r = stage2_map(&d->stage2, GFN(gfn), mfn, 0, S2_SHARED);
    if (r)
        frame_put(mfn);
    return r;
}

static int map_shared_info(struct domain *d, uint64_t index, uint64_t gfn)
{
    if (index || !d->shared_info)
        return -E_INVAL;
    domain_layout_by_caller(d);
    return map_shared(d, gfn, arch_heap_frame(d->shared_info));
}

static int map_grant_frame(struct domain *d, uint64_t index, uint64_t gfn)
{
    mfn_t mfn;
    struct domain_locked l;

    /* Bit 31 asks for version 2's status frames, which there are none of. */
    if (index >= XENMAPIDX_grant_table_status)
        return -E_INVAL;
    l = domain_lock(d);
    mfn = grant_table_frame(d, (uint32_t)index);
    domain_unlock(l);
    return mfn_eq(mfn, MFN_NONE) ? -E_INVAL : map_shared(d, gfn, mfn);
}

/* One mapping of a space that needs no second domain. */
static int map_one(struct domain *d, uint32_t space, uint64_t index, uint64_t gfn)
{
    if (!gfn_is_valid(gfn))
        return -E_INVAL;
    switch (space) {
    case XENMAPSPACE_shared_info:
        return map_shared_info(d, index, gfn);
    case XENMAPSPACE_grant_table:
        return map_grant_frame(d, index, gfn);
    case XENMAPSPACE_dev_mmio:
        return -E_OPNOTSUPP;    /* device registers come by the device tree alone */
    default:
        return -E_NOSYS;
    }
}

int64_t memory_add_to_physmap(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_add_to_physmap in;
    struct domain *d;
    int r = READ_STRUCT(v, &in, args[1], NARROW_xen_add_to_physmap);

    if (r)
        return r;
    if (in.space == XENMAPSPACE_gmfn_foreign)
        return -E_NOSYS;        /* the batched call names the other domain */
    d = memory_target(v, in.domid, &r);
    if (!d)
        return r;
    subcall_reached(FAMILY_MEMORY, XENMEM_add_to_physmap);
    return map_one(d, in.space, in.idx, in.gpfn);
}

/* The other domain of a foreign mapping: never the same one. */
static struct domain *foreign_domain(struct vcpu *v, const struct domain *d, uint16_t id, int *error)
{
    struct domain *foreign;

    *error = v->domain->is_control ? -E_SRCH : -E_PERM;
    if (*error == -E_PERM || id == DOMID_SELF)
        return NULL;
    foreign = domain_find(DOMID(id));
    if (!foreign)
        return NULL;
    *error = foreign == d ? -E_INVAL : 0;
    return *error ? NULL : foreign;
}

/* Entry i of the batch: its own error goes to the guest's array. 0, or what ends the whole call. */
static int batch_entry(struct vcpu *v, struct domain *d, struct domain *foreign, const struct xen_add_to_physmap_batch *in,
                       uint64_t i)
{
    uint64_t index, gfn;
    int32_t status;
    int r = read_longs(v, &index, guest_address(in->idxs), i, 1);

    if (!r)
        r = read_longs(v, &gfn, guest_address(in->gpfns), i, 1);
    if (r)
        return r;
    if (!foreign)
        status = map_one(d, in->space, index, gfn);
    else if (!gfn_is_valid(gfn) || !gfn_is_valid(index))
        status = -E_INVAL;
    else
        status = domain_map_foreign(d, GFN(gfn), foreign, GFN(index));
    if (status == -E_RESTART)
        return status;
    return write_guest_result(v, guest_address(in->errs) + i * sizeof(status), &status, sizeof(status));
}

static int64_t batch(struct vcpu *v, struct domain *d, struct domain *foreign, const struct xen_add_to_physmap_batch *in,
                     uint64_t done)
{
    uint64_t start = done;

    ASSERT((in->space == XENMAPSPACE_gmfn_foreign) == (foreign != NULL));
    for (; done < in->size; done++) {
        int r;

        if (done > start && (done - start >= MAPPINGS_PER_RUN || hypercall_preempt()))
            return memory_continue(v, XENMEM_add_to_physmap_batch, done);
        r = batch_entry(v, d, foreign, in, done);
        if (r == -E_RESTART)
            return memory_continue(v, XENMEM_add_to_physmap_batch, done);
        if (r)
            return r;
    }
    return 0;
}

int64_t memory_add_to_physmap_batch(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_add_to_physmap_batch in;
    uint64_t done = memory_progress(args);
    struct domain *d, *foreign = NULL;
    int r = READ_STRUCT(v, &in, args[1], NARROW_xen_add_to_physmap_batch);

    if (r)
        return r;
    if (in.size < done)
        return -E_ILSEQ;        /* the guest changed the list between two runs */
    d = memory_target(v, in.domid, &r);
    if (!d)
        return r;
    if (in.space == XENMAPSPACE_gmfn_foreign) {
        foreign = foreign_domain(v, d, in.u.foreign_domid, &r);
        if (!foreign)
            return r;
    } else if (in.u.res0) {
        return -E_INVAL;
    }
    subcall_reached(FAMILY_MEMORY, XENMEM_add_to_physmap_batch);
    return batch(v, d, foreign, &in, done);
}

int64_t memory_remove_from_physmap(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_remove_from_physmap in;
    struct domain *d;
    int r = READ_STRUCT(v, &in, args[1], NARROW_xen_remove_from_physmap);

    if (r)
        return r;
    d = memory_target(v, in.domid, &r);
    if (!d)
        return r;
    if (!gfn_is_valid(in.gpfn))
        return -E_NOENT;
    subcall_reached(FAMILY_MEMORY, XENMEM_remove_from_physmap);
    r = stage2_unmap_page(&d->stage2, GFN(in.gpfn), S2_TYPES_MEMORY);
    return r == -E_INVAL ? -E_NOENT : r;
}
