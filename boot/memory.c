/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame table has 8 bytes for each page from address 0 to the top of memory. It is zeroed from the first memory on as far as memory is
 * handed over; what lies in front of that comes last, before anybody runs who may name a frame.
 *
 *   0            low_end                      zeroed                  entries
 *   | hole, later  | described: frame_table_grow | not looked at yet    |
 */
#include "boot/memory.h"
#include "arch/include/boot.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "mem/frame.h"

#define BLOCK UINT64_C(0x200000)
#define WORDS_PER_PAGE (PAGE_SIZE / 8)
/* Of the table, zeroed in one piece. */
#define PIECE_PAGES 96

static uint64_t *table;
static uint64_t entries;        /* of the table: pages of it that describe memory */
static uint64_t low_end, low_done, zeroed;
static struct range_list waiting;

/* The frame table covers the host's memory from 0 to its top; it lies in the first free stretch from the top of a range, out of
 * the way of dom0's blocks. */
static int place(const struct range_list *memory, const struct module_list *modules, const struct range_list *usable,
                 struct memory_range *out)
{
    struct range_list room = *usable;
    uint64_t top = 0, best = 0;

    for (unsigned i = 0; i < memory->count; i++)
        top = MAX(top, memory->range[i].base + memory->range[i].size);
    uint64_t size = ROUND_UP((top >> PAGE_SHIFT) * 8, BLOCK);
    modules_remove(modules, &room);
    for (unsigned i = 0; i < room.count; i++) {
        uint64_t end = ROUND_DOWN(room.range[i].base + room.range[i].size, BLOCK);

        if (end >= size && end - size >= room.range[i].base)
            best = MAX(best, end - size);
    }
    if (best == 0) {
        log_error("memory: no free stretch of %llu KiB for the frame table", (unsigned long long)(size >> 10));
        return -E_NOMEM;
    }
    *out = (struct memory_range){ best, size };
    return 0;
}

static void zero_words(uint64_t first, uint64_t end)
{
    ASSERT(IS_ALIGNED(first | end, WORDS_PER_PAGE) && end <= entries);
    if (first < end)
        arch_zero_pages(table + first, (end - first) * sizeof(*table));
}

/* The table describes frames up to here. */
static void describe(uint64_t end)
{
    end = MIN(ROUND_UP(end, WORDS_PER_PAGE), entries);
    if (end <= zeroed)
        return;
    zero_words(zeroed, end);
    zeroed = end;
    frame_table_grow(MFN(zeroed));
}

static void describe_some(void)
{
    PANIC_IF(zeroed == entries, "the host has no frames beyond %#llx", (unsigned long long)entries);
    describe(zeroed + PIECE_PAGES * WORDS_PER_PAGE);
}

int memory_start(const struct range_list *memory, const struct module_list *modules, struct range_list *usable)
{
    struct memory_range at;
    uint64_t lowest = UINT64_MAX, top = 0;
    int error = place(memory, modules, usable, &at);

    if (error)
        return error;
    table = arch_boot_heap_map(HPA(at.base), at.size);
    range_remove(usable, at.base, at.size);
    for (unsigned i = 0; i < memory->count; i++) {
        lowest = MIN(lowest, memory->range[i].base >> PAGE_SHIFT);
        top = MAX(top, memory->range[i].base + memory->range[i].size);
    }
    entries = ROUND_UP(top >> PAGE_SHIFT, WORDS_PER_PAGE);
    low_end = zeroed = MIN(ROUND_DOWN(lowest, BIT(MAX_ORDER)), entries);
    frame_table_init(table, MFN(0));
    frame_table_grows_by(describe_some);
    return 0;
}

void memory_set_free(const struct range_list *l)
{
    ASSERT(waiting.count == 0);
    for (unsigned i = 0; i < l->count; i++) {
        uint64_t first = ROUND_UP(l->range[i].base, PAGE_SIZE), end = ROUND_DOWN(l->range[i].base + l->range[i].size, PAGE_SIZE);

        if (end > first)
            range_add(&waiting, first, end - first);
    }
    frame_expect(range_total(&waiting) >> PAGE_SHIFT);
}

static const struct memory_range *lowest_waiting(void)
{
    const struct memory_range *best = NULL;

    for (unsigned i = 0; i < waiting.count; i++)
        if (!best || waiting.range[i].base < best->base)
            best = &waiting.range[i];
    return best;
}

/* Up to so many bytes of the lowest range. How many. */
static uint64_t hand_over_lowest(uint64_t bytes)
{
    const struct memory_range *r = lowest_waiting();
    uint64_t first, n;

    if (!r)
        return 0;
    first = r->base;
    n = MIN(r->size, bytes);
    describe((first + n) >> PAGE_SHIFT);
    frame_add_free(MFN(first >> PAGE_SHIFT), n >> PAGE_SHIFT);
    range_remove(&waiting, first, n);
    frame_expect(range_total(&waiting) >> PAGE_SHIFT);
    return n;
}

void memory_hand_over(uint64_t bytes)
{
    uint64_t n;

    ASSERT(table && bytes);
    if (bytes == UINT64_MAX)
        describe(entries);
    bytes = ROUND_DOWN(MIN(bytes, UINT64_MAX - BLOCK) + BLOCK - 1, BLOCK);
    while (bytes && (n = hand_over_lowest(bytes)))
        bytes -= n;
}

void memory_describe(uint64_t end)
{
    describe((end + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

int memory_hand_over_some(void)
{
    uint64_t piece = PIECE_PAGES * WORDS_PER_PAGE, end = MIN(low_done + piece, low_end);

    if (low_done < low_end) {
        zero_words(low_done, end);
        low_done = end;
        return -E_RESTART;
    }
    if (waiting.count && zeroed + piece < lowest_waiting()->base >> PAGE_SHIFT) {
        describe(zeroed + piece);
        return -E_RESTART;
    }
    if (waiting.count) {
        memory_hand_over(piece << PAGE_SHIFT);
        return -E_RESTART;
    }
    if (zeroed < entries) {
        describe_some();
        return -E_RESTART;
    }
    frame_table_grows_by(NULL);
    return 0;
}

void memory_tell_host(const struct range_list *memory)
{
    uint64_t frames = range_total(memory) >> PAGE_SHIFT;

    ASSERT(frames >= frame_total());
    frame_add_used(frames - frame_total());
}
