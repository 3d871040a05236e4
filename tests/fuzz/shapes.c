/* SPDX-License-Identifier: Apache-2.0 */
/* The table of argument structures. One line for a sub-call, one for each of its fields. */
#include "tests/fuzz/shapes.h"

#define MEMBER(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
/* A field; one with a parameter; one from which a number is learnt. */
#define F(type, member, what) { MEMBER(type, member), .kind = FIELD_##what }
#define FV(type, member, what, v) { MEMBER(type, member), .kind = FIELD_##what, .value = (v) }
#define FL(type, member, what, learnt) { MEMBER(type, member), .kind = FIELD_##what, .remembered = 1 + SEEN_##learnt }
#define FIELDS(...) .fields = { __VA_ARGS__ }, .field_count = sizeof((struct field[]){ __VA_ARGS__ }) / sizeof(struct field)

#define SHAPE(call, sub, how, type, ...) \
    { .family = __HYPERVISOR_##call, .number = (sub), .style = STYLE_##how, .size = sizeof(type), FIELDS(__VA_ARGS__) }
#define PLAIN(call, sub, how) { .family = __HYPERVISOR_##call, .number = (sub), .style = STYLE_##how }

#define DOMCTL(sub, ...) \
    { .family = __HYPERVISOR_domctl, .number = (sub), .style = STYLE_STRUCT, .size = sizeof(struct xen_domctl), \
      .version = XEN_DOMCTL_INTERFACE_VERSION, FIELDS(F(struct xen_domctl, domain, DOMAIN), __VA_ARGS__) }
#define DOMCTL_PLAIN(sub) DOMCTL(sub, F(struct xen_domctl, _pad, RAW))
#define SYSCTL(sub, ...) \
    { .family = __HYPERVISOR_sysctl, .number = (sub), .style = STYLE_STRUCT, .size = sizeof(struct xen_sysctl), \
      .version = XEN_SYSCTL_INTERFACE_VERSION, FIELDS(__VA_ARGS__) }
#define PLATFORM(sub, ...) \
    { .family = __HYPERVISOR_platform_op, .number = (sub), .style = STYLE_STRUCT, .size = sizeof(struct xen_platform_op), \
      .version = XENPF_INTERFACE_VERSION, FIELDS(__VA_ARGS__) }
#define U(member, what) F(struct xen_domctl, u.member, what)
#define UV(member, what, v) FV(struct xen_domctl, u.member, what, v)
#define S(member, what) F(struct xen_sysctl, u.member, what)
#define SV(member, what, v) FV(struct xen_sysctl, u.member, what, v)

typedef struct xen_memory_reservation reservation;
typedef struct xen_add_to_physmap_batch batch;
typedef struct xen_mem_acquire_resource resource;
typedef struct gnttab_map_grant_ref ref_map;
typedef struct gnttab_unmap_grant_ref ref_unmap;
typedef struct gnttab_unmap_and_replace ref_replace;
typedef struct gnttab_copy ref_copy;
typedef struct gnttab_cache_flush ref_flush;

#define RESERVATION(sub) \
    SHAPE(memory_op, sub, COMMAND, reservation, F(reservation, domid, DOMAIN), F(reservation, extent_start, GFNS), \
          FV(reservation, nr_extents, SMALL, 8), FV(reservation, extent_order, SMALL, 3))
#define DOMAIN_ONLY(call, sub) SHAPE(call, sub, COMMAND, domid_t, { .size = 2, .kind = FIELD_DOMAIN })
/* Twice where one mapping needs luck. */
#define MAP(flag) \
    SHAPE(grant_table_op, GNTTABOP_map_grant_ref, BATCH, ref_map, F(ref_map, dom, DOMAIN), F(ref_map, ref, REF), \
          FV(ref_map, flags, FIXED, flag), F(ref_map, host_addr, ADDRESS), FL(ref_map, handle, RAW, HANDLE))

const struct shape shapes[] = {
    /* memory_op */
    RESERVATION(XENMEM_populate_physmap),
    RESERVATION(XENMEM_decrease_reservation),
    RESERVATION(XENMEM_exchange),
    PLAIN(memory_op, XENMEM_maximum_ram_page, COMMAND),
    DOMAIN_ONLY(memory_op, XENMEM_current_reservation),
    DOMAIN_ONLY(memory_op, XENMEM_maximum_reservation),
    DOMAIN_ONLY(memory_op, XENMEM_maximum_gpfn),
    PLAIN(memory_op, XENMEM_get_sharing_freed_pages, COMMAND),
    PLAIN(memory_op, XENMEM_get_sharing_shared_pages, COMMAND),
    SHAPE(memory_op, XENMEM_add_to_physmap, COMMAND, struct xen_add_to_physmap, F(struct xen_add_to_physmap, domid, DOMAIN),
          FV(struct xen_add_to_physmap, space, SMALL, 5), FV(struct xen_add_to_physmap, idx, SMALL, 5),
          F(struct xen_add_to_physmap, gpfn, GFN)),
    SHAPE(memory_op, XENMEM_add_to_physmap_batch, COMMAND, batch, FV(batch, domid, FIXED, DOMID_SELF),
          FV(batch, space, FIXED, XENMAPSPACE_gmfn_foreign), FV(batch, size, SMALL, 8), F(batch, u.foreign_domid, DOMAIN),
          F(batch, idxs, NUMBERS), F(batch, gpfns, GFNS), F(batch, errs, BUFFER)),
    SHAPE(memory_op, XENMEM_add_to_physmap_batch, COMMAND, batch, F(batch, domid, DOMAIN),
          FV(batch, space, FIXED, XENMAPSPACE_grant_table), FV(batch, size, SMALL, 4), FV(batch, u.foreign_domid, FIXED, 0),
          F(batch, idxs, NUMBERS), F(batch, gpfns, GFNS), F(batch, errs, BUFFER)),
    SHAPE(memory_op, XENMEM_remove_from_physmap, COMMAND, struct xen_remove_from_physmap,
          F(struct xen_remove_from_physmap, domid, DOMAIN), F(struct xen_remove_from_physmap, gpfn, GFN)),
    SHAPE(memory_op, XENMEM_claim_pages, COMMAND, reservation, F(reservation, domid, DOMAIN),
          FV(reservation, nr_extents, SMALL, 120)),
    SHAPE(memory_op, XENMEM_acquire_resource, COMMAND, resource, F(resource, domid, DOMAIN),
          FV(resource, type, FIXED, XENMEM_resource_grant_table), FV(resource, id, FIXED, 0), FV(resource, nr_frames, SMALL, 4),
          FV(resource, frame, SMALL, 4), F(resource, frame_list, GFNS)),
    SHAPE(memory_op, XENMEM_acquire_resource, COMMAND, resource, F(resource, domid, DOMAIN),
          FV(resource, type, FIXED, XENMEM_resource_grant_table)),
    SHAPE(memory_op, XENMEM_get_vnumainfo, COMMAND, struct xen_vnuma_topology_info,
          F(struct xen_vnuma_topology_info, domid, DOMAIN)),

    /* event_channel_op */
    SHAPE(event_channel_op, EVTCHNOP_alloc_unbound, COMMAND, struct evtchn_alloc_unbound,
          F(struct evtchn_alloc_unbound, dom, DOMAIN), F(struct evtchn_alloc_unbound, remote_dom, DOMAIN),
          FL(struct evtchn_alloc_unbound, port, RAW, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_bind_interdomain, COMMAND, struct evtchn_bind_interdomain,
          F(struct evtchn_bind_interdomain, remote_dom, DOMAIN), F(struct evtchn_bind_interdomain, remote_port, PORT),
          FL(struct evtchn_bind_interdomain, local_port, RAW, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_bind_virq, COMMAND, struct evtchn_bind_virq, FV(struct evtchn_bind_virq, virq, SMALL, 12),
          F(struct evtchn_bind_virq, vcpu, VCPU), FL(struct evtchn_bind_virq, port, RAW, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_bind_ipi, COMMAND, struct evtchn_bind_ipi, F(struct evtchn_bind_ipi, vcpu, VCPU),
          FL(struct evtchn_bind_ipi, port, RAW, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_bind_pirq, COMMAND, struct evtchn_bind_pirq, FV(struct evtchn_bind_pirq, pirq, SMALL, 40)),
    SHAPE(event_channel_op, EVTCHNOP_close, COMMAND, struct evtchn_close, F(struct evtchn_close, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_send, COMMAND, struct evtchn_send, F(struct evtchn_send, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_status, COMMAND, struct evtchn_status, F(struct evtchn_status, dom, DOMAIN),
          F(struct evtchn_status, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_bind_vcpu, COMMAND, struct evtchn_bind_vcpu, F(struct evtchn_bind_vcpu, port, PORT),
          F(struct evtchn_bind_vcpu, vcpu, VCPU)),
    SHAPE(event_channel_op, EVTCHNOP_unmask, COMMAND, struct evtchn_unmask, F(struct evtchn_unmask, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_reset, COMMAND, struct evtchn_reset, F(struct evtchn_reset, dom, DOMAIN)),
    SHAPE(event_channel_op, EVTCHNOP_init_control, COMMAND, struct evtchn_init_control,
          F(struct evtchn_init_control, control_gfn, GFN), FV(struct evtchn_init_control, offset, FIXED, 0),
          F(struct evtchn_init_control, vcpu, VCPU)),
    SHAPE(event_channel_op, EVTCHNOP_expand_array, COMMAND, struct evtchn_expand_array,
          F(struct evtchn_expand_array, array_gfn, GFN)),
    SHAPE(event_channel_op, EVTCHNOP_set_priority, COMMAND, struct evtchn_set_priority,
          F(struct evtchn_set_priority, port, PORT), FV(struct evtchn_set_priority, priority, SMALL, 15)),

    /* grant_table_op */
    MAP(GNTMAP_host_map),
    MAP(GNTMAP_host_map | GNTMAP_readonly),
    SHAPE(grant_table_op, GNTTABOP_unmap_grant_ref, BATCH, ref_unmap, F(ref_unmap, host_addr, ADDRESS),
          F(ref_unmap, handle, HANDLE)),
    SHAPE(grant_table_op, GNTTABOP_unmap_grant_ref, BATCH, ref_unmap, FV(ref_unmap, host_addr, FIXED, 0),
          F(ref_unmap, handle, HANDLE)),
    SHAPE(grant_table_op, GNTTABOP_unmap_and_replace, BATCH, ref_replace, F(ref_replace, host_addr, ADDRESS),
          FV(ref_replace, new_addr, FIXED, 0), F(ref_replace, handle, HANDLE)),
    SHAPE(grant_table_op, GNTTABOP_setup_table, ONE, struct gnttab_setup_table, F(struct gnttab_setup_table, dom, DOMAIN),
          FV(struct gnttab_setup_table, nr_frames, SMALL, 8), F(struct gnttab_setup_table, frame_list, GFNS)),
    SHAPE(grant_table_op, GNTTABOP_transfer, BATCH, struct gnttab_transfer, F(struct gnttab_transfer, domid, DOMAIN)),
    SHAPE(grant_table_op, GNTTABOP_copy, BATCH, ref_copy, F(ref_copy, source.u.ref, REF), F(ref_copy, source.domid, DOMAIN),
          FV(ref_copy, dest.domid, FIXED, DOMID_SELF), F(ref_copy, dest.u.gmfn, GFN), F(ref_copy, len, RAW),
          F(ref_copy, dest.offset, RAW), FV(ref_copy, flags, FIXED, GNTCOPY_source_gref)),
    SHAPE(grant_table_op, GNTTABOP_copy, BATCH, ref_copy, F(ref_copy, dest.u.ref, REF), F(ref_copy, dest.domid, DOMAIN),
          FV(ref_copy, source.domid, FIXED, DOMID_SELF), F(ref_copy, source.u.gmfn, GFN), F(ref_copy, len, RAW),
          F(ref_copy, source.offset, RAW), FV(ref_copy, flags, FIXED, GNTCOPY_dest_gref)),
    SHAPE(grant_table_op, GNTTABOP_query_size, ONE, struct gnttab_query_size, F(struct gnttab_query_size, dom, DOMAIN)),
    SHAPE(grant_table_op, GNTTABOP_set_version, ONE, struct gnttab_set_version, FV(struct gnttab_set_version, version, SMALL, 3)),
    SHAPE(grant_table_op, GNTTABOP_get_status_frames, ONE, struct gnttab_get_status_frames,
          F(struct gnttab_get_status_frames, dom, DOMAIN), FV(struct gnttab_get_status_frames, nr_frames, SMALL, 2)),
    SHAPE(grant_table_op, GNTTABOP_get_version, ONE, struct gnttab_get_version, F(struct gnttab_get_version, dom, DOMAIN)),
    SHAPE(grant_table_op, GNTTABOP_swap_grant_ref, BATCH, struct gnttab_swap_grant_ref,
          F(struct gnttab_swap_grant_ref, ref_a, REF), F(struct gnttab_swap_grant_ref, ref_b, REF)),
    SHAPE(grant_table_op, GNTTABOP_cache_flush, BATCH, ref_flush, F(ref_flush, a.dev_bus_addr, HOST_FRAME),
          FV(ref_flush, length, FIXED, 64), FV(ref_flush, op, SMALL, 3)),

    /* xen_version, console_io, vm_assist, sched_op, vcpu_op, hvm_op */
    PLAIN(xen_version, XENVER_version, COMMAND),
    SHAPE(xen_version, XENVER_extraversion, COMMAND, uint64_t, { .size = 8 }),
    SHAPE(xen_version, XENVER_compile_info, COMMAND, uint64_t, { .size = 8 }),
    SHAPE(xen_version, XENVER_capabilities, COMMAND, uint64_t, { .size = 8 }),
    SHAPE(xen_version, XENVER_changeset, COMMAND, uint64_t, { .size = 8 }),
    SHAPE(xen_version, XENVER_platform_parameters, COMMAND, uint64_t, { .size = 8 }),
    SHAPE(xen_version, XENVER_get_features, COMMAND, struct xen_feature_info,
          FV(struct xen_feature_info, submap_idx, FIXED, 0)),
    PLAIN(xen_version, XENVER_pagesize, VALUE),
    SHAPE(xen_version, XENVER_guest_handle, COMMAND, uint64_t, { .size = 8 }),
    SHAPE(xen_version, XENVER_commandline, COMMAND, uint64_t, { .size = 8 }),
    PLAIN(xen_version, XENVER_build_id, COMMAND),
    SHAPE(console_io, CONSOLEIO_write, BYTES, uint64_t, { .size = 8 }),
    PLAIN(console_io, CONSOLEIO_read, BYTES),
    PLAIN(vm_assist, VMASST_CMD_enable, VALUE),
    PLAIN(vm_assist, VMASST_CMD_disable, VALUE),
    PLAIN(sched_op, SCHEDOP_yield, COMMAND),
    PLAIN(sched_op, SCHEDOP_block, COMMAND),
    SHAPE(sched_op, SCHEDOP_shutdown, COMMAND, struct sched_shutdown, FV(struct sched_shutdown, reason, SMALL, 6)),
    SHAPE(sched_op, SCHEDOP_poll, COMMAND, struct sched_poll, F(struct sched_poll, ports, PORTS),
          FV(struct sched_poll, nr_ports, SMALL, 8), F(struct sched_poll, timeout, TIME)),
    SHAPE(sched_op, SCHEDOP_remote_shutdown, COMMAND, struct sched_remote_shutdown,
          F(struct sched_remote_shutdown, domain_id, DOMAIN), FV(struct sched_remote_shutdown, reason, SMALL, 6)),
    SHAPE(sched_op, SCHEDOP_shutdown_code, COMMAND, struct sched_shutdown, FV(struct sched_shutdown, reason, SMALL, 6)),
    SHAPE(sched_op, SCHEDOP_watchdog, COMMAND, struct sched_watchdog, FV(struct sched_watchdog, id, SMALL, 3),
          FV(struct sched_watchdog, timeout, SMALL, 20)),
    SHAPE(vcpu_op, VCPUOP_register_vcpu_info, VCPU, struct vcpu_register_vcpu_info, F(struct vcpu_register_vcpu_info, mfn, GFN),
          FV(struct vcpu_register_vcpu_info, offset, FIXED, 64)),
    SHAPE(vcpu_op, VCPUOP_register_runstate_memory_area, VCPU, struct vcpu_register_runstate_memory_area,
          F(struct vcpu_register_runstate_memory_area, addr.p, ADDRESS)),
    SHAPE(hvm_op, HVMOP_set_param, COMMAND, struct xen_hvm_param, F(struct xen_hvm_param, domid, DOMAIN),
          FV(struct xen_hvm_param, index, SMALL, 40), F(struct xen_hvm_param, value, GFN)),
    SHAPE(hvm_op, HVMOP_get_param, COMMAND, struct xen_hvm_param, F(struct xen_hvm_param, domid, DOMAIN),
          FV(struct xen_hvm_param, index, SMALL, 40)),

    /* platform_op */
    PLATFORM(XENPF_settime32, F(struct xen_platform_op, u.settime32.secs, RAW),
             FV(struct xen_platform_op, u.settime32.nsecs, SMALL, 100), F(struct xen_platform_op, u.settime32.system_time, TIME)),
    PLATFORM(XENPF_settime64, F(struct xen_platform_op, u.settime64.secs, RAW),
             FV(struct xen_platform_op, u.settime64.nsecs, SMALL, 100), F(struct xen_platform_op, u.settime64.system_time, TIME)),

    /* sysctl */
    SYSCTL(XEN_SYSCTL_readconsole, SV(readconsole.clear, SMALL, 1), SV(readconsole.incremental, SMALL, 1),
           S(readconsole.buffer, BUFFER), SV(readconsole.count, SMALL, 200), SV(readconsole.index, SMALL, 200)),
    SYSCTL(XEN_SYSCTL_physinfo, S(pad, RAW)),
    SYSCTL(XEN_SYSCTL_sched_id, S(pad, RAW)),
    SYSCTL(XEN_SYSCTL_coverage_op, S(pad, RAW)),
    SYSCTL(XEN_SYSCTL_getdomaininfolist, S(getdomaininfolist.first_domain, DOMAIN),
           SV(getdomaininfolist.max_domains, SMALL, 8), S(getdomaininfolist.buffer, BUFFER)),
    SYSCTL(XEN_SYSCTL_debug_keys, S(debug_keys.keys, BUFFER), SV(debug_keys.nr_keys, SMALL, 2)),
    SYSCTL(XEN_SYSCTL_getcpuinfo, SV(getcpuinfo.max_cpus, SMALL, 8), S(getcpuinfo.info, BUFFER)),
    SYSCTL(XEN_SYSCTL_availheap, SV(availheap.min_bitwidth, FIXED, 0), SV(availheap.node, FIXED, 0)),
    SYSCTL(XEN_SYSCTL_cputopoinfo, SV(cputopoinfo.num_cpus, SMALL, 8), S(cputopoinfo.cputopo, BUFFER)),
    SYSCTL(XEN_SYSCTL_numainfo, SV(numainfo.num_nodes, SMALL, 3), S(numainfo.meminfo, BUFFER), S(numainfo.distance, BUFFER)),
    SYSCTL(XEN_SYSCTL_cpupool_op, SV(cpupool_op.op, SMALL, 8), SV(cpupool_op.cpupool_id, FIXED, 0), S(cpupool_op.domid, DOMAIN),
           S(cpupool_op.cpumap.bitmap, BUFFER), SV(cpupool_op.cpumap.nr_bits, SMALL, 40)),
    SYSCTL(XEN_SYSCTL_scheduler_op, SV(scheduler_op.cpupool_id, FIXED, 0),
           SV(scheduler_op.sched_id, FIXED, XEN_SCHEDULER_CREDIT2), SV(scheduler_op.cmd, SMALL, 2),
           S(scheduler_op.u.sched_credit2.ratelimit_us, RAW)),

    /* domctl */
    DOMCTL(XEN_DOMCTL_createdomain, UV(createdomain.flags, FIXED, XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap),
           UV(createdomain.max_vcpus, SMALL, 5), UV(createdomain.max_evtchn_port, SMALL, 200),
           UV(createdomain.max_grant_frames, SMALL, 16), UV(createdomain.max_maptrack_frames, SMALL, 16),
           UV(createdomain.grant_opts, FIXED, 1), UV(createdomain.arch.gic_version, FIXED, XEN_DOMCTL_CONFIG_GIC_V3),
           UV(createdomain.arch.nr_spis, SMALL, 200),
           FL(struct xen_domctl, _pad, RAW, DOMAIN), FL(struct xen_domctl, domain, DOMAIN, DOMAIN)),
    DOMCTL_PLAIN(XEN_DOMCTL_destroydomain),
    DOMCTL_PLAIN(XEN_DOMCTL_assign_device),
    DOMCTL_PLAIN(XEN_DOMCTL_test_assign_device),
    DOMCTL_PLAIN(XEN_DOMCTL_deassign_device),
    DOMCTL_PLAIN(XEN_DOMCTL_get_device_group),
    DOMCTL(XEN_DOMCTL_iomem_permission, UV(iomem_permission.first_mfn, SMALL, 4), UV(iomem_permission.nr_mfns, SMALL, 60),
           UV(iomem_permission.allow_access, SMALL, 1)),
    DOMCTL(XEN_DOMCTL_memory_mapping, U(memory_mapping.first_gfn, GFN), UV(memory_mapping.first_mfn, SMALL, 40),
           UV(memory_mapping.nr_mfns, SMALL, 24), UV(memory_mapping.add_mapping, SMALL, 1)),
    DOMCTL(XEN_DOMCTL_vuart_op, U(vuart_op.gfn, GFN), UV(vuart_op.type, SMALL, 1), U(vuart_op.console_domid, DOMAIN)),
    DOMCTL_PLAIN(XEN_DOMCTL_pausedomain),
    DOMCTL_PLAIN(XEN_DOMCTL_unpausedomain),
    DOMCTL_PLAIN(XEN_DOMCTL_getdomaininfo),
    DOMCTL_PLAIN(XEN_DOMCTL_resumedomain),
    DOMCTL_PLAIN(XEN_DOMCTL_setdomainhandle),
    DOMCTL_PLAIN(XEN_DOMCTL_get_address_size),
    DOMCTL_PLAIN(XEN_DOMCTL_get_paging_mempool_size),
    DOMCTL(XEN_DOMCTL_setdebugging, UV(setdebugging.enable, SMALL, 1)),
    DOMCTL(XEN_DOMCTL_settimeoffset, U(settimeoffset.time_offset_seconds, RAW)),
    DOMCTL(XEN_DOMCTL_set_address_size, UV(address_size.size, FIXED, 64)),
    DOMCTL(XEN_DOMCTL_set_address_size, UV(address_size.size, FIXED, 32)),
    DOMCTL(XEN_DOMCTL_set_paging_mempool_size, UV(paging_mempool.size, SMALL, 2)),
    DOMCTL(XEN_DOMCTL_set_paging_mempool_size, UV(paging_mempool.size, FIXED, 64 * PAGE_SIZE)),
    DOMCTL(XEN_DOMCTL_max_mem, UV(max_mem.max_memkb, FIXED, 4096)),
    DOMCTL(XEN_DOMCTL_max_vcpus, UV(max_vcpus.max, SMALL, 6)),
    DOMCTL(XEN_DOMCTL_cacheflush, U(cacheflush.start_pfn, GFN), UV(cacheflush.nr_pfns, SMALL, 200)),
    DOMCTL(XEN_DOMCTL_setvcpucontext, U(vcpucontext.vcpu, VCPU), U(vcpucontext.ctxt, CONTEXT)),
    DOMCTL(XEN_DOMCTL_getvcpucontext, U(vcpucontext.vcpu, VCPU), U(vcpucontext.ctxt, CONTEXT)),
    DOMCTL(XEN_DOMCTL_getvcpuinfo, U(getvcpuinfo.vcpu, VCPU)),
    DOMCTL(XEN_DOMCTL_setvcpuaffinity, U(vcpuaffinity.vcpu, VCPU), UV(vcpuaffinity.flags, SMALL, 3),
           U(vcpuaffinity.cpumap_hard.bitmap, BUFFER), UV(vcpuaffinity.cpumap_hard.nr_bits, SMALL, 40),
           U(vcpuaffinity.cpumap_soft.bitmap, BUFFER), UV(vcpuaffinity.cpumap_soft.nr_bits, SMALL, 40)),
    DOMCTL(XEN_DOMCTL_getvcpuaffinity, U(vcpuaffinity.vcpu, VCPU), UV(vcpuaffinity.flags, SMALL, 3),
           U(vcpuaffinity.cpumap_hard.bitmap, BUFFER), UV(vcpuaffinity.cpumap_hard.nr_bits, SMALL, 40),
           U(vcpuaffinity.cpumap_soft.bitmap, BUFFER), UV(vcpuaffinity.cpumap_soft.nr_bits, SMALL, 40)),
    DOMCTL(XEN_DOMCTL_setnodeaffinity, U(nodeaffinity.nodemap.bitmap, BUFFER), UV(nodeaffinity.nodemap.nr_bits, SMALL, 9)),
    DOMCTL(XEN_DOMCTL_getnodeaffinity, U(nodeaffinity.nodemap.bitmap, BUFFER), UV(nodeaffinity.nodemap.nr_bits, SMALL, 9)),
    DOMCTL(XEN_DOMCTL_scheduler_op, UV(scheduler_op.sched_id, FIXED, XEN_SCHEDULER_CREDIT2), UV(scheduler_op.cmd, SMALL, 3),
           U(scheduler_op.u.credit2.weight, RAW), U(scheduler_op.u.credit2.cap, RAW)),
};
const unsigned shape_count = sizeof(shapes) / sizeof(shapes[0]);
