/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the GICv2 driver know of each other. */
#ifndef ARM64_GICV2_H
#define ARM64_GICV2_H

#include "arch/include/boot.h"

/* Map the hypervisor's interface (GICH) and put its list registers in the place of ICH_*'s. Boot, CPU 0. */
void gicv2_lr_init(const struct boot_gic *g);

#endif
