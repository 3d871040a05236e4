/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: a toolstack maps what belongs to another domain but is none of its pages: its grant table. (xen/memory.h,
 * struct xen_mem_acquire_resource) */
#include "abi/xen/memory.h"

#define FRAMES_PER_RUN 16

/* Frame n of the table of d appears at gfn of v's own domain. */
static int map_grant_frame(struct vcpu *v, struct domain *d, uint32_t n, uint64_t gfn)
{
    struct domain_locked l = domain_lock(d);
    mfn_t mfn = grant_table_frame(d, n);
    int r;

    r = !mfn_eq(mfn, MFN_NONE) && frame_get(mfn, &d->owner) ? 0 : -E_INVAL;
    domain_unlock(l);
    if (r)
        return r;
    r = stage2_map(&v->domain->stage2, GFN(gfn), mfn, 0, S2_FOREIGN_RW);
    if (r)
        frame_put(mfn);
    return r;
}

static int map_entry(struct vcpu *v, struct domain *d, const struct xen_mem_acquire_resource *in, uint32_t i)
{
    xen_pfn_t gfn;
    int r = read_guest(v, &gfn, guest_address(in->frame_list) + (uint64_t)i * sizeof(gfn), sizeof(gfn));

    if (r)
        return r;
    if (!gfn_is_valid(gfn))
        return -E_INVAL;
    return map_grant_frame(v, d, (uint32_t)(in->frame + i), gfn);
}

static int64_t map_entries(struct vcpu *v, struct domain *d, const struct xen_mem_acquire_resource *in, uint64_t done)
{
    uint64_t start = done;

    ASSERT(done <= in->nr_frames);
    for (; done < in->nr_frames; done++) {
        int r;

        if (done > start && (done - start >= FRAMES_PER_RUN || hypercall_preempt()))
            return memory_continue(v, XENMEM_acquire_resource, done);
        r = map_entry(v, d, in, (uint32_t)done);
        if (r == -E_RESTART)
            return memory_continue(v, XENMEM_acquire_resource, done);
        if (r)
            return r;
    }
    return 0;
}

/* With no list: how many frames there may be. */
static int64_t tell_size(struct vcpu *v, struct domain *d, uint64_t to, struct xen_mem_acquire_resource *in)
{
    if (in->nr_frames)
        return -E_INVAL;
    in->nr_frames = d->grants.frames_limit;
    return write_guest(v, to, in, sizeof(*in));
}

int64_t memory_acquire_resource(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_mem_acquire_resource in;
    uint64_t done = memory_progress(args);
    struct domain *d;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    if (in.pad)
        return -E_INVAL;
    d = memory_target(v, in.domid, &r);
    if (!d)
        return r;
    if (in.type != XENMEM_resource_grant_table)
        return -E_OPNOTSUPP;
    if (in.id != XENMEM_resource_grant_table_id_shared)
        return -E_INVAL;
    subcall_reached(FAMILY_MEMORY, XENMEM_acquire_resource);
    if (!guest_address(in.frame_list))
        return tell_size(v, d, args[1], &in);
    if (in.frame > UINT32_MAX || in.frame + in.nr_frames > d->grants.frames_limit || done > in.nr_frames)
        return -E_INVAL;
    return map_entries(v, d, &in, done);
}
