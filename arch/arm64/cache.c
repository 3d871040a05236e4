/* SPDX-License-Identifier: Apache-2.0 */
/* Data and instruction caches, and zeroing frames: through a window of their own, so that callers may hold all of theirs. */
#include "arch/include/boot.h"
#include "arch/include/mapping.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/string.h"
#include "sysreg.h"

#define BLOCK_ORDER 9

/* copy.S: copy whole pages and write each line back to memory. */
void copy_lines_of_64(void *to, const void *from, uint64_t bytes);

static uint64_t line_size(void)
{
    return UINT64_C(4) << (read_sysreg(ctr_el0) >> 16 & 15);
}

static uint64_t *scrub_slot(void)
{
    return &hyp_percpu_l3[(cpu_id() << (PERCPU_SHIFT - PAGE_SHIFT)) + PERCPU_SCRUB_PAGE];
}

static char *open_page(mfn_t mfn)
{
    uint64_t *slot = scrub_slot();

    ASSERT(!*slot);
    WRITE_ONCE(*slot, mfn.v << PAGE_SHIFT | PTE_PAGE_DATA);
    dsb(nshst);
    isb();
    return (char *)(PERCPU_BASE + ((uint64_t)cpu_id() << PERCPU_SHIFT) + PERCPU_SCRUB_PAGE * PAGE_SIZE);
}

/* Invalidate on this CPU alone: no other uses its windows. */
static void close_slot(uint64_t *slot, const char *va)
{
    WRITE_ONCE(*slot, 0);
    dsb(nshst);
    tlbi_arg(vae2, (uint64_t)va >> PAGE_SHIFT);
    dsb(nsh);
}

/* Zero by DC ZVA and write back each line, where a line is what ZVA zeroes: 64 bytes nearly everywhere. */
static void zero_lines_of_64(char *p, uint64_t bytes)
{
    char *end = p + bytes, *p1 = p + 64, *p2 = p + 128, *p3 = p + 192;

    do {
        __asm__ volatile("dc zva, %0; dc zva, %1; dc zva, %2; dc zva, %3\n\t"
                         "dc civac, %0; dc civac, %1; dc civac, %2; dc civac, %3\n\t"
                         "add %0, %0, #256; add %1, %1, #256; add %2, %2, #256; add %3, %3, #256\n\t"
                         "dc zva, %0; dc zva, %1; dc zva, %2; dc zva, %3\n\t"
                         "dc civac, %0; dc civac, %1; dc civac, %2; dc civac, %3\n\t"
                         "add %0, %0, #256; add %1, %1, #256; add %2, %2, #256; add %3, %3, #256"
                         : "+r"(p), "+r"(p1), "+r"(p2), "+r"(p3) :: "memory");
    } while (p != end);
}

/* Whole pages where lines are 64 bytes, as nearly everywhere: four lines a turn. */
static void clean_lines_of_64(const char *p, uint64_t bytes, bool invalidate)
{
    const char *end = p + bytes, *p1 = p + 64, *p2 = p + 128, *p3 = p + 192;

    for (; p != end; p += 256, p1 += 256, p2 += 256, p3 += 256) {
        if (invalidate)
            __asm__ volatile("dc civac, %0; dc civac, %1; dc civac, %2; dc civac, %3"
                             :: "r"(p), "r"(p1), "r"(p2), "r"(p3) : "memory");
        else
            __asm__ volatile("dc cvac, %0; dc cvac, %1; dc cvac, %2; dc cvac, %3"
                             :: "r"(p), "r"(p1), "r"(p2), "r"(p3) : "memory");
    }
}

static void clean_lines(const char *p, uint64_t bytes, bool invalidate)
{
    uint64_t line = line_size();
    const char *end = p + bytes;

    if (line == 64 && bytes && IS_ALIGNED((uint64_t)p | bytes, PAGE_SIZE)) {
        clean_lines_of_64(p, bytes, invalidate);
        return;
    }
    for (p = (const char *)ROUND_DOWN((uint64_t)p, line); p < end; p += line) {
        if (invalidate)
            __asm__ volatile("dc civac, %0" :: "r"(p) : "memory");
        else
            __asm__ volatile("dc cvac, %0" :: "r"(p) : "memory");
    }
}

/* Zeros in memory, not only in the cache. */
static void zero(char *p, uint64_t bytes)
{
    uint64_t zva = read_sysreg(dczid_el0);

    ASSERT(IS_ALIGNED((uint64_t)p, PAGE_SIZE) && IS_ALIGNED(bytes, PAGE_SIZE));
    /* DZP clear, BS = log2 of words = 4 */
    if ((zva & 31) == 4 && line_size() >= 64) {
        zero_lines_of_64(p, bytes);
    } else {
        memset(p, 0, bytes);
        clean_lines(p, bytes, true);
    }
    dsb(sy);
}

