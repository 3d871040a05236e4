/* SPDX-License-Identifier: Apache-2.0 */
/* SMMUv3: spaces and their translation tables. (IHI 0070, 5.2, 5.4; descriptors: Arm ARM D8.3) */
#include "arch/include/arm64_its.h"
#include "drivers/smmuv3_internal.h"
#include "lib/bitmap.h"
#include "mem/heap.h"
#include "mem/stage2.h"

#define ENTRIES 512
#define STE_STAGE1 (UINT64_C(5) << 1)
#define STE_STAGE2 (UINT64_C(6) << 1)
#define STE_CONTEXT_CACHED (UINT64_C(1) << 2 | UINT64_C(1) << 4 | UINT64_C(3) << 6)
#define STE_SHARE_AS_COMES (UINT64_C(1) << 44)
/* Word 2: walks inner shareable, write-back; 64-bit tables; faults are recorded. */
#define STE_S2_WALKS (UINT64_C(1) << 40 | UINT64_C(1) << 42 | UINT64_C(3) << 44 | BIT(51) | BIT(58))
/* 48 bits of address, walks as above; no second table; valid; 64-bit; faults are recorded and end the access; own ASIDs. */
#define CD_FLAGS (UINT64_C(16) | UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12 | BIT(30) | BIT(31) | BIT(41) | \
                  BIT(45) | BIT(46) | BIT(47))
#define CD_MAIR UINT64_C(0x04ff)        /* 0: normal, write-back; 1: device nGnRE */

#define LEAF_DEVICE BIT(2)
#define LEAF_UNPRIVILEGED BIT(6)
#define LEAF_READ_ONLY BIT(7)
#define LEAF_COMMON (LEAF_VALID | LEAF_UNPRIVILEGED | UINT64_C(3) << 8 | BIT(10) | BIT(11) | BIT(53) | BIT(54))

static uint64_t tags[BITMAP_WORDS(SPACES)];

uint64_t smmu_leaf(mfn_t mfn, bool write, bool device, unsigned level)
{
    ASSERT(level >= 1 && level <= 3);
    return LEAF_COMMON | (level == 3 ? LEAF_TABLE_OR_PAGE : 0) | (write ? 0 : LEAF_READ_ONLY) | (device ? LEAF_DEVICE : 0) |
           mfn_to_hpa(mfn).v;
}

static uint64_t table_entry(uint64_t address)
{
    return address | LEAF_TABLE_OR_PAGE | LEAF_VALID;
}

uint64_t iommu_twin(s2_entry e, unsigned level)
{
    enum s2_type type = arch_s2_type(e);

    if (!e)
        return 0;
    if (arch_s2_is_table(e, level))
        return table_entry(mfn_to_hpa(mfn_add(arch_s2_frame(e), 1)).v);
    if (type == S2_NEEDS_WORK)
        return 0;
    if (type == S2_DOORBELL)
        return smmu_leaf(arch_s2_frame(e), true, true, level);
    return smmu_leaf(arch_s2_frame(e), s2_type_is_writable(type), type == S2_DEVICE, level);
}

/* -- making one -- */

/* IDR5.OAS's encoding of so many bits of address. */
static uint64_t size_code(unsigned bits)
{
    return bits <= 32 ? 0 : bits <= 36 ? 1 : bits <= 40 ? 2 : bits <= 42 ? 3 : bits <= 44 ? 4 : 5;
}

static unsigned least_output_bits(void)
{
    unsigned bits = 48;

    for (unsigned i = 0; i < smmu_count; i++)
        bits = MIN(bits, smmu_units[i].output_bits);
    return bits;
}

/* Not where there is an ITS: its doorbell is in no entry that a processor walks too. */
static bool can_walk_stage2(void)
{
    if (arch_its_base().v)
        return false;
    for (unsigned i = 0; i < smmu_count; i++)
        if (!smmu_units[i].has_stage2)
            return false;
    return arch_stage2_geometry()->address_bits <= least_output_bits();
}

static int take_tag(uint16_t *tag)
{
    for (unsigned n = 1; n < SPACES; n++)
        if (!atomic_test_bit(tags, n) && !atomic_test_and_set_bit(tags, n)) {
            *tag = (uint16_t)n;
            return 0;
        }
    return -E_NOSPC;
}

