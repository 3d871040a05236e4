/* SPDX-License-Identifier: Apache-2.0 */
/* Maptrack: the handles of what a domain has mapped of others' grants. Frames of entries are added and never taken away while
 * the domain lives; free handles form a list. */
#include "core/grant_internal.h"
#include "arch/include/mapping.h"
#include "lib/print.h"
#include "mem/heap.h"

/* Handles looked at, and mappings dropped, by one call of grant_release_mappings. */
#define RELEASE_HANDLES 2048
#define RELEASE_DROPS 64

struct maptrack_entry *maptrack_at(struct grant_table *gt, uint32_t handle)
{
    /* Meets the release in grow(). */
    uint32_t frames = atomic_load_acquire(&gt->maptrack_frames);
    uint32_t frame = handle / MAPTRACK_PER_FRAME;

    if (unlikely(frame >= frames))
        return NULL;
    return &gt->maptrack[array_index_nospec(frame, frames)][handle % MAPTRACK_PER_FRAME];
}

/* Under the lock: one more frame of free handles. */
static bool grow(struct grant_table *gt)
{
    uint32_t first = gt->maptrack_frames * (uint32_t)MAPTRACK_PER_FRAME;
    struct maptrack_entry *entries;

    ASSERT(spin_is_held(&gt->maptrack_lock));
    if (gt->maptrack_frames >= gt->maptrack_limit)
        return false;
    if (!gt->maptrack) {
        gt->maptrack = heap_alloc(gt->maptrack_slots * sizeof(*gt->maptrack));
        if (!gt->maptrack)
            return false;
    }
    entries = heap_alloc(PAGE_SIZE);
    if (!entries)
        return false;
    for (uint32_t i = 0; i < MAPTRACK_PER_FRAME; i++)
        entries[i].ref = first + i + 2;
    entries[MAPTRACK_PER_FRAME - 1].ref = gt->maptrack_free;
    gt->maptrack_free = first + 1;
    gt->maptrack[gt->maptrack_frames] = entries;
    /* Meets the acquire in maptrack_at(). */
    atomic_store_release(&gt->maptrack_frames, gt->maptrack_frames + 1);
    return true;
}

bool maptrack_take(struct grant_table *gt, uint32_t *handle, struct maptrack_entry **entry)
{
    bool ok;

    spin_lock(&gt->maptrack_lock);
    ok = gt->maptrack_free || grow(gt);
    if (ok) {
        *handle = gt->maptrack_free - 1;
        *entry = maptrack_at(gt, *handle);
        ASSERT((*entry)->state == MAPTRACK_FREE);
        gt->maptrack_free = (*entry)->ref;
        atomic_store(&(*entry)->state, MAPTRACK_TAKEN);
        gt->maptrack_used++;
    }
    spin_unlock(&gt->maptrack_lock);
    return ok;
}

void maptrack_give(struct grant_table *gt, uint32_t handle)
{
    struct maptrack_entry *e = maptrack_at(gt, handle);

    ASSERT(e && (e->state == MAPTRACK_TAKEN || e->state == MAPTRACK_BUSY));
    spin_lock(&gt->maptrack_lock);
    ASSERT(gt->maptrack_used > 0);
    gt->maptrack_used--;
    e->ref = gt->maptrack_free;
    atomic_store(&e->state, MAPTRACK_FREE);
    gt->maptrack_free = handle + 1;
    spin_unlock(&gt->maptrack_lock);
}

void maptrack_free(struct grant_table *gt)
{
    ASSERT(gt->maptrack_used == 0);
    for (uint32_t i = 0; i < gt->maptrack_frames; i++)
        heap_free(gt->maptrack[i], PAGE_SIZE);
    heap_free(gt->maptrack, gt->maptrack_slots * sizeof(*gt->maptrack));
    gt->maptrack = NULL;
    gt->maptrack_frames = gt->maptrack_free = 0;
}

/* Take a mapping out of the guest's reach: false when it is none, or somebody else is at it. */
static bool claim(struct maptrack_entry *e, bool *read_only)
{
    uint8_t state = atomic_load_acquire(&e->state);

    if (state != MAPTRACK_READ_ONLY && state != MAPTRACK_WRITABLE)
        return false;
    *read_only = state == MAPTRACK_READ_ONLY;
    return atomic_compare_exchange(&e->state, &state, MAPTRACK_BUSY);
}

