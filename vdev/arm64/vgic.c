/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual GICv3: the state of interrupts and what changes it.
 *
 *   inject, register write --> struct vgic_irq --update--> list of candidates of one vCPU --flush--> list registers
 *                                   ^                                                                   |
 *                                   +------------------------------- fold ------------------------------+
 *
 * An interrupt is on its vCPU's list while it is lent to a list register, active, or pending and enabled. Whoever
 * changes state sets the vCPU's `work`, under the lock, and kicks; nothing else makes a flush look. Most often that is one
 * interrupt: then flush looks at no other.
 */
#include "vdev/arm64/vgic_internal.h"
#include "arch/include/arm64_vgic_hw.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"
#include "vdev/arm64/vits.h"

#define AFFINITY_MASK UINT64_C(0xff00ffffff)
#define IROUTER_ANY BIT(31)
/* Shared interrupts that one call of vgic_reset_shared looks at. */
#define RESET_SHARED 128
/* ICC_SGI*R_EL1: all but this vCPU (40), a range (47:44), affinities 2 and 3. */
#define SGI_UNUSUAL (BIT(40) | UINT64_C(0xf) << 44 | UINT64_C(0xff) << 32 | UINT64_C(0xff) << 48)

uint64_t vgic_affinity(unsigned vcpu)
{
    ASSERT(vcpu < 16 * 256);
    return (vcpu & 15) | (uint64_t)(vcpu >> 4) << 8;
}

struct vcpu *vgic_vcpu_by_affinity(const struct domain *d, uint64_t affinity)
{
    if ((affinity & ~UINT64_C(0xff0f)) != 0)
        return NULL;
    return domain_vcpu(d, (affinity & 15) | (affinity >> 8 << 4));
}

struct vcpu *vgic_route(const struct domain *d, uint64_t route)
{
    if (route & IROUTER_ANY)    /* any one vCPU: the first does */
        return domain_vcpu(d, 0);
    return vgic_vcpu_by_affinity(d, route & AFFINITY_MASK);
}

static inline struct vgic_irq *irq_of(struct vcpu *v, unsigned irq)
{
    struct vgic_domain *g = vgic_of(v);

    if (likely(irq < VGIC_PRIVATE))
        return &v->arch.vgic.irqs[array_index_nospec(irq, VGIC_PRIVATE)];
    irq -= VGIC_PRIVATE;
    return irq < g->spi_count ? &g->spis[array_index_nospec(irq, g->spi_count)] : NULL;
}

struct vgic_irq *vgic_irq_of(struct vcpu *v, unsigned irq)
{
    return irq_of(v, irq);
}

void vgic_unqueue(struct vgic_irq *i)
{
    ASSERT(i->queued && !i->in_lr);
    list_remove(&i->link);
    i->queued = false;
}

/* A shared interrupt that nobody handles at the moment follows its route. */
static void retarget(struct domain *d, struct vgic_irq *i)
{
    struct vcpu *target;

    if (i->in_lr || i->active)
        return;
    target = vgic_route(d, i->route);
    if (target == i->target)
        return;
    if (i->queued)
        vgic_unqueue(i);
    i->target = target;
}

static void give_work(struct vgic_vcpu *s, struct vgic_irq *i)
{
    if (likely(s->work == VGIC_WORK_NONE)) {
        s->changed = i;
        atomic_store(&s->work, VGIC_WORK_ONE);
    } else if (s->changed != i) {
        vgic_work_all(s);
    }
}

/* Whom to notify, or NULL. */
static inline struct vcpu *update(struct domain *d, struct vgic_irq *i)
{
    struct vcpu *v;

    ASSERT(spin_is_held(&d->arch.vgic.lock));
    if (i->id >= VGIC_PRIVATE)
        retarget(d, i);
    if (!vgic_irq_is_wanted(i)) {
        if (i->queued)
            vgic_unqueue(i);
        return NULL;
    }
    v = i->target;
    if (!v)
        return NULL;
    if (!i->queued) {
        list_push_back(&v->arch.vgic.candidates, &i->link);
        i->queued = true;
    }
    give_work(&v->arch.vgic, i);
    return v;
}

vgic_targets vgic_update(struct domain *d, struct vgic_irq *i)
{
    struct vcpu *v = update(d, i);

    return v ? BIT(v->id) : 0;
}

/* A vCPU that runs elsewhere is kicked; the one whose trap this is flushes on its way out, but may have gone to
 * sleep. */
static inline void notify(struct vcpu *v)
{
    if (v != cpu_current_vcpu()) {
        vcpu_wake(v);
        vcpu_kick(v);
    } else if (atomic_load(&v->pause_flags)) {
        vcpu_wake(v);
    }
}