static void use_stage2(struct iommu_space *p, const struct stage2 *s)
{
    const struct stage2_geometry *g = arch_stage2_geometry();
    uint64_t start = g->root_level == 0 ? 2 : 1;

    p->stage2 = true;
    p->ste[0] = STE_VALID | STE_STAGE2;
    p->ste[1] = STE_SHARE_AS_COMES;
    p->ste[2] = p->tag | (uint64_t)(64 - g->address_bits) << 32 | start << 38 | STE_S2_WALKS | size_code(least_output_bits()) << 48;
    p->ste[3] = s->arch.root.v;
}

static int use_stage1(struct iommu_space *p, uint64_t root)
{
    p->context = heap_alloc_pages(0);
    if (!p->context)
        return -E_NOMEM;
    p->context[0] = CD_FLAGS | size_code(least_output_bits()) << 32 | (uint64_t)p->tag << 48;
    p->context[1] = root;
    p->context[3] = CD_MAIR;
    p->ste[0] = STE_VALID | STE_STAGE1 | smmu_address(p->context);
    p->ste[1] = STE_CONTEXT_CACHED | STE_SHARE_AS_COMES;
    return 0;
}

/* The root tables' twins are where stage 1's second level is, unless there is one root alone, which is its first. */
static int use_twins(struct iommu_space *p, struct stage2 *s)
{
    const struct stage2_geometry *g = arch_stage2_geometry();
    uint64_t twin;
    int r = stage2_add_twins(s);

    if (r)
        return r;
    twin = s->arch.root.v + (PAGE_SIZE << g->root_order);
    if (g->root_level == 0)
        return use_stage1(p, twin);
    p->root = heap_alloc_pages(0);
    if (!p->root)
        return -E_NOMEM;
    ASSERT(BIT(g->root_order) <= ENTRIES);
    for (unsigned i = 0; i < BIT(g->root_order); i++)
        p->root[i] = table_entry(twin + i * PAGE_SIZE);
    return use_stage1(p, smmu_address(p->root));
}

static int use_identity(struct iommu_space *p)
{
    p->identity = true;
    p->root = heap_alloc_pages(0);
    return p->root ? use_stage1(p, smmu_address(p->root)) : -E_NOMEM;
}

int iommu_space_create(uint16_t domain, struct stage2 *s, struct iommu_space **out)
{
    struct iommu_space *p = heap_new(struct iommu_space);
    int r;

    ASSERT(iommu_is_present());
    if (!p)
        return -E_NOMEM;
    p->domain = domain;
    spin_lock_init(&p->lock, LOCK_IOMMU_SPACE);
    r = take_tag(&p->tag);
    if (!r && s && can_walk_stage2())
        use_stage2(p, s);
    else if (!r)
        r = s ? use_twins(p, s) : use_identity(p);
    if (r) {
        iommu_space_destroy(p);
        return r;
    }
    if (s)
        s->iommu = p;
    *out = p;
    return 0;
}

/* -- the identity: tables of stage 1, of which those of pages count uses as well -- */

struct identity_pages {
    uint64_t entry[ENTRIES];
    struct identity_use {
        uint32_t readers, writers;
    } use[ENTRIES];
};
#define PAGES_ORDER 1
/* The domain's own. */
#define OWN_USES (UINT32_MAX / 2)

STATIC_ASSERT(sizeof(struct identity_pages) == PAGE_SIZE << PAGES_ORDER);

static uint64_t *table_of(uint64_t entry)
{
    return arch_heap_address(MFN((entry & LEAF_FRAME) >> PAGE_SHIFT));
}

static bool is_table(uint64_t entry, unsigned level)
{
    return level < 3 && (entry & (LEAF_VALID | LEAF_TABLE_OR_PAGE)) == (LEAF_VALID | LEAF_TABLE_OR_PAGE);
}

