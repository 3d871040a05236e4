/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/devices.h"
#include "core/domain.h"
#include "vdev/arm64/vits.h"
#include "vdev/arm64/vbridge.h"
#include "vdev/arm64/vpl011.h"

void devices_stop(struct domain *d)
{
    vits_reset(d);
    vbridge_reset(d);
}

void devices_retire(struct domain *d)
{
    vpl011_retire(d);
    vgic_limit_retire(d);
}

void devices_free(struct domain *d)
{
    vpl011_free(d);
    vbridge_free(d);
}

bool devices_reset_some(struct domain *d, uint32_t *next)
{
    if (!vgic_reset_shared(d, next))
        return false;
    vpl011_reset(d);
    return true;
}

void devices_reset_vcpu(struct vcpu *v)
{
    vgic_vcpu_reset(v);
}
