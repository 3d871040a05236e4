/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical memory is one memory file that is mapped several times: `raw` is what hardware sees; `heap` and `window` are the
 * hypervisor's views, poisoned for the address sanitizer wherever nothing is mapped; the arena's slots are mapped one by one.
 */
#define _GNU_SOURCE
#include <sanitizer/asan_interface.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/host/internal.h"
#include "arch/host/amdvi_model.h"
#include "arch/host/smmu_model.h"
#include "arch/host/vtd_model.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/bitmap.h"
#include "lib/error.h"
#include "mem/frame.h"

static int file = -1;
static uint64_t frames;
static uint8_t *raw, *heap, *window, *arena;
static uint64_t *heap_mapped;               /* bitmap by frame */
static uint16_t *window_uses;               /* by frame */
static uint64_t arena_mapped[BITMAP_WORDS(ARENA_SLOTS)];
static PER_CPU(struct { void *slot[WINDOW_DEPTH]; unsigned depth; }, windows);

/* As on real hardware a block's address is as aligned as its frame number: the heap counts on it. */
#define VIEW_ALIGNMENT (UINT64_C(4) << 20)

static void *map_view(int protection)
{
    uint64_t bytes = frames << PAGE_SHIFT;
    uint8_t *space = mmap(NULL, bytes + VIEW_ALIGNMENT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *at = (uint8_t *)ROUND_UP((uintptr_t)space, VIEW_ALIGNMENT);
    void *p;

    PANIC_IF(space == MAP_FAILED, "no address space for %llu frames", (unsigned long long)frames);
    p = mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED, file, 0);
    PANIC_IF(p == MAP_FAILED, "no address space for %llu frames", (unsigned long long)frames);
    if (at > space)
        munmap(space, (size_t)(at - space));
    if (at < space + VIEW_ALIGNMENT)
        munmap(at + bytes, (size_t)(space + VIEW_ALIGNMENT - at));
    return p;
}

/* The same memory again, as an earlier machine left it: only what was mapped is taken away. */
static void reuse(void)
{
    for (unsigned i = 0; (i = bitmap_next_set(heap_mapped, (unsigned)frames, i)) < frames; i++) {
        __asan_poison_memory_region(heap + ((uint64_t)i << PAGE_SHIFT), PAGE_SIZE);
        bitmap_clear(heap_mapped, i);
    }
    for (unsigned slot = 0; (slot = bitmap_next_set(arena_mapped, ARENA_SLOTS, slot)) < ARENA_SLOTS; slot++)
        arch_arena_unmap(slot);
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        while (windows[cpu].depth) {
            void *p = windows[cpu].slot[--windows[cpu].depth];

            window_uses[(uint64_t)((uint8_t *)p - window) >> PAGE_SHIFT] = 0;
            __asan_poison_memory_region(p, PAGE_SIZE);
        }
    }
}

