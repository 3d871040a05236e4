/* SPDX-License-Identifier: Apache-2.0 */
/* A 32-bit kernel's translation tables (Arm ARM G5.4 short format, G5.5 long format), for when AT has said no. */
#include "aarch32.h"
#include "mem/guest_copy.h"
#include "stage1_walk.h"
#include "sysreg.h"

#define TTBCR_PD0 BIT(4)
#define TTBCR_PD1 BIT(5)
#define TYPE(descriptor) ((descriptor) & 3)
#define TYPE_TABLE 1
#define TYPE_LARGE 1            /* second level; 2 and 3: small page */
#define SUPERSECTION BIT(18)
#define DOMAIN(descriptor) ((descriptor) >> 5 & 15)
#define DACR_CLIENT 1
#define DACR_MANAGER 3

/* All ones in the upper `n` of 32 bits? */
static bool is_top(uint32_t address, unsigned n)
{
    return n && address >> (32 - n) == BIT(n) - 1;
}

static bool is_bottom(uint32_t address, unsigned n)
{
    return !n || address >> (32 - n) == 0;
}

bool aarch32_start_walk(gva_t address, struct stage1_walk *w)
{
    uint64_t ttbcr = read_sysreg(tcr_el1);
    unsigned size0 = ttbcr & 7, size1 = ttbcr >> 16 & 7;
    bool upper = size1 ? is_top((uint32_t)address.v, size1) : !is_bottom((uint32_t)address.v, size0);

    if (address.v >> 32 || (!upper && !is_bottom((uint32_t)address.v, size0)) || ttbcr >> (upper ? 23 : 7) & 1)
        return false;
    w->page_shift = PAGE_SHIFT;
    w->bits = 32 - (upper ? size1 : size0);
    w->level = w->bits > 30 ? 1 : 2;
    w->table = (upper ? read_sysreg(ttbr1_el1) : read_sysreg(ttbr0_el1)) & 0x0000fffffffffffe;
    return true;
}

/* AP[2:0] at `bit` and its upper bit at `upper`; with SCTLR.AFE the lowest bit is the access flag. (G5.7.1) */
static bool may_access(uint32_t descriptor, unsigned bit, unsigned upper, bool write)
{
    bool read_only = descriptor >> upper & 1, has_flag = read_sysreg(sctlr_el1) & SCTLR32_AFE;
    unsigned low = descriptor >> bit & 3;

    if (has_flag ? !(low & 1) : !low)
        return false;           /* never accessed; or nobody may */
    return !(write && read_only);
}

static bool read_entry(struct vcpu *v, uint64_t at, uint32_t *out)
{
    return copy_from_gpa(&v->domain->stage2, out, GPA(at), sizeof(*out)) == COPY_OK;
}

static bool section(uint32_t descriptor, uint32_t address, bool write, bool is_manager, gpa_t *out)
{
    if (!is_manager && !may_access(descriptor, 10, 15, write))
        return false;
    if (descriptor & SUPERSECTION)
        *out = GPA((descriptor & 0xff000000) | (uint64_t)(descriptor >> 20 & 15) << 32 | (uint64_t)DOMAIN(descriptor) << 36 |
                   (address & 0xffffff));
    else
        *out = GPA((descriptor & 0xfff00000) | (address & 0xfffff));
    return true;
}

static bool page(struct vcpu *v, uint32_t table, uint32_t address, bool write, bool is_manager, gpa_t *out)
{
    uint32_t mask, descriptor;

    if (!read_entry(v, (table & 0xfffffc00) + (address >> 12 & 0xff) * 4, &descriptor) || !TYPE(descriptor))
        return false;
    if (!is_manager && !may_access(descriptor, 4, 9, write))
        return false;
    mask = TYPE(descriptor) == TYPE_LARGE ? 0xffff : 0xfff;
    *out = GPA((descriptor & ~mask) | (address & mask));
    return true;
}

bool aarch32_translate_short(struct vcpu *v, gva_t address, bool write, gpa_t *out)
{
    uint32_t at = (uint32_t)address.v, descriptor;
    uint64_t ttbcr = read_sysreg(tcr_el1);
    unsigned n = ttbcr & 7, domain;
    bool upper = !is_bottom(at, n);
    uint64_t table = upper ? read_sysreg(ttbr1_el1) : read_sysreg(ttbr0_el1);
    unsigned bits = upper ? 12 : 12 - n;        /* of the index */

    if (address.v >> 32 || ttbcr & (upper ? TTBCR_PD1 : TTBCR_PD0))
        return false;
    table = (uint32_t)table & ~((UINT32_C(4) << bits) - 1);
    if (!read_entry(v, table + (at >> 20 & (BIT(bits) - 1)) * 4, &descriptor) || !TYPE(descriptor))
        return false;
    domain = TYPE(descriptor) != TYPE_TABLE && descriptor & SUPERSECTION ? 0 : DOMAIN(descriptor);
    domain = read_sysreg(dacr32_el2) >> 2 * domain & 3;
    if (domain != DACR_CLIENT && domain != DACR_MANAGER)
        return false;
    return TYPE(descriptor) == TYPE_TABLE ? page(v, descriptor, at, write, domain == DACR_MANAGER, out)
                                          : section(descriptor, at, write, domain == DACR_MANAGER, out);
}
