/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in use: handing out, counting references, owners and their limits. Free frames: frame_buddy.c. */
#include "mem/frame_table.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"

uint64_t *frame_words;
uint64_t frame_top;
spinlock_t frame_lock = SPINLOCK(LOCK_FRAMES);
uint64_t frame_free_frames;
static uint64_t total_frames, claimed_frames, expected_frames;

struct owner hypervisor_owner = { .id = OWNER_HYPERVISOR, .limit = UINT64_MAX };
static struct owner *owners[MAX_DOMAINS];

void frame_table_grow(mfn_t top)
{
    PANIC_IF(top.v > FRAME_LINK_NONE, "physical memory up to frame %#llx: more than the frame table can describe",
             (unsigned long long)top.v);
    ASSERT(top.v >= frame_top);
    atomic_store_release(&frame_top, top.v);
}

static void (*table_grows_by)(void);

void frame_table_grows_by(void (*grow_some)(void))
{
    table_grows_by = grow_some;
}

int frame_reach(mfn_t last)
{
    if (likely(last.v < frame_top))
        return 0;
    PANIC_IF(!table_grows_by, "frame %#llx lies outside the frame table", (unsigned long long)last.v);
    table_grows_by();
    return -E_RESTART;
}

void frame_table_init(void *table, mfn_t top)
{
    frame_words = table;
    frame_top = 0;
    frame_table_grow(top);
    frame_free_frames = total_frames = claimed_frames = expected_frames = 0;
    hypervisor_owner.frames = hypervisor_owner.shared = 0;
    buddy_init();
}

/* Frames that come new. Under the lock. */
static void check_new(mfn_t first, uint64_t count)
{
    PANIC_IF(first.v > frame_top || count > frame_top - first.v, "frames %#llx+%#llx lie outside the frame table",
             (unsigned long long)first.v, (unsigned long long)count);
    PANIC_IF(count && (buddy_find(first.v) != FRAME_LINK_NONE || buddy_find(first.v + count - 1) != FRAME_LINK_NONE),
             "frames %#llx+%#llx are handed over twice", (unsigned long long)first.v, (unsigned long long)count);
}

void frame_add_free(mfn_t first, uint64_t count)
{
    spin_lock(&frame_lock);
    check_new(first, count);
    buddy_free_range(first.v, count, true);
    frame_free_frames += count;
    total_frames += count;
    spin_unlock(&frame_lock);
}

void frame_add_reserved(struct owner *o, mfn_t first, uint64_t count)
{
    spin_lock(&frame_lock);
    check_new(first, count);
    frame_mark_reserved(o, first.v, count);
    total_frames += count;
    spin_unlock(&frame_lock);
}

void frame_add_owned(struct owner *o, mfn_t first, uint64_t count)
{
    spin_lock(&frame_lock);
    check_new(first, count);
    ASSERT(!o->dying && count <= o->limit - o->frames);
    frame_mark_owned(o, first.v, count);
    total_frames += count;
    spin_unlock(&frame_lock);
}

void frame_expect(uint64_t frames)
{
    spin_lock(&frame_lock);
    expected_frames = frames;
    spin_unlock(&frame_lock);
}

void owner_register(struct owner *o)
{
    ASSERT(o->id < MAX_DOMAINS && !owners[o->id]);
    atomic_store_release(&owners[o->id], o);
}

void owner_unregister(struct owner *o)
{
    ASSERT(owner_find(o->id) == o);
    PANIC_IF(o->frames || o->shared, "owner %u goes with %llu frames and %llu shared pages", o->id,
             (unsigned long long)o->frames, (unsigned long long)o->shared);
    spin_lock(&frame_lock);
    claimed_frames -= o->claim;
    o->claim = 0;
    spin_unlock(&frame_lock);
    atomic_store_release(&owners[o->id], NULL);
}

struct owner *owner_find(uint16_t id)
{
    if (id < MAX_DOMAINS)
        return atomic_load_acquire(&owners[array_index_nospec(id, MAX_DOMAINS)]);
    return id == OWNER_HYPERVISOR ? &hypervisor_owner : NULL;
}