/* A claimed mapping whose stage-2 entry is gone, or will go with the whole table. */
static void drop(struct domain *d, uint32_t handle, struct maptrack_entry *e, bool read_only)
{
    struct domain *granter = domain_find(DOMID(e->granter));

    PANIC_IF(!granter, "grant: d%u has frames of d%u mapped, which does not exist", d->id.v, e->granter);
    grant_unpin(granter, e->ref, read_only, MFN(e->mfn));
    maptrack_give(&d->grants, handle);
}

static COLD int refuse(const struct domain *d)
{
    static bool said;

    if (!said)
        log_warning("d%u: grant maps are refused: no IOMMU is driven that would keep its devices to the pages meant (gnttab=unsafe-dma allows them)",
                    d->id.v);
    said = true;
    return GRANT_PERMISSION_DENIED;
}

int grant_map(struct domain *d, const struct grant_map_request *r, struct grant_map_result *out)
{
    struct domain *granter = domain_find(r->granter);
    struct maptrack_entry *e;
    uint32_t handle;
    mfn_t mfn;
    int status;

    if (unlikely(d->grant_maps_refused))
        return refuse(d);
    if (!granter)
        return GRANT_BAD_DOMAIN;
    if (r->device || granter->life != DOMAIN_ALIVE || d->life != DOMAIN_ALIVE)
        return GRANT_GENERAL_ERROR;
    if (!maptrack_take(&d->grants, &handle, &e))
        return GRANT_NO_SPACE;
    status = grant_pin(granter, r->ref, d->id, r->read_only, true, &mfn);
    if (status != GRANT_OKAY)
        goto give;
    if (unlikely(d->dma_identity) && iommu_use(d->iommu, (struct iommu_use){ mfn, !r->read_only })) {
        status = GRANT_NO_SPACE;
        goto unpin;
    }
    if (stage2_map(&d->stage2, gpa_to_gfn(r->at), mfn, 0, r->read_only ? S2_GRANT_RO : S2_GRANT_RW) != 0) {
        status = GRANT_GENERAL_ERROR;
        goto unuse;
    }
    e->mfn = mfn.v;
    e->ref = r->ref;
    e->granter = r->granter.v;
    /* Meets the acquire in claim(). */
    atomic_store_release(&e->state, r->read_only ? MAPTRACK_READ_ONLY : MAPTRACK_WRITABLE);
    out->handle = handle;
    out->bus_address = mfn_to_hpa(mfn);
    return GRANT_OKAY;

unuse:
    if (unlikely(d->dma_identity))
        iommu_unuse(d->iommu, &(struct iommu_use){ mfn, !r->read_only }, 1);
unpin:
    frame_put(mfn);
    grant_unpin(granter, r->ref, r->read_only, mfn);
give:
    maptrack_give(&d->grants, handle);
    return status;
}

static void unclaim(struct maptrack_entry *e, bool read_only)
{
    atomic_store_release(&e->state, read_only ? MAPTRACK_READ_ONLY : MAPTRACK_WRITABLE);
}

/* The stage-2 entry goes; r->entry stays claimed if it did. */
static int unmap_entry(struct domain *d, struct stage2_gather *g, struct grant_unmap_request *r)
{
    struct maptrack_entry *e = maptrack_at(&d->grants, r->handle);
    mfn_t mfn;

    if (!e || !claim(e, &r->read_only))
        return GRANT_BAD_HANDLE;
    mfn = MFN(e->mfn);
    /* Address 0 stands for "no mapping meant": the handle stays. */
    if (r->at.v == 0 || stage2_gather_unmap(g, gpa_to_gfn(r->at), (uint32_t)BIT(r->read_only ? S2_GRANT_RO : S2_GRANT_RW),
                                            &mfn) != 0) {
        unclaim(e, r->read_only);
        return r->at.v == 0 ? GRANT_OKAY : GRANT_GENERAL_ERROR;
    }
    r->entry = e;
    return GRANT_OKAY;
}

