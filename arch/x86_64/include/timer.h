/* SPDX-License-Identifier: Apache-2.0 */
#ifndef X86_TIMER_H
#define X86_TIMER_H

#include "lib/types.h"

/*
 * Measure the TSC and the local APIC's timer; CPU 0, its APIC in use. Time runs from here. By ACPI's timer at this port, to some percent
 * first, and for good, over a millisecond, by timer_settle; 0, or one that stands: by the PIT, for a hundredth of a second.
 */
void timer_boot(uint16_t acpi_timer);
/* After what else of the start can go on meanwhile, before a deadline is set. */
void timer_settle(void);
/* This CPU's timer is ready, and off. */
void timer_cpu_start(void);
/* One line in the log. */
void timer_report(void);
/* How a guest computes nanoseconds as arch_time_now does: ((ticks << shift) * factor) >> 32 (xen/xen.h, struct vcpu_time_info). */
void timer_guest_scale(uint32_t *factor, int8_t *shift);
/* The TSC value at nanosecond 0. */
uint64_t timer_start_tsc(void);

#endif
