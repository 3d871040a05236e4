/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How late a guest with a 1 ms timer is woken beside a busy loop on the same
 * CPU. We sleep meanwhile.
 */

#include "guests/probe/probe.h"

#define WAKES 100
#define NS_PER_TICK 16

static void hog(struct child_page *page)
{
    (void)page;
    for (;;)
        asm volatile("nop");
}

/*
 * Runs in the measured guest: wakes at every full millisecond of its own. WFI
 * returns when the timer is pending; interrupts stay off.
 */
static void sleeper(struct child_page *page)
{
    uint64_t deadline = read_sysreg(cntvct_el0), sum = 0, worst = 0;

    gic_init(NULL);
    gic_enable(PPI_VTIMER);
    for (unsigned i = 0; i < WAKES; i++) {
        uint64_t late;

        while (deadline <= read_sysreg(cntvct_el0))
            deadline += TICKS_PER_MS;
        late = timer_sleep_until(deadline);
        sum += late;
        worst = late > worst ? late : worst;
    }
    page->result[0] = (long)(sum / WAKES);
    page->result[1] = (long)worst;
}

static void alarm(unsigned intid)
{
    (void)intid;
    write_sysreg(cntv_ctl_el0, 0);
}

static void sleep_ms(unsigned ms)
{
    write_sysreg(cntv_cval_el0, read_sysreg(cntvct_el0) + ms * TICKS_PER_MS);
    write_sysreg(cntv_ctl_el0, 1);
    isb();
    wfi();
    irq_enable();
    isb();
    irq_disable();
}

void probe_lateness(void)
{
    static struct child noise, measured;
    unsigned waits = 0;
    long rc = child_build(&noise, 1, hog);

    rc = rc ? rc : child_build(&measured, 1, sleeper);
    if (rc) {
        row_missing("wake_lateness_mean_ns", "could not build two guests");
        return;
    }
    gic_handler(PPI_VTIMER, alarm);
    gic_enable(PPI_VTIMER);
    child_unpause(&noise);
    child_unpause(&measured);
    while (!measured.page->done && waits++ < 200)
        sleep_ms(100);
    gic_disable(PPI_VTIMER);
    if (measured.page->done) {
        row("wake_lateness_mean_ns", (unsigned long)measured.page->result[0] * NS_PER_TICK);
        row("wake_lateness_worst_ns", (unsigned long)measured.page->result[1] * NS_PER_TICK);
    } else {
        row_missing("wake_lateness_mean_ns", "the guest did not finish in 20 s");
    }
    foreign_unmap(noise.page);
    foreign_unmap(measured.page);
    domain_destroy(noise.id);
    domain_destroy(measured.id);
    domain_wait_gone(noise.id, 1000 * TICKS_PER_MS);
    domain_wait_gone(measured.id, 1000 * TICKS_PER_MS);
}
