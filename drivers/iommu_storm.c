/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/iommu_storm.h"
#include "arch/include/time.h"

void iommu_storm_count(struct iommu_storm *s, uint32_t stream)
{
    nsec_t second = arch_time_now() / SEC(1);

    if (second != s->window) {
        s->window = second;
        s->faults = s->votes = 0;
    }
    s->faults++;
    if (s->votes == 0)
        s->loudest = stream;
    s->votes += s->loudest == stream ? 1 : UINT32_MAX;
}

bool iommu_storm_is_on(struct iommu_storm *s)
{
    if (s->faults <= IOMMU_FAULTS_PER_SECOND)
        return false;
    s->faults = 0;
    return true;
}
