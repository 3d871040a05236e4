/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a guest's own stage-1 tables: what translate.c and the 32-bit formats share. */
#ifndef ARM64_STAGE1_WALK_H
#define ARM64_STAGE1_WALK_H

#include "lib/types.h"

struct vcpu;

/* Where a walk of 64-bit descriptors starts: from TCR_EL1 (TTBCR) and the half of the address space. */
struct stage1_walk {
    uint64_t table;
    unsigned page_shift;        /* 12, 14 or 16 */
    unsigned bits;              /* of virtual address */
    unsigned level;
};

/* A 32-bit kernel's tables in the long format (Arm ARM G5.5). False: no table is for this address. v current. */
bool aarch32_start_walk(gva_t address, struct stage1_walk *w);
/* In the short format (G5.4), with the kernel's rights. False: a fault. v current, no lock held. */
bool aarch32_translate_short(struct vcpu *v, gva_t address, bool write, gpa_t *out);

#endif
