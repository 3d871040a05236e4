/* SPDX-License-Identifier: Apache-2.0 */
/* From the device tree to running static domains. Boot, CPU 0. */
#ifndef BOOT_STATIC_START_H
#define BOOT_STATIC_START_H

#include "boot/boot_info.h"

/* Read the plans and check them. `taken`: memory that is no domain's. */
void static_read(const struct boot_info *b, const struct range_list *taken);
/* Build the first one by priority and start it, if it can do with CPU 0 alone. True: it will run as soon as this CPU leaves. */
bool static_start_first(void) MUST_CHECK;
/* All CPUs are up: build and start the next one. -E_RESTART while there are more. */
int static_start_next(void) MUST_CHECK;
/* How many have been started. */
unsigned static_started(void);
/* Add the modules that no plan needs any more. */
void static_add_done_modules(struct range_list *l);

#endif
