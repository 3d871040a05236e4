/* SPDX-License-Identifier: Apache-2.0 */
/* The hypervisor's own page tables on real processors, which all have four levels of 512 entries (layout.h has the picture, own_tables.h
 * what an entry looks like). Entries are reached through the root's entry for itself, so a table needs no other mapping. */
#include "arch/include/boot.h"
#include "arch/include/mapping.h"
#include "arch/include/mmio.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "own_tables.h"

#define BLOCK_ORDER 9
#define BLOCK_BYTES (PAGE_SIZE << BLOCK_ORDER)

STATIC_ASSERT(MAX_CPUS << PERCPU_SHIFT <= BLOCK_BYTES);
STATIC_ASSERT(ARENA_SLOTS * PAGE_SIZE <= BIT(30));

/* Tables needed before there is an allocator: for the console, and for the heap region where the frame table lies. */
#define RESERVE 6
static uint8_t reserve[RESERVE][PAGE_SIZE] ALIGNED(4096);
static unsigned reserve_used;
static bool frames_ready;
static spinlock_t tables_lock = SPINLOCK(LOCK_HYP_TABLES);
static uint64_t device_next = DEVICE_BASE, device_end = DEVICE_END;
static uint64_t tables_made;    /* from frames: those of boot's reserve are part of the image */

/* The entry for `va` in its table of that level. The tables above it exist. */
static uint64_t *entry_of(uint64_t va, unsigned level)
{
    uint64_t at = SELF_BASE;

    ASSERT(level <= 3 && va >= OWN_FIRST && va <= OWN_LAST);
    if (level < 3)
        at |= (uint64_t)SELF_SLOT << 30;
    if (level < 2)
        at |= (uint64_t)SELF_SLOT << 21;
    if (level < 1)
        at |= (uint64_t)SELF_SLOT << 12;
    return (uint64_t *)(at | (va & (BIT(48) - 1)) >> (39 - 9 * level) << 3);
}

/* An invalid entry becomes valid: nothing is cached to invalidate. */
static void write_entry(uint64_t *slot, uint64_t entry)
{
    ASSERT(!(*slot & PTE_VALID));
    __atomic_store_n(slot, entry, __ATOMIC_RELAXED);
    own_tables_written();
}

hpa_t image_physical(void)
{
    return HPA(*entry_of((uint64_t)image_start, 3) & PTE_ADDRESS);
}

static hpa_t reserve_physical(const void *p)
{
    return HPA(image_physical().v + (uint64_t)((const char *)p - image_start));
}

static int take_table(hpa_t *table)
{
    mfn_t mfn;
    int error;

    if (!frames_ready) {
        PANIC_IF(reserve_used == RESERVE, "no page left for the tables of boot");
        *table = reserve_physical(reserve[reserve_used++]);
        return 0;
    }
    error = frame_alloc(&hypervisor_owner, 0, FRAME_NO_SCRUB, &mfn);
    if (error)
        return -E_NOMEM;
    arch_frame_scrub(mfn, 0);
    *table = mfn_to_hpa(mfn);
    return 0;
}

/* Link a new table at `slot`, unless somebody else was faster. */
static int add_table(uint64_t *slot)
{
    bool used = false;
    hpa_t table;
    int error = take_table(&table);

    if (error)
        return error;
    spin_lock(&tables_lock);
    if (!(atomic_load(slot) & PTE_VALID)) {
        write_entry(slot, table.v | PTE_NEXT_TABLE);
        used = true;
        tables_made += frames_ready;
    }
    spin_unlock(&tables_lock);
    if (!used)
        frame_put(hpa_to_mfn(table));
    return 0;
}

/* Make the tables above level `level` for va. Tables are never taken away: they are few. */
static int make_tables(uint64_t va, unsigned level)
{
    for (unsigned above = 0; above < level; above++) {
        uint64_t *slot = entry_of(va, above);
        uint64_t entry = atomic_load(slot);
        int error = 0;

        if (!(entry & PTE_VALID))
            error = add_table(slot);
        else
            ASSERT(pte_is_table(entry));
        if (error)
            return error;
    }
    return 0;
}

/* What is asked for mostly lies beside what was asked for last: the 2 MiB whose tables are all there. */
static int ensure_tables(uint64_t va, unsigned level)
{
    static uint64_t complete;
    int error = 0;

    if (va / BLOCK_BYTES == READ_ONCE(complete))
        return 0;
    error = make_tables(va, level);
    if (!error && level == 3)
        WRITE_ONCE(complete, va / BLOCK_BYTES);
    return error;
}

