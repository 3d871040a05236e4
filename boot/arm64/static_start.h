/* SPDX-License-Identifier: Apache-2.0 */
/* From the device tree to running static domains. Boot, CPU 0. */
#ifndef BOOT_ARM64_STATIC_START_H
#define BOOT_ARM64_STATIC_START_H

#include "boot/arm64/boot_info.h"

/* Read, build and start the first one by priority, if it can do with CPU 0 alone; no other is looked at. `not_theirs`: memory that is no domain's.
 * Both stay. True: it will run as soon as this CPU leaves. */
bool static_start_first(const struct boot_info *b, const struct range_list *not_theirs) MUST_CHECK;
/* Read and check the plan of the next one. -E_RESTART while there are more. Before other CPUs are up. */
int static_read_next(void) MUST_CHECK;
/* All CPUs are up: build and start the next one. -E_RESTART while there are more. */
int static_start_next(void) MUST_CHECK;
/* How many have been started. */
unsigned static_started(void);
/* Add the modules that no plan needs any more. */
void static_add_done_modules(struct range_list *l);

#endif
