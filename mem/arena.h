/* SPDX-License-Identifier: Apache-2.0 */
/* Guest pages that stay mapped in the hypervisor as long as the guest has them registered (vcpu_info, runstate, FIFO
 * control blocks and event arrays). Each holds a reference and counts against a quota per domain. */
#ifndef MEM_ARENA_H
#define MEM_ARENA_H

#include "lib/types.h"

struct arena_quota {
    uint32_t used, limit;
};

/* Map the frame, whose reference the arena takes over on success. NULL: quota or arena full (the reference stays the
 * caller's). */
void *arena_map(struct arena_quota *q, mfn_t mfn) MUST_CHECK;
/* Unmap on all CPUs and drop the reference. Any address within the page. */
void arena_unmap(struct arena_quota *q, void *address);

#endif
