/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 2: a domain's guest-physical space. The generic walker; entries by arch/include/stage2.h.
 *
 * Every present leaf of a memory type holds one reference to each frame it covers. Changing the table is prepare (tables
 * allocated, may fail with nothing changed) then commit (cannot fail): entries are removed, the TLB is invalidated in
 * batches, and only then are the old frames' references dropped, with no lock held across the drop's consequences. Devices
 * behind an IOMMU that walk the same table, or its twin, see the same commit and forget in the same batches.
 */
#ifndef MEM_STAGE2_H
#define MEM_STAGE2_H

#include "arch/include/stage2.h"
#include "lib/spinlock.h"
#include "mem/frame.h"

struct stage2 {
    spinlock_t lock;                /* LOCK_P2M */
    struct arch_stage2 arch;
    s2_entry *root;
    struct owner *owner;
    uint64_t table_pages;           /* in use */
    uint64_t table_limit;           /* quota, in pages (set_paging_mempool_size) */
    uint64_t mapped[S2_TYPES];      /* pages by type */
    uint64_t blocks_2m, blocks_1g;  /* entries larger than a page */
    gfn_t highest;                  /* highest gfn ever mapped (XENMEM_maximum_gpfn) */
    gfn_t lowest;
    uint8_t teardown_level;
    uint8_t table_order;            /* 1: behind each table lies its twin in the format that the IOMMU walks, else 0 */
    bool dying;                     /* stage2_destroy has begun: nothing may be mapped any more */
    /* stage2_destroy: where it continues, the entry of teardown_level it has taken out and not yet dropped (0 = none), and how far in it is */
    gfn_t teardown;
    s2_entry teardown_entry;
    uint64_t teardown_done;
    struct s2_home_block {          /* being zeroed where it lies, see stage2_fill_home */
        uint64_t gfn, mfn, done;
    } home;
    struct iommu_space *iommu;      /* devices that walk this table as well, NULL: none. It is told of what is invalidated */
    uint8_t leaf_level;             /* entries of lower levels are no leaves of what is present: processor or IOMMU do not know blocks as large */
    bool iommu_keeps_absent;        /* its unit may keep that nothing was mapped: it is told of what is new, too */
};

/* Proof that s->lock is held. */
struct stage2_locked { struct stage2 *s; };
struct stage2_locked stage2_lock(struct stage2 *s);
void stage2_unlock(struct stage2_locked l);

/* An empty table. -E_NOMEM. table_limit starts at 0 = no quota until stage2_set_limit. */
int stage2_init(struct stage2 *s, struct owner *o) MUST_CHECK;
/* Unmap everything and free the tables; does a bounded piece per call: -E_RESTART while there is more, then 0. The domain no longer runs. */
int stage2_destroy(struct stage2 *s) MUST_CHECK;
/* From now on each table has a twin (drivers/iommu.h). Nothing is mapped yet, and nobody else knows the table. -E_NOMEM. */
int stage2_add_twins(struct stage2 *s) MUST_CHECK;
/* The quota of table pages. -E_BUSY when more are in use. */
int stage2_set_limit(struct stage2 *s, uint64_t pages) MUST_CHECK;

/*
 * Map 2^order pages (order 0, 9, 18 map with one entry when gfn and mfn are aligned; other orders and alignments are cut
 * into the largest pieces). For memory types the caller holds one reference per frame, which the table takes over on
 * success and which stay the caller's on failure. What was mapped there before is unmapped first. Splits blocks in the
 * way. 0, -E_NOMEM (table memory or quota), -E_INVAL (outside the address space, or being destroyed). No lock held.
 */
int stage2_map(struct stage2 *s, gfn_t gfn, mfn_t mfn, unsigned order, enum s2_type type) MUST_CHECK;
/* The same where nothing is mapped yet, -E_BUSY otherwise: bounded for every order. gfn is aligned to it. */
int stage2_map_vacant(struct stage2 *s, gfn_t gfn, mfn_t mfn, unsigned order, enum s2_type type) MUST_CHECK;
/* Unmap 2^order pages; pages that are empty already are fine. Only a split needs memory: -E_NOMEM, nothing changed. */
int stage2_unmap(struct stage2 *s, gfn_t gfn, unsigned order) MUST_CHECK;
/* Any number of pages, by the largest blocks that there are; with an error those before it are done. */
int stage2_map_pages(struct stage2 *s, gfn_t gfn, mfn_t mfn, uint64_t pages, enum s2_type type) MUST_CHECK;
int stage2_unmap_pages(struct stage2 *s, gfn_t gfn, uint64_t pages) MUST_CHECK;
enum stage2_clear { S2_CLEAR_ANY, S2_CLEAR_OWN, S2_LOOK_OWN };
/* Unmap 2^order pages (order >= 4, gfn aligned) in bounded pieces: *done says how many pages are behind it, 0 at first; -E_RESTART
 * while there are more. S2_CLEAR_OWN: -E_INVAL at what is empty or not the owner's own; S2_LOOK_OWN: no more than that check.
 * -E_NOMEM: a block cannot be split. Tables of pages that the range covers go too. */
