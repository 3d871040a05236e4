/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's virtual address to guest-physical, by reading its tables as its processor would: no instruction translates for another mode.
 *
 *   paging off        address
 *   32-bit            cr3 -> 1024 x 4 bytes -> 1024 x 4 bytes, or 4 MiB pages where CR4.PSE
 *   PAE               cr3 -> 4 x 8 bytes without rights -> 512 x 8 -> 512 x 8, or 2 MiB pages
 *   long mode         cr3 -> 4 levels, or 5 where CR4.LA57, of 512 x 8 bytes; 1 GiB and 2 MiB pages
 */
#include "guest_walk.h"
#include "arch/include/mapping.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "mem/guest_copy.h"
#include "processor.h"
#include "stage2_space.h"
#include "virt.h"

#define ENTRY_PRESENT BIT(0)
#define ENTRY_WRITABLE BIT(1)
#define ENTRY_USER BIT(2)
#define ENTRY_ACCESSED BIT(5)
#define ENTRY_DIRTY BIT(6)
#define ENTRY_LARGE BIT(7)
#define ENTRY_NEVER_EXECUTE BIT(63)
#define ENTRY_FRAME UINT64_C(0x000ffffffffff000)
/* Bits 39:32 of a 4 MiB page are bits 20:13 of its entry (5.2.1). */
#define LARGE_FRAME_32 UINT64_C(0xffc00000)
#define LARGE_HIGH_32(e) (((e) >> 13 & 0xff) << 32)
#define ATTEMPTS 4

struct walk {
    struct x86_control_registers c;
    uint64_t address;
    unsigned use;
    bool is_wide, is_pae, ignores_smap;
    unsigned levels, bits, entry_bytes;
    struct stage2 *s;
    /* the result */
    uint64_t entry, entry_at, physical;
};

/* Where pages of the space that this CPU has loaded were when they were last looked up: true while nothing has been taken out of it, which
 * each use asks once, at its beginning (look). */
#define REMEMBERED 16
struct place {
    uint64_t gfn, era;
    mfn_t mfn;
    enum s2_type type;
    const uint64_t *window;             /* what that shows which may show it (lib/window_set.h), */
    const char *page;                   /* where that is */
};
struct places {
    uint64_t era, changes, loads;       /* an era ends when one of the others is not what it was */
    struct place at[REMEMBERED];
};
static PER_CPU(struct places, places);

/* Under the p2m lock until the last use: who takes something out counts it before letting go of that (arch_guest_frame's promise). */
static ALWAYS_INLINE struct places *look(struct stage2 *s)
{
    struct places *p = &THIS_CPU(places);
    uint64_t changes = atomic_load(&s->arch.changes), loads = stage2_loads();

    if (unlikely(p->changes != changes) || unlikely(p->loads != loads)) {
        p->changes = changes;
        p->loads = loads;
        p->era++;
    }
    return p;
}

/* NULL: there is no memory. */
static NOINLINE struct place *look_up(struct places *all, struct stage2 *s, uint64_t gfn)
{
    struct place *p = &all->at[gfn % REMEMBERED];
    unsigned n;

    p->type = stage2_lookup((struct stage2_locked){ s }, GFN(gfn), &p->mfn, NULL);
    p->gfn = gfn;
    p->era = S2_TYPES_MEMORY & BIT(p->type) ? all->era : 0;
    n = (unsigned)p->mfn.v % WINDOWS;
    p->window = &this_cpu()->windows.shows[n];
    p->page = (const char *)WINDOW_ADDRESS(cpu_id(), n);
    return p->era ? p : NULL;
}

static ALWAYS_INLINE struct place *place_of(struct places *all, struct stage2 *s, uint64_t gfn)
{
    struct place *p = &all->at[gfn % REMEMBERED];

    ASSERT(all->era);
    if (unlikely(p->gfn != gfn) || unlikely(p->era != all->era))
        return look_up(all, s, gfn);
    return p;
}

/* Entry n of a table, 0 where there is none. */
static ALWAYS_INLINE uint64_t entry_of(struct places *all, struct stage2 *s, uint64_t table, uint64_t n)
{
    const struct place *p = place_of(all, s, table / PAGE_SIZE);
    const char *page;

    if (unlikely(!p))
        return 0;
    page = likely(*p->window == p->mfn.v + 1) ? p->page : (const char *)arch_window_glance(p->mfn);
    return READ_ONCE(((const uint64_t *)page)[n]);
}

/* A page that needs work has been given it when this says COPY_RETRY. */
static enum copy_result read_entry(const struct walk *w, uint64_t at, uint64_t *entry)
{
    enum copy_result r;

    *entry = 0;
    r = copy_from_gpa(w->s, entry, GPA(at), w->entry_bytes);
    return r == COPY_RETRY ? copy_from_gpa(w->s, entry, GPA(at), w->entry_bytes) : r;
}

