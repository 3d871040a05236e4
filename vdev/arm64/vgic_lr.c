/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual GIC: the only place that touches list registers. A flush lends interrupts to them; reading them back (folding)
 * ends the loan. Between the two the hardware owns the active state and what was pending when it was lent; what becomes
 * pending meanwhile is in the state and gives the next flush work. (Arm IHI 0069, 4.6 and 12.4)
 */
#include "arch/include/arm64_vgic_hw.h"
#include "lib/cpu_work.h"
#include "vdev/arm64/vgic_internal.h"

#define VMCR_GROUP0 BIT(0)
#define VMCR_GROUP1 BIT(1)
#define VMCR_PRIORITY_SHIFT 24

/* What a register write wanted gone while the hardware had it. What has become pending since then stays. */
static void apply_drops(struct vgic_irq *i)
{
    if (i->drop_active)
        i->active = false;
    if (i->hw_taken && !i->active && !i->pending_latch && (i->drop_pending || i->drop_active)) {
        arch_irq_deactivate(i->hw_irq);
        vgic_forget_taken(i);
    }
    i->drop_pending = i->drop_active = false;
}

/*
 * May the guest's end be the physical one's? A shared interrupt's only on the CPU that took it: in some implementations of the
 * GICv2 each CPU has an active state of its own, and for the same reason none is given another CPU while it is active.
 */
static inline bool link_it(struct vgic_irq *i)
{
    if (likely(i->id < VGIC_PRIVATE))
        return true;
    i->lr_unlinked = i->hw_cpu != cpu_id();
    return !i->lr_unlinked;
}

/* Shared interrupt i has ended: it is taken next where its vCPU is now, and nobody is kicked. */
static NOINLINE void follow_target(struct domain *d, const struct vgic_irq *i)
{
    const struct vcpu *v = vgic_route(d, i->route);
    unsigned cpu = v ? atomic_load(&v->unit.cpu) : i->hw_cpu;

    ASSERT(i->id >= VGIC_PRIVATE && !i->hw_taken);
    if (cpu == i->hw_cpu || !i->hw_irq)
        return;
    ASSERT(cpu_is_online(cpu));
    arch_irq_set_target(i->hw_irq, cpu);
}

/*
 * The guest has ended i. With a link the hardware has ended the physical one; that one may have been taken again since: then it
 * still waits for an end.
 */
static inline void end_taken(struct vcpu *v, struct vgic_irq *i, bool linked)
{
    ASSERT(i->hw_taken);
    if (!linked)
        arch_irq_deactivate(i->hw_irq);
    i->hw_taken = linked && i->hw_retaken;
    i->hw_retaken = i->lr_unlinked = false;
    if (unlikely(i->id >= VGIC_PRIVATE) && !i->hw_taken && !i->held_by)
        follow_target(v->domain, i);
}

/* End the loan of list register n. */
static ALWAYS_INLINE void read_back(struct vcpu *v, struct vgic_irq *i, unsigned n)
{
    struct vgic_vcpu *s = &v->arch.vgic;
    uint64_t lr = arch_lr_read(n);

    ASSERT(s->lr_lent & BIT(n) && s->lr_irq[n] == i && i->in_lr && i->lr == n);
    s->lr_lent &= ~(uint32_t)BIT(n);
    if (lr & (LR_STATE_ACTIVE | LR_STATE_PENDING | LR_EOI_NOTIFY))
        s->lr_stale |= (uint32_t)BIT(n);
    i->in_lr = false;
    i->active = (lr & LR_STATE_ACTIVE) != 0;
    if ((lr & LR_STATE_PENDING) && i->lr_latched && likely(!i->drop_pending)) {
        i->pending_latch = true;
        if (i->line)
            vgic_v2_take_back(v, i);
    }
    if (!(lr & (LR_STATE_ACTIVE | LR_STATE_PENDING)) && ((lr & LR_HW) || unlikely(i->lr_unlinked)))
        end_taken(v, i, lr & LR_HW);
    if (unlikely(i->drop_pending || i->drop_active))
        apply_drops(i);
}

/* No interrupt is in two list registers, not even while no guest runs: its next one may be another. */
static NOINLINE void empty_some(struct vgic_vcpu *s)
{
    for (; s->lr_stale; s->lr_stale &= s->lr_stale - 1)
        arch_lr_write((unsigned)__builtin_ctz(s->lr_stale), 0);
}

static inline void empty_stale(struct vgic_vcpu *s)
{
    if (unlikely(s->lr_stale))
        empty_some(s);
}

vgic_targets vgic_fold(struct vcpu *v)
{
    struct vgic_vcpu *s = &v->arch.vgic;
    vgic_targets t = 0;

    ASSERT(spin_is_held(&vgic_of(v)->lock));
    if (s->lr_lent == 0)
        return 0;
    while (s->lr_lent) {
        unsigned n = (unsigned)__builtin_ctz(s->lr_lent);
        struct vgic_irq *i = s->lr_irq[n];

        read_back(v, i, n);
        t |= vgic_update(v->domain, i);
    }
    empty_stale(s);
    vgic_work_all(s);
    return t & ~BIT(v->id);
}