static void create(uint64_t count)
{
    if (file >= 0) {
        __asan_unpoison_memory_region(heap, frames << PAGE_SHIFT);
        __asan_unpoison_memory_region(window, frames << PAGE_SHIFT);
        munmap(raw, frames << PAGE_SHIFT);
        munmap(heap, frames << PAGE_SHIFT);
        munmap(window, frames << PAGE_SHIFT);
        munmap(heap_mapped, BITMAP_WORDS(frames) * 8);
        munmap(window_uses, frames * 2);
        munmap(arena, ARENA_SLOTS * PAGE_SIZE);
        close(file);
    }
    frames = count;
    file = memfd_create("host-ram", MFD_CLOEXEC);
    PANIC_IF(file < 0 || ftruncate(file, (off_t)(frames << PAGE_SHIFT)), "no memory file");
    raw = map_view(PROT_READ | PROT_WRITE);
    heap = map_view(PROT_READ | PROT_WRITE);
    window = map_view(PROT_READ | PROT_WRITE);
    heap_mapped = mmap(NULL, BITMAP_WORDS(frames) * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    window_uses = mmap(NULL, frames * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    arena = mmap(NULL, ARENA_SLOTS * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    PANIC_IF(heap_mapped == MAP_FAILED || window_uses == MAP_FAILED || arena == MAP_FAILED, "no address space");
}

void memory_boot(unsigned mib)
{
    if (frames == (uint64_t)mib << (20 - PAGE_SHIFT)) {
        reuse();
        return;
    }
    create((uint64_t)mib << (20 - PAGE_SHIFT));
    memset(arena_mapped, 0, sizeof(arena_mapped));
    memset(windows, 0, sizeof(windows));
    __asan_poison_memory_region(heap, frames << PAGE_SHIFT);
    __asan_poison_memory_region(window, frames << PAGE_SHIFT);
    /* What memory holds before anybody wrote to it is nothing to rely on. Large machines stay sparse. */
    if (mib <= 64)
        memset(raw, 0xa5, frames << PAGE_SHIFT);
}

static uint64_t index_of(mfn_t mfn, uint64_t count)
{
    PANIC_IF(mfn.v < HOST_RAM_BASE.v || mfn.v - HOST_RAM_BASE.v + count > frames, "frame %#llx+%llu is no memory",
             (unsigned long long)mfn.v, (unsigned long long)count);
    return mfn.v - HOST_RAM_BASE.v;
}

uint64_t host_ram_frames(void)
{
    return frames;
}

void *host_ram(mfn_t mfn)
{
    return raw + (index_of(mfn, 1) << PAGE_SHIFT);
}

/* Neither a processor nor a device can still reach a frame that is handed out anew. */
static void check_unused(mfn_t mfn)
{
    tlb_check_unused(mfn);
    smmu_model_check_unused(mfn);
    vtd_model_check_unused(mfn);
    amdvi_model_check_unused(mfn);
}

int arch_heap_map(mfn_t mfn, unsigned order)
{
    uint64_t first = index_of(mfn, BIT(order));

    if (alloc_should_fail())
        return -E_NOMEM;
    for (uint64_t i = first; i < first + BIT(order); i++) {
        PANIC_IF(bitmap_test(heap_mapped, (unsigned)i), "frame %#llx is heap-mapped twice", (unsigned long long)mfn.v);
        bitmap_set(heap_mapped, (unsigned)i);
        check_unused(MFN(i + HOST_RAM_BASE.v));
    }
    __asan_unpoison_memory_region(heap + (first << PAGE_SHIFT), PAGE_SIZE << order);
    return 0;
}

void arch_heap_unmap(mfn_t mfn, unsigned order)
{
    uint64_t first = index_of(mfn, BIT(order));

    for (uint64_t i = first; i < first + BIT(order); i++) {
        PANIC_IF(!bitmap_test(heap_mapped, (unsigned)i), "frame %#llx is not heap-mapped", (unsigned long long)mfn.v);
        bitmap_clear(heap_mapped, (unsigned)i);
    }
    arch_schedule_point();
    __asan_poison_memory_region(heap + (first << PAGE_SHIFT), PAGE_SIZE << order);
}

void *arch_heap_address(mfn_t mfn)
{
    return heap + (index_of(mfn, 1) << PAGE_SHIFT);
}

mfn_t arch_heap_frame(const void *address)
{
    uint64_t offset = (uint64_t)((const uint8_t *)address - heap);

    PANIC_IF(offset >= frames << PAGE_SHIFT, "%p does not lie in the heap region", address);
    return MFN((offset >> PAGE_SHIFT) + HOST_RAM_BASE.v);
}

void arch_memory_hide(const void *p, size_t n)
{
    __asan_poison_memory_region(p, n);
}

void arch_memory_show(const void *p, size_t n)
{
    __asan_unpoison_memory_region(p, n);
}

void *arch_window_map(mfn_t mfn)
{
    uint64_t i = index_of(mfn, 1);
    unsigned cpu = cpu_id();
    void *p = window + (i << PAGE_SHIFT);

    PANIC_IF(windows[cpu].depth == WINDOW_DEPTH, "more than %d windows", WINDOW_DEPTH);
    PANIC_IF(!frame_count(mfn), "window on frame %#llx, which nobody holds", (unsigned long long)mfn.v);
    windows[cpu].slot[windows[cpu].depth++] = p;
    if (window_uses[i]++ == 0)
        __asan_unpoison_memory_region(p, PAGE_SIZE);
    arch_schedule_point();
    return p;
}

void arch_window_unmap(void *address)
{
    uint64_t i = (uint64_t)((uint8_t *)address - window) >> PAGE_SHIFT;
    unsigned cpu = cpu_id();

    unsigned n = 0;

    while (n < windows[cpu].depth && windows[cpu].slot[n] != address)
        n++;
    PANIC_IF(n == windows[cpu].depth, "window %p is not held", address);
    windows[cpu].slot[n] = windows[cpu].slot[--windows[cpu].depth];
    if (--window_uses[i] == 0)
        __asan_poison_memory_region(window + (i << PAGE_SHIFT), PAGE_SIZE);
}

void arch_copy_many(void *to, const void *from, size_t n)
{
    memcpy(to, from, n);
}

void *arch_arena_map(unsigned slot, mfn_t mfn)
{
    void *p = arena + slot * PAGE_SIZE;

    PANIC_IF(slot >= ARENA_SLOTS || bitmap_test(arena_mapped, slot), "arena slot %u is in use", slot);
    if (alloc_should_fail())
        return NULL;
    if (mmap(p, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
             (off_t)(index_of(mfn, 1) << PAGE_SHIFT)) == MAP_FAILED)
        return NULL;
    bitmap_set(arena_mapped, slot);
    return p;
}

void arch_arena_unmap(unsigned slot)
{
    PANIC_IF(slot >= ARENA_SLOTS || !bitmap_test(arena_mapped, slot), "arena slot %u is not in use", slot);
    bitmap_clear(arena_mapped, slot);
    PANIC_IF(mmap(arena + slot * PAGE_SIZE, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
             MAP_FAILED, "arena slot %u cannot be unmapped", slot);
    arch_schedule_point();
}

unsigned arch_arena_slot(const void *address)
{
    uint64_t offset = (uint64_t)((const uint8_t *)address - arena);

    PANIC_IF(offset >= ARENA_SLOTS * PAGE_SIZE, "%p does not lie in the arena", address);
    return (unsigned)(offset >> PAGE_SHIFT);
}

void arch_zero_pages(void *p, uint64_t bytes)
{
    ASSERT(IS_ALIGNED((uintptr_t)p, PAGE_SIZE) && IS_ALIGNED(bytes, PAGE_SIZE));
    memset(p, 0, bytes);
}

void arch_frame_scrub(mfn_t mfn, unsigned order)
{
    for (uint64_t i = 0; i < BIT(order); i++)
        check_unused(mfn_add(mfn, i));
    memset(raw + (index_of(mfn, BIT(order)) << PAGE_SHIFT), 0, PAGE_SIZE << order);
    arch_schedule_point();
}

void arch_frame_scrub_within(mfn_t mfn, uint64_t n)
{
    ASSERT(n && ROUND_DOWN(mfn.v, 512) == ROUND_DOWN(mfn.v + n - 1, 512));
    for (uint64_t i = 0; i < n; i++)
        arch_frame_scrub(mfn_add(mfn, i), 0);
}

void arch_frame_wipe(mfn_t mfn)
{
    memset(raw + (index_of(mfn, 1) << PAGE_SHIFT), 0, PAGE_SIZE);
    arch_schedule_point();
}

void arch_frame_copy(mfn_t to, mfn_t from, uint64_t n)
{
    uint64_t bytes = n << PAGE_SHIFT;

    ASSERT(n && (to.v + n <= from.v || from.v + n <= to.v));
    memcpy(raw + (index_of(to, n) << PAGE_SHIFT), raw + (index_of(from, n) << PAGE_SHIFT), bytes);
    arch_schedule_point();
}

/* The simulated caches are coherent. */
void arch_frame_clean(mfn_t mfn)
{
    (void)index_of(mfn, 1);
}

void arch_frame_clean_range(mfn_t mfn, unsigned offset, unsigned length, bool clean UNUSED, bool invalidate UNUSED)
{
    ASSERT(offset + length <= PAGE_SIZE);
    (void)index_of(mfn, 1);
    vtd_model_cleaned(mfn, offset, length);
}

void arch_icache_invalidate_all(void)
{
    arch_schedule_point();
}

uint64_t arch_own_tables(void)
{
    return 0;
}
