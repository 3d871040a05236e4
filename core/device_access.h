/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device registers of the host in a guest's space: the toolstack permits a range of host frames, then maps pages of it. What the
 * control domain can give is what it has itself (registers that its own space maps one to one) and what is not its own because the
 * board's tree offers it to other domains.
 */
#ifndef CORE_DEVICE_ACCESS_H
#define CORE_DEVICE_ACCESS_H

#include "lib/types.h"

struct domain;
struct domain_locked;

/* Ranges that a domain may be permitted at one time; neighbouring ones are one. */
#define DEVICE_RANGES 8
/* Entries of the control domain's table that a range may lie in, so that looking is bounded. */
#define DEVICE_ENTRIES_MAX 128

struct device_range { uint64_t first, last; };

struct device_access {
    struct device_range ranges[DEVICE_RANGES];  /* the first `count`; disjoint; guarded by the domain's lock */
    uint32_t count;
};

/* Does `control` itself reach [first, last] (host frames) one to one, and as device registers, or does the board's tree offer them? 0, -E_PERM, -E_2BIG (too many entries). */
int device_reachable(struct domain *control, uint64_t first, uint64_t last) MUST_CHECK;
/* Add to, or take from, what the domain is permitted; mappings stay as they are. -E_NOMEM: more than DEVICE_RANGES, nothing changed. */
int device_permit(struct domain_locked l, uint64_t first, uint64_t last) MUST_CHECK;
int device_deny(struct domain_locked l, uint64_t first, uint64_t last) MUST_CHECK;
bool device_is_permitted(struct domain_locked l, uint64_t first, uint64_t last);

#endif
