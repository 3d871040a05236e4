/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the grant tables.
 *
 *   granter                                             mapper
 *   +-------------+   +--------------+                  +----------------+
 *   | entry       |   | grant_active |<--- ref, id ---- | maptrack_entry |<--- handle
 *   | (guest's)   |   | counts, mfn  |                  | mfn            |
 *   +-------------+   +--------------+                  +----------------+
 *        flags             | 1 reference                     stage-2 entry
 *     READING,WRITING      v                                 | 1 reference
 *                        frame <-----------------------------+
 *
 * While an entry is in use its frame is referenced here, whatever becomes of the mapper's stage-2 entry and of the granter; so the
 * granter's number does not go to another domain before the last use has ended.
 */
#ifndef CORE_GRANT_INTERNAL_H
#define CORE_GRANT_INTERNAL_H

#include "core/domain.h"
#include "core/grant_entry.h"
#include "lib/error.h"

/* The use of one entry; under the table's lock. In use: readers or writers is not 0. */
struct grant_active {
    uint64_t mfn;
    uint16_t who;               /* the one domain that uses it */
    uint16_t readers, writers;
};

/* One of the granter's life before (grant_reset). */
struct grant_former {
    struct grant_former *next;
    struct grant_active use;
    uint32_t ref;
};

#define ACTIVES_PER_CHUNK 256
STATIC_ASSERT(sizeof(struct grant_active) * ACTIVES_PER_CHUNK == PAGE_SIZE);

enum maptrack_state { MAPTRACK_FREE, MAPTRACK_TAKEN, MAPTRACK_READ_ONLY, MAPTRACK_WRITABLE, MAPTRACK_BUSY };

struct maptrack_entry {
    uint64_t mfn;
    uint32_t ref;               /* free: the next free handle + 1 */
    uint16_t granter;
    uint8_t state;              /* atomic: enum maptrack_state */
};

#define MAPTRACK_PER_FRAME (PAGE_SIZE / sizeof(struct maptrack_entry))

/* Entry `ref` of the table, NULL when it has none. No lock. */
static inline grant_entry *grant_entry_at(struct grant_table *gt, uint32_t ref)
{
    /* Meets the release in grant_grow(). */
    uint32_t frames = atomic_load_acquire(&gt->frames_used), frame = ref / GRANTS_PER_FRAME;

    if (unlikely(frame >= frames))
        return NULL;
    return (grant_entry *)gt->frames[array_index_nospec(frame, frames)] + ref % GRANTS_PER_FRAME;
}

/*
 * Use entry `ref` of `granter` for domain `who`: its flags say so to the guest until grant_unpin. A GNTST_* status. *mfn is the frame;
 * `for_mapping`: with one more reference, which is the caller's. No lock held.
 */
int grant_pin(struct domain *granter, uint32_t ref, domid who, bool read_only, bool for_mapping, mfn_t *mfn) MUST_CHECK;
/* mfn: what grant_pin gave. It tells the use of an entry from one of the granter's life before, whose frame no entry of this one names. */
void grant_unpin(struct domain *granter, uint32_t ref, bool read_only, mfn_t mfn);

/* A handle that is the caller's (state MAPTRACK_TAKEN), or false: none left or no memory. */
bool maptrack_take(struct grant_table *gt, uint32_t *handle, struct maptrack_entry **entry) MUST_CHECK;
void maptrack_give(struct grant_table *gt, uint32_t handle);
/* The entry of a handle, NULL when it never existed. No lock. */
struct maptrack_entry *maptrack_at(struct grant_table *gt, uint32_t handle);
void maptrack_free(struct grant_table *gt);

#endif