void vgic_fold_irq(struct vcpu *v, struct vgic_irq *i)
{
    ASSERT(spin_is_held(&vgic_of(v)->lock) && v == cpu_current_vcpu());
    if (!i->in_lr)
        return;
    ASSERT(i->target == v);
    read_back(v, i, i->lr);
    empty_stale(&v->arch.vgic);
}

static bool is_deliverable(const struct vgic_domain *g, const struct vgic_irq *i)
{
    return i->active || vgic_irq_is_signalled(g, i);
}

/* A linked interrupt cannot be active and pending at once in a list register (IHI 0069, 12.4.8): what is pending then
 * waits. */
static ALWAYS_INLINE void lend(struct vcpu *v, unsigned n, struct vgic_irq *i)
{
    struct vgic_domain *g = vgic_of(v);
    uint64_t lr = i->id | (uint64_t)i->priority << LR_PRIORITY_SHIFT | (i->group1 ? LR_GROUP1 : 0);

    ASSERT(!i->in_lr && i->queued && i->target == v);
    i->lr_latched = false;
    if (i->active)
        lr |= LR_STATE_ACTIVE;
    if (vgic_irq_is_signalled(g, i) && !(i->hw_taken && i->active)) {
        lr |= LR_STATE_PENDING;
        i->lr_latched = i->pending_latch;
        i->pending_latch = false;
    }
    if (i->hw_taken)
        lr |= likely(link_it(i)) ? LR_HW | (uint64_t)i->hw_irq << LR_PINTID_SHIFT : LR_EOI_NOTIFY;
    else if (i->line)           /* it may still be high then */
        lr = i->edge ? vgic_v2_lend(v, i, lr) : lr | LR_EOI_NOTIFY;
    i->in_lr = true;
    i->lr = (uint8_t)n;
    v->arch.vgic.lr_irq[n] = i;
    v->arch.vgic.lr_lent |= (uint32_t)BIT(n);
    v->arch.vgic.lr_stale &= ~(uint32_t)BIT(n);
    arch_lr_write(n, lr);
}

/* Of two interrupts, which needs a list register more: higher priority first; what is active before what is pending,
 * so that the guest's end of interrupt finds it. */
static bool is_before(const struct vgic_irq *a, const struct vgic_irq *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    return a->active && !b->active;
}

static struct vgic_irq *best_candidate(struct vcpu *v, bool only_active)
{
    struct vgic_irq *i, *best = NULL;

    list_for_each(i, &v->arch.vgic.candidates, link) {
        if (i->in_lr || !is_deliverable(vgic_of(v), i) || (only_active && !i->active))
            continue;
        if (!best || is_before(i, best))
            best = i;
    }
    return best;
}

/*
 * More than fit: those that the guest is handling, which it ends best first, for the end of one that is in no list register is
 * lost; then the best ones, of which one at least may be pending. And a call back when the guest is through with all but one,
 * or has taken all that were pending: it may be handling several for long. True: some are pending.
 */
static bool fill_best(struct vcpu *v, unsigned room)
{
    bool pending = false;
    struct vgic_irq *i;
    unsigned n = 0;

    while (n + 1 < MAX(room, 2u) && (i = best_candidate(v, true)))
        lend(v, n++, i);
    for (; n < room && (i = best_candidate(v, false)); n++) {
        pending |= !i->active;
        lend(v, n, i);
    }
    ASSERT(n == room);
    return pending;
}

/* False: more than fit; then *pending: something that the guest may take does. */
static bool fill(struct vcpu *v, unsigned room, bool *pending)
{
    struct vgic_irq *i;
    unsigned wanted = 0;

    list_for_each(i, &v->arch.vgic.candidates, link)
        wanted += is_deliverable(vgic_of(v), i);
    if (wanted > room) {
        *pending = fill_best(v, room);
        return false;
    }
    wanted = 0;
    list_for_each(i, &v->arch.vgic.candidates, link)
        if (is_deliverable(vgic_of(v), i))
            lend(v, wanted++, i);
    return true;
}

static unsigned list_registers(void)
{
    return MIN(arch_lr_count(), (unsigned)ARRAY_SIZE(((struct vgic_vcpu *)0)->lr_irq));
}

/* Read everything back and choose anew. */
static NOINLINE vgic_targets flush_all(struct vcpu *v)
{
    struct vgic_vcpu *s = &v->arch.vgic;
    vgic_targets t = vgic_fold(v);
    bool pending = false, overflow;

    atomic_store(&s->work, VGIC_WORK_NONE);
    overflow = !fill(v, list_registers(), &pending);
    empty_stale(s);
    if (s->underflow != overflow || s->none_pending != pending) {
        s->underflow = overflow;
        s->none_pending = pending;
        arch_vgic_refill_interrupts(overflow, pending);
    }
    return t;
}

