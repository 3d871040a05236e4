/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d: which function of PCI, known by its number (the stream), belongs to which space. (VT-d 4.1, 3.4, 9.1, 9.3) */
#include "drivers/vtd_internal.h"
#include "lib/string.h"

#define FUNCTIONS 256
#define TAG_SHIFT 8

STATIC_ASSERT(FUNCTIONS * sizeof(struct vtd_context) == PAGE_SIZE && VTD_BUSES * sizeof(struct vtd_context) == PAGE_SIZE);

int vtd_streams_init(struct vtd *u)
{
    u->root = heap_alloc_pages(0);
    u->nothing = heap_alloc_pages(0);
    if (!u->root || !u->nothing)
        return -E_NOMEM;
    vtd_show(u, u->root, PAGE_SIZE);
    vtd_show(u, u->nothing, PAGE_SIZE);
    mmio_barrier();
    mmio_write64(u->base, VTD_RTADDR, vtd_address(u->root));
    return 0;
}

static struct vtd_context *table_of(const struct vtd *u, unsigned bus)
{
    uint64_t low = u->root[bus].low;

    ASSERT(bus < VTD_BUSES);
    return low ? arch_heap_address(hpa_to_mfn(HPA(low & ENTRY_ADDRESS))) : NULL;
}

static uint16_t tag_of(const struct vtd_context *c)
{
    return (uint16_t)(c->high >> TAG_SHIFT);
}

uint16_t vtd_stream_owner(const struct vtd *u, uint16_t stream)
{
    const struct vtd_context *table = table_of(u, stream / FUNCTIONS);

    return table ? tag_of(&table[stream % FUNCTIONS]) : 0;
}

/* -- changing one -- */

/* The low word makes the entry present: it comes last, and goes first. */
static void give(const struct vtd *u, struct vtd_context *c, uint16_t tag, uint64_t table)
{
    WRITE_ONCE(c->high, (uint64_t)tag << TAG_SHIFT | (u->levels - 2));
    barrier_write();
    WRITE_ONCE(c->low, table | ENTRY_PRESENT);
}

static void take(struct vtd_context *c)
{
    WRITE_ONCE(c->low, 0);
    barrier_write();
    WRITE_ONCE(c->high, 0);
}

static void show_bus(struct vtd *u, unsigned bus, const struct vtd_context *table)
{
    ASSERT(spin_is_held(&u->lock));
    if (table)
        vtd_show(u, table, PAGE_SIZE);
    barrier_write();
    WRITE_ONCE(u->root[bus].low, table ? vtd_address(table) | ENTRY_PRESENT : 0);
    vtd_show(u, &u->root[bus], sizeof(u->root[bus]));
}

/* The space's page of like entries. */
static int need_like(struct vtd *u, const struct iommu_space *p)
{
    struct vtd_context *like = u->space[p->tag].like;

    if (like)
        return 0;
    like = heap_alloc_pages(0);
    if (!like)
        return -E_NOMEM;
    for (unsigned i = 0; i < FUNCTIONS; i++)
        give(u, &like[i], p->tag, u->space[p->tag].table);
    u->space[p->tag].like = like;
    return 0;
}

static bool is_like(const struct vtd *u, const struct vtd_context *table)
{
    return table && table == u->space[tag_of(table)].like;
}

/* A page for the bus alone, which says what held for it before. */
static int need_own(struct vtd *u, unsigned bus)
{
    struct vtd_context *table = table_of(u, bus), *own;

    if (table && !is_like(u, table))
        return 0;
    own = heap_alloc_pages(0);
    if (!own)
        return -E_NOMEM;
    if (table)
        memcpy(own, table, PAGE_SIZE);
    show_bus(u, bus, own);
    return 0;
}

bool vtd_stream_cut(struct vtd *u, uint16_t stream)
{
    struct vtd_context *c;

    if (need_own(u, stream / FUNCTIONS))
        return false;
    c = &table_of(u, stream / FUNCTIONS)[stream % FUNCTIONS];
    WRITE_ONCE(c->low, CONTEXT_SILENT);
    vtd_show(u, c, sizeof(*c));
    vtd_forget_streams(u);
    if (tag_of(c))
        vtd_forget_space(u, tag_of(c));
    return true;
}

/* Every entry of a space is at its own page, or among a bus's own ones. */
void vtd_lead_to(struct vtd *u, const struct iommu_space *p, uint64_t table)
{
    ASSERT(spin_is_held(&u->lock) && !(table & ~ENTRY_ADDRESS));
    u->space[p->tag].table = table;
    for (unsigned bus = 0; bus < VTD_BUSES; bus++) {
        struct vtd_context *c = table_of(u, bus);

        for (unsigned i = 0; c && i < FUNCTIONS; i++)
            if (tag_of(&c[i]) == p->tag && c[i].low & ENTRY_PRESENT)
                WRITE_ONCE(c[i].low, table | ENTRY_PRESENT);
        if (c)
            vtd_show(u, c, PAGE_SIZE);
    }
    vtd_forget_streams(u);
    vtd_forget_space(u, p->tag);
}

/* -- a range -- */

/* The part of [first, end) that lies on one bus, and whether that is all of it. */
struct piece {
    unsigned bus, first, end;
    bool whole;
};

