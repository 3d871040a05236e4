/* SPDX-License-Identifier: Apache-2.0 */
/* Grant tables: the frames shared with a domain, and what a toolstack or the domain does to its own table. */
#include "core/grant_internal.h"
#include "arch/include/mapping.h"
#include "mem/heap.h"

#define CHUNKS_PER_FRAME (GRANTS_PER_FRAME / ACTIVES_PER_CHUNK)
#define CHUNK_BYTES (ACTIVES_PER_CHUNK * sizeof(struct grant_active))
/* Tries against a guest that keeps changing its entry. */
#define PIN_TRIES 5
/* Entries that one call of grant_reset looks at, and uses that it moves away. */
#define RESET_ENTRIES 256
#define RESET_KEPT 16

int grant_init(struct domain *d, uint32_t max_frames, uint32_t max_maptrack_frames)
{
    struct grant_table *gt = &d->grants;
    uint32_t frames = max_frames ? max_frames : GRANT_DEFAULT_FRAMES;
    uint32_t maptrack = max_maptrack_frames ? max_maptrack_frames : GRANT_DEFAULT_MAPTRACK_FRAMES;
    int rc;

    if (frames > GRANT_DEFAULT_FRAMES || maptrack > GRANT_DEFAULT_MAPTRACK_FRAMES)
        return -E_INVAL;
    *gt = (struct grant_table){ .frames_limit = frames, .frames_slots = frames,
                                .maptrack_limit = maptrack, .maptrack_slots = maptrack };
    spin_lock_init(&gt->lock, LOCK_GRANT_TABLE);
    spin_lock_init(&gt->maptrack_lock, LOCK_MAPTRACK);
    gt->frames = heap_alloc(frames * sizeof(*gt->frames));
    gt->active = heap_alloc(frames * CHUNKS_PER_FRAME * sizeof(*gt->active));
    rc = gt->frames && gt->active ? grant_grow(d, 1) : -E_NOMEM;
    if (rc != 0)
        grant_free(d);
    return rc;
}

static void free_chunk(struct grant_active *chunk)
{
    if (CONFIG(ASSERT) && chunk)
        for (unsigned i = 0; i < ACTIVES_PER_CHUNK; i++)
            ASSERT(chunk[i].readers == 0 && chunk[i].writers == 0);
    heap_free(chunk, CHUNK_BYTES);
}

static void free_former(struct grant_table *gt)
{
    for (uint32_t i = 0; gt->former && i < gt->frames_slots * CHUNKS_PER_FRAME; i++)
        ASSERT(!gt->former[i]);
    heap_free(gt->former, gt->frames_slots * CHUNKS_PER_FRAME * sizeof(*gt->former));
    gt->former = NULL;
}

void grant_free(struct domain *d)
{
    struct grant_table *gt = &d->grants;

    maptrack_free(gt);
    /* Only an entry that there is has ever been in use. */
    for (uint32_t i = 0; gt->active && i < gt->frames_used * CHUNKS_PER_FRAME; i++)
        free_chunk(gt->active[i]);
    for (uint32_t i = 0; i < gt->frames_used; i++)
        shared_page_free(gt->frames[i]);
    heap_free(gt->active, gt->frames_slots * CHUNKS_PER_FRAME * sizeof(*gt->active));
    free_former(gt);
    heap_free(gt->frames, gt->frames_slots * sizeof(*gt->frames));
    gt->active = NULL;
    gt->frames = NULL;
    gt->frames_used = gt->frames_slots = 0;
}

/* Fill the slots from frames_used to `frames` with pages; all or none. */
static int add_frames(struct domain *d, uint32_t frames)
{
    struct grant_table *gt = &d->grants;
    uint32_t i;

    for (i = gt->frames_used; i < frames; i++) {
        gt->frames[i] = shared_page_alloc(&d->owner);
        if (!gt->frames[i])
            break;
    }
    if (i == frames) {
        /* Meets the acquire in grant_entry_at(). */
        atomic_store_release(&gt->frames_used, frames);
        return 0;
    }
    while (i-- > gt->frames_used) {
        shared_page_free(gt->frames[i]);
        gt->frames[i] = NULL;
    }
    return -E_NOMEM;
}

