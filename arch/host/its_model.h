/* SPDX-License-Identifier: Apache-2.0 */
/* What tests see of the simulated host's ITS (its.c). Wrong use of the contract panics. */
#ifndef ARCH_HOST_ITS_MODEL_H
#define ARCH_HOST_ITS_MODEL_H

#include "arch/include/arm64_its.h"

/* There is none; arch_boot_its makes one. */
void host_its_boot(void);
/* A device's message. False: nobody got it. */
bool host_its_ring(uint32_t device, uint32_t event);
/* A mapped event is masked; what was sent while it was comes now that it is not: false: nothing does. */
bool host_its_is_masked(uint32_t device, uint32_t event);
bool host_its_send_pending(uint32_t device, uint32_t event);
/* The physical LPI, 0: not mapped. How many devices are. */
unsigned host_its_lpi(uint32_t device, uint32_t event);
unsigned host_its_devices(void);

#endif
