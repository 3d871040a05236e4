/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often the devices of a domain may interrupt. Each interrupt has a price in time (core/pace.h); one that cannot be paid is held back:
 *
 *   came, paid  -----------------------------------------------> pending
 *   came, early --> held: a shared line stays active, an LPI is masked --> the timer: all that are held are paid and pending
 *
 * Either way the host's controller remembers what comes meanwhile and does not interrupt for it, so that a storm costs each of its
 * sources one interrupt until the timer fires. All of it is under LOCK_VGIC.
 */
#include "arch/include/arm64_vgic_hw.h"
#include "core/console.h"
#include "core/pace.h"
#include "core/time.h"
#include "lib/bitmap.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "vdev/arm64/vgic_internal.h"
#include "vdev/arm64/vits.h"

#define BURST MSEC(10)
#define PLACES (VGIC_MAX_IRQS + VITS_LPIS)      /* shared interrupts by number, then LPIs by place */

struct vgic_limit {
    struct domain *d;
    struct timer timer;
    bool is_set;                /* the timer is, on some CPU */
    struct pace pace;
    nsec_t price;               /* 0: the domain ends, there is no limit any more */
    uint64_t passed, held;      /* how many came */
    uint64_t waiting[BITMAP_WORDS(PLACES)];        /* held back, or masked LPIs */
};

static nsec_t burst(const struct vgic_limit *l)
{
    return MAX(l->price, BURST);
}

static void hold(struct vgic_limit *l, struct vgic_irq *i, unsigned place, nsec_t until)
{
    uint16_t by = (uint16_t)(cpu_id() + 1);

    l->held++;
    i->held_by = i->held_by && i->held_by != by ? VGIC_NO_CPU : by;
    bitmap_set(l->waiting, place);
    if (l->is_set)
        return;
    l->is_set = true;
    timer_set(&l->timer, until);
}

static void mask(const struct vits *s, unsigned place, bool masked)
{
    const struct vits_lpi *lpi = &s->lpis[place];

    arch_its_mask_event(lpi->device, lpi->event, vits_physical(s, lpi), masked);
}

bool vgic_limit_passes(struct domain *d, struct vgic_irq *i, unsigned place)
{
    struct vgic_limit *l = d->arch.vgic.limit;
    nsec_t until = 0;

    ASSERT(spin_is_held(&d->arch.vgic.lock) && (place == NOT_AN_LPI || place < VITS_LPIS));
    if (!l->price || (!i->held_by && pace_try(&l->pace, l->price, burst(l), &until))) {
        l->passed++;
        return true;
    }
    hold(l, i, place == NOT_AN_LPI ? i->id : VGIC_MAX_IRQS + place, until);
    if (place != NOT_AN_LPI)
        mask(d->arch.vgic.its, place, true);
    return false;
}

void vgic_limit_forget(struct domain *d, unsigned place)
{
    struct vgic_limit *l = d->arch.vgic.limit;

    if (!l)
        return;
    ASSERT(spin_is_held(&d->arch.vgic.lock) && place < VITS_LPIS);
    bitmap_clear(l->waiting, VGIC_MAX_IRQS + place);
    d->arch.vgic.its->lpis[place].irq.held_by = 0;
}

/* False: the guest did not want it any more. */
static bool release_shared(struct domain *d, struct vgic_irq *i, vgic_targets *t)
{
    unsigned by = i->held_by;

    i->held_by = 0;
    if (!by)
        return false;
    ASSERT(i->hw_irq);
    *t |= vgic_take_shared(d, i, by == VGIC_NO_CPU ? VGIC_NO_CPU : by - 1);
    return true;
}

/* It is mapped, else it would not wait (vgic_limit_forget). */
static bool release_lpi(struct domain *d, unsigned place, vgic_targets *t)
{
    struct vgic_irq *i = &d->arch.vgic.its->lpis[place].irq;
    bool is_wanted = i->held_by;

    i->held_by = 0;
    mask(d->arch.vgic.its, place, false);
    if (!is_wanted)
        return false;
    i->pending_latch = true;
    i->drop_pending = false;
    *t |= vgic_update(d, i);
    return true;
}

static void time_is_over(struct timer *timer)
{
    struct vgic_limit *l = container_of(timer, struct vgic_limit, timer);
    struct vgic_domain *g = &l->d->arch.vgic;
    unsigned place = 0, n = 0;
    vgic_targets t = 0;

    spin_lock(&g->lock);
    l->is_set = false;
    while ((place = bitmap_next_set(l->waiting, PLACES, place)) < PLACES) {
        bitmap_clear(l->waiting, place);
        if (place < VGIC_MAX_IRQS)
            n += release_shared(l->d, &g->spis[place - VGIC_PRIVATE], &t);
        else
            n += release_lpi(l->d, place - VGIC_MAX_IRQS, &t);
    }
    l->pace.mark = MAX(l->pace.mark, arch_time_now()) + n * l->price;
    vgic_unlock_notify(l->d, t);
}

/* -- life -- */

static void show(void)
{
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1))) {
        const struct vgic_limit *l = d->arch.vgic.limit;

        if (l && l->price)
            log_info("d%u: interrupts of its devices: %llu a second at most, %llu came in time, %llu early%s", d->id.v,
                     (unsigned long long)(SEC(1) / l->price), (unsigned long long)l->passed, (unsigned long long)l->held,
                     l->is_set ? ", some are held back now" : "");
    }
}

int vgic_limit_rate(struct domain *d, uint32_t per_second)
{
    struct vgic_limit *l;

    ASSERT(!d->arch.vgic.limit);
    if (!per_second)
        return 0;
    l = heap_new(struct vgic_limit);
    if (!l)
        return -E_NOMEM;
    l->d = d;
    l->price = MAX(SEC(1) / per_second, (nsec_t)1);
    timer_init(&l->timer, time_is_over);
    d->arch.vgic.limit = l;
    debug_key_register('i', "interrupts of devices that have a limit", show);
    return 0;
}

/* Whoever finds the timer set does not set it again, and afterwards nobody sets it. */
void vgic_limit_retire(struct domain *d)
{
    struct vgic_limit *l = d->arch.vgic.limit;

    if (!l)
        return;
    spin_lock(&d->arch.vgic.lock);
    l->price = 0;
    spin_unlock(&d->arch.vgic.lock);
    timer_cancel(&l->timer);
}

void vgic_limit_free(struct vgic_domain *g)
{
    struct vgic_limit *l = g->limit;

    if (!l)
        return;
    ASSERT(!l->price || !l->is_set);
    timer_cancel(&l->timer);
    g->limit = NULL;
    heap_delete(l);
}
