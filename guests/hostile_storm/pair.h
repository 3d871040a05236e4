/* SPDX-License-Identifier: Apache-2.0 */
/* Two storms at each other, made by this image when it runs as dom0. */
#ifndef GUESTS_HOSTILE_STORM_PAIR_H
#define GUESTS_HOSTILE_STORM_PAIR_H

#include "guests/lib/hypercall.h"

bool is_control_domain(void);
void pair_main(const void *fdt);

#endif
