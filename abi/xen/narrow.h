/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers whose longs, pointers and frame numbers have 4 bytes: 32-bit code on x86. Most structures are the same for them; those that are
 * not are here as such a caller has them, and narrow.c has a table of what becomes of each member. Handlers read and write these by
 * read_struct and write_struct, lists of longs by read_longs, and see the usual structures.
 *
 * The layouts are those of the public headers as a 32-bit compiler has them: tests/narrow/layout.c, which the build compiles so.
 */
#ifndef ABI_XEN_NARROW_H
#define ABI_XEN_NARROW_H

#include <stdint.h>

struct narrow_xen_memory_reservation { uint32_t extent_start, nr_extents, extent_order, mem_flags; uint16_t domid; };
struct narrow_xen_add_to_physmap { uint16_t domid, size; uint32_t space, idx, gpfn; };
struct narrow_xen_add_to_physmap_batch {
    uint16_t domid, space, size;
    struct { uint16_t foreign_domid; } u;
    uint32_t idxs, gpfns, errs;
};
struct narrow_xen_remove_from_physmap { uint16_t domid; uint32_t gpfn; };
struct narrow_xen_memory_map { uint32_t nr_entries, buffer; };
struct narrow_gnttab_setup_table { uint16_t dom; uint32_t nr_frames; int16_t status; uint32_t frame_list; };
struct narrow_gnttab_get_status_frames { uint32_t nr_frames; uint16_t dom; int16_t status; uint32_t frame_list; };
struct narrow_gnttab_copy_ptr { struct { uint32_t gmfn; } u; uint16_t domid, offset; };
struct narrow_gnttab_copy { struct narrow_gnttab_copy_ptr source, dest; uint16_t len, flags; int16_t status; };
struct narrow_sched_poll { uint32_t ports, nr_ports, timeout[2]; };
struct narrow_vcpu_set_singleshot_timer { uint32_t timeout_abs_ns[2], flags; };
struct narrow_xen_platform_parameters { uint32_t virt_start; };
struct narrow_multicall_entry { uint32_t op, result, args[6]; };

/* One of them, as in the table. */
enum narrow_struct {
    NARROW_xen_memory_reservation, NARROW_xen_add_to_physmap, NARROW_xen_add_to_physmap_batch, NARROW_xen_remove_from_physmap,
    NARROW_xen_memory_map, NARROW_gnttab_setup_table, NARROW_gnttab_get_status_frames, NARROW_gnttab_copy, NARROW_sched_poll,
    NARROW_vcpu_set_singleshot_timer, NARROW_xen_platform_parameters, NARROW_multicall_entry, NARROW_STRUCTS
};

#endif