static bool is_empty(const struct owner *o)
{
    return o->dying && !o->frames;
}

void owner_set_dying(struct owner *o)
{
    bool empty;

    spin_lock(&frame_lock);
    empty = !o->dying;
    o->dying = true;
    empty = empty && is_empty(o);
    spin_unlock(&frame_lock);
    if (empty && o->emptied)
        o->emptied(o);
}

/* May o have n more? Under the lock. */
int frame_may_charge(const struct owner *o, uint64_t n, unsigned flags)
{
    ASSERT(spin_is_held(&frame_lock));
    if (o->dying)
        return -E_INVAL;
    if (!(flags & FRAME_IGNORE_LIMIT) && (o->frames > o->limit || n > o->limit - o->frames))
        return -E_INVAL;
    return 0;
}

static uint64_t unpromised(const struct owner *o)
{
    return frame_free_frames + expected_frames - (claimed_frames - o->claim);
}

static void charge(struct owner *o, uint64_t n)
{
    uint64_t claimed = MIN(o->claim, n);

    o->claim -= claimed;
    claimed_frames -= claimed;
    frame_free_frames -= n;
    WRITE_ONCE(o->frames, o->frames + n);
}

void frame_fill(uint64_t f, uint64_t n, uint64_t word)
{
    uint64_t *w = &frame_words[f], *end = w + n, *pieces = w + ROUND_DOWN(n, 16);

    for (; w < pieces; w += 16) {
        w[0] = word, w[1] = word, w[2] = word, w[3] = word;
        w[4] = word, w[5] = word, w[6] = word, w[7] = word;
        w[8] = word, w[9] = word, w[10] = word, w[11] = word;
        w[12] = word, w[13] = word, w[14] = word, w[15] = word;
    }
    while (w < end)
        *w++ = word;
}

bool frame_all_are(uint64_t f, uint64_t n, uint64_t word)
{
    const uint64_t *w = &frame_words[f], *end = w + n;
    uint64_t differ = 0;

    for (; end - w >= 8 && !differ; w += 8) {
        differ = (w[0] ^ word) | (w[1] ^ word) | (w[2] ^ word) | (w[3] ^ word) | (w[4] ^ word) | (w[5] ^ word) |
                 (w[6] ^ word) | (w[7] ^ word);
    }
    while (w < end && !differ)
        differ = *w++ ^ word;
    return !differ;
}

void frame_scrub_dirty(uint64_t f, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (frame_body_is_dirty(frame_load(f + i)))
            arch_frame_scrub(MFN(f + i), 0);
    }
}

/* The block's words are body words and ours alone: scrub, then publish it with one reference each. */
static void hand_out(uint64_t f, unsigned order, unsigned flags, uint64_t word)
{
    uint64_t n = BIT(order), dirty = 0;

    if (!(flags & FRAME_NO_SCRUB)) {
        for (uint64_t i = 0; i < n; i++)
            dirty += frame_body_is_dirty(frame_words[f + i]);
        if (dirty == n)
            arch_frame_scrub(MFN(f), order);
        else if (dirty)
            frame_scrub_dirty(f, n);
    }
    /* Meets the acquire of a frame_get that finds the count: the content is zero by then. */
    barrier_write();
    frame_fill(f, n, word);
}

int frame_take_free(struct owner *o, unsigned order, unsigned flags, uint64_t *first)
{
    uint64_t n = BIT(order), f = FRAME_LINK_NONE;
    int r;

    ASSERT(order <= MAX_ORDER);
    spin_lock(&frame_lock);
    r = frame_may_charge(o, n, flags);
    if (!r) {
        if (unpromised(o) >= n)
            f = buddy_take(order, flags & FRAME_BELOW_4G ? BIT(32 - PAGE_SHIFT) : frame_top);
        if (f == FRAME_LINK_NONE)
            r = -E_NOMEM;
        else
            charge(o, n);
    }
    spin_unlock(&frame_lock);
    *first = f;
    return r;
}

