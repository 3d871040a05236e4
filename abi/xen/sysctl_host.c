/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl: what the host has: CPUs, memory, how they lie to each other. One node, one socket. (xen/sysctl.h) */
#include "abi/xen/sysctl.h"
#include "lib/string.h"

/* What the reference says of a host without NUMA. */
#define LOCAL_DISTANCE 20

static uint32_t cpus_online(void)
{
    uint32_t n = 0;

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        n += cpu_is_online(cpu);
    ASSERT(n > 0);
    return n;
}

int64_t sysctl_physinfo(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_physinfo *p = &call->op.u.physinfo;

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_physinfo);
    memset(p, 0, sizeof(*p));
    p->threads_per_core = 1;
    p->nr_cpus = cpus_online();
    p->cores_per_socket = p->nr_cpus;
    p->max_cpu_id = cpu_count() - 1;
    p->nr_nodes = 1;
    p->cpu_khz = arch_counter_khz();
    p->capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap | XEN_SYSCTL_PHYSCAP_gnttab_v1;
    if (iommu_is_present())
        p->capabilities |= XEN_SYSCTL_PHYSCAP_directio | XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share;
    ABI_ARCH(physinfo)(p);
    p->total_pages = frame_total();
    p->free_pages = frame_free_count();
    p->outstanding_pages = frame_outstanding_claims();
    p->max_mfn = frame_highest().v;
    call->copy_back = true;
    return 0;
}

/* The shape of the two topology calls: with no array the number that there are; of an array too short as many as it holds. */
int64_t sysctl_cpu_topology(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_cputopoinfo *in = &call->op.u.cputopoinfo;
    uint32_t room = in->num_cpus, cpus = cpu_count();

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_cputopoinfo);
    call->copy_back = true;
    in->num_cpus = guest_address(in->cputopo) ? MIN(room, cpus) : cpus;
    if (!guest_address(in->cputopo))
        return 0;
    for (uint32_t cpu = 0; cpu < in->num_cpus; cpu++) {
        struct xen_sysctl_cputopo t = { .core = XEN_INVALID_CORE_ID, .socket = XEN_INVALID_SOCKET_ID,
                                        .node = XEN_INVALID_NODE_ID };
        int r;

        if (cpu_is_online(cpu))
            t = (struct xen_sysctl_cputopo){ .core = cpu, .socket = 0, .node = 0 };
        r = write_guest(v, guest_address(in->cputopo) + cpu * sizeof(t), &t, sizeof(t));
        if (r)
            return r;
    }
    return 0;
}

int64_t sysctl_numa(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_numainfo *in = &call->op.u.numainfo;
    struct xen_sysctl_meminfo memory = { .memsize = frame_total() << PAGE_SHIFT, .memfree = frame_free_count() << PAGE_SHIFT };
    uint32_t distance = LOCAL_DISTANCE, room = in->num_nodes;
    int r = 0;

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_numainfo);
    call->copy_back = true;
    in->num_nodes = guest_address(in->meminfo) || guest_address(in->distance) ? MIN(room, 1u) : 1;
    if (!room)
        return 0;
    if (guest_address(in->meminfo))
        r = write_guest(v, guest_address(in->meminfo), &memory, sizeof(memory));
    if (!r && guest_address(in->distance))
        r = write_guest(v, guest_address(in->distance), &distance, sizeof(distance));
    return r;
}

int64_t sysctl_cpu_info(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_getcpuinfo *in = &call->op.u.getcpuinfo;

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_getcpuinfo);
    in->nr_cpus = MIN(in->max_cpus, cpu_count());
    for (uint32_t cpu = 0; cpu < in->nr_cpus; cpu++) {
        struct xen_sysctl_cpuinfo info = { .idletime = (uint64_t)sched_idle_time(cpu) };
        int r = write_guest(v, guest_address(in->info) + cpu * sizeof(info), &info, sizeof(info));

        if (r)
            return r;
    }
    call->copy_back = true;
    return 0;
}

/* Of any address width: what is free is not kept apart by that. */
int64_t sysctl_avail_heap(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_availheap *in = &call->op.u.availheap;

    if (in->min_bitwidth || in->max_bitwidth)
        return -E_OPNOTSUPP;
    if (in->node < -1 || in->node > 0)
        return -E_INVAL;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_availheap);
    in->avail_bytes = frame_free_count() << PAGE_SHIFT;
    call->copy_back = true;
    return 0;
}