static struct piece piece_of(uint64_t stream, uint64_t end)
{
    struct piece s = { .bus = (unsigned)(stream / FUNCTIONS), .first = (unsigned)(stream % FUNCTIONS) };

    s.end = (unsigned)MIN((uint64_t)FUNCTIONS, end - (uint64_t)s.bus * FUNCTIONS);
    s.whole = s.first == 0 && s.end == FUNCTIONS;
    return s;
}

static bool is_free(const struct vtd *u, struct piece s)
{
    const struct vtd_context *table = table_of(u, s.bus);

    for (unsigned i = s.first; table && i < s.end; i++)
        if (tag_of(&table[i]))
            return false;
    return true;
}

static bool all_free(const struct vtd *u, uint64_t first, uint64_t end)
{
    for (uint64_t n = first; n < end; n = ROUND_DOWN(n, FUNCTIONS) + FUNCTIONS)
        if (!is_free(u, piece_of(n, end)))
            return false;
    return true;
}

static int prepare(struct vtd *u, const struct iommu_space *p, uint64_t first, uint64_t end)
{
    int r = 0;

    for (uint64_t n = first; !r && n < end; n = ROUND_DOWN(n, FUNCTIONS) + FUNCTIONS) {
        struct piece s = piece_of(n, end);

        r = s.whole && !table_of(u, s.bus) ? need_like(u, p) : need_own(u, s.bus);
    }
    return r;
}

static void give_piece(struct vtd *u, struct iommu_space *p, struct piece s)
{
    struct vtd_context *table = table_of(u, s.bus);

    if (!table) {
        ASSERT(s.whole);
        show_bus(u, s.bus, u->space[p->tag].like);
    }
    for (unsigned i = s.first; table && i < s.end; i++) {
        take(&table[i]);
        give(u, &table[i], p->tag, u->space[p->tag].table);
        vtd_show(u, &table[i], sizeof(table[i]));
    }
    p->streams[u->number] += s.end - s.first;
}

static void take_piece(struct vtd *u, struct iommu_space *p, struct piece s)
{
    struct vtd_context *table = table_of(u, s.bus);

    if (is_like(u, table)) {
        if (tag_of(table) != p->tag)
            return;
        /* As it was given: a part of it would need a page, which there may not be. */
        ASSERT(s.whole);
        show_bus(u, s.bus, NULL);
        p->streams[u->number] -= FUNCTIONS;
        return;
    }
    for (unsigned i = s.first; table && i < s.end; i++) {
        if (tag_of(&table[i]) != p->tag)
            continue;
        take(&table[i]);
        vtd_show(u, &table[i], sizeof(table[i]));
        p->streams[u->number]--;
    }
}

/* The page of like entries, and the unit's part in the space, go with the last stream. u's lock is held, and nothing is cached any more. */
static void end_if_last(struct vtd *u, struct iommu_space *p)
{
    struct vtd_context *like = u->space[p->tag].like;

    if (p->streams[u->number])
        return;
    u->space[p->tag].like = NULL;
    atomic_fetch_and(&p->units, ~(uint32_t)BIT(u->number));
    if (like)
        heap_free_pages(like, 0);
}

static bool is_range(const struct iommu_streams *s)
{
    return s->unit < vtd_count && s->count && s->first < VTD_STREAMS && s->count <= VTD_STREAMS - s->first;
}

int vtd_attach(struct iommu_space *p, const struct iommu_streams *streams)
{
    uint64_t first = streams->first, end = first + streams->count;
    struct stage2_locked l;
    struct vtd *u;
    int r;

    if (!is_range(streams))
        return -E_INVAL;
    u = vtd_units[streams->unit];
    /* What is changed after it is told to the unit (iommu_forget). */
    l = stage2_lock(p->stage2);
    spin_lock(&u->lock);
    atomic_fetch_or(&p->units, (uint32_t)BIT(u->number));
    vtd_show_space(u, p);
    u->space[p->tag].table = vtd_first_table(u, p);
    r = all_free(u, first, end) ? prepare(u, p, first, end) : -E_BUSY;
    if (!r) {
        vtd_forget_space(u, p->tag);
        for (uint64_t n = first; n < end; n = ROUND_DOWN(n, FUNCTIONS) + FUNCTIONS)
            give_piece(u, p, piece_of(n, end));
    }
    /* Also after an error: a bus may have got a page of its own. */
    vtd_forget_streams(u);
    end_if_last(u, p);
    spin_unlock(&u->lock);
    stage2_unlock(l);
    return r;
}

void vtd_detach(struct iommu_space *p, const struct iommu_streams *streams)
{
    uint64_t first = streams->first, end = first + streams->count;
    struct vtd *u;

    if (!is_range(streams))
        return;
    u = vtd_units[streams->unit];
    spin_lock(&u->lock);
    for (uint64_t n = first; n < end; n = ROUND_DOWN(n, FUNCTIONS) + FUNCTIONS)
        take_piece(u, p, piece_of(n, end));
    vtd_forget_streams(u);
    vtd_forget_space(u, p->tag);
    end_if_last(u, p);
    spin_unlock(&u->lock);
}
