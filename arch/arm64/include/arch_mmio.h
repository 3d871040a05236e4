/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM64_ARCH_MMIO_H
#define ARM64_ARCH_MMIO_H

#include "sysreg.h"

/* Devices may lie beyond the inner shareable domain: the whole system. */
static inline void mmio_barrier(void)
{
    dsb(sy);
}

#endif
