/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the whole frame table: every frame is accounted for once. For tests; nothing else may run meanwhile. */
#include "mem/frame_table.h"
#include "lib/assert.h"

static struct {
    uint64_t used, shared;
} tally[MAX_DOMAINS + 1];
static uint64_t free_seen, blocks_seen;

static unsigned tally_index(uint16_t id)
{
    PANIC_IF(id >= MAX_DOMAINS && id != OWNER_HYPERVISOR, "frame of owner %#x", id);
    return id == OWNER_HYPERVISOR ? MAX_DOMAINS : id;
}

static void check_link(uint64_t f, uint64_t neighbour, uint64_t back)
{
    PANIC_IF(neighbour != FRAME_LINK_NONE && (neighbour >= frame_top || back != f), "free list is broken at frame %#llx",
             (unsigned long long)f);
}

static uint64_t check_free_block(uint64_t f, uint64_t word)
{
    unsigned order = frame_head_order(word);
    uint64_t next = frame_head_next(word), prev = frame_head_prev(word), n = BIT(order);

    PANIC_IF(order > MAX_ORDER || !IS_ALIGNED(f, n) || f + n > frame_top, "free block of order %u at frame %#llx",
             order, (unsigned long long)f);
    check_link(f, next, next < frame_top ? frame_head_prev(frame_load(next)) : 0);
    check_link(f, prev, prev < frame_top ? frame_head_next(frame_load(prev)) : 0);
    PANIC_IF(prev == FRAME_LINK_NONE && buddy_lists[order].first != f, "free block %#llx is on no list",
             (unsigned long long)f);
    for (uint64_t i = 1; i < n; i++) {
        uint64_t w = frame_load(f + i);

        PANIC_IF(!frame_is_body(w), "frame %#llx (%#llx) lies in a free block", (unsigned long long)(f + i),
                 (unsigned long long)w);
        PANIC_IF(!(word & FRAME_DIRTY_BIT) && frame_body_is_dirty(w), "dirty frame %#llx in a clean block",
                 (unsigned long long)(f + i));
    }
    free_seen += n;
    blocks_seen++;
    return n;
}

/* Returns how many frames the entry at f covers. */
static uint64_t check_frame(uint64_t f)
{
    uint64_t word = frame_load(f);

    switch (frame_state(word)) {
    case FRAME_HEAD:
    case FRAME_HEAD_DIRTY:
        return check_free_block(f, word);
    case FRAME_BODY_CLEAN:
        panic("frame %#llx is free and on no list", (unsigned long long)f);
    case FRAME_USED:
    case FRAME_SHARED:
        PANIC_IF(!(word & FRAME_COUNT_MASK), "frame %#llx is in use and not referenced", (unsigned long long)f);
        if (frame_state(word) == FRAME_USED)
            tally[tally_index(frame_word_owner(word))].used++;
        else
            tally[tally_index(frame_word_owner(word))].shared++;
        break;
    case FRAME_NONE:
    case FRAME_RESERVED:
        break;
    }
    return 1;
}

static void check_lists(void)
{
    uint64_t listed = 0;

    for (unsigned k = 0; k <= MAX_ORDER; k++) {
        for (uint64_t f = buddy_lists[k].first; f != FRAME_LINK_NONE; f = frame_head_next(frame_load(f))) {
            PANIC_IF(frame_head_order(frame_load(f)) != k, "frame %#llx is on the list of order %u",
                     (unsigned long long)f, k);
            listed++;
        }
    }
    PANIC_IF(listed != blocks_seen, "%llu free blocks listed, %llu seen", (unsigned long long)listed,
             (unsigned long long)blocks_seen);
}

static void check_owner(unsigned index, const struct owner *o)
{
    uint64_t frames = o ? o->frames : 0, shared = o ? o->shared : 0;

    PANIC_IF(tally[index].used != frames || tally[index].shared != shared,
             "owner %u counts %llu frames and %llu shared, the table %llu and %llu", index,
             (unsigned long long)frames, (unsigned long long)shared, (unsigned long long)tally[index].used,
             (unsigned long long)tally[index].shared);
}

void frame_check_all(void)
{
    spin_lock(&frame_lock);
    free_seen = blocks_seen = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(tally); i++)
        tally[i].used = tally[i].shared = 0;
    for (uint64_t f = 0; f < frame_top;)
        f += check_frame(f);
    check_lists();
    PANIC_IF(free_seen != frame_free_frames, "%llu frames are free, counted %llu", (unsigned long long)free_seen,
             (unsigned long long)frame_free_frames);
    for (uint16_t id = 0; id < MAX_DOMAINS; id++)
        check_owner(id, owner_find(id));
    check_owner(MAX_DOMAINS, &hypervisor_owner);
    spin_unlock(&frame_lock);
}
