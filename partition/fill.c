/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that partitions have been promised and not touched yet is filled beside them, in large blocks: what they touch later is there, and
 * mapped by one entry. Pages of a block of which one was touched before stay as they are: each is filled when it is touched.
 */
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/print.h"
#include "partition/partition.h"

#define BLOCK_ORDER 9
/* Blocks that one step looks at. */
#define LOOK_BLOCKS 64

static struct {
    struct list *last;          /* the partition that was begun last; NULL: none */
    struct domain *domain;      /* whose memory is being filled, with a counted reference; NULL: none */
    struct partition_piece pieces[PARTITION_PIECES];
    unsigned piece_count, piece;
    uint64_t done;              /* pages of the piece */
    struct frame_block block;   /* on its way */
    bool giving_back;           /* it is not wanted after all */
} filler;

/* The next partition that has a domain; false: there is none. */
static bool next_domain(void)
{
    struct list *at = filler.last ? filler.last->next : partitions.next;

    for (; at != &partitions; at = at->next) {
        struct partition *p = container_of(at, struct partition, link);
        struct domain *d = p->domain;

        filler.last = at;
        if (!d || !domain_get(d))
            continue;
        filler.domain = d;
        filler.piece_count = partition_ram(p->plan, filler.pieces);
        filler.piece = 0;
        filler.done = 0;
        return true;
    }
    return false;
}

/* Go on to the next block that is wholly untouched. -E_RESTART: not found yet; -E_NOENT: there is none. */
static int find_block(uint64_t *gfn)
{
    for (unsigned i = 0; i < LOOK_BLOCKS && filler.piece < filler.piece_count; i++) {
        const struct partition_piece *piece = &filler.pieces[filler.piece];
        uint64_t first = piece->guest >> PAGE_SHIFT, count = piece->size >> PAGE_SHIFT;

        *gfn = ROUND_UP(first + filler.done, BIT(BLOCK_ORDER));
        filler.done = *gfn - first;
        if (filler.done + BIT(BLOCK_ORDER) > count) {
            filler.piece++;
            filler.done = 0;
            continue;
        }
        if (partition_is_untouched(&filler.domain->stage2, GFN(*gfn)))
            return 0;
        filler.done += BIT(BLOCK_ORDER);
    }
    return filler.piece < filler.piece_count ? -E_RESTART : -E_NOENT;
}

/* The next piece of a block: frames, zeros, the entry. */
static int advance(struct domain *d)
{
    uint64_t gfn;
    int error = find_block(&gfn);

    if (error)
        return error;
    if (!mfn_eq(stage2_home_frame(&d->stage2, GFN(gfn), BLOCK_ORDER), MFN_NONE)) {
        error = stage2_fill_home(&d->stage2, GFN(gfn));
        if (error == -E_NOENT)      /* touched meanwhile */
            filler.done += BIT(BLOCK_ORDER);
        return error == -E_NOENT || !error ? -E_RESTART : error;
    }
    if (!filler.block.frames) {
        error = frame_block_take(&d->owner, BLOCK_ORDER, &filler.block);
        return error ? error : -E_RESTART;
    }
    error = frame_block_fill(&d->owner, &filler.block);
    if (error)
        return error;
    error = stage2_fill(&d->stage2, GFN(gfn), filler.block.first, BLOCK_ORDER);
    if (error)
        return error;
    filler.block = (struct frame_block){ 0 };
    return -E_RESTART;
}

/* What cannot be filled now is filled when it is touched. */
static int fill_domain(struct domain *d)
{
    int error = -E_INVAL;

    if (!filler.giving_back && !d->owner.dying)
        error = advance(d);
    if (error == -E_RESTART)
        return error;
    filler.giving_back = filler.block.frames != 0;
    error = filler.giving_back ? frame_block_undo(&d->owner, &filler.block) : 0;
    if (error)
        return error;
    /* What the block took of the domain's claim is promised again. */
    if (filler.giving_back && !d->owner.dying && frame_claim(&d->owner, READ_ONCE(d->stage2.mapped[S2_NEEDS_WORK])))
        log_warning("d%u: memory that it has not touched yet may not be there", d->id.v);
    filler.giving_back = false;
    return 0;
}

int partition_fill_step(void)
{
    struct domain *d;

    if (!filler.domain && !next_domain())
        return 0;
    d = filler.domain;
    if (fill_domain(d) == 0) {
        ASSERT(filler.block.frames == 0);
        filler.domain = NULL;
        domain_put(d);
    }
    return -E_RESTART;
}
