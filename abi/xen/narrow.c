/* SPDX-License-Identifier: Apache-2.0 */
#include "abi/xen/narrow.h"
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "lib/string.h"

/* Where a member is in either structure: it grows, or shrinks, by zeros above. */
struct member {
    uint8_t wide, wide_bytes, narrow, narrow_bytes;
};
#define MEMBERS_MAX 9

static const struct layout {
    uint8_t wide_bytes, narrow_bytes;
    struct member members[MEMBERS_MAX];     /* up to one of no bytes */
} layouts[NARROW_STRUCTS] = {
#define LAYOUT(name, ...) \
    [NARROW_##name] = { sizeof(struct name), sizeof(struct narrow_##name), { __VA_ARGS__ } }
#define M(name, member) \
    { offsetof(struct name, member), sizeof(((struct name *)0)->member), offsetof(struct narrow_##name, member), \
      sizeof(((struct narrow_##name *)0)->member) }
    LAYOUT(xen_memory_reservation, M(xen_memory_reservation, extent_start), M(xen_memory_reservation, nr_extents),
           M(xen_memory_reservation, extent_order), M(xen_memory_reservation, mem_flags), M(xen_memory_reservation, domid)),
    LAYOUT(xen_add_to_physmap, M(xen_add_to_physmap, domid), M(xen_add_to_physmap, size), M(xen_add_to_physmap, space),
           M(xen_add_to_physmap, idx), M(xen_add_to_physmap, gpfn)),
    LAYOUT(xen_add_to_physmap_batch, M(xen_add_to_physmap_batch, domid), M(xen_add_to_physmap_batch, space),
           M(xen_add_to_physmap_batch, size), M(xen_add_to_physmap_batch, u.foreign_domid), M(xen_add_to_physmap_batch, idxs),
           M(xen_add_to_physmap_batch, gpfns), M(xen_add_to_physmap_batch, errs)),
    LAYOUT(xen_remove_from_physmap, M(xen_remove_from_physmap, domid), M(xen_remove_from_physmap, gpfn)),
    LAYOUT(xen_memory_map, M(xen_memory_map, nr_entries), M(xen_memory_map, buffer)),
    LAYOUT(gnttab_setup_table, M(gnttab_setup_table, dom), M(gnttab_setup_table, nr_frames), M(gnttab_setup_table, status),
           M(gnttab_setup_table, frame_list)),
    LAYOUT(gnttab_get_status_frames, M(gnttab_get_status_frames, nr_frames), M(gnttab_get_status_frames, dom),
           M(gnttab_get_status_frames, status), M(gnttab_get_status_frames, frame_list)),
    LAYOUT(gnttab_copy, M(gnttab_copy, source.u.gmfn), M(gnttab_copy, source.domid), M(gnttab_copy, source.offset),
           M(gnttab_copy, dest.u.gmfn), M(gnttab_copy, dest.domid), M(gnttab_copy, dest.offset), M(gnttab_copy, len),
           M(gnttab_copy, flags), M(gnttab_copy, status)),
    LAYOUT(sched_poll, M(sched_poll, ports), M(sched_poll, nr_ports), M(sched_poll, timeout)),
    LAYOUT(vcpu_set_singleshot_timer, M(vcpu_set_singleshot_timer, timeout_abs_ns), M(vcpu_set_singleshot_timer, flags)),
    LAYOUT(xen_platform_parameters, M(xen_platform_parameters, virt_start)),
    LAYOUT(multicall_entry, M(multicall_entry, op), M(multicall_entry, result), M(multicall_entry, args[0]), M(multicall_entry, args[1]),
           M(multicall_entry, args[2]), M(multicall_entry, args[3]), M(multicall_entry, args[4]), M(multicall_entry, args[5])),
};
/* No structure is larger than this, either way. */
#define STRUCT_MAX 64
STATIC_ASSERT(sizeof(struct multicall_entry) == STRUCT_MAX);

size_t narrow_bytes(enum narrow_struct which)
{
    ASSERT(which < NARROW_STRUCTS && layouts[which].narrow_bytes <= STRUCT_MAX);
    return layouts[which].narrow_bytes;
}

void narrow_to_wide(enum narrow_struct which, const void *narrow, void *wide)
{
    const struct layout *l = &layouts[which];

    memset(wide, 0, l->wide_bytes);
    for (const struct member *m = l->members; m < l->members + MEMBERS_MAX && m->narrow_bytes; m++)
        memcpy((char *)wide + m->wide, (const char *)narrow + m->narrow, MIN(m->wide_bytes, m->narrow_bytes));
}

void wide_to_narrow(enum narrow_struct which, const void *wide, void *narrow)
{
    const struct layout *l = &layouts[which];

    memset(narrow, 0, l->narrow_bytes);
    for (const struct member *m = l->members; m < l->members + MEMBERS_MAX && m->narrow_bytes; m++)
        memcpy((char *)narrow + m->narrow, (const char *)wide + m->wide, MIN(m->wide_bytes, m->narrow_bytes));
}

int narrow_read_struct(struct vcpu *v, void *to, uint64_t from, enum narrow_struct which)
{
    char narrow[STRUCT_MAX];
    int r = read_guest(v, narrow, from, narrow_bytes(which));

    if (!r)
        narrow_to_wide(which, narrow, to);
    return r;
}

int narrow_write_struct(struct vcpu *v, uint64_t to, const void *from, enum narrow_struct which)
{
    char narrow[STRUCT_MAX];

    wide_to_narrow(which, from, narrow);
    return write_guest(v, to, narrow, narrow_bytes(which));
}

int narrow_read_longs(struct vcpu *v, uint64_t *to, uint64_t list, uint64_t first, size_t n)
{
    uint32_t *narrow = (uint32_t *)to;
    int r = read_guest(v, narrow, list + first * sizeof(*narrow), n * sizeof(*narrow));

    /* In place: from the last one on. */
    for (size_t i = n; !r && i-- > 0;) {
        uint32_t value;

        memcpy(&value, &narrow[i], sizeof(value));
        memcpy(&to[i], &(uint64_t){ value }, sizeof(to[i]));
    }
    return r;
}
