/* SPDX-License-Identifier: Apache-2.0 */
/* Zeroing and copying frames, through pages of this CPU's own, so that callers may hold all of their windows. Caches are coherent with
 * guests' whatever these choose, and most devices look into them (AMD64 APM volume 2, 7.3; NPT's types do not weaken what we use). */
#include "arch/include/boot.h"
#include "arch/include/mapping.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "processor.h"

#define BLOCK_ORDER 9
#define CACHE_LINE 64u

static void zero(void *p, uint64_t bytes)
{
    uint64_t words = bytes / 8;

    __asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(0) : "memory");
}

static char *open_page(unsigned page, mfn_t mfn)
{
    uint64_t *slot = &hyp_percpu_l3[(cpu_id() << (PERCPU_SHIFT - PAGE_SHIFT)) + page];

    ASSERT(!*slot);
    WRITE_ONCE(*slot, mfn.v << PAGE_SHIFT | PTE_PAGE_DATA);
    return (char *)PERCPU_PAGE((uint64_t)cpu_id(), page);
}

static void close_page(unsigned page)
{
    WRITE_ONCE(hyp_percpu_l3[(cpu_id() << (PERCPU_SHIFT - PAGE_SHIFT)) + page], 0);
    invlpg(PERCPU_PAGE((uint64_t)cpu_id(), page));
}

void arch_zero_pages(void *p, uint64_t bytes)
{
    ASSERT(IS_ALIGNED((uint64_t)p, PAGE_SIZE) && bytes && IS_ALIGNED(bytes, PAGE_SIZE));
    zero(p, bytes);
}

void arch_copy_many(void *to, const void *from, size_t n)
{
    size_t words = n / 8, rest = n % 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

void arch_frame_scrub_within(mfn_t mfn, uint64_t n)
{
    uint64_t *slot = &hyp_percpu_l2[1 + cpu_id()], offset = mfn.v & (BIT(BLOCK_ORDER) - 1);
    char *p = (char *)SCRUB_BLOCK(cpu_id());

    ASSERT(!*slot && n && offset + n <= BIT(BLOCK_ORDER));
    WRITE_ONCE(*slot, (mfn.v - offset) << PAGE_SHIFT | PTE_BLOCK_DATA);
    zero(p + (offset << PAGE_SHIFT), n << PAGE_SHIFT);
    WRITE_ONCE(*slot, 0);
    invlpg((uint64_t)p);
}

void arch_frame_scrub(mfn_t mfn, unsigned order)
{
    ASSERT(IS_ALIGNED(mfn.v, BIT(order)));
    if (order >= BLOCK_ORDER) {
        for (uint64_t i = 0; i < BIT(order); i += BIT(BLOCK_ORDER))
            arch_frame_scrub_within(mfn_add(mfn, i), BIT(BLOCK_ORDER));
        return;
    }
    if (order) {
        arch_frame_scrub_within(mfn, BIT(order));
        return;
    }
    zero(open_page(PERCPU_SCRUB_PAGE, mfn), PAGE_SIZE);
    close_page(PERCPU_SCRUB_PAGE);
}

void arch_frame_wipe(mfn_t mfn)
{
    arch_frame_scrub(mfn, 0);
}

void arch_frame_copy(mfn_t to, mfn_t from, uint64_t n)
{
    ASSERT(n && (to.v + n <= from.v || from.v + n <= to.v));
    for (uint64_t i = 0; i < n; i++) {
        const char *source = open_page(PERCPU_SCRUB_PAGE, mfn_add(from, i));

        arch_copy_many(open_page(PERCPU_COPY_PAGE, mfn_add(to, i)), source, PAGE_SIZE);
        close_page(PERCPU_SCRUB_PAGE);
        close_page(PERCPU_COPY_PAGE);
    }
}

void arch_frame_clean(mfn_t mfn UNUSED)
{
}

/* Devices look into caches, but for IOMMUs that do not. CLFLUSH writes back and invalidates in one (AMD64 APM volume 3). */
void arch_frame_clean_range(mfn_t mfn, unsigned offset, unsigned length, bool clean UNUSED, bool invalidate UNUSED)
{
    const char *p = open_page(PERCPU_SCRUB_PAGE, mfn);

    ASSERT(offset <= PAGE_SIZE && length <= PAGE_SIZE - offset);
    for (unsigned at = offset & ~(CACHE_LINE - 1); at < offset + length; at += CACHE_LINE)
        __asm__ volatile("clflush %0" :: "m"(p[at]) : "memory");
    __asm__ volatile("mfence" ::: "memory");
    close_page(PERCPU_SCRUB_PAGE);
}

void boot_clean(const void *address UNUSED, uint64_t size UNUSED)
{
}

void arch_icache_invalidate_all(void)
{
}
