/* SPDX-License-Identifier: Apache-2.0 */
/* The entry code's part of timer.c. */
#ifndef ARM64_TIMER_H
#define ARM64_TIMER_H

/* First thing: arch_time_now counts from here, by CNTFRQ_EL0. */
void timer_early_init(void);

#endif
