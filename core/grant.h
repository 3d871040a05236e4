/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grant tables. A domain's table is hypervisor pages shared with it (shared_page_alloc); the maptrack is the hypervisor's
 * record of what a domain has mapped of others. Semantics: xen/grant_table.h. Version 1 entries; version 2 is refused as on
 * Xen for Arm.
 *
 * Lock order: one grant table lock of the granter per operation; maptrack of the mapper after it. No p2m lock is taken with
 * them held: frames are referenced first (stage2_get_frame), the entry's flags are then set by compare-and-exchange.
 */
#ifndef CORE_GRANT_H
#define CORE_GRANT_H

#include "lib/spinlock.h"
#include "lib/types.h"

struct domain;
struct maptrack_entry;
struct grant_active;

struct grant_table {
    spinlock_t lock;                /* LOCK_GRANT_TABLE */
    spinlock_t maptrack_lock;       /* LOCK_MAPTRACK */
    void **frames;                  /* shared pages, frames_used of frames_limit */
    struct grant_active **active;   /* per frame: what is in use of each entry */
    uint32_t frames_used, frames_limit;
    struct maptrack_entry **maptrack;
    uint32_t maptrack_frames, maptrack_limit;
    uint32_t maptrack_free;
    uint32_t maptrack_used;
};

int grant_init(struct domain *d, uint32_t max_frames, uint32_t max_maptrack_frames) MUST_CHECK;
/* Drop every mapping that d made of others' grants; bounded: -E_RESTART while there is more. */
int grant_release_mappings(struct domain *d) MUST_CHECK;
/* Memory of the table; entries that others still have mapped keep their frames by reference. */
void grant_free(struct domain *d);

#define GRANT_READ_ONLY 1u
/* What GNTMAP_* of the ABI says, decoded. */
struct grant_map_request {
    domid granter;
    uint32_t ref;
    gpa_t at;               /* where in the mapper's physical space */
    bool read_only, device; /* GNTMAP_readonly, GNTMAP_device_map */
};
struct grant_map_result {
    uint32_t handle;
    hpa_t bus_address;      /* address for devices (dev_bus_addr) */
};
/* Each returns a GNTST_* status of the ABI (0 okay, negative error), never an errno. `d` maps, is current's domain. */
int grant_map(struct domain *d, const struct grant_map_request *r, struct grant_map_result *out) MUST_CHECK;
int grant_unmap(struct domain *d, gpa_t at, uint32_t handle) MUST_CHECK;

struct grant_copy_side {
    domid domain;           /* resolved: never DOMID_SELF */
    bool is_ref;
    uint32_t ref;
    gfn_t gfn;
    uint16_t offset;
};
int grant_copy(struct domain *d, const struct grant_copy_side *from, const struct grant_copy_side *to, uint16_t length) MUST_CHECK;

/* Make the table at least n frames; -E_NOMEM / -E_INVAL. For setup_table and XENMAPSPACE_grant_table. */
int grant_grow(struct domain *d, uint32_t frames) MUST_CHECK;
/* The n-th frame of the table (growing it if allowed): its mfn with no reference taken, MFN_NONE out of range. Call under d's
 * domain lock or for current's domain. */
mfn_t grant_table_frame(struct domain *d, uint32_t n);
/* Toolstack: fill an entry of d's table so that `to` may access gfn (console and xenstore rings). -E_INVAL. */
int grant_seed(struct domain *d, uint32_t ref, domid to, gfn_t gfn) MUST_CHECK;
int grant_set_limits(struct domain *d, uint32_t frames, uint32_t maptrack_frames) MUST_CHECK;
/* GNTTABOP_cache_flush on a frame of d or granted to it. */
int grant_cache_flush(struct domain *d, hpa_t address, bool by_ref, uint32_t ref, uint16_t offset, uint16_t length, bool clean, bool invalidate) MUST_CHECK;
int grant_swap(struct domain *d, uint32_t a, uint32_t b) MUST_CHECK;

#endif