uint64_t arch_own_tables(void)
{
    return READ_ONCE(tables_made);
}

/* -- heap -- */

void *arch_heap_address(mfn_t mfn)
{
    return (void *)(HEAP_BASE + (mfn.v << PAGE_SHIFT));
}

mfn_t arch_heap_frame(const void *address)
{
    ASSERT((uint64_t)address >= HEAP_BASE && (uint64_t)address < HEAP_END);
    return MFN(((uint64_t)address - HEAP_BASE) >> PAGE_SHIFT);
}

/* Is [va, va + 2 MiB) to be one block? Not if a table is there from smaller pieces before. */
static bool may_be_block(uint64_t va, uint64_t left)
{
    return left >= BLOCK_BYTES && IS_ALIGNED(va, BLOCK_BYTES) && !(atomic_load(entry_of(va, 2)) & PTE_VALID);
}

/* Map as much from va as one entry can; *size says how much. */
static int map_piece(uint64_t va, uint64_t left, uint64_t *size)
{
    uint64_t pa = va - HEAP_BASE;
    int error = ensure_tables(va, 2);

    if (error)
        return error;
    if (may_be_block(va, left)) {
        write_entry(entry_of(va, 2), pa | PTE_BLOCK_DATA);
        *size = BLOCK_BYTES;
        return 0;
    }
    error = ensure_tables(va, 3);
    if (error)
        return error;
    write_entry(entry_of(va, 3), pa | PTE_PAGE_DATA);
    *size = PAGE_SIZE;
    return 0;
}

static void unmap_pieces(uint64_t va, uint64_t bytes)
{
    for (uint64_t at = va, size; at < va + bytes; at += size) {
        uint64_t *slot = entry_of(at, 2);

        size = BLOCK_BYTES;
        if (pte_is_table(*slot)) {
            slot = entry_of(at, 3);
            size = PAGE_SIZE;
        }
        ASSERT((*slot & PTE_VALID) && IS_ALIGNED(at, size));
        __atomic_store_n(slot, 0, __ATOMIC_RELAXED);
    }
    own_tables_forget(va, bytes >> PAGE_SHIFT);
}

static int map_heap(uint64_t va, uint64_t bytes)
{
    for (uint64_t done = 0, size; done < bytes; done += size) {
        int error = map_piece(va + done, bytes - done, &size);

        if (error) {
            unmap_pieces(va, done);
            return error;
        }
    }
    return 0;
}

int arch_heap_map(mfn_t mfn, unsigned order)
{
    if (mfn_to_hpa(mfn).v >= HEAP_END - HEAP_BASE)
        return -E_NOMEM;
    return map_heap((uint64_t)arch_heap_address(mfn), PAGE_SIZE << order);
}

void arch_heap_unmap(mfn_t mfn, unsigned order)
{
    unmap_pieces((uint64_t)arch_heap_address(mfn), PAGE_SIZE << order);
}

void *arch_boot_heap_map(hpa_t base, uint64_t size)
{
    uint64_t va = HEAP_BASE + base.v;

    PANIC_IF(base.v + size > HEAP_END - HEAP_BASE, "memory at 0x%llx is out of the hypervisor's reach",
             (unsigned long long)base.v);
    ASSERT(IS_ALIGNED(base.v, BLOCK_BYTES) && IS_ALIGNED(size, BLOCK_BYTES));
    PANIC_IF(map_heap(va, size), "no page for the tables of boot");
    return (void *)va;
}

void arch_boot_frames_ready(void)
{
    frames_ready = true;
}

/* -- arena -- */

void *arch_arena_map(unsigned slot, mfn_t mfn)
{
    uint64_t va = ARENA_BASE + (uint64_t)slot * PAGE_SIZE;

    ASSERT(slot < ARENA_SLOTS);
    if (ensure_tables(va, 3))
        return NULL;
    write_entry(entry_of(va, 3), mfn.v << PAGE_SHIFT | PTE_PAGE_DATA);
    return (void *)va;
}

void arch_arena_unmap(unsigned slot)
{
    uint64_t va = ARENA_BASE + (uint64_t)slot * PAGE_SIZE;

    ASSERT(slot < ARENA_SLOTS && (*entry_of(va, 3) & PTE_VALID));
    __atomic_store_n(entry_of(va, 3), 0, __ATOMIC_RELAXED);
    own_tables_forget(va, 1);
}

