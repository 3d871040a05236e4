/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/iommu_x86.h"
#include "arch/include/mapping.h"
#include "arch/include/mmio.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/print.h"
#include "mem/heap.h"

#define ALLOWED 16
#define REACHABLE (BIT(S2_RAM) | BIT(S2_RAM_RO) | BIT(S2_GRANT_RW) | BIT(S2_GRANT_RO))
/* log2 of an entry's pages. */
#define SHIFT(level) (9 * (3 - (level)))

static const struct iommu_kind *kind;
static unsigned units;
static struct { uint64_t first, last; } allowed[ALLOWED];
static unsigned allowed_count;
static struct iommu_space *spaces[X86_IOMMU_SPACES];    /* atomic */

void iommu_x86_use(const struct iommu_kind *k, unsigned count)
{
    ASSERT(count && count <= X86_IOMMU_UNITS);
    kind = k;
    units = count;
}

void iommu_x86_allow(uint64_t base, uint64_t size)
{
    if (!size || base + size < base)
        return;
    if (allowed_count == ALLOWED) {
        log_warning("IOMMU: more than %u ranges of firmware's: devices do not reach 0x%llx", ALLOWED, (unsigned long long)base);
        return;
    }
    allowed[allowed_count].first = base >> PAGE_SHIFT;
    allowed[allowed_count++].last = (base + size - 1) >> PAGE_SHIFT;
}

bool iommu_is_present(void)
{
    return units != 0;
}

/* -- entries of twins -- */

static bool is_allowed(uint64_t frame, unsigned level)
{
    uint64_t last = frame + BIT(SHIFT(level)) - 1;

    for (unsigned i = 0; i < allowed_count; i++)
        if (allowed[i].first <= frame && last <= allowed[i].last)
            return true;
    return false;
}

uint64_t iommu_twin(s2_entry e, unsigned level)
{
    enum s2_type type = arch_s2_type(e);
    mfn_t mfn;

    if (!e)
        return 0;
    mfn = arch_s2_frame(e);
    if (arch_s2_is_table(e, level))
        return kind->table(mfn_add(mfn, 1), level);
    if (BIT(type) & REACHABLE || (type == S2_DEVICE && is_allowed(mfn.v, level)))
        return kind->leaf(mfn, s2_type_is_writable(type), level);
    return 0;
}

/* -- spaces -- */

static int take_tag(struct iommu_space *p)
{
    for (uint16_t n = 1; n < X86_IOMMU_SPACES; n++) {
        struct iommu_space *none = NULL;

        if (!atomic_load(&spaces[n]) && atomic_compare_exchange(&spaces[n], &none, p)) {
            p->tag = n;
            return 0;
        }
    }
    return -E_NOSPC;
}

int iommu_space_create(uint16_t domain, struct stage2 *s, struct iommu_space **out)
{
    struct iommu_space *p = heap_new(struct iommu_space);
    int r = p ? take_tag(p) : -E_NOMEM;

    ASSERT(iommu_is_present() && s && arch_stage2_geometry()->root_level == 0 && arch_stage2_geometry()->root_order == 0);
    if (!r)
        r = stage2_add_twins(s);
    if (r) {
        iommu_space_destroy(p);
        return r;
    }
    p->domain = domain;
    p->stage2 = s;
    p->root = HPA(s->arch.root.v + PAGE_SIZE);
    s->iommu = p;
    s->iommu_keeps_absent = kind->keeps_absent;
    s->leaf_level = MAX(s->leaf_level, kind->leaf_level);
    *out = p;
    return 0;
}

void iommu_space_destroy(struct iommu_space *p)
{
    if (!p)
        return;
    ASSERT(!iommu_has_streams(p));
    if (p->tag)
        atomic_store(&spaces[p->tag], NULL);
    heap_delete(p);
}

const struct iommu_space *iommu_x86_space(unsigned tag)
{
    return tag < X86_IOMMU_SPACES ? atomic_load(&spaces[tag]) : NULL;
}

int iommu_attach(struct iommu_space *p, const struct iommu_streams *streams)
{
    if (streams->unit >= units || !streams->count)
        return -E_INVAL;
    return kind->attach(p, streams);
}

void iommu_detach(struct iommu_space *p, const struct iommu_streams *streams)
{
    if (streams->unit < units && streams->count)
        kind->detach(p, streams);
}

bool iommu_has_streams(const struct iommu_space *p)
{
    return atomic_load(&p->units) != 0;
}

void iommu_forget(struct iommu_space *p, gfn_t gfn, uint64_t count)
{
    uint32_t with_streams;

    /* The entries before the look; meets attach, which counts the unit and makes it forget before the first stream is given. */
    barrier_full();
    with_streams = atomic_load(&p->units);
    for (unsigned i = 0; with_streams >> i; i++)
        if (with_streams >> i & 1)
            kind->forget(i, p, gfn.v, count);
}

/* -- what no domain of x86-64 has: its devices are told guest addresses -- */

int iommu_map_own(struct iommu_space *p UNUSED, mfn_t first UNUSED, uint64_t count UNUSED)
{
    panic("IOMMU: there is no identity on x86-64");
}

int iommu_map_doorbell(struct iommu_space *p UNUSED, mfn_t page UNUSED)
{
    panic("IOMMU: there is no identity on x86-64");
}

int iommu_use(struct iommu_space *p UNUSED, struct iommu_use u UNUSED)
{
    panic("IOMMU: there is no identity on x86-64");
}

void iommu_unuse(struct iommu_space *p UNUSED, const struct iommu_use *u UNUSED, unsigned n UNUSED)
{
    panic("IOMMU: there is no identity on x86-64");
}
