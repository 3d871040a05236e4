/* SPDX-License-Identifier: Apache-2.0 */
/* Calling firmware by PSCI (Arm DEN 0022). */
#ifndef ARM64_PSCI_CLIENT_H
#define ARM64_PSCI_CLIENT_H

#include "lib/types.h"

/* Start a CPU at a physical address with `context` in x0. 0 or PSCI's negative error; -1 when there is no firmware to ask. */
int64_t psci_cpu_on(uint64_t mpidr, hpa_t entry, uint64_t context);
/* These return only if firmware is missing or refuses. */
void psci_system_off(void);
void psci_system_reset(void);
/* Any SMCCC call (Arm DEN 0028): up to three arguments, one result. */
int64_t smc_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
/* What firmware answers to SMCCC_ARCH_FEATURES on this CPU (DEN 0028, 7.3); -1 when it is too old to be asked. */
int32_t smccc_arch_feature(uint32_t function);

#endif