static ALWAYS_INLINE void begin(struct walk *w, struct vcpu *v, uint64_t address, unsigned use)
{
    virt_get_control_registers(v, &w->c);
    w->s = &v->domain->stage2;
    w->address = address;
    w->use = use;
    w->is_wide = w->c.efer & EFER_LMA;
    w->is_pae = w->c.cr4 & CR4_PAE;
    w->ignores_smap = v->arch.regs.rflags & RFLAGS_AC;
    w->levels = w->is_wide ? (w->c.cr4 & CR4_LA57 ? 5 : 4) : w->is_pae ? 3 : 2;
    w->bits = w->is_pae ? 9 : 10;
    w->entry_bytes = w->is_pae ? 8 : 4;
}

static ALWAYS_INLINE bool is_canonical(const struct walk *w)
{
    unsigned unused = 64 - (12 + 9 * w->levels);

    return !w->is_wide || (uint64_t)((int64_t)(w->address << unused) >> unused) == w->address;
}

static ALWAYS_INLINE bool is_leaf(const struct walk *w, unsigned level, uint64_t entry)
{
    if (level == 1)
        return true;
    if (!(entry & ENTRY_LARGE))
        return false;
    return level == 2 ? w->is_pae || (w->c.cr4 & CR4_PSE) : level == 3 && w->is_wide;
}

/* Rights of the whole way: 5.6, with SMEP and SMAP. */
static ALWAYS_INLINE bool may(const struct walk *w, bool user, bool writable, bool never_execute)
{
    if ((w->use & WALK_FETCH) && never_execute && (w->c.efer & EFER_NXE))
        return false;
    if (w->use & WALK_USER)
        return user && (writable || !(w->use & WALK_WRITE));
    if (user && (w->use & WALK_FETCH))
        return !(w->c.cr4 & CR4_SMEP);
    if (user && (w->c.cr4 & CR4_SMAP) && !w->ignores_smap)
        return false;
    return writable || !(w->use & WALK_WRITE) || !(w->c.cr0 & CR0_WP);
}

static ALWAYS_INLINE void place(struct walk *w, unsigned shift)
{
    uint64_t below = BIT(shift) - 1;

    if (shift == 22)
        w->physical = (w->entry & LARGE_FRAME_32) | LARGE_HIGH_32(w->entry) | (w->address & below);
    else
        w->physical = (w->entry & ENTRY_FRAME & ~below) | (w->address & below);
}

static bool walk(struct walk *w)
{
    uint64_t table = w->is_wide ? w->c.cr3 & ENTRY_FRAME : (uint32_t)w->c.cr3 & (w->is_pae ? ~31u : ~4095u);
    uint64_t rights = ENTRY_WRITABLE | ENTRY_USER, never = 0;

    if (!is_canonical(w))
        return false;
    for (unsigned level = w->levels;; level--) {
        unsigned shift = 12 + w->bits * (level - 1);

        ASSERT(level >= 1);
        w->entry_at = table + (w->address >> shift & (BIT(w->bits) - 1)) * w->entry_bytes;
        if (read_entry(w, w->entry_at, &w->entry) != COPY_OK || !(w->entry & ENTRY_PRESENT))
            return false;
        /* The four entries at the top of PAE have no rights. */
        if (w->is_wide || level < 3) {
            rights &= w->entry;
            never |= w->entry & ENTRY_NEVER_EXECUTE;
        }
        if (is_leaf(w, level, w->entry)) {
            place(w, shift);
            return may(w, rights & ENTRY_USER, rights & ENTRY_WRITABLE, never);
        }
        table = w->entry & ENTRY_FRAME;
    }
}

static ALWAYS_INLINE uint64_t marks_wanted(const struct walk *w)
{
    return ENTRY_ACCESSED | (w->use & WALK_WRITE ? ENTRY_DIRTY : 0);
}

/* False: the entry is another by now, or may not be written. */
static bool set_marks(const struct walk *w)
{
    uint64_t wanted = w->entry | marks_wanted(w), old = w->entry;
    uint32_t old_word = (uint32_t)old;
    mfn_t mfn;
    char *page;
    bool done;

    if (stage2_get_frame(w->s, gpa_to_gfn(GPA(w->entry_at)), true, &mfn, NULL))
        return false;
    page = arch_window_map(mfn);
    if (w->entry_bytes == 8)
        done = atomic_compare_exchange((uint64_t *)(page + (w->entry_at & ~PAGE_MASK)), &old, wanted);
    else
        done = atomic_compare_exchange((uint32_t *)(page + (w->entry_at & ~PAGE_MASK)), &old_word, (uint32_t)wanted);
    arch_window_unmap(page);
    frame_put(mfn);
    return done;
}

