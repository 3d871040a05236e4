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

/* version, seconds and nanoseconds follow each other in every layout. */
static void write_words(uint32_t *version_at, uint32_t *high, uint64_t seconds)
{
    uint32_t version = READ_ONCE(version_at[0]) | 1;

    /* An odd version first, an even one last; the guest reads in the opposite order. */
    WRITE_ONCE(version_at[0], version);
    barrier_write();
    WRITE_ONCE(version_at[1], (uint32_t)seconds);
    WRITE_ONCE(*high, (uint32_t)(seconds >> 32));
    WRITE_ONCE(version_at[2], base_nanoseconds);
    barrier_write();
    WRITE_ONCE(version_at[0], version + 1);
}

static void write_clock(struct domain *d)
{
    struct guest_shared_info *wide = d->shared_info;
    struct narrow_shared_info *narrow = d->shared_info;
    uint64_t seconds = base_seconds + (uint64_t)d->time_offset_seconds;

    ASSERT(spin_is_held(&wallclock_lock));
    if (domain_layout_is_narrow(d))
        write_words(&narrow->wc_version, &narrow->wc_sec_hi, seconds);
    else
        write_words(&wide->wc_version, &wide->wc_sec_hi, seconds);
}

void domain_update_wallclock(struct domain *d)
{
    ASSERT(d && d->shared_info);
    spin_lock(&wallclock_lock);
    write_clock(d);
    spin_unlock(&wallclock_lock);
}

void domain_set_layout(struct domain *d, bool is_narrow)
{
    if (!ARCH_NARROW_LAYOUT || READ_ONCE(d->narrow_layout) == is_narrow)
        return;
    WRITE_ONCE(d->narrow_layout, is_narrow);
    domain_update_wallclock(d);
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