/* Where the walk to a frame ends: at level `stop`, or before at a block or (make: no memory; else) nothing. */
static uint64_t *identity_walk(struct iommu_space *p, uint64_t frame, unsigned stop, bool make, unsigned *level)
{
    uint64_t *table = p->root;

    ASSERT(spin_is_held(&p->lock) && p->identity);
    for (unsigned l = 0;; l++) {
        uint64_t *slot = &table[frame >> (27 - 9 * l) & (ENTRIES - 1)];

        *level = l;
        if (l == stop || (*slot && !is_table(*slot, l)))
            return slot;
        if (!*slot) {
            uint64_t *next = make ? heap_alloc_pages(l == 2 ? PAGES_ORDER : 0) : NULL;

            if (!next)
                return NULL;
            mmio_barrier();
            WRITE_ONCE(*slot, table_entry(smmu_address(next)));
        }
        table = table_of(*slot);
    }
}

static struct identity_use *use_at(uint64_t *slot)
{
    struct identity_pages *pages = (struct identity_pages *)((uintptr_t)slot & ~((PAGE_SIZE << PAGES_ORDER) - 1));

    return &pages->use[slot - pages->entry];
}

/* The largest block that is aligned at `frame`, no longer than `left` and of a size that there is. */
static unsigned own_level(uint64_t frame, uint64_t left)
{
    for (unsigned level = 1; level < 3; level++)
        if (IS_ALIGNED(frame, BIT(27 - 9 * level)) && left >= BIT(27 - 9 * level))
            return level;
    return 3;
}

static int map_own_piece(struct iommu_space *p, uint64_t frame, uint64_t left, uint64_t *pages)
{
    unsigned want = own_level(frame, left), level;
    uint64_t *slot = identity_walk(p, frame, want, true, &level);

    /* There is a table already: page by page. */
    if (slot && level == want && is_table(*slot, level))
        slot = identity_walk(p, frame, want = 3, true, &level);
    if (!slot)
        return -E_NOMEM;
    *pages = BIT(27 - 9 * level) - (frame & (BIT(27 - 9 * level) - 1));
    if (level == want && !*slot)
        WRITE_ONCE(*slot, smmu_leaf(MFN(frame), true, false, level));
    if (level == 3)
        use_at(slot)->writers = OWN_USES;
    return 0;
}

int iommu_map_own(struct iommu_space *p, mfn_t first, uint64_t count)
{
    uint64_t done = 0, pages;
    int r = 0;

    spin_lock(&p->lock);
    while (!r && done < count) {
        r = map_own_piece(p, first.v + done, count - done, &pages);
        if (!r)
            done += pages;
    }
    mmio_barrier();
    spin_unlock(&p->lock);
    return r;
}

int iommu_map_doorbell(struct iommu_space *p, mfn_t page)
{
    unsigned level;
    uint64_t *slot;

    ASSERT(p->identity);
    spin_lock(&p->lock);
    slot = identity_walk(p, page.v, 3, true, &level);
    if (slot && level == 3) {
        WRITE_ONCE(*slot, smmu_leaf(page, true, true, 3));
        use_at(slot)->writers = OWN_USES;
        mmio_barrier();
    }
    spin_unlock(&p->lock);
    return !slot ? -E_NOMEM : level == 3 ? 0 : -E_BUSY;
}

/* -- forgetting what was cached -- */

void smmu_forget_space(struct smmu *u, const struct iommu_space *p)
{
    uint64_t tag = p->stage2 ? CMD_TLBI_S12_VMALL | (uint64_t)p->tag << 32 : CMD_TLBI_NH_ASID | (uint64_t)p->tag << 48;

    smmu_command(u, &(struct smmu_command){ { tag, 0 } }, 1);
}

static struct smmu_command forget_page(const struct iommu_space *p, uint64_t page)
{
    uint64_t tag = p->stage2 ? CMD_TLBI_S2_IPA | (uint64_t)p->tag << 32 : CMD_TLBI_NH_VA | (uint64_t)p->tag << 48;

    return (struct smmu_command){ { tag, page << PAGE_SHIFT } };
}