int stage2_clear(struct stage2 *s, gfn_t gfn, unsigned order, enum stage2_clear what, uint64_t *done) MUST_CHECK;
/* Unmap one page if it maps exactly this frame with this type: else -E_NOENT / -E_INVAL and nothing changed. */
int stage2_unmap_exact(struct stage2 *s, gfn_t gfn, mfn_t mfn, enum s2_type type) MUST_CHECK;
/* Unmap one page if its type is one of a bitmap (BIT(S2_RAM) | ...): else -E_NOENT / -E_INVAL and nothing changed. -E_NOMEM: the
 * page is part of a block, which could not be split. */
int stage2_unmap_page(struct stage2 *s, gfn_t gfn, uint32_t types) MUST_CHECK;

/*
 * The same for up to STAGE2_GATHER pages with one invalidation of the TLB: start takes the p2m lock, finish invalidates, lets go
 * of it and then of the frames, which nobody else gets before. In between only what may happen under that lock.
 */
#define STAGE2_GATHER 16
struct stage2_gather {
    struct stage2_locked lock;
    unsigned count;
    uint64_t first, last;           /* of the pages that were taken out */
    struct { mfn_t frame; enum s2_type type; } page[STAGE2_GATHER];
};
void stage2_gather_start(struct stage2_gather *g, struct stage2 *s);
/* As stage2_unmap_page; mfn NULL: whatever frame it is. */
int stage2_gather_unmap(struct stage2_gather *g, gfn_t gfn, uint32_t types, const mfn_t *mfn) MUST_CHECK;
void stage2_gather_finish(struct stage2_gather *g);

#define S2_TYPES_OWN (uint32_t)(BIT(S2_RAM) | BIT(S2_RAM_RO))
#define S2_TYPES_WRITABLE (uint32_t)(BIT(S2_RAM) | BIT(S2_SHARED) | BIT(S2_GRANT_RW) | BIT(S2_FOREIGN_RW))
#define S2_TYPES_MEMORY (uint32_t)(BIT(S2_TYPES) - 1 - BIT(S2_EMPTY) - BIT(S2_DEVICE) - BIT(S2_NEEDS_WORK) - BIT(S2_DOORBELL))

/* What is at gfn; *mfn its frame, *order of the entry it was found in (either may be NULL). */
enum s2_type stage2_lookup(struct stage2_locked l, gfn_t gfn, mfn_t *mfn, unsigned *order);
/* The frame at gfn with one more reference, for reading or writing. 0; -E_NOENT nothing there; -E_ACCES not writable, or not
 * memory; -E_AGAIN needs work. *type may be NULL. */
int stage2_get_frame(struct stage2 *s, gfn_t gfn, bool write, mfn_t *mfn, enum s2_type *type) MUST_CHECK;
/* The same for a page that is the domain's own: of another one -E_ACCES. */
int stage2_get_own(struct stage2 *s, gfn_t gfn, bool write, mfn_t *mfn) MUST_CHECK;
/* Make a NEEDS_WORK entry usable after a fault or COPY_RETRY. 0, or -E_NOENT when it is not such an entry, -E_NOMEM. */
int stage2_resolve(struct stage2 *s, gfn_t gfn, bool write) MUST_CHECK;
/* The same for who can come again: a bounded piece of it, -E_RESTART while there is more. */
int stage2_resolve_some(struct stage2 *s, gfn_t gfn, bool write) MUST_CHECK;

/* Map 2^order pages, which lie within one NEEDS_WORK entry, to zeroed frames; references as for stage2_map. -E_BUSY: they do not, or not
 * any more. -E_NOMEM. */
int stage2_fill(struct stage2 *s, gfn_t gfn, mfn_t mfn, unsigned order) MUST_CHECK;

/*
 * Memory with a place of its own in the host's (frame_set_aside) that is zeroed by and by: the cookie of a NEEDS_WORK entry for gfn, whose
 * frame is mfn, and for what follows both of them.
 */
mfn_t stage2_home_cookie(gfn_t gfn, mfn_t mfn);
/* The frame that is behind such an entry of at least 2^order pages; MFN_NONE: there is none. */
mfn_t stage2_home_frame(struct stage2 *s, gfn_t gfn, unsigned order);
/* Zero a piece of the block of 2 MiB at gfn, of which nothing has been filled before; with the last piece it is mapped. Bounded: -E_RESTART while there is more;
 * -E_NOENT: it is no such block any more. */
int stage2_fill_home(struct stage2 *s, gfn_t gfn) MUST_CHECK;
/* Map 2^order of its frames, of which the caller has written each byte while nobody else knew them. -E_BUSY as stage2_fill. */
int stage2_place_home(struct stage2 *s, gfn_t gfn, unsigned order) MUST_CHECK;

/* For looking: how many entries map 1 GiB, 2 MiB, 4 KiB (in this order). */
void stage2_count_entries(const struct stage2 *s, uint64_t counts[3]);

static inline bool s2_type_is_memory(enum s2_type t)
{
    return t > S2_EMPTY && t < S2_DEVICE;
}

static inline bool s2_type_is_writable(enum s2_type t)
{
    return t == S2_RAM || t == S2_SHARED || t == S2_GRANT_RW || t == S2_FOREIGN_RW || t == S2_DEVICE;
}

/* Does the domain own what such an entry maps (as opposed to a grant, a foreign page or a device)? */
static inline bool s2_type_is_own(enum s2_type t)
{
    return t == S2_RAM || t == S2_RAM_RO;
}

#endif
