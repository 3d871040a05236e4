/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feature registers as guests see them: op0 = 3, op1 = 0, CRn = 0, trapped by HCR_EL2.TID3. A feature is shown only
 * if it needs no state that is not switched and no register that is not emulated; what no rule names reads as zero.
 * (Arm ARM D17.2, ID_*)
 */
#include "arch/include/stage2.h"
#include "guest.h"
#include "lib/assert.h"
#include "sysreg.h"

#define REG(crm, op2) ((crm) * 8 + (op2))
#define F(shift) (UINT64_C(0xf) << (shift))
#define LOW32 UINT64_C(0xffffffff)

uint64_t id_registers[ID_REGISTERS];

/* Fields that pass through from the processor. */
static const struct keep_rule {
    uint8_t reg;
    uint64_t fields;
} keep_rules[] = {
    /* AArch32: for 32-bit kernels and programs. PFR0, PFR1 (GenTimer, GIC), DFR0 (CopDbg), AFR0, MMFR0..3 */
    { REG(1, 0), F(0) | F(4) | F(8) | F(12) | F(24) },
    { REG(1, 1), F(0) | F(16) | F(28) },
    { REG(1, 2), F(0) },
    { REG(1, 4), LOW32 }, { REG(1, 5), LOW32 }, { REG(1, 6), LOW32 }, { REG(1, 7), LOW32 },
    /* ISAR0..5, MMFR4, ISAR6; MVFR0..2, PFR2 (CSV3, SSBS), MMFR5 */
    { REG(2, 0), LOW32 }, { REG(2, 1), LOW32 }, { REG(2, 2), LOW32 }, { REG(2, 3), LOW32 },
    { REG(2, 4), LOW32 }, { REG(2, 5), LOW32 }, { REG(2, 6), LOW32 }, { REG(2, 7), LOW32 },
    { REG(3, 0), LOW32 }, { REG(3, 1), LOW32 }, { REG(3, 2), LOW32 }, { REG(3, 4), F(0) | F(4) },
    { REG(3, 6), LOW32 },
    /* AA64PFR0: EL0, EL1, FP, AdvSIMD, GIC, DIT, CSV2, CSV3. Not: EL2, EL3, RAS, SVE, MPAM, AMU */
    { REG(4, 0), F(0) | F(4) | F(16) | F(20) | F(24) | F(48) | F(56) | F(60) },
    /* AA64PFR1: BT, SSBS. Not: MTE, SME */
    { REG(4, 1), F(0) | F(4) },
    /* AA64DFR0: DoubleLock; the rest is fixed below. Not: PMU, trace, profiling */
    { REG(5, 0), F(36) },
    /* AA64ISAR0: all but TME. ISAR1: all but pointer authentication, LS64, XS. ISAR2: RPRES, CLRBHB */
    { REG(6, 0), ~F(24) },
    { REG(6, 1), F(0) | F(12) | F(16) | F(20) | F(32) | F(36) | F(40) | F(44) | F(48) | F(52) },
    { REG(6, 2), F(4) | F(28) },
    /* AA64MMFR0: PARange, ASIDBits, BigEnd, BigEndEL0, granules, ExS. Not: FGT, ECV */
    { REG(7, 0), F(0) | F(4) | F(8) | F(16) | F(20) | F(24) | F(28) | F(44) },
    /* AA64MMFR1: HAFDBS, HPDS, PAN, ETS, AFP, nTLBPA. Not: VMIDBits, VH, LO, TWED, HCX */
    { REG(7, 1), F(0) | F(12) | F(20) | F(36) | F(44) | F(48) },
    /* AA64MMFR2: CnP, UAO, LSM, VARange, CCIDX, AT, IDS, TTL, BBM, E0PD. Not: IESB, NV, ST, FWB, EVT */
    { REG(7, 2), F(0) | F(4) | F(8) | F(16) | F(20) | F(32) | F(36) | F(48) | F(52) | F(60) },
};

/* Fields that are shown at most so high: EL1 in AArch64 only, GIC system registers 3.0, no SCXTNUM_ELx (CSV2 = 2), no
 * 52-bit addresses with 16 KiB pages. */
static const struct limit_rule {
    uint8_t reg, shift, most;
} limit_rules[] = {
    { REG(1, 1), 28, 1 }, { REG(4, 0), 4, 1 }, { REG(4, 0), 24, 1 }, { REG(4, 0), 56, 1 }, { REG(7, 0), 20, 1 },
};

#define READ(crm, op2) id_registers[REG(crm, op2)] = read_sysreg(S3_0_C0_C##crm##_##op2)
#define READ_ROW(crm)  \
    do {               \
        READ(crm, 0);  \
        READ(crm, 1);  \
        READ(crm, 2);  \
        READ(crm, 3);  \
        READ(crm, 4);  \
        READ(crm, 5);  \
        READ(crm, 6);  \
        READ(crm, 7);  \
    } while (0)

static void read_processor(void)
{
    READ_ROW(1);
    READ_ROW(2);
    READ_ROW(3);
    READ_ROW(4);
    READ_ROW(5);
    READ_ROW(6);
    READ_ROW(7);
}

static uint64_t field(unsigned reg, unsigned shift)
{
    return id_registers[reg] >> shift & 0xf;
}

static void set_field(unsigned reg, unsigned shift, uint64_t value)
{
    id_registers[reg] = (id_registers[reg] & ~F(shift)) | value << shift;
}

/* PARange's code for at most this many bits. */
static uint64_t range_code(unsigned bits)
{
    static const uint8_t bits_of[] = { 32, 36, 40, 42, 44, 48 };
    uint64_t code = 0;

    for (unsigned n = 0; n < ARRAY_SIZE(bits_of); n++)
        if (bits_of[n] <= bits)
            code = n;
    return code;
}

static void apply_limits(void)
{
    uint64_t range = range_code(arch_stage2_geometry()->address_bits);

    for (unsigned n = 0; n < ARRAY_SIZE(limit_rules); n++) {
        const struct limit_rule *l = &limit_rules[n];

        set_field(l->reg, l->shift, MIN(field(l->reg, l->shift), l->most));
    }
    set_field(REG(7, 0), 0, MIN(field(REG(7, 0), 0), range));
    if (field(REG(7, 0), 28) == 1)      /* 4 KiB pages with 52-bit addresses: without */
        set_field(REG(7, 0), 28, 0);
}

void id_registers_init(void)
{
    uint64_t keep[ID_REGISTERS] = { 0 };

    read_processor();
    for (unsigned n = 0; n < ARRAY_SIZE(keep_rules); n++) {
        ASSERT(keep_rules[n].reg < ID_REGISTERS && !keep[keep_rules[n].reg]);
        keep[keep_rules[n].reg] = keep_rules[n].fields;
    }
    for (unsigned n = 0; n < ID_REGISTERS; n++)
        id_registers[n] &= keep[n];
    apply_limits();
    /* Debug architecture v8 with the least it may have, two breakpoints and two watchpoints: writes to them are
     * ignored. */
    id_registers[REG(5, 0)] |= 6 | 1 << 12 | 1 << 20;
}
