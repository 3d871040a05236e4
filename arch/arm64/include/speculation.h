/* SPDX-License-Identifier: Apache-2.0 */
/* Speculation that a guest has trained must not be ours: what is done on the way in from a guest, chosen per CPU by what the
 * core is and what the firmware offers (Arm, "Cache Speculation Side-channels" and "Spectre-BHB" white papers; DEN 0028, 7.5). */
#ifndef ARM64_SPECULATION_H
#define ARM64_SPECULATION_H

#include "lib/types.h"

enum entry_guard {
    GUARD_NONE,             /* the core needs none */
    GUARD_LOOP,             /* branches that overwrite the branch history */
    GUARD_CLRBHB,           /* one instruction does that */
    GUARD_FIRMWARE,         /* firmware invalidates the branch predictors */
    GUARD_MISSING,          /* the core needs firmware's help, which does not offer it */
};

/* Answers of SMCCC_ARCH_FEATURES: 0 call it, 1 this core needs none, negative not offered. */
struct speculation_facts {
    uint64_t midr, pfr0, mmfr1, isar2;      /* MIDR_EL1, ID_AA64PFR0_EL1, ID_AA64MMFR1_EL1, ID_AA64ISAR2_EL1 */
    int32_t workaround_1, workaround_3;
};

struct speculation_choice {
    enum entry_guard guard;
    uint32_t parameter;     /* GUARD_LOOP: how many branches; GUARD_FIRMWARE: which function */
};

/* Pure. */
struct speculation_choice speculation_choose(const struct speculation_facts *f);

/* Each CPU, once firmware can be called: set the vectors, and keep speculative store bypass off where firmware can. */
void speculation_cpu_init(void);

#endif