void vgic_unlock_notify(struct domain *d, vgic_targets t)
{
    spin_unlock(&d->arch.vgic.lock);
    for (; t; t &= t - 1)
        notify(d->vcpus[__builtin_ctzll(t)]);
}

/* The same for one vCPU, or NULL. */
static inline void unlock_notify_one(struct domain *d, struct vcpu *v)
{
    spin_unlock(&d->arch.vgic.lock);
    if (v)
        notify(v);
}

HOT void vgic_inject_edge(struct vcpu *v, unsigned irq)
{
    struct domain *d = v->domain;
    struct vgic_irq *i = irq_of(v, irq);

    ASSERT(i);
    spin_lock(&d->arch.vgic.lock);
    i->pending_latch = true;
    unlock_notify_one(d, update(d, i));
}

void vgic_set_line(struct vcpu *v, unsigned irq, bool high)
{
    struct domain *d = v->domain;
    struct vgic_irq *i = vgic_irq_of(v, irq);
    struct vcpu *to = NULL;

    ASSERT(i);
    spin_lock(&d->arch.vgic.lock);
    if (i->line != high) {
        if (high && i->edge)
            i->pending_latch = true;
        i->line = high;
        to = update(d, i);
    }
    unlock_notify_one(d, to);
}

static inline struct vcpu *take_hw(struct domain *d, struct vgic_irq *i, unsigned hw_irq)
{
    ASSERT(i && hw_irq);
    i->hw_irq = (uint16_t)hw_irq;
    if (i->in_lr && i->hw_taken)
        i->hw_retaken = true;
    i->hw_taken = true;
    i->pending_latch = true;
    return update(d, i);
}

static inline struct vcpu *take_shared(struct domain *d, struct vgic_irq *i, unsigned cpu)
{
    i->hw_cpu = (uint16_t)(i->hw_taken && i->hw_cpu != cpu ? VGIC_NO_CPU : cpu);
    return take_hw(d, i, i->hw_irq);
}

vgic_targets vgic_take_shared(struct domain *d, struct vgic_irq *i, unsigned cpu)
{
    struct vcpu *v = take_shared(d, i, cpu);

    ASSERT(i->id >= VGIC_PRIVATE);
    return v ? BIT(v->id) : 0;
}

void vgic_drop_held(struct vgic_irq *i)
{
    if (!i->held_by)
        return;
    i->held_by = 0;
    arch_irq_deactivate(i->hw_irq);
}

HOT bool vgic_inject_hw(struct vcpu *v, unsigned irq, unsigned hw_irq)
{
    struct domain *d = v->domain;
    struct vgic_irq *i = irq_of(v, irq);
    struct vcpu *to = NULL;
    bool is_linked = true;

    ASSERT(i);
    spin_lock(&vgic_of(v)->lock);
    if (likely(irq < VGIC_PRIVATE)) {
        to = take_hw(d, i, hw_irq);
    } else {
        /* Whoever took it found its domain before vgic_unroute_all: taken now it would stay active for good. */
        is_linked = likely(i->hw_irq == hw_irq);
        if (is_linked && (likely(!d->arch.vgic.limit) || vgic_limit_passes(d, i, NOT_AN_LPI)))
            to = take_shared(d, i, cpu_id());
    }
    unlock_notify_one(d, to);
    return is_linked;
}

void vgic_load_hw(struct vcpu *v, unsigned irq, unsigned hw_irq)
{
    ASSERT(irq < VGIC_PRIVATE);
    spin_lock(&vgic_of(v)->lock);
    take_hw(v->domain, &v->arch.vgic.irqs[irq], hw_irq);
    spin_unlock(&vgic_of(v)->lock);
}

bool vgic_hw_is_taken(const struct vcpu *v, unsigned irq)
{
    ASSERT(irq < VGIC_PRIVATE);
    return v->arch.vgic.irqs[irq].hw_taken;
}

bool vgic_retract_hw(struct vcpu *v, unsigned irq)
{
    struct domain *d = v->domain;
    struct vgic_irq *i = vgic_irq_of(v, irq);
    bool unseen;

    ASSERT(i && irq < VGIC_PRIVATE && v == cpu_current_vcpu());
    spin_lock(&d->arch.vgic.lock);
    vgic_fold_irq(v, i);
    unseen = i->hw_taken && !i->active;
    if (unseen) {
        vgic_forget_taken(i);
        i->pending_latch = false;
    }
    update(d, i);
    spin_unlock(&d->arch.vgic.lock);
    return unseen;
}