int grant_grow(struct domain *d, uint32_t frames)
{
    struct grant_table *gt = &d->grants;
    int rc = 0;

    if (d->life != DOMAIN_ALIVE)
        return -E_INVAL;
    spin_lock(&gt->lock);
    if (frames > gt->frames_limit)
        rc = -E_INVAL;
    else if (frames > gt->frames_used)
        rc = add_frames(d, frames);
    spin_unlock(&gt->lock);
    return rc;
}

mfn_t grant_table_frame(struct domain *d, uint32_t n)
{
    struct grant_table *gt = &d->grants;
    uint32_t used = atomic_load_acquire(&gt->frames_used);

    if (d->life != DOMAIN_ALIVE)
        return MFN_NONE;
    if (n >= used) {
        if (n >= gt->frames_limit || grant_grow(d, n + 1) != 0)
            return MFN_NONE;
        used = atomic_load_acquire(&gt->frames_used);
    }
    ASSERT(n < used && used <= gt->frames_slots);
    return arch_heap_frame(gt->frames[array_index_nospec(n, used)]);
}

int grant_set_limits(struct domain *d, uint32_t frames, uint32_t maptrack_frames)
{
    struct grant_table *gt = &d->grants;
    int rc = -E_INVAL;

    if (d->life != DOMAIN_ALIVE)
        return -E_INVAL;
    spin_lock(&gt->lock);
    spin_lock(&gt->maptrack_lock);
    if (frames >= gt->frames_used && frames <= gt->frames_slots && maptrack_frames >= gt->maptrack_frames &&
        maptrack_frames <= gt->maptrack_slots) {
        gt->frames_limit = frames;
        gt->maptrack_limit = maptrack_frames;
        rc = 0;
    }
    spin_unlock(&gt->maptrack_lock);
    spin_unlock(&gt->lock);
    return rc;
}

/* Is the entry in use? Under the lock. */
static struct grant_active *active_at(struct grant_table *gt, uint32_t ref)
{
    struct grant_active *chunk = atomic_load_acquire(&gt->active[ref / ACTIVES_PER_CHUNK]);

    return chunk ? &chunk[ref % ACTIVES_PER_CHUNK] : NULL;
}

static bool is_pinned(const struct grant_active *a)
{
    return a && (READ_ONCE(a->readers) || READ_ONCE(a->writers));
}

int grant_seed(struct domain *d, uint32_t ref, domid to, gfn_t gfn)
{
    struct grant_table *gt = &d->grants;
    grant_entry *e = d->life == DOMAIN_ALIVE ? grant_entry_at(gt, ref) : NULL;
    int rc = -E_INVAL;

    if (!e || gfn.v > UINT32_MAX)
        return -E_INVAL;
    spin_lock(&gt->lock);
    if (!is_pinned(active_at(gt, ref))) {
        atomic_store_release(e, entry_make(ENTRY_ACCESS, to, gfn));
        rc = 0;
    }
    spin_unlock(&gt->lock);
    return rc;
}

int grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
    struct grant_table *gt = &d->grants;
    grant_entry *ea = grant_entry_at(gt, a), *eb = grant_entry_at(gt, b);
    int rc = GRANT_AGAIN;

    if (!ea || !eb)
        return GRANT_BAD_REF;
    if (a == b)
        return GRANT_OKAY;
    spin_lock(&gt->lock);
    if (!is_pinned(active_at(gt, a)) && !is_pinned(active_at(gt, b))) {
        grant_entry old = atomic_load(ea);

        atomic_store(ea, atomic_load(eb));
        atomic_store(eb, old);
        rc = GRANT_OKAY;
    }
    spin_unlock(&gt->lock);
    return rc;
}

/* The record of an entry's use, made when it is first wanted. NULL: no memory. */
static struct grant_active *active_make(struct grant_table *gt, uint32_t ref)
{
    struct grant_active *a = active_at(gt, ref), *chunk, *unused = NULL;

    if (likely(a))
        return a;
    chunk = heap_alloc(CHUNK_BYTES);
    if (!chunk)
        return NULL;
    spin_lock(&gt->lock);
    if (gt->active[ref / ACTIVES_PER_CHUNK])
        unused = chunk;
    else
        atomic_store_release(&gt->active[ref / ACTIVES_PER_CHUNK], chunk);
    spin_unlock(&gt->lock);
    heap_free(unused, CHUNK_BYTES);
    return active_at(gt, ref);
}

/* What is asked of an entry. */
struct pin_request {
    struct domain *granter;
    grant_entry *entry;
    struct grant_active *active;
    domid who;
    bool read_only, for_mapping;
};

