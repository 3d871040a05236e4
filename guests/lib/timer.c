/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeping by the virtual timer. */

#include "guests/lib/guest.h"

/*
 * Take the pending interrupt by hand. One that is not taken stays pending in a
 * list register after the timer is off, and every WFI from then on returns at once.
 */
static void take_interrupt(void)
{
    uint64_t intid = read_sysreg(S3_0_C12_C12_0); /* ICC_IAR1_EL1 */

    write_sysreg(cntv_ctl_el0, 0);
    isb();
    if (intid < 1020)
        write_sysreg(S3_0_C12_C12_1, intid); /* ICC_EOIR1_EL1 */
    isb();
}

uint64_t timer_sleep_until(uint64_t deadline)
{
    uint64_t late;

    write_sysreg(cntv_cval_el0, deadline);
    write_sysreg(cntv_ctl_el0, 1);
    do {
        wfi();
        isb();
    } while (read_sysreg(cntvct_el0) < deadline);
    late = read_sysreg(cntvct_el0) - deadline;
    take_interrupt();
    return late;
}
