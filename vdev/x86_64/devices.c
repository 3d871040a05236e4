/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/devices.h"
#include "core/domain.h"
#include "vdev/x86_64/platform.h"
#include "vdev/x86_64/vioapic.h"
#include "vdev/x86_64/vlapic.h"
#include "vdev/x86_64/vpci.h"

void devices_stop(struct domain *d)
{
    vioapic_stop(d);
}

void devices_retire(struct domain *d)
{
    vioapic_stop(d);
}

void devices_free(struct domain *d)
{
    vpci_free(d);
    vioapic_free(d);
    x86_platform_free(d);
}

bool devices_reset_some(struct domain *d, uint32_t *next UNUSED)
{
    vioapic_reset(d);
    return true;
}

void devices_reset_vcpu(struct vcpu *v)
{
    vlapic_reset(v);
}