/* Devices let go of the frames before the mappings' uses do. */
static NOINLINE void unuse(struct domain *d, const struct grant_unmap_request *r, unsigned n)
{
    struct iommu_use ended[GRANT_BATCH];
    unsigned count = 0;

    STATIC_ASSERT(GRANT_BATCH <= IOMMU_BATCH);
    for (unsigned i = 0; i < n; i++)
        if (r[i].entry)
            ended[count++] = (struct iommu_use){ MFN(r[i].entry->mfn), !r[i].read_only };
    iommu_unuse(d->iommu, ended, count);
}

void grant_unmap(struct domain *d, struct grant_unmap_request *r, unsigned n)
{
    struct stage2_gather g;

    STATIC_ASSERT(GRANT_BATCH <= STAGE2_GATHER);
    ASSERT(n <= GRANT_BATCH);
    stage2_gather_start(&g, &d->stage2);
    for (unsigned i = 0; i < n; i++) {
        r[i].entry = NULL;
        r[i].status = unmap_entry(d, &g, &r[i]);
    }
    stage2_gather_finish(&g);
    if (unlikely(d->dma_identity))
        unuse(d, r, n);
    for (unsigned i = 0; i < n; i++) {
        if (r[i].entry)
            drop(d, r[i].handle, r[i].entry, r[i].read_only);
    }
}

int grant_release_mappings(struct domain *d)
{
    struct grant_table *gt = &d->grants;
    unsigned looked = 0, dropped = 0;

    ASSERT(d->life != DOMAIN_ALIVE || d->shut_down);
    while (gt->maptrack_used) {
        struct maptrack_entry *e = maptrack_at(gt, gt->release_next);
        bool read_only;

        PANIC_IF(!e, "grant: d%u counts %u mappings too many", d->id.v, gt->maptrack_used);
        if (claim(e, &read_only)) {
            if (unlikely(d->dma_identity))
                iommu_unuse(d->iommu, &(struct iommu_use){ MFN(e->mfn), !read_only }, 1);
            drop(d, gt->release_next, e, read_only);
            dropped++;
        }
        gt->release_next++;
        if (++looked == RELEASE_HANDLES || dropped == RELEASE_DROPS)
            return gt->maptrack_used ? -E_RESTART : 0;
    }
    gt->release_next = 0;
    return 0;
}

/* Has d mapped this frame of that owner? Looks at RELEASE_HANDLES handles from *cursor in units of as many. */
static int find_mapping(struct domain *d, uint16_t owner, mfn_t mfn, uint32_t *cursor)
{
    struct grant_table *gt = &d->grants;
    uint32_t from = *cursor * RELEASE_HANDLES;

    for (uint32_t handle = from; handle < from + RELEASE_HANDLES; handle++) {
        struct maptrack_entry *e = maptrack_at(gt, handle);
        uint8_t state = e ? atomic_load_acquire(&e->state) : MAPTRACK_FREE;

        if (!e) {
            *cursor = 0;
            return -E_INVAL;
        }
        if ((state == MAPTRACK_READ_ONLY || state == MAPTRACK_WRITABLE) && e->mfn == mfn.v && e->granter == owner) {
            *cursor = 0;
            return 0;
        }
    }
    ++*cursor;
    return -E_RESTART;
}

int grant_cache_flush(struct domain *d, hpa_t address, uint16_t offset, uint16_t length, bool clean, bool invalidate,
                      uint32_t *cursor)
{
    mfn_t mfn = hpa_to_mfn(address);
    uint16_t owner;
    int rc = 0;

    ASSERT(offset + length <= PAGE_SIZE);
    if (*cursor > GRANT_DEFAULT_MAPTRACK_FRAMES || !frame_is_memory(mfn))
        return -E_INVAL;
    /* The reference keeps the frame with its owner, so that what follows is about one and the same page. */
    if (!frame_get_any(mfn))
        return -E_PERM;
    owner = frame_owner(mfn);
    if (owner == OWNER_HYPERVISOR)
        rc = -E_PERM;
    else if (owner != d->id.v)
        rc = find_mapping(d, owner, mfn, cursor);
    if (rc == 0)
        arch_frame_clean_range(mfn, offset, length, clean, invalidate);
    frame_put(mfn);
    return rc;
}