/* The same batch for every unit that may know something; n beyond a batch: all of the space. */
static void forget(struct iommu_space *p, const struct smmu_command *c, uint64_t n)
{
    uint32_t units = atomic_load(&p->units);

    mmio_barrier();
    for (unsigned i = 0; i < smmu_count; i++) {
        struct smmu *u = &smmu_units[i];

        if (!(units & BIT(i)))
            continue;
        spin_lock(&u->lock);
        if (n > SMMU_COMMANDS)
            smmu_forget_space(u, p);
        else
            smmu_command(u, c, (unsigned)n);
        spin_unlock(&u->lock);
    }
}

void iommu_forget(struct iommu_space *p, gfn_t gfn, uint64_t count)
{
    struct smmu_command c[SMMU_COMMANDS];

    /* The entries before the look: as in iommu_unuse. */
    barrier_full();
    if (!iommu_has_streams(p))
        return;
    for (uint64_t i = 0; i < count && count <= SMMU_COMMANDS; i++)
        c[i] = forget_page(p, gfn.v + i);
    forget(p, c, count);
}

/* -- uses of others' frames -- */

static void set_page(uint64_t *slot, mfn_t mfn, const struct identity_use *use)
{
    WRITE_ONCE(*slot, use->readers || use->writers ? smmu_leaf(mfn, use->writers, false, 3) : 0);
}

int iommu_use(struct iommu_space *p, struct iommu_use u)
{
    const struct smmu_command c = forget_page(p, u.mfn.v);
    bool was_read_only = false;
    unsigned level;
    uint64_t *slot;

    spin_lock(&p->lock);
    slot = identity_walk(p, u.mfn.v, 3, true, &level);
    if (slot && level == 3) {
        struct identity_use *use = use_at(slot);

        was_read_only = use->readers && !use->writers && u.write;
        use->readers += !u.write;
        use->writers += u.write;
        set_page(slot, u.mfn, use);
    }
    /* What is not mapped is not cached; what may not be written may be. */
    if (was_read_only)
        forget(p, &c, 1);
    mmio_barrier();
    spin_unlock(&p->lock);
    return slot ? 0 : -E_NOMEM;
}

void iommu_unuse(struct iommu_space *p, const struct iommu_use *u, unsigned n)
{
    struct smmu_command c[IOMMU_BATCH];
    unsigned commands = 0;

    STATIC_ASSERT(IOMMU_BATCH <= SMMU_COMMANDS);
    ASSERT(n <= IOMMU_BATCH);
    spin_lock(&p->lock);
    for (unsigned i = 0; i < n; i++) {
        unsigned level;
        uint64_t *slot = identity_walk(p, u[i].mfn.v, 3, false, &level), before;
        struct identity_use *use;

        PANIC_IF(!slot, "IOMMU: d%u has no use of frame 0x%llx", p->domain, (unsigned long long)u[i].mfn.v);
        if (level != 3)
            continue;           /* within a block of its own memory */
        use = use_at(slot);
        ASSERT(u[i].write ? use->writers : use->readers);
        use->readers -= !u[i].write;
        use->writers -= u[i].write;
        before = *slot;
        set_page(slot, u[i].mfn, use);
        if (*slot != before)
            c[commands++] = forget_page(p, u[i].mfn.v);
    }
    /* The entries before the look; meets iommu_attach, which counts the unit and makes it forget before the first stream is given. */
    barrier_full();
    if (commands && iommu_has_streams(p))
        forget(p, c, commands);
    spin_unlock(&p->lock);
}

/* -- the end -- */

static void free_identity(uint64_t *table, unsigned level)
{
    for (unsigned i = 0; level < 3 && i < ENTRIES; i++)
        if (is_table(table[i], level))
            free_identity(table_of(table[i]), level + 1);
    heap_free_pages(table, level == 3 ? PAGES_ORDER : 0);
}

void iommu_space_destroy(struct iommu_space *p)
{
    if (!p)
        return;
    ASSERT(!iommu_has_streams(p));
    for (unsigned i = 0; i < SMMU_UNITS; i++)
        smmu_free_pages(p->group_table[i], GROUP_ORDER);
    if (p->identity && p->root)
        free_identity(p->root, 0);
    else
        smmu_free_pages(p->root, 0);
    smmu_free_pages(p->context, 0);
    if (p->tag)
        (void)atomic_test_and_clear_bit(tags, p->tag);
    heap_delete(p);
}
