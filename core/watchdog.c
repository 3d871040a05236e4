/* SPDX-License-Identifier: Apache-2.0 */
/* SCHEDOP_watchdog: timers that shut a domain down unless it sets them again in time. (xen/sched.h) */
#include "core/domain.h"
#include "lib/error.h"
#include "lib/print.h"

/* Bounds a time that a guest names; a year is as good as never. */
#define MAX_SECONDS (366u * 24 * 3600)

static void ran_out(struct domain *d, unsigned n)
{
    if (!atomic_load(&d->watchdog_used[n]))
        return;
    log_info("d%u: watchdog %u has run out", d->id.v, n + 1);
    domain_shutdown(d, SHUTDOWN_WATCHDOG);
}

static void first_ran_out(struct timer *t)
{
    ran_out(container_of(t, struct domain, watchdog[0]), 0);
}

static void second_ran_out(struct timer *t)
{
    ran_out(container_of(t, struct domain, watchdog[1]), 1);
}

void domain_watchdog_init(struct domain *d)
{
    STATIC_ASSERT(ARRAY_SIZE(d->watchdog) == 2);
    timer_init(&d->watchdog[0], first_ran_out);
    timer_init(&d->watchdog[1], second_ran_out);
}

void domain_watchdog_cancel(struct domain *d)
{
    for (unsigned i = 0; i < ARRAY_SIZE(d->watchdog); i++) {
        atomic_store(&d->watchdog_used[i], false);
        timer_cancel(&d->watchdog[i]);
    }
}

static nsec_t deadline(uint32_t seconds)
{
    return arch_time_now() + SEC(MIN(seconds, MAX_SECONDS));
}

static int start_free_one(struct domain *d, uint32_t seconds)
{
    for (unsigned i = 0; i < ARRAY_SIZE(d->watchdog); i++) {
        if (atomic_exchange(&d->watchdog_used[i], true))
            continue;
        timer_set(&d->watchdog[i], deadline(seconds));
        return (int)i + 1;
    }
    return -E_NOSPC;
}

void domain_watchdog_start(struct domain *d, uint32_t seconds)
{
    ASSERT(seconds && !d->watchdog_used[0]);
    atomic_store(&d->watchdog_used[0], true);
    timer_set(&d->watchdog[0], deadline(seconds));
}

int domain_watchdog(struct domain *d, uint32_t id, uint32_t seconds)
{
    unsigned n;

    ASSERT(cpu_current_vcpu() && cpu_current_vcpu()->domain == d);
    if (id > ARRAY_SIZE(d->watchdog) || (!id && !seconds))
        return -E_INVAL;
    if (!id)
        return start_free_one(d, seconds);
    n = (unsigned)array_index_nospec(id - 1, ARRAY_SIZE(d->watchdog));
    if (!atomic_load(&d->watchdog_used[n]))
        return -E_INVAL;
    if (seconds) {
        timer_set(&d->watchdog[n], deadline(seconds));
    } else {
        atomic_store(&d->watchdog_used[n], false);
        timer_cancel(&d->watchdog[n]);
    }
    return 0;
}
