/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: the table, and the sub-calls that ask or say a number. The others: memory_populate.c, memory_physmap.c,
 * memory_resource.c. (xen/memory.h) */
#include "abi/xen/memory.h"
#include "abi/xen/x86_64/calls.h"
#include "lib/print.h"

/* The domain that a reservation sub-call names, as target_domain() but by the guest's pointer to its number. */
static struct domain *read_target(struct vcpu *v, uint64_t from, int *error)
{
    domid_t id;

    *error = read_guest(v, &id, from, sizeof(id));
    return *error ? NULL : target_domain(v, id, error);
}

static int64_t op_maximum_ram_page(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_MEMORY, XENMEM_maximum_ram_page);
    return (int64_t)frame_highest().v;
}

static int64_t op_current_reservation(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    int error;
    struct domain *d = read_target(v, args[1], &error);

    if (!d)
        return error;
    subcall_reached(FAMILY_MEMORY, XENMEM_current_reservation);
    return (int64_t)atomic_load(&d->owner.frames);
}

static int64_t op_maximum_reservation(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    int error;
    struct domain *d = read_target(v, args[1], &error);

    if (!d)
        return error;
    subcall_reached(FAMILY_MEMORY, XENMEM_maximum_reservation);
    return (int64_t)MIN(atomic_load(&d->owner.limit), (uint64_t)UINT32_MAX);
}

static int64_t op_maximum_gpfn(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    int error;
    struct stage2_locked l;
    int64_t highest;
    struct domain *d = read_target(v, args[1], &error);

    if (!d)
        return error;
    subcall_reached(FAMILY_MEMORY, XENMEM_maximum_gpfn);
    l = stage2_lock(&d->stage2);
    highest = (int64_t)d->stage2.highest.v;
    stage2_unlock(l);
    return highest;
}

/* Pages are not shared between guests, so that none were saved and none are. */
static int64_t op_no_sharing(struct vcpu *v UNUSED, const uint64_t args[6], void *op UNUSED)
{
    subcall_reached(FAMILY_MEMORY, args[0] & MEMORY_CMD_MASK);
    return 0;
}

/* Promise free frames to a domain: in all as many as it says, those that it has counted in. */
static int64_t op_claim_pages(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_memory_reservation in;
    struct domain *d;
    uint64_t held;
    int r = READ_STRUCT(v, &in, args[1], NARROW_xen_memory_reservation);

    if (r)
        return r;
    if (guest_address(in.extent_start) || in.extent_order || in.mem_flags)
        return -E_INVAL;
    d = memory_target(v, in.domid, &r);
    if (!d)
        return r;
    subcall_reached(FAMILY_MEMORY, XENMEM_claim_pages);
    if (in.nr_extents == 0)
        return frame_claim(&d->owner, 0);
    held = atomic_load(&d->owner.frames);
    if (d->owner.claim || in.nr_extents < held || in.nr_extents > atomic_load(&d->owner.limit))
        return -E_INVAL;
    return frame_claim(&d->owner, in.nr_extents - held);
}

/* Guests have no NUMA of their own; the question is checked all the same. */
static int64_t op_vnumainfo(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_vnuma_topology_info in;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    if (in.pad)
        return -E_INVAL;
    subcall_reached(FAMILY_MEMORY, XENMEM_get_vnumainfo);
    return target_domain(v, in.domid, &r) ? -E_OPNOTSUPP : r;
}

const struct subcall memory_subcalls[] = {
    SUBCALL_MISSING(XENMEM_increase_reservation, CALLER_ANY),
    SUBCALL(XENMEM_decrease_reservation, CALLER_ANY, memory_decrease),
    SUBCALL(XENMEM_populate_physmap, CALLER_ANY, memory_populate),
    SUBCALL_REFUSED(XENMEM_exchange, CALLER_ANY, memory_exchange),
    SUBCALL(XENMEM_maximum_ram_page, CALLER_ANY, op_maximum_ram_page),
    SUBCALL(XENMEM_current_reservation, CALLER_ANY, op_current_reservation),
    SUBCALL(XENMEM_maximum_reservation, CALLER_ANY, op_maximum_reservation),
    SUBCALL(XENMEM_maximum_gpfn, CALLER_ANY, op_maximum_gpfn),
    SUBCALL_MISSING(XENMEM_machphys_mfn_list, CALLER_ANY),
    SUBCALL_MISSING(XENMEM_machphys_compat_mfn_list, CALLER_ANY),
    SUBCALL_MISSING(XENMEM_machphys_mapping, CALLER_ANY),
    SUBCALL(XENMEM_add_to_physmap, CALLER_ANY, memory_add_to_physmap), /* only: shared info and grant table */
    SUBCALL(XENMEM_add_to_physmap_batch, CALLER_ANY, memory_add_to_physmap_batch),
    SUBCALL(XENMEM_remove_from_physmap, CALLER_ANY, memory_remove_from_physmap),
    SUBCALL_X86_64(XENMEM_memory_map, XENMEM_memory_map, CALLER_ANY, x86_memory_map),
    SUBCALL_MISSING(XENMEM_machine_memory_map, CALLER_CONTROL),
    SUBCALL_X86_64(XENMEM_set_memory_map, XENMEM_set_memory_map, CALLER_CONTROL, x86_set_memory_map),
    SUBCALL_X86_64(XENMEM_set_pod_target, XENMEM_set_pod_target, CALLER_CONTROL, x86_set_pod_target), /* only: of a domain that has its memory */
    SUBCALL_X86_64(XENMEM_get_pod_target, XENMEM_get_pod_target, CALLER_CONTROL, x86_get_pod_target),
    SUBCALL(XENMEM_get_sharing_freed_pages, CALLER_ANY, op_no_sharing),
    SUBCALL(XENMEM_get_sharing_shared_pages, CALLER_ANY, op_no_sharing),
    SUBCALL_MISSING(XENMEM_paging_op, CALLER_CONTROL),
    SUBCALL_MISSING(XENMEM_access_op, CALLER_CONTROL),
    SUBCALL_MISSING(XENMEM_sharing_op, CALLER_CONTROL),
    SUBCALL(XENMEM_claim_pages, CALLER_CONTROL, op_claim_pages),
    SUBCALL_MISSING(XENMEM_reserved_device_memory_map, CALLER_CONTROL),
    SUBCALL(XENMEM_acquire_resource, CALLER_CONTROL, memory_acquire_resource), /* only: grant tables */
    SUBCALL_REFUSED(XENMEM_get_vnumainfo, CALLER_ANY, op_vnumainfo),
};
STATIC_ASSERT(ARRAY_SIZE(memory_subcalls) == XENMEM_acquire_resource + 1);

int64_t hypercall_memory_op(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, FAMILY_MEMORY, args[0] & MEMORY_CMD_MASK, args, NULL);
}