/* A large block is wanted and only cleanness keeps buddies apart: give up what was scrubbed. */
static int join_blocks(unsigned order, uint64_t *from)
{
    int r;

    spin_lock(&frame_lock);
    r = buddy_join(order, from);
    spin_unlock(&frame_lock);
    return r;
}

int frame_alloc(struct owner *o, unsigned order, unsigned flags, mfn_t *out)
{
    uint64_t f, from = 0;
    int r;

    if (order > MAX_ORDER || alloc_should_fail())
        return -E_NOMEM;
    while ((r = frame_take_free(o, order, flags, &f)) == -E_NOMEM && join_blocks(order, &from) != -E_NOMEM)
        ;
    if (r)
        return r;
    hand_out(f, order, flags, frame_make(FRAME_USED, o->id, 1));
    *out = MFN(f);
    return 0;
}

int frame_make_shared(mfn_t mfn, struct owner *o)
{
    int r;

    ASSERT(frame_load(mfn.v) == frame_make(FRAME_USED, OWNER_HYPERVISOR, 1));
    spin_lock(&frame_lock);
    r = o->dying ? -E_INVAL : 0;
    if (!r) {
        frame_store(mfn.v, frame_make(FRAME_SHARED, o->id, 1));
        WRITE_ONCE(hypervisor_owner.frames, hypervisor_owner.frames - 1);
        WRITE_ONCE(o->shared, o->shared + 1);
    }
    spin_unlock(&frame_lock);
    return r;
}

/* One more reference if the word is in use, counted and, with id != OWNER_NONE, that owner's. */
static bool get_if(mfn_t mfn, uint16_t id)
{
    uint64_t word;

    if (mfn.v >= frame_top)
        return false;
    mfn.v = array_index_nospec(mfn.v, frame_top);
    word = atomic_load(&frame_words[mfn.v]);
    do {
        uint64_t count = word & FRAME_COUNT_MASK;

        if (!frame_in_use(word) || !count || count >= FRAME_COUNT_MAX)
            return false;
        if (id != OWNER_NONE && frame_word_owner(word) != id)
            return false;
    } while (!atomic_compare_exchange(&frame_words[mfn.v], &word, word + 1));
    return true;
}

bool frame_get(mfn_t mfn, const struct owner *o)
{
    return get_if(mfn, o->id);
}

bool frame_get_any(mfn_t mfn)
{
    return get_if(mfn, OWNER_NONE);
}

void frame_take_back(struct owner *o, uint64_t f, uint64_t n, bool to_lists, bool shared)
{
    bool empty;

    spin_lock(&frame_lock);
    if (to_lists) {
        buddy_free_range(f, n, true);
        frame_free_frames += n;
    }
    if (shared)
        WRITE_ONCE(o->shared, o->shared - n);
    else
        WRITE_ONCE(o->frames, o->frames - n);
    empty = is_empty(o);
    spin_unlock(&frame_lock);
    if (empty && o->emptied)
        o->emptied(o);
}

void frame_get_another(mfn_t mfn)
{
    uint64_t word = atomic_fetch_add(&frame_words[mfn.v], 1);

    ASSERT(mfn.v < frame_top && frame_in_use(word) && (word & FRAME_COUNT_MASK));
    /* So many holders do not fit into memory. */
    ASSERT((word & FRAME_COUNT_MASK) < FRAME_COUNT_MAX);
}

/* Frames [f, f + n) had this word and a last reference that has just gone: free them, or reserve them again. */
static void release(uint64_t f, uint64_t n, uint64_t word)
{
    struct owner *o = owner_find(frame_word_owner(word));
    bool shared = frame_state(word) == FRAME_SHARED, home = word & FRAME_HOME;
    uint64_t left = home ? frame_make(FRAME_RESERVED, frame_word_owner(word), 1) : frame_body_word(true);

    PANIC_IF(!o, "frame %#llx belongs to nobody (%#llx)", (unsigned long long)f, (unsigned long long)word);
    for (uint64_t i = 0; shared && i < n; i++)
        arch_heap_unmap(MFN(f + i), 0);
    frame_fill(f, n, left);
    frame_take_back(o, f, n, !home, shared);
}

