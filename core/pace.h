/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paces: what a domain may do so often a second, or so much of its time. Each thing has a price in time; what is done moves a mark on by
 * its price, the mark is never behind the clock, and who has moved it further than `burst` ahead waits until the clock has caught up.
 *
 *      now          mark                 now + burst
 *   ----+------------+-----------------------+---->          nothing is lost and nothing is refused; off is a price of 0
 */
#ifndef CORE_PACE_H
#define CORE_PACE_H

#include "lib/types.h"

struct vcpu;

struct pace {
    nsec_t mark;                /* atomic */
};

/* v, the current vCPU, did something of that price: it is held (see vcpu_hold) if that is too much. Any lock up to the console's may be
 * held, but no run queue's or later one. */
void vcpu_pay(struct vcpu *v, struct pace *p, nsec_t price, nsec_t burst);
/* The same for who cannot be made to wait: false, nothing is paid, and it would be from *until on. The caller's lock guards p. */
bool pace_try(struct pace *p, nsec_t price, nsec_t burst, nsec_t *until) MUST_CHECK;
/* The current vCPU does not run before `until`, whatever arrives for it; the latest of several counts. */
void vcpu_hold(struct vcpu *v, nsec_t until);

#endif
