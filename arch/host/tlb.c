/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translating as a CPU does: a small TLB per CPU, tagged by VMID, that keeps an entry, however stale, until it is invalidated
 * or replaced. It finds three mistakes: a present entry changed without break and invalidation in between; a frame handed
 * out anew while some TLB still leads to it; a VMID used again while entries of its last user are left.
 */
#include "core/domain.h"
#include "arch/host/internal.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/vmid.h"

#define TLB_ENTRIES 32
#define VMIDS 16                /* few, so that tests see them run out; 0 is none */

struct tlb_entry {
    bool valid, stale;          /* stale: the table no longer says so */
    uint16_t vmid;
    uint8_t level, type;
    uint64_t gfn, mfn;
    const s2_entry *path[4];    /* table entries that the walk used, by level */
};

static PER_CPU(struct tlb_entry, tlb[TLB_ENTRIES]);
static struct stage2_geometry geometry;
static unsigned valid_entries, stale_entries;

const struct stage2_geometry *arch_stage2_geometry(void)
{
    return &geometry;
}

void tlb_boot(const struct stage2_geometry *g)
{
    geometry = *g;
    memset(tlb, 0, sizeof(tlb));
    valid_entries = stale_entries = 0;
    vmid_init(VMIDS);
}

static void drop(struct tlb_entry *t)
{
    valid_entries -= t->valid;
    stale_entries -= t->valid && t->stale;
    t->valid = false;
}

#define for_each_entry(t)                                                                   \
    for (struct tlb_entry *t = valid_entries ? &tlb[0][0] : &tlb[0][0] + sizeof(tlb) / sizeof(*t);      \
         t < &tlb[0][0] + sizeof(tlb) / sizeof(*t); t++)                                     \
        if (t->valid)

unsigned host_tlb_entries(void)
{
    return valid_entries;
}

void host_tlb_flush_all(void)
{
    for_each_entry(t)
        drop(t);
}

static bool uses(const struct tlb_entry *t, const s2_entry *slot)
{
    return t->path[0] == slot || t->path[1] == slot || t->path[2] == slot || t->path[3] == slot;
}

void tlb_check_write(const s2_entry *slot, s2_entry old, s2_entry new)
{
    if (old == new || (!arch_s2_is_present(old) && !stale_entries))
        return;
    PANIC_IF(arch_s2_is_present(old) && arch_s2_is_present(new), "stage-2 entry changed without break: %#llx to %#llx",
             (unsigned long long)old, (unsigned long long)new);
    for_each_entry(t) {
        if (!uses(t, slot))
            continue;
        PANIC_IF(arch_s2_is_present(new), "stage-2 entry for page %#llx made before the TLB was invalidated",
                 (unsigned long long)t->gfn);
        stale_entries += !t->stale;
        t->stale = true;
    }
}

void tlb_check_unused(mfn_t mfn)
{
    for_each_entry(t)
        PANIC_IF(mfn.v - t->mfn < BIT(9 * (3 - t->level)) && t->type != S2_DEVICE,
                 "frame %#llx is handed out while a TLB still leads to it (page %#llx, VMID %u)",
                 (unsigned long long)mfn.v, (unsigned long long)t->gfn, t->vmid);
}

void arch_stage2_invalidate_all(void)
{
    host_tlb_flush_all();
}

void arch_stage2_init(struct arch_stage2 *s, hpa_t root)
{
    *s = (struct arch_stage2){ .root = root };
}

/* The VMID may be another space's next: no entry may be left. */
void arch_stage2_release(struct arch_stage2 *s)
{
    vmid_unload(s);
    for_each_entry(t)
        PANIC_IF(vmid_is_current(s) && t->vmid == vmid_of(s), "page %#llx is in a TLB after its space has gone",
                 (unsigned long long)t->gfn);
    vmid_release(s);
}

void arch_stage2_invalidate(struct arch_stage2 *s, gfn_t gfn, uint64_t count)
{
    ASSERT(count);
    arch_schedule_point();
    if (!vmid_is_current_now(s))
        return;
    for_each_entry(t) {
        uint64_t span = BIT(9 * (3 - t->level));

        if (t->vmid != vmid_of(s))
            continue;
        if (count > 512 || (t->gfn < gfn.v + count && gfn.v < t->gfn + span))
            drop(t);
    }
    arch_schedule_point();
}

void tlb_load_space(struct arch_stage2 *s)
{
    (void)vmid_load(s);
}

/* --- translating --- */

static bool permits(enum s2_type type, bool write)
{
    return type != S2_EMPTY && type != S2_NEEDS_WORK && type != S2_DOORBELL && (!write || s2_type_is_writable(type));
}

