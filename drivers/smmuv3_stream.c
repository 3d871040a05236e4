/* SPDX-License-Identifier: Apache-2.0 */
/* SMMUv3: which stream belongs to which space. (IHI 0070, 3.3, 5.1, 5.2) */
#include "drivers/smmuv3_internal.h"
#include "lib/string.h"
#include "mem/heap.h"

#define L1_SPAN (GROUP_BITS + 1)
#define TWO_LEVEL_FORMAT (UINT32_C(1) << 16 | GROUP_BITS << 6)

static unsigned page_order(uint64_t bytes)
{
    unsigned order = 0;

    while (PAGE_SIZE << order < bytes)
        order++;
    return order;
}

static int group_make(struct stream_group *g)
{
    g->table = heap_alloc_pages(GROUP_ORDER);
    g->owner = heap_alloc(GROUP_STREAMS * sizeof(*g->owner));
    if (g->table && g->owner)
        return 0;
    smmu_free_pages(g->table, GROUP_ORDER);
    heap_free(g->owner, GROUP_STREAMS * sizeof(*g->owner));
    g->table = NULL;
    g->owner = NULL;
    return -E_NOMEM;
}

int smmu_streams_init(struct smmu *u, uint32_t idr0, uint32_t idr1)
{
    unsigned bits = MIN(idr1 & 63, (uint32_t)SMMU_STREAM_BITS);
    bool two_levels = (idr0 & IDR0_TWO_LEVELS) && bits > GROUP_BITS;
    const void *table;
    int r = 0;

    u->stream_bits = two_levels ? bits : MIN(bits, (unsigned)GROUP_BITS);
    u->groups = two_levels ? UINT32_C(1) << (bits - GROUP_BITS) : 1;
    u->group = heap_alloc(u->groups * sizeof(*u->group));
    if (!u->group)
        return -E_NOMEM;
    if (two_levels) {
        u->level1 = heap_alloc_pages(page_order(u->groups * sizeof(*u->level1)));
        r = u->level1 ? 0 : -E_NOMEM;
    } else {
        r = group_make(&u->group[0]);
    }
    if (r)
        return r;
    table = two_levels ? u->level1 : u->group[0].table;
    mmio_barrier();
    mmio_write64(u->base, STRTAB_BASE, smmu_address(table) | BASE_ALLOCATE);
    mmio_write32(u->base, STRTAB_BASE_CFG, u->stream_bits | (two_levels ? TWO_LEVEL_FORMAT : 0));
    return 0;
}

struct iommu_space *smmu_stream_owner(const struct smmu *u, uint32_t stream)
{
    const struct stream_group *g;

    if (stream >> u->stream_bits)
        return NULL;
    g = &u->group[stream >> GROUP_BITS];
    return g->table ? g->owner[stream % GROUP_STREAMS] : g->shared;
}

/* -- changing one -- */

static void forget_all_streams(struct smmu *u)
{
    smmu_command(u, &(struct smmu_command){ { CMD_CFGI_ALL, 31 } }, 1);
}

/* The first word makes the entry valid: it is written last, and goes first. */
static void fill_entry(uint64_t *entry, const uint64_t *ste)
{
    for (unsigned i = 1; i < STE_WORDS; i++)
        entry[i] = ste[i];
    barrier_write();
    WRITE_ONCE(entry[0], ste[0]);
}

static uint64_t level1_entry(const uint64_t *table)
{
    return table ? smmu_address(table) | L1_SPAN : 0;
}

/* The unit finds the group's entries there from now on: they are complete before. */
static void show_table(struct smmu *u, uint32_t group, const uint64_t *table)
{
    ASSERT(group < u->groups && spin_is_held(&u->lock));
    barrier_write();
    WRITE_ONCE(u->level1[group], level1_entry(table));
}

/* A table of 256 entries of the space, for whole groups. */
static int need_space_table(struct smmu *u, struct iommu_space *p)
{
    uint64_t *table;

    if (p->group_table[u->number])
        return 0;
    table = heap_alloc_pages(GROUP_ORDER);
    if (!table)
        return -E_NOMEM;
    for (unsigned i = 0; i < GROUP_STREAMS; i++)
        memcpy(table + i * STE_WORDS, p->ste, sizeof(p->ste));
    p->group_table[u->number] = table;
    return 0;
}

/* A table for the group alone, which says what held for it before. */
static int need_own_table(struct smmu *u, struct stream_group *g)
{
    int r = g->table ? 0 : group_make(g);

    if (r || !g->shared)
        return r;
    memcpy(g->table, g->shared->group_table[u->number], GROUP_STREAMS * STE_WORDS * sizeof(uint64_t));
    for (unsigned i = 0; i < GROUP_STREAMS; i++)
        g->owner[i] = g->shared;
    g->shared = NULL;
    return 0;
}

bool smmu_stream_cut(struct smmu *u, uint32_t stream)
{
    struct stream_group *g = &u->group[stream >> GROUP_BITS];

    ASSERT(spin_is_held(&u->lock) && !(stream >> u->stream_bits));
    if (need_own_table(u, g))
        return false;
    if (u->level1)
        show_table(u, stream >> GROUP_BITS, g->table);
    WRITE_ONCE(g->table[stream % GROUP_STREAMS * STE_WORDS], STE_VALID);
    forget_all_streams(u);
    return true;
}

