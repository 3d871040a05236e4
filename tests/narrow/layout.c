/* SPDX-License-Identifier: Apache-2.0 */
/* What abi/xen/narrow.h and core/shared_info.h say that a caller with 4-byte longs has is what a 32-bit compiler makes of the public headers.
 * Compiled for such a processor, and never linked. */
#include <stddef.h>
#include <stdint.h>

#define __XEN_TOOLS__ 1
#define __XEN_INTERFACE_VERSION__ 0x00041100
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "abi/xen/narrow.h"
#include "core/shared_info.h"

#define SIZE(name) _Static_assert(sizeof(struct name) == sizeof(struct narrow_##name), #name)
#define MEMBER(name, member) \
    _Static_assert(offsetof(struct name, member) == offsetof(struct narrow_##name, member) && \
                   sizeof(((struct name *)0)->member) == sizeof(((struct narrow_##name *)0)->member), #name "." #member)

SIZE(xen_memory_reservation);
MEMBER(xen_memory_reservation, extent_start);
MEMBER(xen_memory_reservation, nr_extents);
MEMBER(xen_memory_reservation, extent_order);
MEMBER(xen_memory_reservation, mem_flags);
MEMBER(xen_memory_reservation, domid);
SIZE(xen_add_to_physmap);
MEMBER(xen_add_to_physmap, domid);
MEMBER(xen_add_to_physmap, size);
MEMBER(xen_add_to_physmap, space);
MEMBER(xen_add_to_physmap, idx);
MEMBER(xen_add_to_physmap, gpfn);
SIZE(xen_add_to_physmap_batch);
MEMBER(xen_add_to_physmap_batch, domid);
MEMBER(xen_add_to_physmap_batch, space);
MEMBER(xen_add_to_physmap_batch, size);
MEMBER(xen_add_to_physmap_batch, u.foreign_domid);
MEMBER(xen_add_to_physmap_batch, idxs);
MEMBER(xen_add_to_physmap_batch, gpfns);
MEMBER(xen_add_to_physmap_batch, errs);
SIZE(xen_remove_from_physmap);
MEMBER(xen_remove_from_physmap, domid);
MEMBER(xen_remove_from_physmap, gpfn);
SIZE(xen_memory_map);
MEMBER(xen_memory_map, nr_entries);
MEMBER(xen_memory_map, buffer);
SIZE(gnttab_setup_table);
MEMBER(gnttab_setup_table, dom);
MEMBER(gnttab_setup_table, nr_frames);
MEMBER(gnttab_setup_table, status);
MEMBER(gnttab_setup_table, frame_list);
SIZE(gnttab_get_status_frames);
MEMBER(gnttab_get_status_frames, nr_frames);
MEMBER(gnttab_get_status_frames, dom);
MEMBER(gnttab_get_status_frames, status);
MEMBER(gnttab_get_status_frames, frame_list);
SIZE(gnttab_copy);
MEMBER(gnttab_copy, source.u.gmfn);
MEMBER(gnttab_copy, source.domid);
MEMBER(gnttab_copy, source.offset);
MEMBER(gnttab_copy, dest.u.gmfn);
MEMBER(gnttab_copy, dest.domid);
MEMBER(gnttab_copy, dest.offset);
MEMBER(gnttab_copy, len);
MEMBER(gnttab_copy, flags);
MEMBER(gnttab_copy, status);
SIZE(sched_poll);
MEMBER(sched_poll, ports);
MEMBER(sched_poll, nr_ports);
MEMBER(sched_poll, timeout);
SIZE(vcpu_set_singleshot_timer);
MEMBER(vcpu_set_singleshot_timer, timeout_abs_ns);
MEMBER(vcpu_set_singleshot_timer, flags);
SIZE(xen_platform_parameters);
MEMBER(xen_platform_parameters, virt_start);
SIZE(multicall_entry);
MEMBER(multicall_entry, op);
MEMBER(multicall_entry, result);
MEMBER(multicall_entry, args);

/* Where handlers write one member of a structure by the 64-bit layout. */
_Static_assert(offsetof(struct gnttab_setup_table, status) == 8, "the same in both");
_Static_assert(offsetof(struct gnttab_get_status_frames, status) == 6, "the same in both");

/* Shared structures. */
#define SHARED(name, member, ours) _Static_assert(offsetof(struct name, member) == offsetof(struct ours, member), #member)
_Static_assert(sizeof(struct vcpu_info) == GUEST_VCPU_INFO_BYTES, "vcpu_info");
_Static_assert(offsetof(struct vcpu_info, evtchn_pending_sel) * 8 == NARROW_SELECTOR_BIT, "the selector");
_Static_assert(offsetof(struct vcpu_info, time) == 32, "as the 64-bit one's");
_Static_assert(offsetof(struct shared_info, evtchn_pending) == offsetof(struct narrow_shared_info, pending), "pending");
_Static_assert(offsetof(struct shared_info, evtchn_mask) == offsetof(struct narrow_shared_info, mask), "mask");
_Static_assert(sizeof(((struct shared_info *)0)->evtchn_pending) * 8 == NARROW_PORTS_2L, "ports");
_Static_assert(sizeof(((struct shared_info *)0)->evtchn_pending[0]) * 8 == NARROW_PORTS_PER_BIT, "ports of a bit of the selector");
SHARED(shared_info, wc_version, narrow_shared_info);
SHARED(shared_info, wc_sec, narrow_shared_info);
SHARED(shared_info, wc_nsec, narrow_shared_info);
_Static_assert(offsetof(struct shared_info, arch.wc_sec_hi) == offsetof(struct narrow_shared_info, wc_sec_hi), "wc_sec_hi");
_Static_assert(sizeof(struct vcpu_runstate_info) == sizeof(struct narrow_runstate), "runstate");
SHARED(vcpu_runstate_info, state_entry_time, narrow_runstate);
SHARED(vcpu_runstate_info, time, narrow_runstate);

/* What is the same for both, and has no entry. The numbers are the 64-bit headers'. */
#define SAME(name, bytes) _Static_assert(sizeof(struct name) == (bytes), #name)
SAME(gnttab_map_grant_ref, 32);
SAME(gnttab_unmap_grant_ref, 24);
SAME(gnttab_unmap_and_replace, 24);
SAME(gnttab_query_size, 16);
SAME(gnttab_swap_grant_ref, 12);
SAME(gnttab_cache_flush, 16);
SAME(evtchn_alloc_unbound, 8);
SAME(evtchn_bind_interdomain, 12);
SAME(evtchn_bind_virq, 12);
SAME(evtchn_bind_ipi, 8);
SAME(evtchn_status, 24);
SAME(evtchn_init_control, 24);
SAME(evtchn_expand_array, 8);
SAME(vcpu_register_vcpu_info, 16);
SAME(vcpu_register_runstate_memory_area, 8);
SAME(vcpu_set_periodic_timer, 8);
SAME(vcpu_hvm_context, 128);
SAME(xen_hvm_param, 16);
SAME(xen_hvm_evtchn_upcall_vector, 8);
SAME(sched_remote_shutdown, 8);
SAME(xen_feature_info, 8);
