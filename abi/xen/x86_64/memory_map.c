/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op: the map of memory that a guest would ask a PC's firmware for, and how much of it is to be there. (xen/memory.h) */
#define ABI_X86_64 1
#include "abi/xen/memory.h"
#include "abi/xen/x86_64/calls.h"
#include "lib/print.h"
#include "mem/heap.h"
#include "vdev/x86_64/platform.h"

/* The caller's own. As many entries as there is room for. */
int64_t x86_memory_map(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    const struct x86_map *m = atomic_load_acquire(&v->domain->arch.x86.map);
    struct xen_memory_map in;
    int r = READ_STRUCT(v, &in, args[1], NARROW_xen_memory_map);

    if (r)
        return r;
    if (!m)
        return -E_NOSYS;        /* as of a domain that was given none */
    subcall_reached(FAMILY_MEMORY, XENMEM_memory_map);
    in.nr_entries = MIN(in.nr_entries, MIN(atomic_load_acquire(&m->count), (uint32_t)X86_MAP_ENTRIES));
    r = write_guest(v, guest_address(in.buffer), m->entry, in.nr_entries * sizeof(m->entry[0]));
    return r ? r : WRITE_STRUCT(v, args[1], &in, NARROW_xen_memory_map);
}

static int set_map(struct domain *d, const struct x86_map *m, uint32_t count)
{
    struct domain_locked l = domain_lock(d);
    int r = atomic_load(&d->started) ? -E_BUSY : atomic_load(&d->life) == DOMAIN_ALIVE ? 0 : -E_SRCH;

    if (!r)
        r = x86_map_set(d, m->entry, count);
    domain_unlock(l);
    return r;
}

/* Of a domain that has not run yet. */
int64_t x86_set_memory_map(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_foreign_memory_map in;
    struct x86_map *m;
    struct domain *d;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    if (in.map.nr_entries > X86_MAP_ENTRIES)
        return -E_INVAL;
    d = target_domain(v, in.domid, &r);
    if (!d)
        return r;
    subcall_reached(FAMILY_MEMORY, XENMEM_set_memory_map);
    m = heap_new(struct x86_map);
    if (!m)
        return -E_NOMEM;
    r = read_guest(v, m->entry, guest_address(in.map.buffer), in.map.nr_entries * sizeof(m->entry[0]));
    if (!r)
        r = set_map(d, m, in.map.nr_entries);
    heap_delete(m);
    return r;
}

/*
 * Memory is given to a domain before it starts and not on demand: a toolstack that asks for that (maxmem= above memory=) does so before there is
 * any memory. What it says of a domain that has its memory (xl mem-set) is for that domain's balloon driver, and changes nothing here.
 */
static int set_pod_target(const struct domain *d, uint64_t target)
{
    if (target > atomic_load(&d->owner.limit))
        return -E_INVAL;
    if (atomic_load(&d->started) || target <= atomic_load(&d->owner.frames))
        return 0;
    log_guest("d%u: no memory on demand (maxmem= above memory=)", d->id.v);
    return -E_OPNOTSUPP;
}

static int64_t pod_target(struct vcpu *v, uint64_t argument, bool is_set)
{
    struct xen_pod_target op;
    struct domain *d;
    int r = read_guest(v, &op, argument, sizeof(op));

    if (r)
        return r;
    d = memory_target(v, op.domid, &r);
    if (!d)
        return r;
    subcall_reached(FAMILY_MEMORY, is_set ? XENMEM_set_pod_target : XENMEM_get_pod_target);
    r = is_set ? set_pod_target(d, op.target_pages) : 0;
    if (r)
        return r;
    op.tot_pages = atomic_load(&d->owner.frames);
    op.pod_cache_pages = op.pod_entries = 0;
    return write_guest(v, argument, &op, sizeof(op));
}

int64_t x86_set_pod_target(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return pod_target(v, args[1], true);
}

int64_t x86_get_pod_target(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return pod_target(v, args[1], false);
}