enum translate_result x86_guest_translate(struct vcpu *v, gva_t address, unsigned use, gpa_t *out)
{
    struct walk w;

    ASSERT(v == cpu_current_vcpu());
    begin(&w, v, address.v, use);
    if (!(w.c.cr0 & CR0_PG)) {
        *out = GPA((uint32_t)address.v);
        return TRANSLATE_OK;
    }
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        if (!walk(&w))
            return TRANSLATE_FAULT;
        *out = GPA(w.physical);
        if (!(marks_wanted(&w) & ~w.entry) || set_marks(&w))
            return TRANSLATE_OK;
    }
    /* Tables in pages that may not be written do without marks. */
    return TRANSLATE_OK;
}

enum translate_result arch_guest_translate(struct vcpu *v, gva_t address, bool write, gpa_t *out)
{
    return x86_guest_translate(v, address, write ? WALK_WRITE : 0, out);
}

/* The guest-physical page of an address in the four levels of a 64-bit kernel's tables, which may be used so; false: ask x86_guest_translate. */
static NOINLINE bool find_page(struct vcpu *v, struct places *all, uint64_t address, bool write, struct guest_page *g)
{
    uint64_t rights = ENTRY_WRITABLE | ENTRY_USER, table;
    unsigned shift;
    struct walk w;

    w.address = address;
    w.use = write ? WALK_WRITE : 0;
    w.ignores_smap = v->arch.regs.rflags & RFLAGS_AC;
    virt_get_control_registers(v, &w.c);
    if (!(w.c.cr0 & CR0_PG) || !(w.c.efer & EFER_LMA) || (w.c.cr4 & CR4_LA57) || (uint64_t)((int64_t)(address << 16) >> 16) != address)
        return false;
    table = w.c.cr3 & ENTRY_FRAME;
    UNROLL_4
    for (shift = 39; shift >= 12; shift -= 9) {
        w.entry = entry_of(all, &v->domain->stage2, table, address >> shift & 511);
        rights &= w.entry;
        if (!(w.entry & ENTRY_PRESENT))
            return false;
        if (shift == 12 || ((w.entry & ENTRY_LARGE) && shift != 39))
            break;
        table = w.entry & ENTRY_FRAME;
    }
    place(&w, shift);
    if (!may(&w, rights & ENTRY_USER, rights & ENTRY_WRITABLE, false) || (marks_wanted(&w) & ~w.entry))
        return false;
    /* What may be written as well needs no second walk for that. */
    w.use |= WALK_WRITE;
    write = may(&w, rights & ENTRY_USER, rights & ENTRY_WRITABLE, false) && (w.entry & ENTRY_DIRTY);
    *g = (struct guest_page){ (address & PAGE_MASK) | write, v->arch.runs, w.physical / PAGE_SIZE };
    return true;
}

/*
 * What was found out in this run of the guest, which has not executed anything since, is true for the rest of it: a processor, too, may keep a
 * translation until its kernel has told it otherwise. Where the page is in the host is asked each time.
 */
bool arch_guest_frame(struct vcpu *v, gva_t address, bool write, mfn_t *out)
{
    struct guest_page *g = &v->arch.pages[address.v / PAGE_SIZE % GUEST_PAGES];
    struct stage2 *s = &v->domain->stage2;
    struct places *all = look(s);
    const struct place *p;

    ASSERT(spin_is_held(&s->lock) && stage2_loaded() == &s->arch);
    if (g->run != v->arch.runs || (g->page ^ (address.v & PAGE_MASK)) > 1 || (write && !(g->page & 1))) {
        if (unlikely(!find_page(v, all, address.v, write, g)))
            return false;
    }
    p = place_of(all, s, g->gfn);
    if (unlikely(!p))
        return false;
    *out = p->mfn;
    return (write ? S2_TYPES_WRITABLE : S2_TYPES_MEMORY) & BIT(p->type);
}

unsigned x86_guest_fetch(struct vcpu *v, uint64_t rip, uint8_t *to, unsigned n)
{
    unsigned use = WALK_FETCH | (virt_cpl(v) == 3 ? WALK_USER : 0), done = 0;

    ASSERT(n <= PAGE_SIZE);
    while (done < n) {
        uint64_t at = virt_linear(v, X86_CS, rip + done);
        unsigned piece = (unsigned)MIN((uint64_t)(n - done), PAGE_SIZE - (at & ~PAGE_MASK));
        gpa_t physical;

        if (x86_guest_translate(v, GVA(at), use, &physical) != TRANSLATE_OK ||
            copy_from_gpa(&v->domain->stage2, to + done, physical, piece) != COPY_OK)
            break;
        done += piece;
    }
    return done;
}
