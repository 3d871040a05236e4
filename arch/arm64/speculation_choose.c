/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/arm64/include/speculation.h"
#include "arch/include/arm64_vcpu.h"
#include "arch/include/vcpu.h"
#include "lib/compiler.h"

/* Implementer and part number of MIDR_EL1; variants and revisions do not matter. */
#define CORE(implementer, part) ((implementer) << 24 | (part) << 4)
#define CORE_MASK UINT64_C(0xff00fff0)
#define ARM(part) CORE(0x41u, part)
#define AMPERE(part) CORE(0xc0u, part)

/* How many branches replace the whole history (Arm, Spectre-BHB, table of affected cores). */
static const struct { uint32_t core; uint32_t branches; } history[] = {
    { ARM(0xd07u), 8 },    /* Cortex-A57 */      { ARM(0xd08u), 8 },    /* Cortex-A72 */
    { AMPERE(0xac3u), 11 },
    { ARM(0xd0bu), 24 },   /* Cortex-A76 */      { ARM(0xd0du), 24 },   /* Cortex-A77 */
    { ARM(0xd0cu), 24 },   /* Neoverse N1 */
    { ARM(0xd41u), 32 },   /* Cortex-A78 */      { ARM(0xd42u), 32 },   /* Cortex-A78AE */
    { ARM(0xd4bu), 32 },   /* Cortex-A78C */     { ARM(0xd44u), 32 },   /* Cortex-X1 */
    { ARM(0xd47u), 32 },   /* Cortex-A710 */     { ARM(0xd48u), 32 },   /* Cortex-X2 */
    { ARM(0xd49u), 32 },   /* Neoverse N2 */     { ARM(0xd40u), 32 },   /* Neoverse V1 */
    { ARM(0xd4du), 38 },   /* Cortex-A715 */     { ARM(0xd81u), 38 },   /* Cortex-A720 */
    { ARM(0xd4eu), 132 },  /* Cortex-X3 */       { ARM(0xd4fu), 132 },  /* Neoverse V2 */
};

/* In order, without prediction across contexts: Cortex-A35, A53, A55. */
static const uint32_t in_order[] = { ARM(0xd04u), ARM(0xd03u), ARM(0xd05u) };

static unsigned field(uint64_t value, unsigned bit)
{
    return (unsigned)(value >> bit & 0xf);
}

static uint32_t branches_of(uint64_t midr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(history); i++)
        if ((midr & CORE_MASK) == history[i].core)
            return history[i].branches;
    return 0;
}

/* Are targets of our indirect branches safe from training by a guest? (CSV2, or the core, or firmware says so) */
static bool targets_are_safe(const struct speculation_facts *f)
{
    for (unsigned i = 0; i < ARRAY_SIZE(in_order); i++)
        if ((f->midr & CORE_MASK) == in_order[i])
            return true;
    return field(f->pfr0, 56) >= 1 || f->workaround_1 == 1;
}

struct speculation_choice speculation_choose(const struct speculation_facts *f)
{
    uint32_t branches = branches_of(f->midr);

    if (!targets_are_safe(f)) {
        if (f->workaround_3 == 0)
            return (struct speculation_choice){ GUARD_FIRMWARE, SMCCC_WORKAROUND_3 };
        if (f->workaround_1 == 0)
            return (struct speculation_choice){ GUARD_FIRMWARE, SMCCC_WORKAROUND_1 };
        /* Clearing the history alone would be in vain: the targets themselves can be trained. */
        return (struct speculation_choice){ GUARD_MISSING, 0 };
    }
    if (field(f->pfr0, 56) >= 3 || field(f->mmfr1, 60) >= 1)
        return (struct speculation_choice){ GUARD_NONE, 0 };
    if (field(f->isar2, 28) >= 1)
        return (struct speculation_choice){ GUARD_CLRBHB, 0 };
    if (branches)
        return (struct speculation_choice){ GUARD_LOOP, branches };
    if (f->workaround_3 == 0)
        return (struct speculation_choice){ GUARD_FIRMWARE, SMCCC_WORKAROUND_3 };
    return (struct speculation_choice){ GUARD_NONE, 0 };
}
