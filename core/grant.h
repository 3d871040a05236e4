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
    struct grant_active **active;   /* ACTIVES_PER_CHUNK entries each: what is in use of them */
    struct grant_former **former;   /* as many entries each: uses that began before grant_reset; NULL: there never were any */
    uint32_t frames_used, frames_limit;
    struct maptrack_entry **maptrack;
    uint32_t maptrack_frames, maptrack_limit;
    uint32_t maptrack_free;         /* first free handle + 1, 0 = none */
    uint32_t maptrack_used;         /* handles taken */
    uint32_t release_next;          /* where grant_release_mappings goes on */
    uint32_t frames_slots, maptrack_slots;  /* length of the arrays above; active has two slots a frame */
};

/* What the operations answer: the ABI's GNTST_* (xen/grant_table.h, "Values for error status returns"). */
enum grant_status {
    GRANT_OKAY = 0, GRANT_GENERAL_ERROR = -1, GRANT_BAD_DOMAIN = -2, GRANT_BAD_REF = -3, GRANT_BAD_HANDLE = -4,
    GRANT_BAD_ADDRESS = -5, GRANT_PERMISSION_DENIED = -8, GRANT_BAD_PAGE = -9, GRANT_BAD_COPY = -10, GRANT_AGAIN = -12,
    GRANT_NO_SPACE = -13
};

#define GRANT_DEFAULT_FRAMES 64
#define GRANT_DEFAULT_MAPTRACK_FRAMES 1024
#define GRANTS_PER_FRAME 512

/* A table of one frame. Limits of 0 stand for the defaults. -E_INVAL (limit above the default), -E_NOMEM; nothing is left then. */
int grant_init(struct domain *d, uint32_t max_frames, uint32_t max_maptrack_frames) MUST_CHECK;
/* Drop every mapping that d made of others' grants; bounded: -E_RESTART while there is more. d is dying, or starts anew, and its vCPUs are
 * quiet; the stage-2 entries stay and go with the table, or with all of its memory map. */
int grant_release_mappings(struct domain *d) MUST_CHECK;
/* d, which does not run, starts anew: its entries are empty, from *next (0 at first) on; -E_RESTART while there is more. What others still
 * use of them stays theirs until they let go, and keeps its frame. -E_NOMEM: call again. */
int grant_reset(struct domain *d, uint32_t *next) MUST_CHECK;
/* Memory of the table. When nobody can have found d any more and its last frame is gone: a granted frame that somebody has mapped
 * is referenced through the entry too, so then no entry is in use. Accepts a table never made. */
void grant_free(struct domain *d);
/* References that the table has now. */
static inline uint32_t grant_entries(const struct grant_table *gt)
{
    return gt->frames_used * GRANTS_PER_FRAME;
}

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
/* Returns a GNTST_* status of the ABI (0 okay, negative error), never an errno. `d` maps, is current's domain. */
int grant_map(struct domain *d, const struct grant_map_request *r, struct grant_map_result *out) MUST_CHECK;

#define GRANT_BATCH 16
struct grant_unmap_request {
    gpa_t at;               /* 0: nothing is unmapped, only the handle is looked at */
    uint32_t handle;
    int status;             /* the answer */
    /* Between the steps of grant_unmap only: what was claimed. */
    struct maptrack_entry *entry;
    bool read_only;
};
/* Up to GRANT_BATCH of them, one after the other, with one invalidation of the TLB. */
void grant_unmap(struct domain *d, struct grant_unmap_request *r, unsigned n);

struct grant_copy_side {
    uint64_t number;        /* of the entry (is_ref), else of the guest's page */
    uint16_t offset;
    domid domain;           /* resolved: never DOMID_SELF */
    bool is_ref;
};
struct grant_copy_page {
    struct grant_copy_side side;
    struct domain *granter; /* NULL: own page */
    mfn_t mfn;
    char *window;           /* NULL: not claimed */
    bool write;
};
/* Copies one after the other; what both sides of the last one were stays claimed for the next, which often goes on in the same pages. */
struct grant_copier {
    struct domain *d;
    struct grant_copy_page source, target;
};
void grant_copy_start(struct grant_copier *c, struct domain *d);
/* One copy; a GNTST_* status. */
int grant_copy(struct grant_copier *c, struct grant_copy_side from, struct grant_copy_side to, uint16_t length) MUST_CHECK;
/* Let go of both pages. No return to a guest before; two windows (arch/include/mapping.h) may be held until then. */
void grant_copy_finish(struct grant_copier *c);

/*
 * What follows refuses a dying domain (-E_INVAL, MFN_NONE): its table may be gone.
 *
 * Make the table at least n frames; -E_NOMEM (nothing changed) / -E_INVAL (above the limit). For setup_table and
 * XENMAPSPACE_grant_table.
 */
int grant_grow(struct domain *d, uint32_t frames) MUST_CHECK;
/* The n-th frame of the table (growing it if allowed): its mfn with no reference taken, MFN_NONE out of range or no memory. Call
 * under d's domain lock or for current's domain. */
mfn_t grant_table_frame(struct domain *d, uint32_t n);
/* Toolstack: fill an entry of d's table so that `to` may access gfn (console and xenstore rings). -E_INVAL: no such entry, a gfn that
 * an entry cannot hold, or an entry in use. */
int grant_seed(struct domain *d, uint32_t ref, domid to, gfn_t gfn) MUST_CHECK;
/* Lower the limits of d; -E_INVAL when above those it was made with or below what is in use. */
int grant_set_limits(struct domain *d, uint32_t frames, uint32_t maptrack_frames) MUST_CHECK;
/*
 * GNTTABOP_cache_flush: clean and/or invalidate [offset, offset + length) of the frame at `address`, which is d's own or one it
 * has mapped by grant; the caller has checked that the range lies in the page. *cursor is where the search of d's mappings
 * goes on: 0 at first, and again at the end. 0, -E_RESTART, -E_INVAL, -E_PERM.
 */
int grant_cache_flush(struct domain *d, hpa_t address, uint16_t offset, uint16_t length, bool clean, bool invalidate,
                      uint32_t *cursor) MUST_CHECK;
/* Exchange two entries that nobody uses; returns a GNTST_* status. */
int grant_swap(struct domain *d, uint32_t a, uint32_t b) MUST_CHECK;

#endif
