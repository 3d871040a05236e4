/* SPDX-License-Identifier: Apache-2.0 */
/* Arm's SMMUv3 (IHI 0070) as the board's IOMMU: provides drivers/iommu.h. */
#ifndef DRIVERS_SMMUV3_H
#define DRIVERS_SMMUV3_H

#include "lib/types.h"

#define SMMU_UNITS 8

struct smmuv3_place {
    hpa_t base;                         /* of its 128 KiB of registers */
    unsigned event_irq, error_irq;      /* GIC numbers; 0: none, then faults are not reported */
};

/*
 * Start the next unit: every stream is refused from then on. Boot, CPU 0, after arch_boot_interrupts, before any space is made. An
 * error, after one line in the log, means that the unit is not driven: -E_NODEV (it cannot do what is needed), -E_NOMEM, -E_BUSY.
 */
int smmuv3_start(const struct smmuv3_place *place) MUST_CHECK;

#endif
