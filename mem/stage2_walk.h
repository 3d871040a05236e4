/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the stage-2 walker only: geometry, the walk, and changing a range. All under the p2m lock. */
#ifndef MEM_STAGE2_WALK_H
#define MEM_STAGE2_WALK_H

#include "arch/include/mapping.h"
#include "drivers/iommu.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "mem/stage2.h"

#define S2_LEVELS 4
#define S2_ENTRIES 512

/* log2 of the pages that an entry of this level covers. */
static inline unsigned s2_shift(unsigned level)
{
    return 9 * (S2_LEVELS - 1 - level);
}

static inline uint64_t s2_span(unsigned level)
{
    return UINT64_C(1) << s2_shift(level);
}

static inline uint64_t s2_space_pages(void)
{
    return UINT64_C(1) << (arch_stage2_geometry()->address_bits - PAGE_SHIFT);
}

/* Root tables are consecutive, so the root's index has more than nine bits. */
static inline s2_entry *s2_slot(s2_entry *table, unsigned level, uint64_t gfn, unsigned root_level)
{
    uint64_t index = gfn >> s2_shift(level);

    return &table[level == root_level ? index : index % S2_ENTRIES];
}

static inline s2_entry *s2_subtable(s2_entry e)
{
    return arch_heap_address(arch_s2_frame(e));
}

/* Where the walk to gfn, which lies inside the space, ends: at a leaf, an empty entry, or at level `stop`. *level: which. */
static inline s2_entry *s2_walk(const struct stage2 *s, uint64_t gfn, unsigned stop, unsigned *level)
{
    unsigned l = arch_stage2_geometry()->root_level, shift = s2_shift(l);
    s2_entry *slot = &s->root[gfn >> shift];

    ASSERT(gfn < s2_space_pages());
    for (; l < stop; l++) {
        s2_entry e = arch_s2_read(slot);

        if (!arch_s2_is_table(e, l))
            break;
        shift -= 9;
        slot = &s2_subtable(e)[(gfn >> shift) % S2_ENTRIES];
    }
    *level = l;
    return slot;
}

/* The frame of page gfn, which lies in leaf e of this level; of a NEEDS_WORK entry the cookie. */
static inline mfn_t s2_frame_at(s2_entry e, uint64_t gfn, unsigned level)
{
    return mfn_add(arch_s2_frame(e), arch_s2_type(e) == S2_NEEDS_WORK ? 0 : gfn & (s2_span(level) - 1));
}

/* The entry's place in the twin, which lies behind the table, the root's behind all of the root. */
static inline uint64_t *s2_twin_of(const struct stage2 *s, s2_entry *slot)
{
    uint64_t root_entries = (uint64_t)S2_ENTRIES << arch_stage2_geometry()->root_order;

    return slot + ((uint64_t)(slot - s->root) < root_entries ? root_entries : S2_ENTRIES);
}

/* Devices see an entry before the processors do, whose barrier makes both visible; what goes is forgotten by both. */
static inline void s2_write(const struct stage2 *s, s2_entry *slot, s2_entry e, unsigned level)
{
    if (unlikely(s->table_order))
        WRITE_ONCE(*s2_twin_of(s, slot), iommu_twin(e, level));
    arch_s2_write(slot, e);
}

/* count: as arch_stage2_invalidate wants it, which is content with one page of a block; pages: all of them. */
static inline void s2_invalidate(struct stage2 *s, uint64_t gfn, uint64_t count, uint64_t pages)
{
    arch_stage2_invalidate(&s->arch, GFN(gfn), count);
    if (unlikely(s->iommu))
        iommu_forget(s->iommu, GFN(gfn), pages);
}

/* What a change has taken out of the table and not yet let go: runs of frames, and tables. */
struct s2_removed {
    uint64_t frame, pages;
    uint8_t type;               /* enum s2_type; of a table S2_EMPTY */
    uint8_t table_level;        /* level of the table's entries */
};

#define S2_BATCH 16
struct s2_batch {
    unsigned count, entries;
    uint64_t first, end;        /* guest pages concerned; first == end: nothing to invalidate */
    struct s2_removed item[S2_BATCH];
};

/* One change: [gfn, gfn + pages) shall map mfn.. as type, or nothing (S2_EMPTY). */
struct s2_change {
    struct stage2 *s;
    uint64_t gfn, pages, mfn;
    enum s2_type type;
    bool filling;               /* second pass: only what the first has emptied */
    bool emptied;               /* the first pass found something in the way */
    struct s2_free_table *pool; /* prepared tables */
    struct s2_batch removed;
};

struct s2_change s2_change_init(struct stage2 *s, gfn_t gfn, unsigned order, mfn_t mfn, enum s2_type type);
/* The half of stage2_resolve that is stage2_home.c's. */
int s2_resolve_home(struct stage2 *s, gfn_t gfn) MUST_CHECK;
/* Prepare and commit. 0 or -E_NOMEM with nothing changed. The lock is held; s2_change_finish follows without it. */
int s2_change_commit(struct s2_change *c) MUST_CHECK;
/* Let go of what was removed. */
void s2_change_finish(struct s2_change *c);

/* Does nothing lie in the aligned 2^order pages (a table without entries is nothing)? The lock is held. */
bool s2_is_vacant(const struct stage2 *s, uint64_t gfn, unsigned order);
/* n leaves of this level more, or (below 0) fewer. */
void s2_count_leaves(struct stage2 *s, unsigned level, int64_t n);
/* What every change of the table ends with: [gfn, gfn + pages) has become `type`. Under the lock. */
static inline void s2_account(struct stage2 *s, uint64_t gfn, uint64_t pages, enum s2_type type)
{
    ASSERT(spin_is_held(&s->lock));
    if (type != S2_EMPTY) {
        if (unlikely(s->iommu_keeps_absent))
            iommu_forget(s->iommu, GFN(gfn), pages);
        atomic_fetch_add(&s->mapped[type], pages);
        s->highest.v = MAX(s->highest.v, gfn + pages - 1);
        s->lowest.v = MIN(s->lowest.v, gfn);
    }
}
/* Drop the references that leaves of this type hold, and account for it. */
void s2_drop_leaves(struct stage2 *s, uint64_t frame, uint64_t pages, enum s2_type type);
void s2_free_table(struct stage2 *s, s2_entry *table);

#endif