/* A list register that is not lent; none: ARRAY_SIZE(lr_irq) or above. */
static unsigned free_register(const struct vgic_vcpu *s)
{
    unsigned n = (unsigned)__builtin_ctz(~s->lr_lent);

    return n < list_registers() ? n : ARRAY_SIZE(s->lr_irq);
}

/* Will the one that has changed stay v's when it is read back? */
static inline bool stays_here(struct vcpu *v, const struct vgic_irq *i)
{
    if (likely(i->id < VGIC_PRIVATE))
        return true;
    return i->target == v && (!i->in_lr || vgic_route(v->domain, i->route) == v);
}

/* One interrupt has changed: it keeps its list register or gets a free one. False: that is not enough, and nothing is done. */
static ALWAYS_INLINE bool flush_one(struct vcpu *v)
{
    struct vgic_vcpu *s = &v->arch.vgic;
    struct vgic_irq *i = s->changed;
    unsigned n;

    /* Where it does not all fit, each change may choose others. */
    if (unlikely(s->underflow) || !stays_here(v, i))
        return false;
    if (!i->in_lr) {
        n = free_register(s);
        if (unlikely(n >= ARRAY_SIZE(s->lr_irq)))
            return false;
    } else {
        n = i->lr;
        read_back(v, i, n);
    }
    atomic_store(&s->work, VGIC_WORK_NONE);
    if (likely(is_deliverable(vgic_of(v), i)))
        lend(v, n, i);
    else if (i->queued && !vgic_irq_is_wanted(i))
        vgic_unqueue(i);
    empty_stale(s);
    return true;
}

static void flush_work(struct vcpu *v)
{
    struct vgic_domain *g = vgic_of(v);
    vgic_targets t;

    spin_lock(&g->lock);
    if (likely(v->arch.vgic.work == VGIC_WORK_ONE) && likely(flush_one(v))) {
        spin_unlock(&g->lock);
        return;
    }
    t = flush_all(v);
    vgic_unlock_notify(v->domain, t);
    /*
     * Waking somebody may have given this CPU work, which it has looked for before the flush: without a trap it would
     * lie there, and whoever raises it next would not kick.
     */
    if (unlikely(t && cpu_work_pending()))
        cpu_kick(cpu_id());
}

HOT void vgic_flush(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    if (unlikely(atomic_load(&v->arch.vgic.work)))
        flush_work(v);
}

void vgic_sync(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    if (v->arch.vgic.lr_lent == 0)
        return;
    spin_lock(&vgic_of(v)->lock);
    vgic_unlock_notify(v->domain, vgic_fold(v));
}

void vgic_maintenance(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    spin_lock(&vgic_of(v)->lock);
    vgic_work_all(&v->arch.vgic);
    spin_unlock(&vgic_of(v)->lock);
}

/* Would the virtual CPU interface let it through? Its state is live in hardware while v is current. */
static bool interface_passes(struct vcpu *v, const struct vgic_irq *i)
{
    struct vgic_vcpu *s = &v->arch.vgic;

    if (!(s->vmcr & (i->group1 ? VMCR_GROUP1 : VMCR_GROUP0)))
        return false;
    return i->priority < s->vmcr >> VMCR_PRIORITY_SHIFT;
}

bool vgic_has_pending(struct vcpu *v)
{
    struct vgic_domain *g = vgic_of(v);
    struct vgic_irq *i;
    bool found = false, is_live = v == cpu_current_vcpu();
    vgic_targets t = 0;

    if (!is_live && list_empty(&v->arch.vgic.candidates))
        return false;
    spin_lock(&g->lock);
    if (is_live) {
        t = vgic_fold(v);
        if (!list_empty(&v->arch.vgic.candidates))
            arch_vgic_save(&v->arch.vgic);
    }
    list_for_each(i, &v->arch.vgic.candidates, link)
        found |= !i->active && vgic_irq_is_signalled(g, i) && interface_passes(v, i);
    vgic_unlock_notify(v->domain, t);
    return found;
}

/* Leave nothing in the list registers for the next vCPU. */
void vgic_save(struct vcpu *v)
{
    struct vgic_vcpu *s = &v->arch.vgic;

    vgic_sync(v);
    if (s->underflow) {     /* empty registers would raise it; the flush after the load decides anew */
        s->underflow = s->none_pending = false;
        arch_vgic_refill_interrupts(false, false);
    }
    arch_vgic_save(s);
}

void vgic_load(struct vcpu *v)
{
    ASSERT(v->arch.vgic.lr_lent == 0 && v->arch.vgic.lr_stale == 0);
    arch_vgic_load(&v->arch.vgic);
    /* Meets the one in vcpu_wake, before vcpu_kick: who sets work after this CPU looked at it sees that v is on a CPU, and kicks. */
    barrier_full();
}
