/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Into a partition's memory, as it is seen with caches off. Memory that nobody has touched yet gets a module's bytes in blocks of 2 MiB that
 * were never zeroed; what is there, at every restart, page by page.
 */
#include "arch/include/mapping.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/string.h"
#include "partition/partition.h"

#define BLOCK_ORDER 9
#define BLOCK_BYTES (PAGE_SIZE << BLOCK_ORDER)
/* Pages that one piece copies, or zeroes: below 20,000 instructions. */
#define COPY_PAGES 16
#define ZERO_PAGES 64
/* Bytes in a block from which on the block is quicker than its pages one by one, its zeros included. */
#define WORTH_A_BLOCK (80 * PAGE_SIZE)

/* The domain's page with one more reference; one that is still to be filled is. */
static int own_page(struct domain *d, gfn_t gfn, mfn_t *mfn)
{
    int error = stage2_get_own(&d->stage2, gfn, true, mfn);

    if (error != -E_AGAIN)
        return error;
    error = stage2_resolve(&d->stage2, gfn, true);
    return error ? error : stage2_get_own(&d->stage2, gfn, true, mfn);
}

static void write_frame(mfn_t mfn, unsigned offset, const void *from, size_t n)
{
    char *page = arch_window_map(mfn);

    ASSERT(offset + n <= PAGE_SIZE);
    memcpy(page + offset, from, n);
    arch_window_unmap(page);
    arch_frame_clean_range(mfn, offset, (unsigned)n, true, false);
}

int partition_write(struct domain *d, uint64_t to, const void *from, size_t n)
{
    mfn_t mfn;
    int error = own_page(d, GFN(to >> PAGE_SHIFT), &mfn);

    if (error)
        return error;
    write_frame(mfn, (unsigned)(to & ~PAGE_MASK), from, n);
    frame_put(mfn);
    return 0;
}

/* n bytes within one page of the host's into a frame. */
static void copy_frame(mfn_t mfn, unsigned offset, uint64_t from, size_t n)
{
    char *page;

    if (n == PAGE_SIZE) {
        arch_frame_copy(mfn, MFN(from >> PAGE_SHIFT), 1);
        return;
    }
    page = arch_window_map(MFN(from >> PAGE_SHIFT));
    write_frame(mfn, offset, page + (from & ~PAGE_MASK), n);
    arch_window_unmap(page);
}

/* As much as is left and lies in one page on both sides. How much; or an error. */
static int64_t copy_page(struct partition *p, const struct partition_module *m, uint64_t to)
{
    uint64_t from = m->base + p->progress.done, n = MIN(PAGE_SIZE - (from & ~PAGE_MASK), PAGE_SIZE - (to & ~PAGE_MASK));
    mfn_t mfn;
    int error = own_page(p->domain, GFN(to >> PAGE_SHIFT), &mfn);

    if (error)
        return error;
    n = MIN(n, m->size - p->progress.done);
    copy_frame(mfn, (unsigned)(to & ~PAGE_MASK), from, n);
    frame_put(mfn);
    return (int64_t)n;
}

bool partition_is_untouched(struct stage2 *s, gfn_t gfn)
{
    struct stage2_locked l = stage2_lock(s);
    unsigned order;
    bool lazy = stage2_lookup(l, gfn, NULL, &order) == S2_NEEDS_WORK && order >= BLOCK_ORDER;

    stage2_unlock(l);
    return lazy;
}

/* Frames for a block that will be overwritten: its own place in the host's memory, which nobody gets to know before; or any. */
static bool take_block(struct partition *p)
{
    struct partition_progress *at = &p->progress;

    at->block = stage2_home_frame(&p->domain->stage2, at->block_at, BLOCK_ORDER);
    at->block_is_home = !mfn_eq(at->block, MFN_NONE);
    if (at->block_is_home)
        return IS_ALIGNED(at->block.v, BIT(BLOCK_ORDER));
    return frame_alloc(&p->domain->owner, BLOCK_ORDER, FRAME_NO_SCRUB | FRAME_IGNORE_LIMIT, &at->block) == 0;
}

/* A block of its own for what comes next, if that is worth it and there is one. */
static bool begin_block(struct partition *p, const struct partition_module *m, uint64_t to)
{
    struct partition_progress *at = &p->progress;

    at->block_at = GFN(to >> PAGE_SHIFT);
    if (at->again || !IS_ALIGNED(to, BLOCK_BYTES) || !IS_ALIGNED(m->base + at->done, PAGE_SIZE) || m->size - at->done < WORTH_A_BLOCK)
        return false;
    if (!partition_is_untouched(&p->domain->stage2, at->block_at))
        return false;
    at->in_block = take_block(p);
    at->block_page = 0;
    return at->in_block;
}

/* Whole pages of the module, the piece of a page that is its end, zeros. */
static void copy_into_block(struct partition *p, const struct partition_module *m)
{
    struct partition_progress *at = &p->progress;
    uint64_t from = m->base + at->done, left = m->size - at->done, pages = MIN(left >> PAGE_SHIFT, (uint64_t)COPY_PAGES);
    size_t rest = pages ? 0 : left;
    mfn_t to = mfn_add(at->block, at->block_page);

    if (pages) {
        arch_frame_copy(to, MFN(from >> PAGE_SHIFT), pages);
    } else {
        pages = MIN(BIT(BLOCK_ORDER) - at->block_page, (uint64_t)ZERO_PAGES);
        arch_frame_scrub_within(to, pages);
    }
    if (rest)
        copy_frame(to, 0, from, rest);
    at->done += MIN(pages << PAGE_SHIFT, left);
    at->block_page += pages;
}

void partition_drop_block(struct partition *p)
{
    if (p->progress.in_block && !p->progress.block_is_home)
        frame_put_block(p->progress.block, BLOCK_ORDER);
    p->progress.in_block = false;
}

static int end_block(struct partition *p)
{
    struct partition_progress *at = &p->progress;
    struct stage2 *s = &p->domain->stage2;
    int error = at->block_is_home ? stage2_place_home(s, at->block_at, BLOCK_ORDER) : stage2_fill(s, at->block_at, at->block, BLOCK_ORDER);

    if (error)
        partition_drop_block(p);
    at->in_block = false;
    return error;
}

static int copy_piece(struct partition *p, const struct partition_module *m, uint64_t to)
{
    if (p->progress.in_block || begin_block(p, m, to)) {
        copy_into_block(p, m);
        return p->progress.block_page == BIT(BLOCK_ORDER) ? end_block(p) : 0;
    }
    for (unsigned i = 0; i < COPY_PAGES && p->progress.done < m->size; i++) {
        int64_t n = copy_page(p, m, to);

        if (n < 0)
            return (int)n;
        p->progress.done += (uint64_t)n;
        to += (uint64_t)n;
    }
    return 0;
}

static bool is_copied(const struct partition *p, const struct partition_module *m)
{
    return p->progress.done == m->size && !p->progress.in_block;
}

int partition_copy_module(struct partition *p, const struct partition_module *m, uint64_t to)
{
    int error = is_copied(p, m) ? 0 : copy_piece(p, m, to + p->progress.done);

    return error || is_copied(p, m) ? error : -E_RESTART;
}
