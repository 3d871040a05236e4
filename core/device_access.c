/* SPDX-License-Identifier: Apache-2.0 */
/* Which device registers of the host a domain may have mapped. */
#include "core/device_access.h"
#include "core/domain.h"
#include "core/host_device.h"
#include "lib/bitmap.h"
#include "lib/error.h"

/* The last frame of what is around `frame`: an entry of the control domain's, or a device that is offered; 0: it is out of reach. */
static uint64_t last_reachable(struct stage2_locked l, uint64_t frame)
{
    unsigned order;
    mfn_t mfn;

    if (stage2_lookup(l, GFN(frame), &mfn, &order) == S2_DEVICE && mfn.v == frame)
        return frame | (BIT(order) - 1);
    return host_device_offers(frame);
}

int device_reachable(struct domain *control, uint64_t first, uint64_t last)
{
    struct stage2_locked l = stage2_lock(&control->stage2);
    unsigned looks = 0;
    int r = 0;

    ASSERT(control->is_control && first <= last);
    for (uint64_t frame = first, end; !r && frame <= last && frame >= first; frame = end + 1) {
        end = last_reachable(l, frame);
        if (!end)
            r = -E_PERM;
        else if (++looks > DEVICE_ENTRIES_MAX)
            r = -E_2BIG;
    }
    stage2_unlock(l);
    return r;
}

/* Do they overlap or touch, so that they are one? */
static bool touches(const struct device_range *r, uint64_t first, uint64_t last)
{
    return (r->first <= last || r->first - last == 1) && (first <= r->last || first - r->last == 1);
}

static void take_out(struct device_access *a, uint32_t i)
{
    ASSERT(i < a->count);
    a->ranges[i] = a->ranges[--a->count];
}

int device_permit(struct domain_locked l, uint64_t first, uint64_t last)
{
    struct device_access *a = &l.d->devices;
    uint32_t merged = 0;

    ASSERT(spin_is_held(&l.d->lock) && first <= last);
    for (uint32_t i = 0; i < a->count; i++)
        merged += touches(&a->ranges[i], first, last);
    if (a->count - merged >= DEVICE_RANGES)
        return -E_NOMEM;
    for (uint32_t i = a->count; i-- > 0;)
        if (touches(&a->ranges[i], first, last)) {
            first = MIN(first, a->ranges[i].first);
            last = MAX(last, a->ranges[i].last);
            take_out(a, i);
        }
    a->ranges[a->count++] = (struct device_range){ first, last };
    return 0;
}

/* What is left of range i without [first, last]: nothing, one piece, or two. */
static void cut(struct device_access *a, uint32_t i, uint64_t first, uint64_t last)
{
    struct device_range r = a->ranges[i];

    take_out(a, i);
    if (r.first < first)
        a->ranges[a->count++] = (struct device_range){ r.first, first - 1 };
    if (r.last > last)
        a->ranges[a->count++] = (struct device_range){ last + 1, r.last };
    ASSERT(a->count <= DEVICE_RANGES);
}

int device_deny(struct domain_locked l, uint64_t first, uint64_t last)
{
    struct device_access *a = &l.d->devices;

    ASSERT(spin_is_held(&l.d->lock) && first <= last);
    /* Ranges are disjoint: one that is cut in two is the only one concerned. */
    for (uint32_t i = 0; i < a->count; i++)
        if (a->ranges[i].first < first && last < a->ranges[i].last && a->count == DEVICE_RANGES)
            return -E_NOMEM;
    for (uint32_t i = a->count; i-- > 0;)
        if (a->ranges[i].first <= last && first <= a->ranges[i].last)
            cut(a, i, first, last);
    return 0;
}

bool device_is_permitted(struct domain_locked l, uint64_t first, uint64_t last)
{
    const struct device_access *a = &l.d->devices;

    ASSERT(spin_is_held(&l.d->lock));
    for (uint32_t i = 0; i < a->count; i++)
        if (a->ranges[i].first <= first && last <= a->ranges[i].last)
            return true;
    return false;
}