unsigned arch_arena_slot(const void *address)
{
    ASSERT((uint64_t)address >= ARENA_BASE && (uint64_t)address < ARENA_BASE + ARENA_SLOTS * PAGE_SIZE);
    return (unsigned)(((uint64_t)address - ARENA_BASE) >> PAGE_SHIFT);
}

/* -- devices, stacks -- */

static bool map_registers(uint64_t va, uint64_t pa, uint64_t bytes)
{
    ASSERT(va >= device_next && va + bytes <= device_end);
    for (uint64_t done = 0; done < bytes; done += PAGE_SIZE) {
        if (ensure_tables(va + done, 3))
            return false;
        write_entry(entry_of(va + done, 3), (pa + done) | PTE_PAGE_DEVICE);
    }
    return true;
}

volatile void *map_device(hpa_t pa, uint64_t size)
{
    uint64_t offset = pa.v & ~PAGE_MASK, va = device_next, bytes = ROUND_UP(offset + size, PAGE_SIZE);

    if (bytes > device_end - va || !map_registers(va, pa.v & PAGE_MASK, bytes))
        return NULL;
    device_next += bytes;
    return (volatile void *)(va + offset);
}

/* From the area's end down: redistributors, which are mapped one by one as CPUs come up, stay in one piece. */
volatile void *arch_boot_device(hpa_t base, uint64_t size)
{
    uint64_t offset = base.v & ~PAGE_MASK, bytes = ROUND_UP(offset + size, PAGE_SIZE), va = device_end - bytes;

    if (bytes > device_end - device_next || !map_registers(va, base.v & PAGE_MASK, bytes))
        return NULL;
    device_end = va;
    return (volatile void *)(va + offset);
}

static uint64_t *percpu_slot(unsigned cpu, unsigned page)
{
    return &hyp_percpu_l3[(cpu << (PERCPU_SHIFT - PAGE_SHIFT)) + page];
}

int map_cpu_stacks(unsigned cpu)
{
    static const uint8_t pages[] = { PERCPU_STACK_PAGES_ALL };

    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        uint64_t *slot = percpu_slot(cpu, pages[i]);
        mfn_t mfn;

        if (*slot & PTE_VALID)
            continue;
        if (frame_alloc(&hypervisor_owner, 0, FRAME_ANY, &mfn))
            return -E_NOMEM;
        write_entry(slot, mfn.v << PAGE_SHIFT | PTE_PAGE_DATA);
    }
    return 0;
}

/* -- boot map -- */

static unsigned find_blocks(unsigned count)
{
    unsigned run = 0;

    for (unsigned i = 0; i < 512; i++) {
        run = hyp_boot_map[i] & PTE_VALID ? 0 : run + 1;
        if (run == count)
            return i + 1 - count;
    }
    return 512;
}

void *boot_map(hpa_t pa, uint64_t size)
{
    uint64_t offset = pa.v & (BLOCK_BYTES - 1);
    unsigned count, first;

    if (size > BOOT_MAP_BYTES - BLOCK_BYTES || pa.v >= BIT(48))
        return NULL;
    count = (unsigned)((offset + MAX(size, 1u) + BLOCK_BYTES - 1) / BLOCK_BYTES);
    first = find_blocks(count);
    if (first == 512)
        return NULL;
    for (unsigned i = 0; i < count; i++)
        write_entry(&hyp_boot_map[first + i], (pa.v - offset + i * BLOCK_BYTES) | PTE_BLOCK_DATA);
    return (void *)(BOOT_MAP_BASE + first * BLOCK_BYTES + offset);
}

void boot_unmap(void *address, uint64_t size)
{
    uint64_t va = (uint64_t)address & ~(BLOCK_BYTES - 1), end = (uint64_t)address + MAX(size, 1u);

    ASSERT(va >= BOOT_MAP_BASE && end <= BOOT_MAP_BASE + BOOT_MAP_BYTES);
    for (uint64_t at = va; at < end; at += BLOCK_BYTES) {
        hyp_boot_map[(at - BOOT_MAP_BASE) / BLOCK_BYTES] = 0;
        own_tables_forget(at, 1);
    }
}

void arch_boot_image(hpa_t *start, hpa_t *end)
{
    *start = image_physical();
    *end = HPA(start->v + (uint64_t)(image_end - image_start));
}
