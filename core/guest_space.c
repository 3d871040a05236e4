/* SPDX-License-Identifier: Apache-2.0 */
/* What mem/ asks about a vCPU. */
#include "core/domain.h"
#include "mem/guest_copy.h"

struct stage2 *guest_space(struct vcpu *v)
{
    ASSERT(v && v->domain);
    return &v->domain->stage2;
}
