/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of an IOMMU cost time that is somebody else's: how many there were in this second, and which stream most of them are of, if one is
 * (Boyer and Moore's vote). One for each unit; used by its handler of faults alone.
 */
#ifndef DRIVERS_IOMMU_STORM_H
#define DRIVERS_IOMMU_STORM_H

#include "lib/types.h"

/* More are a storm. */
#define IOMMU_FAULTS_PER_SECOND 4000u

struct iommu_storm {
    nsec_t window;
    uint32_t faults, loudest, votes;
};

void iommu_storm_count(struct iommu_storm *s, uint32_t stream);
/* Is it one? Then counting begins anew, and the loudest stream should not be heard any more. */
bool iommu_storm_is_on(struct iommu_storm *s);

#endif
