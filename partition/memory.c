/* SPDX-License-Identifier: Apache-2.0 */
/* Where a partition's RAM is in its own address space, and taking the frames for it. */
#include "arch/include/mapping.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "partition/partition.h"

/* Guests' RAM (xen/arch-arm.h, GUEST_RAM0_*, GUEST_RAM1_*). */
static const struct partition_range guest_ram[] = {
    { UINT64_C(0x40000000), UINT64_C(0xc0000000) },
    { UINT64_C(0x200000000), UINT64_C(0xfe00000000) },
};

/* The blocks that a large piece is taken in; smaller ones where memory is in pieces. */
#define BLOCK_ORDER 9
/* Pages that are cleaned in one piece: below 20,000 instructions. */
#define CLEAN_PAGES 64

struct filler {
    struct partition_piece *pieces;
    unsigned count;
    unsigned region;            /* of guest_ram */
    uint64_t used;              /* of that region */
};

/* The next `size` bytes of guest space get this host memory. */
static void add(struct filler *f, uint64_t host, uint64_t size)
{
    while (size) {
        uint64_t n = MIN(size, guest_ram[f->region].size - f->used);

        ASSERT(f->count < PARTITION_PIECES && f->region < ARRAY_SIZE(guest_ram));
        f->pieces[f->count++] = (struct partition_piece){ guest_ram[f->region].base + f->used, host, n };
        f->used += n;
        size -= n;
        if (host != PARTITION_ANYWHERE)
            host += n;
        if (f->used == guest_ram[f->region].size) {
            f->region++;
            f->used = 0;
        }
    }
}

unsigned partition_ram(const struct partition_plan *plan, struct partition_piece pieces[PARTITION_PIECES])
{
    struct filler f = { .pieces = pieces };

    for (unsigned i = 0; i < plan->bank_count; i++) {
        const struct partition_range *b = &plan->banks[i];

        if (plan->direct_map)
            pieces[f.count++] = (struct partition_piece){ b->base, b->base, b->size };
        else
            add(&f, b->base, b->size);
    }
    if (plan->bank_count == 0)
        add(&f, PARTITION_ANYWHERE, plan->memory);
    return f.count;
}

/* Nobody's memory yet, cleaned of whatever the loader or an earlier system left in it. */
static void clean(uint64_t first, uint64_t n, bool whole_block)
{
    if (whole_block)
        arch_frame_scrub_within(MFN(first), n);
    for (uint64_t i = 0; !whole_block && i < n; i++)
        arch_frame_scrub(MFN(first + i), 0);
}

/* Static memory, clean, into this owner's reserve and out of it. */
static int take_static(struct domain *d, uint64_t gfn, uint64_t first, uint64_t count)
{
    int error = 0;

    frame_add_reserved(&d->owner, MFN(first), count);
    for (uint64_t done = 0; !error && done < count;) {
        unsigned order = largest_order(first + done, count - done);

        error = frame_take_reserved(&d->owner, MFN(first + done), order);
        if (!error) {
            error = stage2_map(&d->stage2, GFN(gfn + done), MFN(first + done), order, S2_RAM);
            if (error)
                frame_put_block(MFN(first + done), order);
        }
        done += BIT(order);
    }
    return error;
}

/* From `at` on, pages of the piece: a part of a block of 2 MiB is cleaned; with its last part the block is taken. */
static int populate_static(struct domain *d, const struct partition_piece *piece, uint64_t at, uint64_t *n)
{
    uint64_t gfn = piece->guest >> PAGE_SHIFT, first = piece->host >> PAGE_SHIFT, count = piece->size >> PAGE_SHIFT;
    uint64_t begin = MAX(ROUND_DOWN(first + at, BIT(BLOCK_ORDER)), first), end = MIN(ROUND_UP(first + at + 1, BIT(BLOCK_ORDER)), first + count);

    *n = MIN(end - (first + at), (uint64_t)CLEAN_PAGES);
    clean(first + at, *n, end - begin == BIT(BLOCK_ORDER));
    return first + at + *n == end ? take_static(d, gfn + (begin - first), begin, end - begin) : 0;
}