static bool may_access(grant_entry e, const struct pin_request *r)
{
    uint64_t mask = ENTRY_TYPE_MASK | (r->for_mapping ? ENTRY_SUB_PAGE : 0);

    return (e & mask) == ENTRY_ACCESS && entry_domain(e) == r->who.v && (r->read_only || !(e & ENTRY_READ_ONLY));
}

/* In use already: by the same domain, and is there room to count? */
static bool may_share(const struct grant_active *a, const struct pin_request *r)
{
    return a->who == r->who.v && (r->read_only ? a->readers : a->writers) < UINT16_MAX;
}

static void count_use(struct grant_active *a, bool read_only)
{
    if (read_only)
        a->readers++;
    else
        a->writers++;
}

/* Under the lock: in use in the way that is asked for, so that neither flags nor frame need a look. */
static bool pin_fast(struct pin_request *r, mfn_t *mfn, int *status)
{
    struct grant_active *a = r->active;

    if (!is_pinned(a) || (!r->read_only && a->writers == 0))
        return false;
    *status = GRANT_GENERAL_ERROR;
    if (!may_share(a, r))
        return true;
    if (r->for_mapping)
        frame_get_another(MFN(a->mfn));
    count_use(a, r->read_only);
    *mfn = MFN(a->mfn);
    *status = GRANT_OKAY;
    return true;
}

/* Set the flags in the guest's entry, provided that it still is `seen` in all that matters. */
static int set_flags(const struct pin_request *r, grant_entry seen)
{
    uint64_t flags = ENTRY_READING | (r->read_only ? 0 : ENTRY_WRITING);
    gfn_t gfn = entry_gfn(seen);

    for (unsigned try = 0; try < PIN_TRIES; try++) {
        if (atomic_compare_exchange(r->entry, &seen, seen | flags))
            return GRANT_OKAY;
        if (!may_access(seen, r))
            return GRANT_GENERAL_ERROR;
        if (!gfn_eq(entry_gfn(seen), gfn))
            return GRANT_AGAIN;
    }
    return GRANT_GENERAL_ERROR;
}

/* Under the lock, with a reference to the frame that the entry named: record the use. *extra: is that reference left over? */
static int pin_commit(struct pin_request *r, grant_entry seen, mfn_t mfn, bool *extra)
{
    struct grant_active *a = r->active;
    bool shared = is_pinned(a);
    int status;

    if (shared && (!may_share(a, r) || a->mfn != mfn.v))
        return GRANT_GENERAL_ERROR;
    status = set_flags(r, seen);
    if (status != GRANT_OKAY)
        return status;
    if (!shared && r->for_mapping)
        frame_get_another(mfn);
    *extra = shared && !r->for_mapping;
    if (!shared) {
        a->mfn = mfn.v;
        a->who = r->who.v;
    }
    count_use(a, r->read_only);
    return GRANT_OKAY;
}

static int frame_status(struct domain *granter, gfn_t gfn, bool write, int error)
{
    if (error != -E_AGAIN)
        return GRANT_BAD_PAGE;
    return stage2_resolve(&granter->stage2, gfn, write) == 0 ? GRANT_AGAIN : GRANT_BAD_PAGE;
}

/* One try of the way that looks at the entry. GRANT_AGAIN: something changed meanwhile. */
static int pin_slow(struct pin_request *r, mfn_t *mfn)
{
    grant_entry seen = atomic_load(r->entry);
    struct grant_table *gt = &r->granter->grants;
    bool extra = true;
    int rc, status;

    if (!may_access(seen, r))
        return GRANT_GENERAL_ERROR;
    rc = stage2_get_own(&r->granter->stage2, entry_gfn(seen), !r->read_only, mfn);
    if (unlikely(rc != 0))
        return frame_status(r->granter, entry_gfn(seen), !r->read_only, rc);
    spin_lock(&gt->lock);
    status = pin_commit(r, seen, *mfn, &extra);
    spin_unlock(&gt->lock);
    if (extra)
        frame_put(*mfn);
    return status;
}