/* By DC ZVA when it zeroes 64 bytes; the zeros stay in the cache. */
void arch_zero_pages(void *p, uint64_t bytes)
{
    char *at = p, *end = at + bytes, *at1 = at + 64, *at2 = at + 128, *at3 = at + 192;

    ASSERT(IS_ALIGNED((uint64_t)p, PAGE_SIZE) && bytes && IS_ALIGNED(bytes, PAGE_SIZE));
    if ((read_sysreg(dczid_el0) & 31) != 4) {
        memset(p, 0, bytes);
        return;
    }
    do {
        __asm__ volatile(".rept 8\n\t"
                         "dc zva, %0; dc zva, %1; dc zva, %2; dc zva, %3\n\t"
                         "add %0, %0, #256; add %1, %1, #256; add %2, %2, #256; add %3, %3, #256\n\t"
                         ".endr"
                         : "+r"(at), "+r"(at1), "+r"(at2), "+r"(at3) :: "memory");
    } while (at != end);
}

void arch_frame_scrub_within(mfn_t mfn, uint64_t n)
{
    uint64_t *slot = &hyp_percpu_l2[1 + cpu_id()], offset = mfn.v & (BIT(BLOCK_ORDER) - 1);
    char *p = (char *)SCRUB_BLOCK(cpu_id());

    ASSERT(!*slot && n && offset + n <= BIT(BLOCK_ORDER));
    WRITE_ONCE(*slot, (mfn.v - offset) << PAGE_SHIFT | PTE_DATA);
    dsb(nshst);
    isb();
    zero(p + (offset << PAGE_SHIFT), n << PAGE_SHIFT);
    close_slot(slot, p);
}

void arch_frame_scrub(mfn_t mfn, unsigned order)
{
    ASSERT(IS_ALIGNED(mfn.v, BIT(order)));
    if (order >= BLOCK_ORDER) {
        for (uint64_t i = 0; i < BIT(order); i += BIT(BLOCK_ORDER))
            arch_frame_scrub_within(mfn_add(mfn, i), BIT(BLOCK_ORDER));
        return;
    }
    for (uint64_t i = 0; i < BIT(order); i++) {
        char *p = open_page(mfn_add(mfn, i));

        zero(p, PAGE_SIZE);
        close_slot(scrub_slot(), p);
    }
}

void arch_frame_wipe(mfn_t mfn)
{
    arch_frame_scrub(mfn, 0);
}

void arch_frame_clean(mfn_t mfn)
{
    arch_frame_clean_range(mfn, 0, PAGE_SIZE, true, true);
}

void arch_frame_clean_range(mfn_t mfn, unsigned offset, unsigned length, bool clean, bool invalidate)
{
    char *p = open_page(mfn);

    /* Invalidating without writing back could undo what others wrote in the same line: always both. */
    ASSERT(offset <= PAGE_SIZE && length <= PAGE_SIZE - offset && (clean || invalidate));
    clean_lines(p + offset, length, invalidate);
    dsb(sy);
    close_slot(scrub_slot(), p);
}

STATIC_ASSERT(MAX_CPUS * 2 * COPY_WINDOW_PAGES <= 512);

/* Up to COPY_WINDOW_PAGES frames, through pages of this CPU alone. */
static void copy_some(mfn_t to, mfn_t from, uint64_t n)
{
    uint64_t *slots = &hyp_copy_l3[cpu_id() * 2 * COPY_WINDOW_PAGES], bytes = n << PAGE_SHIFT;
    char *source = (char *)COPY_ADDRESS(cpu_id()), *target = source + COPY_WINDOW_PAGES * PAGE_SIZE;

    ASSERT(!slots[0] && n <= COPY_WINDOW_PAGES);
    for (uint64_t i = 0; i < n; i++) {
        WRITE_ONCE(slots[i], (from.v + i) << PAGE_SHIFT | PTE_PAGE_DATA | PTE_READ_ONLY);
        WRITE_ONCE(slots[COPY_WINDOW_PAGES + i], (to.v + i) << PAGE_SHIFT | PTE_PAGE_DATA);
    }
    dsb(nshst);
    isb();
    if (line_size() == 64) {
        copy_lines_of_64(target, source, bytes);
    } else {
        memcpy(target, source, bytes);
        clean_lines(target, bytes, false);
    }
    dsb(sy);
    for (uint64_t i = 0; i < n; i++)
        slots[i] = slots[COPY_WINDOW_PAGES + i] = 0;
    dsb(nshst);
    for (uint64_t i = 0; i < n; i++) {
        tlbi_arg(vae2, ((uint64_t)source >> PAGE_SHIFT) + i);
        tlbi_arg(vae2, ((uint64_t)target >> PAGE_SHIFT) + i);
    }
    dsb(nsh);
}

void arch_frame_copy(mfn_t to, mfn_t from, uint64_t n)
{
    uint64_t part;

    ASSERT(n && (to.v + n <= from.v || from.v + n <= to.v));
    for (; n; n -= part, to = mfn_add(to, part), from = mfn_add(from, part)) {
        part = MIN(n, (uint64_t)COPY_WINDOW_PAGES);
        copy_some(to, from, part);
    }
}

void boot_clean(const void *address, uint64_t size)
{
    clean_lines(address, size, true);
    dsb(sy);
}

void arch_icache_invalidate_all(void)
{
    __asm__ volatile("ic ialluis" ::: "memory");
    dsb(ish);
    isb();
}