/* The vCPUs that an ICC_SGI*R_EL1 value names (IHI 0069, 12.2.15). */
static vgic_targets sgi_targets(const struct vcpu *v, uint64_t value)
{
    const struct domain *d = v->domain;
    uint64_t cluster = (value >> 16 & 0xff) << 8 | (value >> 32 & 0xff) << 16 | (value >> 48 & 0xff) << 32;
    uint64_t list = value & 0xffff;
    vgic_targets t = 0;

    if (value >> 40 & 1) {
        for (unsigned id = 0; id < d->max_vcpus; id++)
            if (d->vcpus[id] && id != v->id)
                t |= BIT(id);
        return t;
    }
    if (value >> 44 & 0xf)      /* range selector: clusters have 16 */
        return 0;
    for (; list; list &= list - 1) {
        struct vcpu *to = vgic_vcpu_by_affinity(d, cluster | (unsigned)__builtin_ctzll(list));

        if (to)
            t |= BIT(to->id);
    }
    return t;
}

/* The one vCPU that a value names in the usual way, or NULL: look at all it may name. */
static inline struct vcpu *only_target(const struct vcpu *v, uint64_t value)
{
    uint64_t list = value & 0xffff;

    if (unlikely(value & SGI_UNUSUAL) || !list || (list & (list - 1)))
        return NULL;
    return domain_vcpu(v->domain, (value >> 16 & 0xff) << 4 | (unsigned)__builtin_ctzll(list));
}

static inline struct vcpu *pend_sgi(struct domain *d, struct vcpu *to, unsigned sgi, bool group1)
{
    struct vgic_irq *i = &to->arch.vgic.irqs[sgi];

    if (i->group1 != group1)
        return NULL;
    i->pending_latch = true;
    return update(d, i);
}

static NOINLINE void send_sgis(struct vcpu *v, uint64_t value, bool group1)
{
    struct domain *d = v->domain;
    unsigned sgi = value >> 24 & 0xf;
    vgic_targets to = sgi_targets(v, value), t = 0;

    spin_lock(&d->arch.vgic.lock);
    for (; to; to &= to - 1) {
        struct vcpu *target = pend_sgi(d, d->vcpus[__builtin_ctzll(to)], sgi, group1);

        t |= target ? BIT(target->id) : 0;
    }
    vgic_unlock_notify(d, t);
}

static inline void send_sgi(struct vcpu *v, uint64_t value, bool group1)
{
    struct vcpu *to = only_target(v, value);

    if (!to) {
        send_sgis(v, value, group1);
        return;
    }
    spin_lock(&vgic_of(v)->lock);
    unlock_notify_one(v->domain, pend_sgi(v->domain, to, value >> 24 & 0xf, group1));
}

void vgic_send_sgi(struct vcpu *v, uint64_t sgi1r)
{
    send_sgi(v, sgi1r, true);
}

void vgic_send_sgi0(struct vcpu *v, uint64_t sgi0r)
{
    send_sgi(v, sgi0r, false);
}

int vgic_route_hw(struct domain *d, unsigned irq)
{
    struct vgic_domain *g = &d->arch.vgic;
    struct vgic_irq *i;
    int error = 0;

    if (irq < VGIC_PRIVATE || irq - VGIC_PRIVATE >= g->spi_count)
        return -E_INVAL;
    i = &g->spis[irq - VGIC_PRIVATE];
    spin_lock(&g->lock);
    if (i->hw_irq)
        error = -E_EXIST;
    else
        i->hw_irq = (uint16_t)irq;
    g->has_hw = true;
    if (!error && i->enabled)
        arch_irq_enable(irq, true);
    spin_unlock(&g->lock);
    return error;
}

void vgic_unroute_all(struct domain *d)
{
    struct vgic_domain *g = &d->arch.vgic;

    if (!g->has_hw)
        return;
    spin_lock(&g->lock);
    g->has_hw = false;
    for (unsigned n = 0; n < g->spi_count; n++) {
        struct vgic_irq *i = &g->spis[n];

        if (!i->hw_irq)
            continue;
        arch_irq_enable(i->hw_irq, false);
        if (i->hw_taken)
            arch_irq_deactivate(i->hw_irq);
        vgic_drop_held(i);
        i->hw_irq = 0;
        vgic_forget_taken(i);
    }
    spin_unlock(&g->lock);
}

/* A GICv2's interrupts are of group 0, a GICv3's of group 1, until the guest says otherwise: as most guests expect. Both go to vCPU 0. */
static void irq_init(const struct vgic_domain *g, struct vgic_irq *i, unsigned id, struct vcpu *target)
{
    bool is_sgi = id < VGIC_SGIS;

    *i = (struct vgic_irq){
        .id = (uint16_t)id, .target = target, .group1 = g->version != 2, .edge = is_sgi, .enabled = is_sgi,
        .line = is_sgi && g->version == 2, .route = g->version == 2 ? BIT(VGIC_V2_TARGETS_SHIFT) : 0,
    };
    list_init(&i->link);
}

