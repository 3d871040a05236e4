/* SPDX-License-Identifier: Apache-2.0 */
/* What vcpu.c needs of stage 2 at a switch, and what each CPU sets up. */
#ifndef ARM64_STAGE2_HW_H
#define ARM64_STAGE2_HW_H

#include "arch/include/stage2.h"

/* Make `s` (NULL: none, an empty table) the space that EL1 of this CPU runs in: VTTBR_EL2, with a VMID of the current generation.
 * Interrupts masked, no lock after LOCK_VMID held. The caller's ERET is the context synchronisation. */
void stage2_load(struct arch_stage2 *s);
/* Boot, CPU 0: geometry from ID_AA64MMFR0_EL1.PARange, width of VMIDs. */
void stage2_hw_init(void);
/* Each CPU: VTCR_EL2. Panics when this CPU has fewer physical address bits than CPU 0. */
void stage2_cpu_init(void);

#endif
