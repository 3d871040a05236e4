/* SPDX-License-Identifier: Apache-2.0 */
/* Contract: time. */
#ifndef ARCH_TIME_H
#define ARCH_TIME_H

#include "lib/types.h"

/* Nanoseconds since the host started; never goes back, the same on all CPUs. */
nsec_t arch_time_now(void);
/* Ask for upcall_timer on this CPU at or soon after `when`; NSEC_NEVER cancels. Replaces the previous deadline. */
void arch_timer_set_deadline(nsec_t when);
/* Frequency of the counter that guests see, in kHz. */
uint32_t arch_counter_khz(void);
/* Counter ticks <-> nanoseconds (for what the ABI reports and for guest timers). */
nsec_t arch_ticks_to_nsec(uint64_t ticks);
uint64_t arch_counter(void);
/* The wall clock at host start is not known to the hypervisor until dom0 sets it. */

#endif