void vgic_vcpu_init(struct vcpu *v)
{
    struct vgic_vcpu *s = &v->arch.vgic;

    ASSERT(v->domain && v->id < v->domain->max_vcpus);
    for (unsigned n = 0; n < VGIC_PRIVATE; n++)
        irq_init(vgic_of(v), &s->irqs[n], n, v);
    list_init(&s->candidates);
    s->lr_lent = s->lr_stale = 0;
    s->work = VGIC_WORK_NONE;
    s->changed = NULL;
    s->redist_awake = false;
    arch_vgic_reset(s);
}

/* Its physical interrupt stays linked, and is off. */
static void reset_shared(struct vgic_domain *g, struct vgic_irq *i)
{
    uint16_t hw = i->hw_irq;

    ASSERT(!i->in_lr);
    if (hw) {
        arch_irq_enable(hw, false);
        arch_irq_set_edge(hw, false);
        if (i->hw_taken)
            arch_irq_deactivate(hw);
        vgic_drop_held(i);
    }
    if (i->queued)
        vgic_unqueue(i);
    irq_init(g, i, i->id, NULL);
    i->hw_irq = hw;
}

bool vgic_reset_shared(struct domain *d, uint32_t *next)
{
    struct vgic_domain *g = &d->arch.vgic;
    uint32_t end = MIN(*next + RESET_SHARED, g->spi_count);

    spin_lock(&g->lock);
    g->ctlr = 0;
    for (; *next < end; ++*next)
        reset_shared(g, &g->spis[*next]);
    spin_unlock(&g->lock);
    return end == g->spi_count;
}

void vgic_vcpu_reset(struct vcpu *v)
{
    struct vgic_domain *g = vgic_of(v);

    ASSERT(v != cpu_current_vcpu());
    spin_lock(&g->lock);
    ASSERT(v->arch.vgic.lr_lent == 0);
    vgic_vcpu_init(v);
    memset(v->arch.vgic.sgi_sources, 0, sizeof(v->arch.vgic.sgi_sources));
    memset(v->arch.vgic.sgi_lent, 0, sizeof(v->arch.vgic.sgi_lent));
    spin_unlock(&g->lock);
}

static int add_regions(struct domain *d)
{
    struct vgic_domain *g = &d->arch.vgic;
    struct mmio_region dist = {
        .base = g->dist_base, .size = 0x10000, .read = vgic_dist_read, .write = vgic_dist_write,
    };
    struct mmio_region redist = {
        .base = g->redist_base, .size = MIN(g->redist_size, d->max_vcpus * VGIC_REDIST_SIZE),
        .read = vgic_redist_read, .write = vgic_redist_write,
    };
    int error = mmio_add(&d->arch.mmio, &dist);

    return error ? error : mmio_add(&d->arch.mmio, &redist);
}

int vgic_state_init(struct domain *d, unsigned version, uint32_t spis)
{
    struct vgic_domain *g = &d->arch.vgic;

    ASSERT(spis % 32 == 0);
    if (spis == 0 || spis > VGIC_MAX_IRQS - VGIC_PRIVATE)
        return -E_INVAL;
    *g = (struct vgic_domain){ .version = version, .spi_count = spis };
    spin_lock_init(&g->lock, LOCK_VGIC);
    g->spis = heap_alloc(spis * sizeof(*g->spis));
    if (!g->spis)
        return -E_NOMEM;
    for (unsigned n = 0; n < spis; n++)
        irq_init(g, &g->spis[n], VGIC_PRIVATE + n, NULL);
    return 0;
}

int vgic_domain_init(struct domain *d, uint32_t spis, gpa_t dist_base, gpa_t redist_base, uint64_t redist_size)
{
    struct vgic_domain *g = &d->arch.vgic;
    int error;

    if (d->max_vcpus * VGIC_REDIST_SIZE > redist_size)
        return -E_INVAL;
    error = vgic_state_init(d, 3, spis);
    if (error)
        return error;
    g->dist_base = dist_base;
    g->redist_base = redist_base;
    g->redist_size = redist_size;
    error = add_regions(d);
    if (error)
        vgic_domain_destroy(d);
    return error;
}

void vgic_domain_destroy(struct domain *d)
{
    struct vgic_domain *g = &d->arch.vgic;

    ASSERT(!g->has_hw);
    d->arch.mmio.count = 0;
    vits_free(d);
    vgic_limit_free(g);
    if (g->spis)
        heap_free(g->spis, g->spi_count * sizeof(*g->spis));
    g->spis = NULL;
    g->spi_count = 0;
}
