/* SPDX-License-Identifier: Apache-2.0 */
/* An access of a guest that its stage 2 (nested tables) did not let through, seen once more. */
#ifndef ARCH_COMMON_STAGE2_FAULT_H
#define ARCH_COMMON_STAGE2_FAULT_H

#include "lib/types.h"

struct domain;

enum stage2_fault {
    STAGE2_AGAIN,       /* the guest tries once more */
    STAGE2_NOTHING,     /* no mapping there */
    STAGE2_DENIED,      /* a mapping that does not allow this */
};

/* What d's space has at gfn by now; a page that needs work is given it, or d crashes for want of memory. No lock of d's space held. */
enum stage2_fault stage2_fault_look(struct domain *d, gfn_t gfn, bool is_write, bool is_fetch);

#endif