int grant_pin(struct domain *granter, uint32_t ref, domid who, bool read_only, bool for_mapping, mfn_t *mfn)
{
    struct grant_table *gt = &granter->grants;
    struct pin_request r = { .granter = granter, .who = who, .read_only = read_only, .for_mapping = for_mapping };
    int status = GRANT_AGAIN;

    r.entry = grant_entry_at(gt, ref);
    if (!r.entry)
        return GRANT_BAD_REF;
    r.active = active_make(gt, ref);
    if (!r.active)
        return GRANT_NO_SPACE;
    for (unsigned try = 0; try < PIN_TRIES && status == GRANT_AGAIN; try++) {
        if (is_pinned(r.active)) {
            bool done;

            spin_lock(&gt->lock);
            done = pin_fast(&r, mfn, &status);
            spin_unlock(&gt->lock);
            if (done)
                return status;
        }
        status = pin_slow(&r, mfn);
    }
    return status;
}

/* Takes one use away: was it the last? */
static bool count_down(struct grant_active *use, bool read_only)
{
    ASSERT((read_only ? use->readers : use->writers) > 0);
    if (read_only)
        use->readers--;
    else
        use->writers--;
    return !is_pinned(use);
}

/* What grant_unpin does about a use of the granter's life before: the entry is another one now. */
static NOINLINE void unpin_former(struct grant_table *gt, uint32_t ref, bool read_only, mfn_t mfn)
{
    struct grant_former **at, *former = NULL;
    bool last;

    spin_lock(&gt->lock);
    at = gt->former ? &gt->former[ref / ACTIVES_PER_CHUNK] : &former;
    while (*at && ((*at)->ref != ref || (*at)->use.mfn != mfn.v))
        at = &(*at)->next;
    former = *at;
    PANIC_IF(!former, "grant: frame %#llx is let go without being in use", (unsigned long long)mfn.v);
    last = count_down(&former->use, read_only);
    if (last)
        *at = former->next;
    spin_unlock(&gt->lock);
    if (!last)
        return;
    heap_delete(former);
    frame_put(mfn);
}

void grant_unpin(struct domain *granter, uint32_t ref, bool read_only, mfn_t mfn)
{
    struct grant_table *gt = &granter->grants;
    grant_entry *e = grant_entry_at(gt, ref);
    struct grant_active *a = active_at(gt, ref);
    uint64_t clear = 0;
    bool last;

    ASSERT(e && a);
    spin_lock(&gt->lock);
    if (unlikely(a->mfn != mfn.v || !is_pinned(a))) {
        spin_unlock(&gt->lock);
        unpin_former(gt, ref, read_only, mfn);
        return;
    }
    last = count_down(a, read_only);
    if (last)
        clear |= ENTRY_READING;
    if (!read_only && a->writers == 0)
        clear |= ENTRY_WRITING;
    if (clear)
        (void)atomic_fetch_and(e, ~clear);
    spin_unlock(&gt->lock);
    if (last)
        frame_put(mfn);
}

/* Under the lock: the list that holds the uses of former lives of this entry. NULL: no memory. */
static struct grant_former **former_list(struct grant_table *gt, uint32_t ref)
{
    if (!gt->former)
        gt->former = heap_alloc(gt->frames_slots * CHUNKS_PER_FRAME * sizeof(struct grant_former *));
    return gt->former ? &gt->former[ref / ACTIVES_PER_CHUNK] : NULL;
}

/* Under the lock: the entry is empty, its uses are those of a former life. */
static int reset_entry(struct grant_table *gt, uint32_t ref, unsigned *kept)
{
    struct grant_active *a = active_at(gt, ref);
    struct grant_former **list, *former;

    atomic_store(grant_entry_at(gt, ref), 0);
    if (!is_pinned(a))
        return 0;
    list = former_list(gt, ref);
    former = list ? heap_new(struct grant_former) : NULL;
    if (!former)
        return -E_NOMEM;
    *former = (struct grant_former){ .next = *list, .use = *a, .ref = ref };
    *list = former;
    a->readers = a->writers = 0;
    ++*kept;
    return 0;
}

int grant_reset(struct domain *d, uint32_t *next)
{
    struct grant_table *gt = &d->grants;
    uint32_t end = MIN(*next + RESET_ENTRIES, grant_entries(gt));
    unsigned kept = 0;
    int error = 0;

    spin_lock(&gt->lock);
    while (!error && *next < end && kept < RESET_KEPT) {
        error = reset_entry(gt, *next, &kept);
        *next += !error;
    }
    spin_unlock(&gt->lock);
    if (error)
        return error;
    return *next < grant_entries(gt) ? -E_RESTART : 0;
}
