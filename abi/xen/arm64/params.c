/* SPDX-License-Identifier: Apache-2.0 */
#include "abi/xen/params.h"
#include "abi/xen/public.h"

const uint8_t arm64_param_rights[HVM_NR_PARAMS] = {
    [HVM_PARAM_CALLBACK_IRQ] = PARAM_GUEST_READS,
    [HVM_PARAM_STORE_PFN] = PARAM_GUEST_READS,
    [HVM_PARAM_STORE_EVTCHN] = PARAM_GUEST_READS,
    [HVM_PARAM_CONSOLE_PFN] = PARAM_GUEST_READS,
    [HVM_PARAM_CONSOLE_EVTCHN] = PARAM_GUEST_READS,
    [HVM_PARAM_MONITOR_RING_PFN] = PARAM_TOOLSTACK,
};

/* They are numbers and nothing else. */
int arm64_param_effect(struct domain *d UNUSED, uint32_t index UNUSED, uint64_t value UNUSED)
{
    return 0;
}
