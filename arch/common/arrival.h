/* SPDX-License-Identifier: Apache-2.0 */
/* How far a CPU that is being started is; CPU 0 gives up on one that has not begun in time, and one that begins too late stops. */
#ifndef ARCH_COMMON_ARRIVAL_H
#define ARCH_COMMON_ARRIVAL_H

#include "arch/include/time.h"

#define ARRIVAL_TIME SEC(1)

/* CPU 0: before this CPU is told to start. */
void arrival_expect(unsigned cpu);
/* CPU 0: has it begun by then? */
bool arrival_has_begun(unsigned cpu, nsec_t until);
/* CPU 0: until it is up; false when it did not begin in ARRIVAL_TIME. Panics when it began and did not end. */
bool arrival_wait(unsigned cpu) MUST_CHECK;
/* It may yet come: its number is not used again. */
bool arrival_given_up(unsigned cpu);
/* The CPU itself, first of all; does not return where it was given up. And last of all. */
void arrival_begin(void);
void arrival_done(void);

#endif