/* Does [first, end) cover the group as a whole, and has it no table for itself? */
static bool is_shareable(const struct smmu *u, uint32_t group, uint64_t first, uint64_t end)
{
    uint64_t start = (uint64_t)group << GROUP_BITS;

    return u->level1 && !u->group[group].table && first <= start && start + GROUP_STREAMS <= end;
}

static int prepare_groups(struct smmu *u, struct iommu_space *p, uint64_t first, uint64_t end)
{
    int r = 0;

    for (uint32_t n = (uint32_t)(first >> GROUP_BITS); !r && (uint64_t)n << GROUP_BITS < end; n++) {
        if (is_shareable(u, n, first, end)) {
            r = need_space_table(u, p);
        } else {
            r = need_own_table(u, &u->group[n]);
            if (!r && u->level1)
                show_table(u, n, u->group[n].table);
        }
    }
    return r;
}

static bool all_free(const struct smmu *u, uint64_t first, uint64_t end)
{
    for (uint64_t s = first; s < end; s++) {
        const struct stream_group *g = &u->group[s >> GROUP_BITS];

        if (!g->table && !g->shared)
            s |= GROUP_STREAMS - 1;
        else if (smmu_stream_owner(u, (uint32_t)s))
            return false;
    }
    return true;
}

static void give_group(struct smmu *u, struct iommu_space *p, uint32_t n, uint64_t first, uint64_t end)
{
    struct stream_group *g = &u->group[n];
    uint64_t start = MAX((uint64_t)n << GROUP_BITS, first), stop = MIN(((uint64_t)n + 1) << GROUP_BITS, end);

    ASSERT(n < u->groups && spin_is_held(&u->lock) && (p->ste[0] & STE_VALID));
    if (is_shareable(u, n, first, end)) {
        g->shared = p;
        show_table(u, n, p->group_table[u->number]);
    } else {
        for (uint64_t s = start; s < stop; s++) {
            g->owner[s % GROUP_STREAMS] = p;
            fill_entry(&g->table[s % GROUP_STREAMS * STE_WORDS], p->ste);
        }
    }
    p->streams[u->number] += (uint32_t)(stop - start);
}

/* The range as [first, end): false when the unit has no such streams. */
static bool range_of(const struct iommu_streams *r, struct smmu **u, uint64_t *end)
{
    *u = r->unit < smmu_count ? &smmu_units[r->unit] : NULL;
    *end = (uint64_t)r->first + r->count;
    return *u && r->count && *end <= BIT((*u)->stream_bits);
}

int iommu_attach(struct iommu_space *p, const struct iommu_streams *streams)
{
    uint64_t first = streams->first, end;
    struct smmu *u;
    int r;

    if (!range_of(streams, &u, &end))
        return -E_INVAL;
    spin_lock(&u->lock);
    r = all_free(u, first, end) ? prepare_groups(u, p, first, end) : -E_BUSY;
    if (!r) {
        atomic_fetch_or(&p->units, (uint32_t)BIT(u->number));
        smmu_forget_space(u, p);
        for (uint32_t n = (uint32_t)(first >> GROUP_BITS); (uint64_t)n << GROUP_BITS < end; n++)
            give_group(u, p, n, first, end);
    }
    /* Also after an error: a group may have got a table of its own. */
    forget_all_streams(u);
    spin_unlock(&u->lock);
    return r;
}

static void take_group(struct smmu *u, struct iommu_space *p, uint32_t n, uint64_t first, uint64_t end)
{
    struct stream_group *g = &u->group[n];
    uint64_t start = MAX((uint64_t)n << GROUP_BITS, first), stop = MIN(((uint64_t)n + 1) << GROUP_BITS, end);

    if (g->shared == p && is_shareable(u, n, first, end)) {
        WRITE_ONCE(u->level1[n], 0);
        g->shared = NULL;
        p->streams[u->number] -= GROUP_STREAMS;
        return;
    }
    for (uint64_t s = start; g->table && s < stop; s++) {
        if (g->owner[s % GROUP_STREAMS] != p)
            continue;
        WRITE_ONCE(g->table[s % GROUP_STREAMS * STE_WORDS], 0);
        g->owner[s % GROUP_STREAMS] = NULL;
        p->streams[u->number]--;
    }
}

void iommu_detach(struct iommu_space *p, const struct iommu_streams *streams)
{
    uint64_t end;
    struct smmu *u;

    if (!range_of(streams, &u, &end))
        return;
    spin_lock(&u->lock);
    for (uint32_t n = streams->first >> GROUP_BITS; (uint64_t)n << GROUP_BITS < end; n++)
        take_group(u, p, n, streams->first, end);
    ASSERT(p->streams[u->number] <= BIT(u->stream_bits));
    forget_all_streams(u);
    smmu_forget_space(u, p);
    if (!p->streams[u->number])
        atomic_fetch_and(&p->units, ~(uint32_t)BIT(u->number));
    spin_unlock(&u->lock);
}

bool iommu_has_streams(const struct iommu_space *p)
{
    return atomic_load(&p->units) != 0;
}