static void check_released(uint64_t f, uint64_t word)
{
    PANIC_IF(!frame_in_use(word) || !(word & FRAME_COUNT_MASK), "frame %#llx released once too often (%#llx)",
             (unsigned long long)f, (unsigned long long)word);
}

void frame_put_range(mfn_t mfn, uint64_t n)
{
    uint64_t run = 0, run_word = 0, *words = frame_words;

    ASSERT(mfn.v < frame_top && n <= frame_top - mfn.v);
    for (uint64_t f = mfn.v; f < mfn.v + n; f++) {
        uint64_t word = atomic_fetch_sub(&words[f], 1);

        /* The usual frame is like the one before: its last reference has gone too. (No frame in use has the word 0.) */
        if (likely(word == run_word)) {
            run++;
            continue;
        }
        check_released(f, word);
        if (run)
            release(f - run, run, run_word);
        run = (word & FRAME_COUNT_MASK) == 1;
        run_word = run ? word : 0;
    }
    if (run)
        release(mfn.v + n - run, run, run_word);
}

void frame_put_block(mfn_t mfn, unsigned order)
{
    frame_put_range(mfn, BIT(order));
}

void frame_put(mfn_t mfn)
{
    uint64_t word;

    ASSERT(mfn.v < frame_top);
    word = atomic_fetch_sub(&frame_words[mfn.v], 1);
    check_released(mfn.v, word);
    if (unlikely((word & FRAME_COUNT_MASK) == 1))
        release(mfn.v, 1, word);
}

uint16_t frame_owner(mfn_t mfn)
{
    uint64_t word = mfn.v < frame_top ? frame_load(mfn.v) : 0;

    return frame_in_use(word) && word & FRAME_COUNT_MASK ? frame_word_owner(word) : OWNER_NONE;
}

uint64_t frame_count(mfn_t mfn)
{
    uint64_t word = mfn.v < frame_top ? frame_load(mfn.v) : 0;

    return frame_in_use(word) ? word & FRAME_COUNT_MASK : 0;
}

mfn_t frame_highest(void)
{
    ASSERT(frame_top > 0);
    return MFN(frame_top - 1);
}

bool frame_is_memory(mfn_t mfn)
{
    bool is_free;

    if (mfn.v >= frame_top)
        return false;
    if (frame_load(mfn.v))
        return true;
    spin_lock(&frame_lock);
    is_free = buddy_find(mfn.v) != FRAME_LINK_NONE;
    spin_unlock(&frame_lock);
    return is_free;
}

int frame_change_owner(mfn_t mfn, struct owner *from, struct owner *to)
{
    uint64_t expected = frame_make(FRAME_USED, from->id, 1);
    bool empty = false;
    int r;

    if (mfn.v >= frame_top)
        return -E_INVAL;
    spin_lock(&frame_lock);
    r = frame_may_charge(to, 1, 0);
    if (!r && !atomic_compare_exchange(&frame_words[mfn.v], &expected, frame_make(FRAME_USED, to->id, 1)))
        r = -E_BUSY;
    if (!r) {
        WRITE_ONCE(from->frames, from->frames - 1);
        WRITE_ONCE(to->frames, to->frames + 1);
        empty = is_empty(from);
    }
    spin_unlock(&frame_lock);
    if (empty && from->emptied)
        from->emptied(from);
    return r;
}

int frame_claim(struct owner *o, uint64_t frames)
{
    int r = 0;

    spin_lock(&frame_lock);
    if (frames && (o->dying || unpromised(o) < frames)) {
        r = -E_NOMEM;
    } else {
        claimed_frames += frames - o->claim;
        o->claim = frames;
    }
    spin_unlock(&frame_lock);
    return r;
}

void frame_add_used(uint64_t count)
{
    spin_lock(&frame_lock);
    total_frames += count;
    spin_unlock(&frame_lock);
}

uint64_t frame_total(void)
{
    return READ_ONCE(total_frames);
}

uint64_t frame_free_count(void)
{
    return READ_ONCE(frame_free_frames);
}

uint64_t frame_outstanding_claims(void)
{
    return READ_ONCE(claimed_frames);
}
