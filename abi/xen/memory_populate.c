/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: a domain's own pages come and go. Each answers how many extents were done; one that cannot be ends the call there.
 * A one-to-one domain gets the frame of the same number back. (xen/memory.h, struct xen_memory_reservation) */
#include "abi/xen/memory.h"

/* Pages handled between two runs, so that no run takes long; a larger extent is a run of its own, or several. */
#define PAGES_PER_RUN 8

typedef int (*extent_function)(struct domain *d, gfn_t gfn, unsigned order);
/* The extents from `done` on, as many as one run takes: how many are done when the call ends there, or -E_RESTART. */
typedef int64_t (*run_function)(struct vcpu *v, uint64_t cmd, struct domain *d, const struct xen_memory_reservation *in, uint64_t done);

static bool extent_is_valid(uint64_t gfn, unsigned order)
{
    return gfn_is_valid(gfn) && gfn_is_valid(gfn + BIT(order) - 1);
}

/* One extent: 0, -E_RESTART to come back to it, or an error. */
static int do_extent(struct vcpu *v, struct domain *d, const struct xen_memory_reservation *in, uint64_t i,
                     extent_function function)
{
    uint64_t gfn;
    int r = read_longs(v, &gfn, guest_address(in->extent_start), i, 1);

    if (r)
        return r;
    if (!extent_is_valid(gfn, in->extent_order))
        return -E_INVAL;
    return function(d, GFN(gfn), in->extent_order);
}

static int64_t do_extents(struct vcpu *v, uint64_t cmd, struct domain *d, const struct xen_memory_reservation *in,
                          uint64_t done, extent_function function)
{
    uint64_t start = done;

    ASSERT(done < in->nr_extents && in->extent_order <= MAX_ORDER);
    for (; done < in->nr_extents; done++) {
        int r;

        if (done > start && ((done - start) << in->extent_order >= PAGES_PER_RUN || hypercall_preempt()))
            return memory_continue(v, cmd, done);
        r = do_extent(v, d, in, done, function);
        if (r == -E_RESTART)
            return memory_continue(v, cmd, done);
        if (r)
            break;
    }
    return (int64_t)done;
}

/* Single pages go together. */
static int64_t give_back_pages(struct vcpu *v, uint64_t cmd, struct domain *d, const struct xen_memory_reservation *in, uint64_t done)
{
    unsigned n = (unsigned)MIN(in->nr_extents - done, (uint64_t)PAGES_PER_RUN), valid = 0;
    uint64_t pfn[PAGES_PER_RUN];
    gfn_t gfn[PAGES_PER_RUN];
    int r = read_longs(v, pfn, guest_address(in->extent_start), done, n);

    STATIC_ASSERT(PAGES_PER_RUN <= STAGE2_GATHER);
    if (r == -E_RESTART)
        return memory_continue(v, cmd, done);
    if (r)
        return (int64_t)done;
    for (; valid < n && gfn_is_valid(pfn[valid]); valid++)
        gfn[valid] = GFN(pfn[valid]);
    if (!valid)
        return (int64_t)done;
    done += domain_depopulate_pages(d, gfn, valid, &r);
    if (done == in->nr_extents || (r && r != -E_RESTART))
        return (int64_t)done;
    return memory_continue(v, cmd, done);
}

static int64_t give_back_some(struct vcpu *v, uint64_t cmd, struct domain *d, const struct xen_memory_reservation *in, uint64_t done)
{
    return in->extent_order ? do_extents(v, cmd, d, in, done, domain_depopulate) : give_back_pages(v, cmd, d, in, done);
}

static int64_t take_some(struct vcpu *v, uint64_t cmd, struct domain *d, const struct xen_memory_reservation *in, uint64_t done)
{
    return do_extents(v, cmd, d, in, done, domain_populate);
}

/* The progress has to fit above the command in the caller's register. */
static uint64_t most_extents(const struct vcpu *v)
{
    return (domain_is_narrow(v->domain) || vcpu_call_is_narrow(v) ? (uint64_t)UINT32_MAX : (uint64_t)INT64_MAX) >> MEMORY_EXTENT_SHIFT;
}

/* What both sub-calls check first. Whatever is wrong is answered by how far the call had got, as the ABI has it. */
static int64_t reservation(struct vcpu *v, const uint64_t args[6], run_function run)
{
    uint64_t cmd = args[0] & MEMORY_CMD_MASK, done = memory_progress(args);
    struct xen_memory_reservation in;
    struct domain *d;
    int error = READ_STRUCT(v, &in, args[1], NARROW_xen_memory_reservation);

    if (error == -E_RESTART)
        return error;
    if (error || in.nr_extents > most_extents(v) || in.extent_order > MAX_ORDER ||
        !guest_address(in.extent_start))
        return (int64_t)done;
    d = memory_target(v, in.domid, &error);
    if (!d || done >= in.nr_extents)
        return (int64_t)done;
    subcall_reached(FAMILY_MEMORY, cmd);
    return run(v, cmd, d, &in, done);
}

int64_t memory_populate(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return reservation(v, args, take_some);
}

int64_t memory_decrease(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return reservation(v, args, give_back_some);
}

/* Translated guests do not see host frames and cannot want others. */
int64_t memory_exchange(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_MEMORY, XENMEM_exchange);
    return -E_OPNOTSUPP;
}
