/* SPDX-License-Identifier: Apache-2.0 */
/* core writes the shared structures by its own declarations (core/shared_info.h): here it is settled that they are the ABI's. */
#include "abi/xen/layout.h"
#include "core/event.h"
#include "core/shared_info.h"
#include "lib/assert.h"
#include "lib/error.h"

SAME_SIZE(struct vcpu_time_info, struct guest_vcpu_time);
SAME_OFFSET(struct vcpu_time_info, version, struct guest_vcpu_time, version);
SAME_OFFSET(struct vcpu_time_info, system_time, struct guest_vcpu_time, system_time);
SAME_OFFSET(struct vcpu_time_info, tsc_shift, struct guest_vcpu_time, tsc_shift);

SAME_SIZE(struct vcpu_info, struct guest_vcpu_info);
SAME_OFFSET(struct vcpu_info, evtchn_upcall_pending, struct guest_vcpu_info, upcall_pending);
SAME_OFFSET(struct vcpu_info, evtchn_pending_sel, struct guest_vcpu_info, pending_selector);
SAME_OFFSET(struct vcpu_info, time, struct guest_vcpu_info, time);

STATIC_ASSERT(XEN_LEGACY_MAX_VCPUS == LEGACY_MAX_VCPUS);
SAME_SIZE(struct shared_info, struct guest_shared_info);
SAME_OFFSET(struct shared_info, evtchn_pending, struct guest_shared_info, pending);
SAME_OFFSET(struct shared_info, evtchn_mask, struct guest_shared_info, mask);
SAME_OFFSET(struct shared_info, wc_version, struct guest_shared_info, wc_version);
SAME_OFFSET(struct shared_info, wc_sec, struct guest_shared_info, wc_sec);
SAME_OFFSET(struct shared_info, wc_nsec, struct guest_shared_info, wc_nsec);
SAME_OFFSET(struct shared_info, wc_sec_hi, struct guest_shared_info, wc_sec_hi);

SAME_SIZE(struct vcpu_runstate_info, struct guest_runstate);
SAME_OFFSET(struct vcpu_runstate_info, state, struct guest_runstate, state);
SAME_OFFSET(struct vcpu_runstate_info, state_entry_time, struct guest_runstate, state_entry_time);
SAME_OFFSET(struct vcpu_runstate_info, time, struct guest_runstate, time);

STATIC_ASSERT(NR_VIRQS == EVENT_VIRQS);
STATIC_ASSERT(EVTCHN_2L_NR_CHANNELS == EVENT_MAX_PORTS_2L);
STATIC_ASSERT(EVTCHN_FIFO_NR_CHANNELS == EVENT_MAX_PORTS_FIFO);
STATIC_ASSERT(DOMID_SELF == 0x7ff0);

/* Interface versions that the veneer is written for. */
STATIC_ASSERT(XEN_DOMCTL_INTERFACE_VERSION == 0x15);
STATIC_ASSERT(XEN_SYSCTL_INTERFACE_VERSION == 0x15);
