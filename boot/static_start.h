/* SPDX-License-Identifier: Apache-2.0 */
/* From the device tree to running static domains. Boot, CPU 0. */
#ifndef BOOT_STATIC_START_H
#define BOOT_STATIC_START_H

#include "boot/boot_info.h"

/* Read the plans, check them, build and start what is right, by priority. How many were started. `taken`: memory that is no domain's. */
unsigned static_start(const struct boot_info *b, const struct range_list *taken) MUST_CHECK;
/* Add the modules that no plan needs any more. */
void static_add_done_modules(struct range_list *l);

#endif
