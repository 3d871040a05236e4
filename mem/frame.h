/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: every 4 KiB of host memory has an owner, a state and a count of references, in 8 bytes.
 *
 *   63  61 60          45  44  43                      0
 *  +------+--------------+----+-------------------------+
 *  |state | owner id     |home| count of references     |   in use, shared, reserved
 *  +------+--------------+----+-------------------------+
 *  +------+-------+--------------------+----------------+
 *  |state | order | next head          | previous head  |   first frame of a free block (buddy system)
 *  +------+-------+--------------------+----------------+
 *   63  61 60   56 55                28 27             0
 *
 * 28-bit links: up to 1 TiB of physical space. The other frames of a free block say only whether they are dirty.
 *
 * A mapping in a stage-2 table, a grant map, a foreign map, a registered shared page each hold one reference. When the
 * last one goes the frame is free at once (a frame of a one-to-one owner stays reserved for it). A freed frame is dirty and
 * is scrubbed before anyone else gets it.
 */
#ifndef MEM_FRAME_H
#define MEM_FRAME_H

#include "config.h"
#include "lib/types.h"
#include "lib/spinlock.h"

/* Who owns frames: a domain embeds one. Numbers are the domain ids; OWNER_HYPERVISOR owns the heap and the image. */
#define OWNER_HYPERVISOR 0x7ff0
#define OWNER_NONE 0xffff
#define MAX_ORDER 18            /* largest block: 1 GiB */

struct owner {
    uint16_t id;
    bool one_to_one;            /* frames in [first, first + count) of `home` stay reserved for it */
    bool dying;                 /* no further frames */
    mfn_t home;                 /* the reserved ranges: see frame_reserve() */
    uint64_t home_frames;       /* how many frames they have: its own whether it refers to them or not */
    uint64_t frames;            /* atomic: frames with this owner that are referenced (what the ABI calls tot_pages) */
    uint64_t limit;             /* most frames (the ABI's max_pages) */
    uint64_t claim;             /* frames promised and not yet taken (XENMEM_claim_pages); under the frames' lock */
    uint64_t shared;            /* atomic: hypervisor pages shown to this owner's guest (not part of frames) */
    /* Called when `frames` has come to 0 after `dying` was set, and again for each of `shared` that goes later. The caller of
     * frame_put may hold LOCK_P2M: set a flag or defer, take no lock before LOCK_HEAP. */
    void (*emptied)(struct owner *o);
};

enum frame_flags {
    FRAME_ANY = 0,
    FRAME_NO_SCRUB = 1,         /* the caller overwrites the whole (hypervisor pages) or may see old content (dom0 at boot) */
    FRAME_BELOW_4G = 2,
    FRAME_IGNORE_LIMIT = 4,
};

/*
 * Boot, CPU 0: the frame table for [0, top) lies at `table` (8 bytes a frame, zeroed, in the heap region or the image's
 * boot mapping), then each bank of usable memory is handed over as free and dirty. Parts that are in use (image,
 * modules, table itself) are simply not handed over; frame_add_free() may be called again for them later.
 * The table may begin short and grow: [0, top) is then what is zeroed by now. Words in front of the first memory, rounded down to a block of
 * the largest order, may follow later, but before anybody can name a frame of the host.
 */
void frame_table_init(void *table, mfn_t top);
void frame_table_grow(mfn_t top);
/* Until it is whole: `grow_some` lets it grow by a bounded piece, on the only CPU that runs. NULL: it is whole. */
void frame_table_grows_by(void (*grow_some)(void));
/* Does the table reach up to this frame of the host's memory? If not it grows by a piece: -E_RESTART. */
int frame_reach(mfn_t last) MUST_CHECK;
void frame_add_free(mfn_t first, uint64_t count);
/* Frames that were never handed over become the one-to-one reserve of `o` with what is in them, and are free at no time: other CPUs look for
 * memory and clean it meanwhile. */
void frame_add_reserved(struct owner *o, mfn_t first, uint64_t count);
/* The same, but they are o's in use at once, each with one reference, for the mapping that the caller makes; o's limit allows them. */
void frame_add_owned(struct owner *o, mfn_t first, uint64_t count);
/* The largest order (at most MAX_ORDER) of a block that is aligned at `frame` and no longer than `count` >= 1 frames. */
unsigned largest_order(uint64_t frame, uint64_t count);
/* Boot: the free frames [first, first+count) become the one-to-one reserve of `owner`: state reserved, not referenced. */
void frame_reserve(struct owner *o, mfn_t first, uint64_t count);
/* Boot: find and take 2^order consecutive free frames for a one-to-one owner, highest or lowest first, aligned to
 * 2^order; MFN_NONE when there is none. They are reserved as by frame_reserve. Any order up to MAX_ORDER. */
mfn_t frame_reserve_block(struct owner *o, unsigned order, mfn_t below);

/* Register an owner so that its id resolves; unregister when it has no frames. */
void owner_register(struct owner *o);
void owner_unregister(struct owner *o);
struct owner *owner_find(uint16_t id);
/* Set `dying`: the owner gets no further frames. Calls `emptied` at once when it has none left. Idempotent. */
void owner_set_dying(struct owner *o);
/* Owns the heap and the tables; no limit. Table frames of the processor layer come from
 * frame_alloc(&hypervisor_owner, 0, FRAME_NO_SCRUB, &mfn). */
extern struct owner hypervisor_owner;

