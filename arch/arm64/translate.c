/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's virtual address to guest-physical, with its kernel's rights: by the processor (AT), and when that says no by reading
 * the guest's own tables, because AT also fails when stage 2 of a table's page is being changed.
 */
#include "aarch32.h"
#include "arch/include/stage2.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "mem/guest_copy.h"
#include "stage1_walk.h"
#include "sysreg.h"

#define PAR_FAILED BIT(0)
#define PAR_NORMAL_SHIFT 60
#define ADDRESS_MASK UINT64_C(0x0000fffffffff000)
#define DESC_VALID BIT(0)
#define DESC_TABLE BIT(1)
#define DESC_READ_ONLY BIT(7)
#define DESC_ACCESSED BIT(10)
#define TABLE_READ_ONLY BIT(62)

/* PAR_EL1 is the guest's. The variants that heed PSTATE.PAN are not used: the kernel's rights do not depend on it. */
static bool translate_by_processor(gva_t address, bool write, gpa_t *out)
{
    uint64_t saved = read_sysreg(par_el1), par;

    if (write)
        __asm__ volatile("at s1e1w, %0" :: "r"(address.v));
    else
        __asm__ volatile("at s1e1r, %0" :: "r"(address.v));
    isb();
    par = read_sysreg(par_el1);
    write_sysreg(par_el1, saved);
    if (par & PAR_FAILED)
        return false;
    *out = GPA((par & ADDRESS_MASK) | (address.v & ~PAGE_MASK));
    return true;
}

bool arch_guest_frame(struct vcpu *v UNUSED, gva_t address, bool write, mfn_t *out)
{
    uint64_t saved = read_sysreg(par_el1), par;

    if (write)
        __asm__ volatile("at s12e1w, %0" :: "r"(address.v));
    else
        __asm__ volatile("at s12e1r, %0" :: "r"(address.v));
    isb();
    par = read_sysreg(par_el1);
    write_sysreg(par_el1, saved);
    *out = MFN((par & ADDRESS_MASK) >> PAGE_SHIFT);
    /* The attributes of both stages: devices have none in the upper half (Arm ARM D17.2.118). */
    return !(par & PAR_FAILED) && par >> PAR_NORMAL_SHIFT != 0;
}

static unsigned granule_shift(uint64_t tcr, bool upper)
{
    /* TG1 counts differently from TG0 (Arm ARM, TCR_EL1). */
    static const uint8_t tg0[] = { 12, 16, 14, 0 }, tg1[] = { 0, 14, 12, 16 };

    return upper ? tg1[tcr >> 30 & 3] : tg0[tcr >> 14 & 3];
}

static bool start_walk(gva_t address, struct stage1_walk *w)
{
    uint64_t tcr = read_sysreg(tcr_el1);
    bool upper = address.v >> 55 & 1;
    unsigned size = upper ? tcr >> 16 & 63 : tcr & 63;
    bool ignore_top = tcr >> (upper ? 38 : 37) & 1;
    uint64_t top = ignore_top ? address.v << 8 >> 8 : address.v;
    uint64_t expected;

    w->page_shift = granule_shift(tcr, upper);
    if (tcr >> (upper ? 23 : 7) & 1 || w->page_shift == 0 || size < 16 || size > 39)
        return false;
    w->bits = 64 - size;
    expected = upper ? (ignore_top ? UINT64_MAX >> 8 : UINT64_MAX) >> w->bits : 0;
    if (top >> w->bits != expected)
        return false;
    w->table = (upper ? read_sysreg(ttbr1_el1) : read_sysreg(ttbr0_el1)) & 0x0000fffffffffffe;
    w->level = 4 - (w->bits - w->page_shift + w->page_shift - 4) / (w->page_shift - 3);
    return true;
}

/* Bits of address that are below an entry of this level. */
static unsigned shift_of(const struct stage1_walk *w, unsigned level)
{
    return w->page_shift + (3 - level) * (w->page_shift - 3);
}

static bool may_be_leaf(const struct stage1_walk *w, unsigned level, uint64_t descriptor)
{
    if (level == 3)
        return descriptor & DESC_TABLE;
    return !(descriptor & DESC_TABLE) && (level == 2 || (level == 1 && w->page_shift == 12));
}

static bool finish(const struct stage1_walk *w, unsigned level, uint64_t descriptor, gva_t address, bool write, gpa_t *out)
{
    uint64_t below = BIT(shift_of(w, level)) - 1;

    if (!may_be_leaf(w, level, descriptor) || !(descriptor & DESC_ACCESSED) || (write && (descriptor & DESC_READ_ONLY)))
        return false;
    *out = GPA((descriptor & ADDRESS_MASK & ~below) | (address.v & below));
    return true;
}

static bool translate_by_tables(struct vcpu *v, gva_t address, bool write, gpa_t *out)
{
    struct stage1_walk w;
    uint64_t table;

    if (domain_is_narrow(v->domain) && !(read_sysreg(tcr_el1) & TTBCR_EAE))
        return aarch32_translate_short(v, address, write, out);
    if (!(domain_is_narrow(v->domain) ? aarch32_start_walk(address, &w) : start_walk(address, &w)))
        return false;
    table = w.table & ~(BIT(w.bits - shift_of(&w, w.level) + 3) - 1);
    for (unsigned level = w.level; level <= 3; level++) {
        unsigned top = level == w.level ? w.bits : shift_of(&w, level) + w.page_shift - 3;
        uint64_t index = (address.v & (BIT(top) - 1)) >> shift_of(&w, level), descriptor;

        if (copy_from_gpa(&v->domain->stage2, &descriptor, GPA(table + index * 8), 8) != COPY_OK)
            return false;
        if (!(descriptor & DESC_VALID))
            return false;
        if (level == 3 || !(descriptor & DESC_TABLE))
            return finish(&w, level, descriptor, address, write, out);
        if (write && (descriptor & TABLE_READ_ONLY))
            return false;
        table = descriptor & ADDRESS_MASK & ~(BIT(w.page_shift) - 1);
    }
    return false;
}

enum translate_result arch_guest_translate(struct vcpu *v, gva_t address, bool write, gpa_t *out)
{
    ASSERT(v == cpu_current_vcpu());
    if (likely(translate_by_processor(address, write, out)))
        return TRANSLATE_OK;
    /* Stage 1 off: virtual is physical, and AT would have said yes. */
    if (!(read_sysreg(sctlr_el1) & 1))
        return TRANSLATE_FAULT;
    return translate_by_tables(v, address, write, out) ? TRANSLATE_OK : TRANSLATE_FAULT;
}
