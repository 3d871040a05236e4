/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the frame table and the buddy lists: between the files of mem/ only (mem/frame.h has the picture).
 * A word is read and changed with single 64-bit accesses. Words of free frames change under the frames' lock; words of
 * frames in use change atomically without it. A frame on its way between the two (popped and not yet handed out, or
 * released and not yet listed) has a "body" word or a count of 0, which nobody else touches. Dirty body words are 0, as in a
 * fresh table: handing over memory at boot touches the first frames of blocks only.
 */
#ifndef MEM_FRAME_TABLE_H
#define MEM_FRAME_TABLE_H

#include "mem/frame.h"

enum frame_state {
    FRAME_NONE,             /* the word is 0: no memory; or free, not the first of its block, and dirty */
    FRAME_USED,             /* counted in its owner's frames */
    FRAME_SHARED,           /* hypervisor page shown to a guest: heap-mapped, counted in its owner's shared */
    FRAME_RESERVED,         /* waits for its one-to-one owner; bit 0 of the word: dirty */
    FRAME_BODY_CLEAN,       /* free, not the first of its block, and clean */
    FRAME_HEAD = 6,         /* first of a free block that is clean all through */
    FRAME_HEAD_DIRTY,       /* first of a free block; itself dirty, the others say it themselves */
};

#define FRAME_STATE_SHIFT 61
#define FRAME_DIRTY_BIT BIT(61)         /* of a first frame */
#define FRAME_OWNER_SHIFT 45
#define FRAME_HOME BIT(44)              /* goes back to its one-to-one owner's reserve */
#define FRAME_COUNT_MASK (BIT(44) - 1)
#define FRAME_COUNT_MAX BIT(43)
#define FRAME_LINK_BITS 28
#define FRAME_LINK_NONE (BIT(FRAME_LINK_BITS) - 1)

/* Blocks up to this order merge whether clean or not; larger ones only with their like, so that scrubbing is not lost. */
#define FRAME_MIXED_ORDER 9

extern uint64_t *frame_words;
extern uint64_t frame_top;              /* frames the table covers */
extern spinlock_t frame_lock;           /* LOCK_FRAMES */
extern uint64_t frame_free_frames;      /* written under the lock */

/* Lists of free blocks; clean ones at the front, dirty ones at the back. */
struct buddy_list {
    uint32_t first, last;
};
extern struct buddy_list buddy_lists[MAX_ORDER + 1];

static inline uint64_t frame_load(uint64_t f)
{
    return __atomic_load_n(&frame_words[f], __ATOMIC_RELAXED);
}

static inline void frame_store(uint64_t f, uint64_t word)
{
    __atomic_store_n(&frame_words[f], word, __ATOMIC_RELAXED);
}

static inline enum frame_state frame_state(uint64_t word)
{
    return (enum frame_state)(word >> FRAME_STATE_SHIFT);
}

static inline uint64_t frame_make(enum frame_state state, uint16_t owner, uint64_t count)
{
    return (uint64_t)state << FRAME_STATE_SHIFT | (uint64_t)owner << FRAME_OWNER_SHIFT | count;
}

static inline uint16_t frame_word_owner(uint64_t word)
{
    return (uint16_t)(word >> FRAME_OWNER_SHIFT);
}

static inline bool frame_in_use(uint64_t word)
{
    return frame_state(word) == FRAME_USED || frame_state(word) == FRAME_SHARED;
}

static inline bool frame_is_head(uint64_t word)
{
    return frame_state(word) >= FRAME_HEAD;
}

static inline bool frame_is_body(uint64_t word)
{
    return word == 0 || frame_state(word) == FRAME_BODY_CLEAN;
}

static inline unsigned frame_head_order(uint64_t word)
{
    return (unsigned)(word >> 56) & 31;
}

static inline uint32_t frame_head_next(uint64_t word)
{
    return (uint32_t)(word >> FRAME_LINK_BITS & FRAME_LINK_NONE);
}

static inline uint32_t frame_head_prev(uint64_t word)
{
    return (uint32_t)(word & FRAME_LINK_NONE);
}

static inline uint64_t frame_body_word(bool dirty)
{
    return dirty ? 0 : (uint64_t)FRAME_BODY_CLEAN << FRAME_STATE_SHIFT;
}

static inline bool frame_body_is_dirty(uint64_t word)
{
    return word == 0;
}

/* A heap-mapped page of the hypervisor with one reference becomes a page shared with o's guest. -E_INVAL when o is dying. */
int frame_make_shared(mfn_t mfn, struct owner *o) MUST_CHECK;
/* May o have n more frames? 0 or -E_INVAL. Under frame_lock. */
int frame_may_charge(const struct owner *o, uint64_t n, unsigned flags) MUST_CHECK;
/* Take 2^order free frames off the lists and count them as o's; their words are body words. As frame_alloc, without joining blocks. */
int frame_take_free(struct owner *o, unsigned order, unsigned flags, uint64_t *first) MUST_CHECK;
/* n frames of o have no reference any more and words for where they go: back to the lists (free), or to its reserve. */
void frame_take_back(struct owner *o, uint64_t f, uint64_t n, bool to_lists, bool shared);
/* Take 2^order reserved frames whose words are all alike; -E_INVAL when they are not. */
int frame_take_alike(struct owner *o, mfn_t mfn, unsigned order) MUST_CHECK;
/* Give n frames, which are in nobody else's hands, this word; do they all have it? */
void frame_fill(uint64_t f, uint64_t n, uint64_t word);
/* [f, f + n), which are on no list, are the owner's reserve. Under frame_lock. (frame_reserve.c) */
void frame_mark_reserved(struct owner *o, uint64_t f, uint64_t n);
/* The same, in use with one reference each, and counted. */
void frame_mark_owned(struct owner *o, uint64_t f, uint64_t n);
bool frame_all_are(uint64_t f, uint64_t n, uint64_t word);
/* Scrub those of n frames whose body words say dirty. The frames are in nobody's hands. */
void frame_scrub_dirty(uint64_t f, uint64_t n);

/* All under frame_lock. */
void buddy_init(void);
/* Take the block that starts at f off its list; its first word becomes a body word. */
void buddy_remove(uint64_t f);
/* Put a block, whose other words are body words, on its list without merging. */
void buddy_add(uint64_t f, unsigned order, bool dirty);
/* Put [f, f + n), whose words are body words, on the lists, merged with their neighbours. */
void buddy_free_range(uint64_t f, uint64_t n, bool dirty);
/* Take a block of 2^order frames that ends at or below `below`, FRAME_LINK_NONE when there is none. Its words are body words. */
uint64_t buddy_take(unsigned order, uint64_t below);
/* No block of this order is free: search regions from *from on (0 at first) for one that is free in pieces which only cleanness keeps
 * apart, and make it one dirty block. 0 when there is one now; -E_RESTART: go on from *from; -E_NOMEM: no more regions. Bounded. */
int buddy_join(unsigned order, uint64_t *from) MUST_CHECK;
/* The free block that holds frame f: its first frame, or FRAME_LINK_NONE. */
uint64_t buddy_find(uint64_t f);

#endif