/*
 * Allocate 2^order frames, aligned, each with one reference, to `o`. Scrubbed unless flags say no. 0; -E_NOMEM: no such
 * block (or promised to others' claims); -E_INVAL: over the limit or dying. Any lock up to LOCK_HEAP may be held.
 */
int frame_alloc(struct owner *o, unsigned order, unsigned flags, mfn_t *out) MUST_CHECK;
/* Take 2^order reserved frames of a one-to-one owner into use with one reference each: -E_INVAL when one is not its own and
 * reserved, or over the limit; then none is taken. Scrubs those that were used before. */
int frame_take_reserved(struct owner *o, mfn_t mfn, unsigned order) MUST_CHECK;

/*
 * Memory that is an owner's for good and never was in the allocator: its words are all zeros until it is taken, so that setting it aside
 * costs nothing. frame_set_aside: n more of such frames, from first on, belong to o, and count as memory; the table need not reach them yet. frame_adopt: 2^order of them, scrubbed by the
 * caller, get one reference each; -E_INVAL: one of them has been taken before, or o is dying; then none has. frame_take_home: one of
 * them (order 0), which is scrubbed here, or one that has come back to the reserve; -E_INVAL: it is in use. Any lock up to LOCK_HEAP may be held.
 */
void frame_set_aside(struct owner *o, mfn_t first, uint64_t n);
int frame_adopt(struct owner *o, mfn_t first, unsigned order) MUST_CHECK;
int frame_take_home(struct owner *o, mfn_t mfn, unsigned order) MUST_CHECK;

/*
 * A block on its way to an owner in bounded pieces, for orders that frame_alloc would take too long over. The caller keeps it, all zeros
 * at first, and sees to it that one at a time works on it: take, then fill; or undo whatever has been reached.
 */
struct frame_block {
    mfn_t first;
    uint64_t frames;            /* taken; 0: none */
    uint64_t done;              /* of these, from the first on: scrubbed, with one reference each */
    uint64_t search;            /* where looking for free blocks that can be joined goes on */
    bool home;                  /* reserved ones of a one-to-one owner */
};
/* Take 2^order free frames: as frame_alloc, and -E_RESTART to be called again. */
int frame_block_take(struct owner *o, unsigned order, struct frame_block *b) MUST_CHECK;
/* Of a one-to-one owner: the reserved frames from mfn on are wanted. They are looked at and taken while filling. */
void frame_block_want(struct frame_block *b, mfn_t mfn, unsigned order);
/* Scrub and count a piece; -E_RESTART while there is more; -E_INVAL: a frame is not in the owner's reserve, or the limit is reached.
 * 0: all have one reference each, which is the caller's. */
int frame_block_fill(struct owner *o, struct frame_block *b) MUST_CHECK;
/* Give back a piece: -E_RESTART while there is more. Then *b is all zeros again. */
int frame_block_undo(struct owner *o, struct frame_block *b) MUST_CHECK;

/* One more reference if the frame is allocated and its owner is o. False otherwise (also for nonsense numbers and a
 * count near overflow). */
bool frame_get(mfn_t mfn, const struct owner *o) MUST_CHECK;
/* One more reference to an allocated frame whoever owns it. */
bool frame_get_any(mfn_t mfn) MUST_CHECK;
/* The same where one is certain to be there: whoever holds it cannot let go of it now. */
void frame_get_another(mfn_t mfn);
/* Drop a reference; with the last one the frame is free (or reserved again). */
void frame_put(mfn_t mfn);
void frame_put_block(mfn_t mfn, unsigned order);
/* Drop one reference of each of n consecutive frames; those that become free do so as whole blocks. */
void frame_put_range(mfn_t mfn, uint64_t n);

/* For looking: owner id (0xffff when free or no memory), references, is it memory at all. */
uint16_t frame_owner(mfn_t mfn);
uint64_t frame_count(mfn_t mfn);
bool frame_is_memory(mfn_t mfn);
/* The highest frame number that the table covers. */
mfn_t frame_highest(void);

/* Hand an allocated frame with exactly one reference to another owner (the ABI's page transfer/exchange). */
int frame_change_owner(mfn_t mfn, struct owner *from, struct owner *to) MUST_CHECK;

/* Boot: so many frames will be handed over (frame_add_free) without fail, beside what is free: claims may count on them. */
void frame_expect(uint64_t frames);
/* Set a claim of n frames (beyond what o already has); -E_NOMEM when free and expected memory do not cover it. 0 cancels. */
int frame_claim(struct owner *o, uint64_t frames) MUST_CHECK;

/* Boot: count memory that was never handed over (image, tables, what firmware keeps) in frame_total(). */
void frame_add_used(uint64_t count);

/* Totals in frames. */
uint64_t frame_total(void);
uint64_t frame_free_count(void);
uint64_t frame_outstanding_claims(void);

/* Scrub up to n dirty free frames in idle time, fewer when an interrupt comes; true while there is more for this CPU to do: one CPU scrubs at a time. */
bool frame_scrub_idle(unsigned n);

/* Tests: walk the whole table, check lists, counts and owners' totals against each other; panics on a difference. */
void frame_check_all(void);
#if CONFIG_HOST
/* Tests: make the nth allocation from now (1 = the next) of frame_alloc or heap_alloc fail; 0 = none. */
void alloc_fail_nth(uint64_t n);
/* Called by frame_alloc and heap_alloc: must this allocation fail now? (arch/host) */
bool alloc_should_fail(void);
#else
static inline bool alloc_should_fail(void) { return false; }
#endif

#endif
