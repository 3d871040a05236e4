/* SPDX-License-Identifier: Apache-2.0 */
/* The host's free memory and the frame table that describes it: both come into being as far as they are needed. Boot, CPU 0. */
#ifndef BOOT_MEMORY_H
#define BOOT_MEMORY_H

#include "boot/modules.h"

/* Find a place for the frame table of all `memory`, not where a module is, cut it out of `usable` and map it. -E_NOMEM: there is none,
 * which has been said. */
int memory_start(const struct range_list *memory, const struct module_list *modules, struct range_list *usable) MUST_CHECK;
/* These ranges, whole pages of them, are what is handed over from now on. What there was has been handed over. */
void memory_set_free(const struct range_list *l);
/* The next `bytes` of them, from the lowest address, or all that are left, go to the allocator. UINT64_MAX: and all frames are described. */
void memory_hand_over(uint64_t bytes);
/* All frames below this address are described, handed over or not. */
void memory_describe(uint64_t end);
/* A bounded piece of what is left: -E_RESTART while there is more. Then the frame table is whole. */
int memory_hand_over_some(void) MUST_CHECK;
/* What of the host's memory, ourselves included, never was in the allocator counts as used from now on. */
void memory_tell_host(const struct range_list *memory);

#endif
