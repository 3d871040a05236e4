/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 1: 39-bit addresses, 4 KiB granule (Arm ARM D8.2).
 *
 *   0x00_0000_0000  first gigabyte: devices, in 2 MiB blocks, but the grant
 *                   and magic regions (0x38000000..0x3a000000) are RAM
 *   0x00_4000_0000  gigabytes 1 and 2 in 2 MiB blocks, up to 0x70_0000_0000 in
 *                   1 GiB blocks: RAM, one to one
 *   0x70_0000_0000  the window, where tests map what they like
 */

#include "guests/lib/guest.h"

#define DESC_VALID 1UL
#define DESC_TABLE 2UL
#define DESC_AF (1UL << 10)
#define DESC_INNER (3UL << 8)
#define DESC_RO (2UL << 6)
#define DESC_ATTR(n) ((uint64_t)(n) << 2)
#define ATTR_UNCACHED 2
#define DESC_UXN (1UL << 54)
#define DESC_PXN (1UL << 53)
#define DESC_ADDRESS 0x0000fffffffff000UL
#define ENTRIES 512
#define WINDOW_INDEX (WINDOW_BASE >> 30)
#define POOL_PAGES 32

static uint64_t root[ENTRIES] PAGE_ALIGNED;
static uint64_t low[3][ENTRIES] PAGE_ALIGNED;
static uint64_t pool[POOL_PAGES][ENTRIES] PAGE_ALIGNED;
static unsigned pool_used;
uint64_t mmu_boot_regs[3];

static uint64_t leaf(uint64_t pa, unsigned level, unsigned flags)
{
    uint64_t desc = pa | DESC_VALID | DESC_AF | DESC_INNER | DESC_UXN;

    desc |= DESC_ATTR(flags & MAP_UNCACHED ? ATTR_UNCACHED : flags & MAP_NORMAL);
    if (level == 3)
        desc |= DESC_TABLE;
    if (flags & MAP_READONLY)
        desc |= DESC_RO;
    if ((flags & MAP_NOEXEC) || !(flags & MAP_NORMAL))
        desc |= DESC_PXN;
    return desc;
}

void mmu_build_boot_map(void)
{
    for (unsigned g = 0; g < 3; g++) {
        for (unsigned i = 0; i < ENTRIES; i++) {
            uint64_t pa = ((uint64_t)g << 30) + ((uint64_t)i << 21);
            bool ram = g || (pa >= 0x38000000UL && pa < 0x3a000000UL);

            low[g][i] = leaf(pa, 2, ram ? MAP_NORMAL : MAP_DEVICE);
        }
        root[g] = (uint64_t)low[g] | DESC_TABLE | DESC_VALID;
    }
    for (uint64_t i = 3; i < WINDOW_INDEX; i++)
        root[i] = leaf(i << 30, 1, MAP_NORMAL);
    mmu_boot_regs[0] = 0x44ff04; /* MAIR: 0 Device-nGnRE, 1 Normal write-back, 2 Normal uncached */
    /* TCR: T0SZ 25, walks inner shareable write-back, EPD1, IPS 40 bits. */
    mmu_boot_regs[1] = 25 | (1UL << 8) | (1UL << 10) | (3UL << 12) | (1UL << 23) | (2UL << 32);
    mmu_boot_regs[2] = (uint64_t)root;
}

static void invalidate(void)
{
    dsb();
    asm volatile("tlbi vmalle1is; dsb ish; isb" : : : "memory");
}

static uint64_t *descend(uint64_t *entry)
{
    if (!(*entry & DESC_VALID)) {
        ASSERT(pool_used < POOL_PAGES);
        *entry = (uint64_t)pool[pool_used++] | DESC_TABLE | DESC_VALID;
        dsb();
    }
    ASSERT(*entry & DESC_TABLE);
    return (uint64_t *)(*entry & DESC_ADDRESS);
}

static uint64_t *entry_for(uint64_t va, unsigned level)
{
    uint64_t *entry = &root[(va >> 30) & 511];

    ASSERT(level >= 1 && level <= 3);
    if (level > 1)
        entry = &descend(entry)[(va >> 21) & 511];
    if (level > 2)
        entry = &descend(entry)[(va >> 12) & 511];
    return entry;
}

void mmu_map(uint64_t va, uint64_t pa, unsigned level, unsigned flags)
{
    uint64_t size = 1UL << (39 - 9 * level);

    ASSERT(va >= WINDOW_BASE && !(va & (size - 1)) && !(pa & (size - 1)));
    *entry_for(va, level) = leaf(pa, level, flags);
    dsb();
    isb();
}

void mmu_unmap(uint64_t va, unsigned level)
{
    ASSERT(va >= WINDOW_BASE);
    *entry_for(va, level) = 0;
    invalidate();
}

void mmu_unmap_identity(uint64_t va)
{
    uint64_t g = va >> 30;

    ASSERT(g == 1 || g == 2);
    low[g][(va >> 21) & 511] = 0;
    invalidate();
}
