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
    /* the result */
    uint64_t entry, entry_at, physical;
};

typedef enum copy_result (*read_function)(struct stage2 *s, uint64_t at, unsigned bytes, uint64_t *entry);

/* Where pages of the space that this CPU has loaded were when they were last looked up: true while nothing has been taken out of it. */
#define REMEMBERED 16
struct place {
    uint64_t gfn, changes, loads;
    mfn_t mfn;
    enum s2_type type;
};
static struct place places[MAX_CPUS][REMEMBERED];

/* Under the p2m lock: who takes something out counts it before letting go of that (arch_guest_frame's promise). */
static ALWAYS_INLINE enum s2_type look_up(struct stage2 *s, gfn_t gfn, mfn_t *mfn)
{
    struct place *p = &places[cpu_id()][gfn.v % REMEMBERED];
    uint64_t changes = atomic_load(&s->arch.changes), loads = stage2_loads();

    if (likely(p->gfn == gfn.v && p->changes == changes && p->loads == loads)) {
        *mfn = p->mfn;
        return p->type;
    }
    p->type = stage2_lookup((struct stage2_locked){ s }, gfn, mfn, NULL);
    p->gfn = gfn.v;
    p->mfn = *mfn;
    p->changes = S2_TYPES_MEMORY & BIT(p->type) ? changes : 0;
    p->loads = loads;
    return p->type;
}

static ALWAYS_INLINE enum copy_result read_locked(struct stage2 *s, uint64_t at, unsigned bytes, uint64_t *entry)
{
    mfn_t mfn;
    enum s2_type type = look_up(s, gpa_to_gfn(GPA(at)), &mfn);
    const char *page;

    if (unlikely(!(S2_TYPES_MEMORY & BIT(type))))
        return COPY_FAULT;
    page = (const char *)arch_window_glance(mfn) + (at & ~PAGE_MASK);
    *entry = bytes == 8 ? READ_ONCE(*(const uint64_t *)page) : READ_ONCE(*(const uint32_t *)page);
    arch_window_glance_end((void *)(uintptr_t)page);
    return COPY_OK;
}

/* A page that needs work has been given it when this says COPY_RETRY. */
static enum copy_result read_unlocked(struct stage2 *s, uint64_t at, unsigned bytes, uint64_t *entry)
{
    enum copy_result r;

    *entry = 0;
    r = copy_from_gpa(s, entry, GPA(at), bytes);
    return r == COPY_RETRY ? copy_from_gpa(s, entry, GPA(at), bytes) : r;
}

static ALWAYS_INLINE void begin(struct walk *w, struct vcpu *v, uint64_t address, unsigned use)
{
    virt_get_control_registers(v, &w->c);
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

static ALWAYS_INLINE bool walk(struct walk *w, struct stage2 *s, read_function read)
{
    uint64_t table = w->is_wide ? w->c.cr3 & ENTRY_FRAME : (uint32_t)w->c.cr3 & (w->is_pae ? ~31u : ~4095u);
    uint64_t rights = ENTRY_WRITABLE | ENTRY_USER, never = 0;

    if (!is_canonical(w))
        return false;
    for (unsigned level = w->levels;; level--) {
        unsigned shift = 12 + w->bits * (level - 1);

        ASSERT(level >= 1);
        w->entry_at = table + (w->address >> shift & (BIT(w->bits) - 1)) * w->entry_bytes;
        if (read(s, w->entry_at, w->entry_bytes, &w->entry) != COPY_OK || !(w->entry & ENTRY_PRESENT))
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
static bool set_marks(const struct walk *w, struct stage2 *s)
{
    uint64_t wanted = w->entry | marks_wanted(w), old = w->entry;
    uint32_t old_word = (uint32_t)old;
    mfn_t mfn;
    char *page;
    bool done;

    if (stage2_get_frame(s, gpa_to_gfn(GPA(w->entry_at)), true, &mfn, NULL))
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
    struct stage2 *s = &v->domain->stage2;
    struct walk w;

    ASSERT(v == cpu_current_vcpu());
    begin(&w, v, address.v, use);
    if (!(w.c.cr0 & CR0_PG)) {
        *out = GPA((uint32_t)address.v);
        return TRANSLATE_OK;
    }
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        if (!walk(&w, s, read_unlocked))
            return TRANSLATE_FAULT;
        *out = GPA(w.physical);
        if (!(marks_wanted(&w) & ~w.entry) || set_marks(&w, s))
            return TRANSLATE_OK;
    }
    /* Tables in pages that may not be written do without marks. */
    return TRANSLATE_OK;
}

enum translate_result arch_guest_translate(struct vcpu *v, gva_t address, bool write, gpa_t *out)
{
    return x86_guest_translate(v, address, write ? WALK_WRITE : 0, out);
}

bool arch_guest_frame(struct vcpu *v, gva_t address, bool write, mfn_t *out)
{
    struct stage2 *s = &v->domain->stage2;
    enum s2_type type;
    struct walk w;

    ASSERT(spin_is_held(&s->lock) && stage2_loaded() == &s->arch);
    begin(&w, v, address.v, write ? WALK_WRITE : 0);
    /* Other modes go the long way. */
    if (unlikely(!(w.c.cr0 & CR0_PG)) || unlikely(!w.is_wide))
        return false;
    w.is_wide = w.is_pae = true;
    w.bits = 9;
    w.entry_bytes = 8;
    if (!walk(&w, s, read_locked) || unlikely(marks_wanted(&w) & ~w.entry))
        return false;
    type = look_up(s, gpa_to_gfn(GPA(w.physical)), out);
    return (write ? S2_TYPES_WRITABLE : S2_TYPES_MEMORY) & BIT(type);
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