static struct tlb_entry *find(uint16_t vmid, uint64_t gfn)
{
    struct tlb_entry *own = tlb[cpu_id()];

    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        if (own[i].valid && own[i].vmid == vmid && gfn - own[i].gfn < BIT(9 * (3 - own[i].level)))
            return &own[i];
    }
    return NULL;
}

/* The hardware's walk, in physical memory. NULL: a fault. */
static struct tlb_entry *walk(const struct arch_stage2 *s, uint64_t gfn)
{
    struct tlb_entry new = { .valid = true, .vmid = vmid_of(s) }, *t;
    uint64_t table = hpa_to_mfn(s->root).v, index = gfn >> 9 * (3 - geometry.root_level);
    s2_entry e;

    for (unsigned level = geometry.root_level;; level++) {
        s2_entry *physical = (s2_entry *)host_ram(MFN(table + index / 512)) + index % 512;

        e = __atomic_load_n(physical, __ATOMIC_ACQUIRE);
        new.path[level] = (s2_entry *)arch_heap_address(MFN(table + index / 512)) + index % 512;
        new.level = (uint8_t)level;
        if (!arch_s2_is_present(e))
            return NULL;
        if (!arch_s2_is_table(e, level))
            break;
        table = arch_s2_frame(e).v;
        index = gfn >> 9 * (2 - level) & 511;
    }
    new.gfn = ROUND_DOWN(gfn, BIT(9 * (3 - new.level)));
    new.mfn = arch_s2_frame(e).v;
    new.type = (uint8_t)arch_s2_type(e);
    t = &tlb[cpu_id()][host_random_below(TLB_ENTRIES)];
    drop(t);
    *t = new;
    valid_entries++;
    return t;
}

/* Where the byte at gpa is; NULL: a stage-2 fault. */
static uint8_t *translate(struct arch_stage2 *s, uint64_t gpa, bool write)
{
    uint64_t gfn = gpa >> PAGE_SHIFT;
    struct tlb_entry *t;

    if (gpa >> geometry.address_bits)
        return NULL;
    t = find(vmid_of(s), gfn);
    if (!t)
        t = walk(s, gfn);
    if (!t || !permits((enum s2_type)t->type, write) || t->type == S2_DEVICE)
        return NULL;
    return (uint8_t *)host_ram(MFN(t->mfn + (gfn - t->gfn))) + (gpa & ~PAGE_MASK);
}

/* The fault's handler: true when the access is worth another try. Somebody may have mapped the page since the walk. */
static bool handle_fault(struct stage2 *s, uint64_t gfn, bool write)
{
    struct stage2_locked l = stage2_lock(s);
    mfn_t mfn;
    enum s2_type type = stage2_lookup(l, GFN(gfn), &mfn, NULL);

    stage2_unlock(l);
    if (type == S2_NEEDS_WORK)
        return stage2_resolve_some(s, GFN(gfn), write) != -E_NOMEM;
    return permits(type, write) && type != S2_DEVICE;
}

bool host_access(struct stage2 *s, uint64_t gpa, void *buffer, size_t n, bool write)
{
    struct arch_stage2 *before = vmid_loaded();
    bool ok = true;

    tlb_load_space(&s->arch);
    while (n && ok) {
        size_t piece = MIN(n, (size_t)(PAGE_SIZE - (gpa & ~PAGE_MASK)));
        uint8_t *p = translate(&s->arch, gpa, write);

        if (!p) {
            ok = handle_fault(s, gpa >> PAGE_SHIFT, write);
            continue;
        }
        memcpy(write ? p : buffer, write ? buffer : p, piece);
        gpa += piece;
        buffer = (uint8_t *)buffer + piece;
        n -= piece;
    }
    arch_schedule_point();
    tlb_load_space(before);
    return ok;
}

/* Through the TLB, as a processor's address translation instruction goes; now and then it says no for no reason. */
bool arch_guest_frame(struct vcpu *v, gva_t address, bool write, mfn_t *out)
{
    struct arch_stage2 *before = vmid_loaded();
    struct tlb_entry *t = NULL;
    gpa_t physical;

    ASSERT(spin_is_held(&v->domain->stage2.lock));
    if (host_random_below(4) == 0 || arch_guest_translate(v, address, write, &physical) != TRANSLATE_OK ||
        physical.v >> geometry.address_bits)
        return false;
    tlb_load_space(&v->domain->stage2.arch);
    t = find(vmid_of(&v->domain->stage2.arch), physical.v >> PAGE_SHIFT);
    if (!t)
        t = walk(&v->domain->stage2.arch, physical.v >> PAGE_SHIFT);
    if (t && t->type != S2_DEVICE && permits((enum s2_type)t->type, write))
        *out = MFN(t->mfn + ((physical.v >> PAGE_SHIFT) - t->gfn));
    else
        t = NULL;
    tlb_load_space(before);
    return t != NULL;
}
