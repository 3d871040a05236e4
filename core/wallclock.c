/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall clock: dom0 tells it (XENPF_settime64), every domain reads it from its shared_info as the time of day at host time 0.
 * The version there is odd while the rest changes (xen/xen.h, wc_version).
 */
#include "core/domain.h"
#include "core/shared_info.h"
#include "core/time.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

/* Serialises writers of wc_* of all domains; nothing is taken under it. */
static spinlock_t wallclock_lock = SPINLOCK(LOCK_TIMER);
static uint64_t base_seconds;
static uint32_t base_nanoseconds;

static void write_clock(struct domain *d)
{
    struct guest_shared_info *s = d->shared_info;
    uint64_t seconds = base_seconds + (uint64_t)d->time_offset_seconds;
    uint32_t version = READ_ONCE(s->wc_version) | 1;

    ASSERT(spin_is_held(&wallclock_lock));
    /* An odd version first, an even one last; the guest reads in the opposite order. */
    WRITE_ONCE(s->wc_version, version);
    barrier_write();
    WRITE_ONCE(s->wc_sec, (uint32_t)seconds);
    WRITE_ONCE(s->wc_sec_hi, (uint32_t)(seconds >> 32));
    WRITE_ONCE(s->wc_nsec, base_nanoseconds);
    barrier_write();
    WRITE_ONCE(s->wc_version, version + 1);
}

void domain_update_wallclock(struct domain *d)
{
    ASSERT(d && d->shared_info);
    spin_lock(&wallclock_lock);
    write_clock(d);
    spin_unlock(&wallclock_lock);
}

void wallclock_set(uint64_t seconds, uint32_t nanoseconds, nsec_t at)
{
    uint64_t base = seconds * NSEC_PER_SEC + nanoseconds - (uint64_t)at;

    spin_lock(&wallclock_lock);
    base_seconds = base / NSEC_PER_SEC;
    base_nanoseconds = (uint32_t)(base % NSEC_PER_SEC);
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
        if (atomic_load(&d->life) == DOMAIN_ALIVE)
            write_clock(d);
    spin_unlock(&wallclock_lock);
}

void wallclock_get(uint64_t *seconds, uint32_t *nanoseconds)
{
    spin_lock(&wallclock_lock);
    *seconds = base_seconds;
    *nanoseconds = base_nanoseconds;
    spin_unlock(&wallclock_lock);
}
