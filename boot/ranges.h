/* SPDX-License-Identifier: Apache-2.0 */
/* Physical memory as lists of ranges. Boot, CPU 0. */
#ifndef BOOT_RANGES_H
#define BOOT_RANGES_H

#include "lib/types.h"

struct memory_range {
    uint64_t base, size;
};

#define MAX_RANGES 64
struct range_list {
    struct memory_range range[MAX_RANGES];
    unsigned count;
};

/* Set arithmetic on lists of ranges. Ranges that do not fit are dropped from the end with a line in the log. */
void range_add(struct range_list *l, uint64_t base, uint64_t size);
/* The same for memory: one range with those that it touches. */
void range_add_joined(struct range_list *l, uint64_t base, uint64_t size);
/* The same for space that must stay untouched, widened to whole pages: where there is no room for one more range, the nearest one grows. */
void range_add_near(struct range_list *l, uint64_t base, uint64_t size);
/* The same where there are many and time is short: from 16 ranges on what lies within 2 MiB of the last one grows it. */
void range_add_coarse(struct range_list *l, uint64_t base, uint64_t size);
/* Cut [base, base+size) out of every range. */
void range_remove(struct range_list *l, uint64_t base, uint64_t size);
void range_remove_all(struct range_list *l, const struct range_list *what);
/* Bytes in all ranges, which do not overlap. */
uint64_t range_total(const struct range_list *l);
bool range_overlaps(const struct range_list *l, uint64_t base, uint64_t size);
/* Is [base, base+size) inside one range? */
bool range_contains(const struct range_list *l, uint64_t base, uint64_t size);

#endif
