/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d: twins as a unit walks them, and what it forgets of them. (VT-d 4.1, 3.7, 6.2.3, 6.5.2, 9.8) */
#include "drivers/vtd_internal.h"

#define ENTRIES 512
#define SPACE_PAGES BIT(36)
/* log2 of an entry's pages. */
#define SHIFT(level) (9 * (3 - (level)))

/* What all units have: a device that says that its accesses need not look into caches is not believed where they can see to that. */
static uint64_t leaf_bits;
static bool coherent;

void vtd_space_init(void)
{
    leaf_bits = SL_READ | SL_SNOOP;
    coherent = true;
    for (unsigned i = 0; i < vtd_count; i++) {
        if (!(vtd_units[i]->ecap & ECAP_SNOOP))
            leaf_bits = SL_READ;
        coherent = coherent && vtd_units[i]->ecap & ECAP_COHERENT;
    }
}

uint64_t vtd_leaf(mfn_t mfn, bool write, unsigned level)
{
    ASSERT(level >= 1 && level <= 3);
    return mfn_to_hpa(mfn).v | leaf_bits | (write ? SL_WRITE : 0) | (level < 3 ? SL_BLOCK : 0);
}

/* The table's own entries are in memory before anything leads there. */
uint64_t vtd_table(mfn_t table, unsigned level UNUSED)
{
    if (!coherent)
        arch_frame_clean_range(table, 0, PAGE_SIZE, true, false);
    return mfn_to_hpa(table).v | SL_READ | SL_WRITE;
}

static bool is_table(uint64_t entry, unsigned level)
{
    return level < 3 && (entry & SL_READ) && !(entry & SL_BLOCK);
}

static uint64_t *table_of(uint64_t entry)
{
    return arch_heap_address(hpa_to_mfn(HPA(entry & ENTRY_ADDRESS)));
}

/* A unit of three levels begins where the first entry of the root leads to: its devices' addresses end there. */
uint64_t vtd_first_table(const struct vtd *u, const struct iommu_space *p)
{
    uint64_t first;

    if (u->levels == 4)
        return p->root.v;
    first = READ_ONCE(*table_of(p->root.v));
    return first ? first & ENTRY_ADDRESS : vtd_address(u->nothing);
}

/* Entries on the way to these pages, and theirs, a table's at once. The p2m lock is held. */
static void show_pages(const struct vtd *u, const struct iommu_space *p, uint64_t gfn, uint64_t end)
{
    while (gfn < end) {
        uint64_t *table = table_of(p->root.v), *slot, n = 1;
        unsigned level = 0;

        for (;; level++) {
            slot = &table[gfn >> SHIFT(level) & (ENTRIES - 1)];
            if (!is_table(*slot, level))
                break;
            vtd_show(u, slot, sizeof(*slot));
            table = table_of(*slot);
        }
        if (level == 3)
            n = MIN(end - gfn, (uint64_t)(table + ENTRIES - slot));
        vtd_show(u, slot, (unsigned)(n * sizeof(*slot)));
        gfn = ((gfn >> SHIFT(level)) + n) << SHIFT(level);
    }
}

void vtd_show_space(const struct vtd *u, const struct iommu_space *p)
{
    ASSERT(spin_is_held(&p->stage2->lock));
    if (u->ecap & ECAP_COHERENT)
        return;
    vtd_show(u, table_of(p->root.v), PAGE_SIZE);
    show_pages(u, p, 0, SPACE_PAGES);
}

/* One descriptor, for as many pages as a power of two, aligned to as many. */
static void forget_pages(struct vtd *u, uint16_t tag, uint64_t gfn, uint64_t count)
{
    unsigned order = iommu_x86_order(gfn, count);

    if (!(u->cap & CAP_PAGE_SELECTIVE) || order > CAP_PAGES(u->cap))
        vtd_forget_space(u, tag);
    else
        vtd_command(u, (struct vtd_descriptor){ DESCRIPTOR_TLB_PAGE | CAP_DRAINS(u->cap) << 6 | (uint64_t)tag << 16,
                                                ROUND_DOWN(gfn, BIT(order)) << PAGE_SHIFT | order });
}

void vtd_forget(unsigned unit, const struct iommu_space *p, uint64_t gfn, uint64_t count)
{
    struct vtd *u = vtd_units[unit];
    uint64_t table;

    ASSERT(gfn < SPACE_PAGES && count);
    if (!(u->ecap & ECAP_COHERENT))
        show_pages(u, p, gfn, MIN(gfn + count, SPACE_PAGES));
    spin_lock(&u->lock);
    vtd_empty_write_buffer(u);
    table = vtd_first_table(u, p);
    if (table != u->space[p->tag].table)
        vtd_lead_to(u, p, table);
    /* Behind that are no addresses of its devices. */
    if (!(gfn >> (9 * u->levels)))
        forget_pages(u, p->tag, gfn, count);
    spin_unlock(&u->lock);
}