/* One block, or what is left of it when the memory that is free comes in smaller ones. */
static int populate_block(struct domain *d, uint64_t gfn, unsigned order, uint64_t *done)
{
    int error;

    do {
        error = domain_populate(d, GFN(gfn), order);
        if (error == -E_NOMEM && order)
            order--;
        else if (error != -E_RESTART)
            break;
    } while (true);
    *done += BIT(order);
    return error;
}

static int populate_anywhere(struct domain *d, const struct partition_piece *piece, uint64_t at, uint64_t *n)
{
    uint64_t first = piece->guest >> PAGE_SHIFT, count = piece->size >> PAGE_SHIFT;

    *n = 0;
    return populate_block(d, first + at, largest_order(first + at, count - at), n);
}

/* Memory that is zeroed when it is first touched, or by and by: promised, so that it is there then. */
static int promise(struct domain *d, const struct partition_piece *piece)
{
    uint64_t first = piece->guest >> PAGE_SHIFT, count = piece->size >> PAGE_SHIFT;
    bool is_static = piece->host != PARTITION_ANYWHERE;
    mfn_t cookie = is_static ? stage2_home_cookie(GFN(first), MFN(piece->host >> PAGE_SHIFT)) : MFN(0);
    int error = 0;

    if (is_static)
        frame_set_aside(&d->owner, MFN(piece->host >> PAGE_SHIFT), count);

    for (uint64_t done = 0; !error && done < count;) {
        unsigned order = largest_order(first + done, count - done);

        error = stage2_map(&d->stage2, GFN(first + done), cookie, order, S2_NEEDS_WORK);
        done += BIT(order);
    }
    return error;
}

/* A device would not wait for a page to be filled. */
static bool is_lazy(const struct partition_plan *plan)
{
    return plan->device_count == 0;
}

uint64_t partition_needs_now(const struct partition_plan *plan)
{
    uint64_t written = plan->kernel.size + plan->ramdisk.size + partition_tree_room(plan);

    if (plan->bank_count)
        return 0;
    return is_lazy(plan) ? MIN(written, plan->memory) : plan->memory;
}

uint64_t partition_reaches_to(const struct partition_plan *plan)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < plan->bank_count && !is_lazy(plan); i++)
        end = MAX(end, plan->banks[i].base + plan->banks[i].size);
    for (unsigned i = 0; i < plan->share_count; i++)
        end = MAX(end, plan->shares[i].host + plan->shares[i].size);
    return end;
}

/* Some pages from `at` on; how many. */
static int populate_some(struct partition *p, const struct partition_piece *piece, uint64_t at, uint64_t *n)
{
    if (is_lazy(p->plan)) {
        *n = piece->size >> PAGE_SHIFT;
        return promise(p->domain, piece);
    }
    if (piece->host != PARTITION_ANYWHERE)
        return populate_static(p->domain, piece, at, n);
    return populate_anywhere(p->domain, piece, at, n);
}

static int claim(struct partition *p)
{
    p->domain->owner.limit = p->plan->memory >> PAGE_SHIFT;
    /* Not after having taken all that there is: others may fit. */
    return p->plan->bank_count ? 0 : frame_claim(&p->domain->owner, p->plan->memory >> PAGE_SHIFT);
}

int partition_populate(struct partition *p)
{
    struct partition_piece pieces[PARTITION_PIECES];
    uint64_t *done = &p->progress.done, before = 0, n;
    unsigned count = partition_ram(p->plan, pieces), i = 0;
    int error = *done ? 0 : claim(p);

    ASSERT(count);
    while (*done - before >= pieces[i].size) {
        before += pieces[i++].size;
        ASSERT(i < count);
    }
    if (!error)
        error = populate_some(p, &pieces[i], (*done - before) >> PAGE_SHIFT, &n);
    if (error)
        return error;
    *done += n << PAGE_SHIFT;
    return *done < p->plan->memory ? -E_RESTART : 0;
}
