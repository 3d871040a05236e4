/* SPDX-License-Identifier: Apache-2.0 */
/* The TLB and what the processor wants of stage 2. Which space has which VMID: mem/vmid.h. */
#include "arch/include/stage2.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "mem/vmid.h"
#include "stage2_hw.h"
#include "sysreg.h"

#define VMID_SHIFT 48
#define VTCR_VS BIT(19)             /* VMIDs of 16 bits */
#define VTCR_COMMON (BIT(31) | UINT64_C(3) << 12 | UINT64_C(1) << 10 | UINT64_C(1) << 8)

static struct stage2_geometry geometry;
static uint64_t vtcr;

static uint64_t empty_root[512] ALIGNED(4096);

/* -- set-up -- */

static unsigned physical_bits(unsigned range)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };

    return bits[MIN(range, ARRAY_SIZE(bits) - 1)];
}

static unsigned this_cpu_range(void)
{
    return read_sysreg(id_aa64mmfr0_el1) & 15;
}

/* Up to 16 consecutive root tables replace a level (D8.2.2): level 1 covers 39 bits and up to 4 more; 44 and 48 need level 0. */
void stage2_hw_init(void)
{
    unsigned bits = physical_bits(this_cpu_range());
    bool wide = (read_sysreg(id_aa64mmfr1_el1) >> 4 & 15) == 2;

    geometry.address_bits = bits;
    geometry.root_level = bits > 43 ? 0 : 1;
    geometry.root_order = geometry.root_level == 1 && bits > 39 ? bits - 39 : 0;
    vtcr = VTCR_COMMON | (64 - bits) | (geometry.root_level == 0 ? 2 : 1) << 6 |
           (uint64_t)MIN(this_cpu_range(), 5u) << 16 | (wide ? VTCR_VS : 0);
    vmid_init(wide ? 65536 : 256);
}

void stage2_cpu_init(void)
{
    PANIC_IF(physical_bits(this_cpu_range()) < geometry.address_bits, "CPU %u has fewer physical address bits (%u) than CPU 0 (%u)",
             cpu_id(), physical_bits(this_cpu_range()), geometry.address_bits);
    write_sysreg(vtcr_el2, vtcr);
    stage2_load(NULL);
    isb();
}

const struct stage2_geometry *arch_stage2_geometry(void)
{
    return &geometry;
}

void arch_stage2_init(struct arch_stage2 *s, hpa_t root)
{
    ASSERT(IS_ALIGNED(root.v, PAGE_SIZE << geometry.root_order) && root.v < BIT(VMID_SHIFT));
    *s = (struct arch_stage2){ .root = root };
}

/* -- VMIDs -- */

static uint64_t vttbr_of(const struct arch_stage2 *s)
{
    return s->root.v | (uint64_t)vmid_of(s) << VMID_SHIFT;
}

void arch_stage2_invalidate_all(void)
{
    dsb(ishst);
    tlbi(alle1is);
    dsb(ish);
}

void stage2_load(struct arch_stage2 *s)
{
    uint64_t vttbr = image_physical().v + (uint64_t)((char *)empty_root - image_start);

    if (vmid_loaded() != s)
        windows_close();
    /* Whoever changes the table after this sees the VMID and invalidates; before it, our walks see the change. */
    if (vmid_load(s))
        dsb(ish);
    if (s)
        vttbr = vttbr_of(s);
    write_sysreg(vttbr_el2, vttbr);
}

void arch_stage2_release(struct arch_stage2 *s)
{
    arch_stage2_invalidate(s, GFN(0), BIT(48 - PAGE_SHIFT));
    vmid_release(s);
}

/* -- the TLB -- */

/*
 * One page: stage 2 by address, then what combines both stages: the order of the Arm ARM, D8.14.5. More: all of the VMID in one
 * instruction, since what combines both stages goes as a whole anyway. VTTBR_EL2 names the VMID.
 */
static void invalidate_loaded(gfn_t gfn, uint64_t count)
{
    dsb(ishst);
    if (count > 1) {
        tlbi(vmalls12e1is);
    } else {
        tlbi_arg(ipas2e1is, gfn.v);
        dsb(ish);
        tlbi(vmalle1is);
    }
    dsb(ish);
    isb();
}

void arch_stage2_invalidate(struct arch_stage2 *s, gfn_t gfn, uint64_t count)
{
    uint64_t vttbr, before;

    barrier_full();     /* the changed entries, against a CPU that assigns a VMID: see stage2_load() */
    /* Without a VMID of this generation nothing of it is in any TLB. */
    if (!vmid_is_current_now(s))
        return;
    vttbr = vttbr_of(s);
    before = read_sysreg(vttbr_el2);
    if (before == vttbr) {
        invalidate_loaded(gfn, count);
        return;
    }
    write_sysreg(vttbr_el2, vttbr);
    isb();
    invalidate_loaded(gfn, count);
    write_sysreg(vttbr_el2, before);
    isb();
}
