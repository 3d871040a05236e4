/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual GICv3: registers with a field per interrupt (IHI 0069, 12.9 and 12.11). The distributor and the second
 * frame of a redistributor lay them out alike: the block of 128 bytes that an offset lies in says which register it
 * is.
 */
#include "arch/include/arm64_vgic_hw.h"
#include "vdev/arm64/vgic_internal.h"

struct field {
    uint8_t bits;       /* per interrupt; 0: reserved, reads as zero, writes are ignored */
    bool ones_only;     /* a write acts on the interrupts whose bit is 1 */
    uint32_t base;      /* offset of interrupt 0's field */
    unsigned (*get)(const struct vgic_irq *i);
    void (*set)(struct vcpu *v, struct vgic_irq *i, unsigned value);
};

/* Is the physical interrupt behind i one that this CPU can end? */
static bool owns_physical(const struct vgic_irq *i)
{
    return i->hw_taken && (i->id >= VGIC_PRIVATE || i->target == cpu_current_vcpu());
}

static void end_physical(struct vgic_irq *i)
{
    if (owns_physical(i))
        arch_irq_deactivate(i->hw_irq);
    vgic_forget_taken(i);
}

static unsigned get_group(const struct vgic_irq *i)
{
    return i->group1;
}

static void set_group(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)v;
    i->group1 = value;
}

static unsigned get_enabled(const struct vgic_irq *i)
{
    return i->enabled;
}

static void set_enabled(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)v;
    if (i->enabled == value)
        return;
    i->enabled = value;
    if (i->id >= VGIC_PRIVATE && i->hw_irq)
        arch_irq_enable(i->hw_irq, value);
}

static void enable(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)value;
    set_enabled(v, i, true);
}

static void disable(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)value;
    set_enabled(v, i, false);
}

/* What a list register on another CPU knows is not asked for: then the state at the time it was lent, or later. */
static unsigned get_pending(const struct vgic_irq *i)
{
    return vgic_irq_is_pending(i) || i->held_by || (i->in_lr && i->lr_latched && !i->drop_pending);
}

static void pend(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)v;
    (void)value;
    i->pending_latch = true;
}

static void unpend(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)v;
    (void)value;
    i->pending_latch = false;
    vgic_drop_held(i);
    if (i->in_lr)
        i->drop_pending = true;
    else if (i->hw_taken && !i->active)
        end_physical(i);
}

static unsigned get_active(const struct vgic_irq *i)
{
    return i->active;
}

static void activate(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)v;
    (void)value;
    if (!i->in_lr)
        i->active = true;
}

static void deactivate(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)v;
    (void)value;
    if (i->in_lr) {
        i->drop_active = true;
        return;
    }
    if (i->active && i->hw_taken)
        end_physical(i);
    i->active = false;
}

static unsigned get_priority(const struct vgic_irq *i)
{
    return i->priority;
}

static void set_priority(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    (void)v;
    i->priority = value & VGIC_PRIORITY_MASK;
}

static unsigned get_config(const struct vgic_irq *i)
{
    return i->edge ? 2 : 0;
}

/* SGIs are always edges. */
static void set_config(struct vcpu *v, struct vgic_irq *i, unsigned value)
{
    bool edge = value & 2;

    (void)v;
    if (i->id < 16 || i->edge == edge)
        return;
    i->edge = edge;
    if (i->id >= VGIC_PRIVATE && i->hw_irq)
        arch_irq_set_edge(i->hw_irq, edge);
}

#define BLOCK_BYTES 128
static const struct field fields[0x1000 / BLOCK_BYTES] = {
    [0x080 / BLOCK_BYTES] = { 1, false, 0x080, get_group, set_group },      /* IGROUPR */
    [0x100 / BLOCK_BYTES] = { 1, true, 0x100, get_enabled, enable },        /* ISENABLER */
    [0x180 / BLOCK_BYTES] = { 1, true, 0x180, get_enabled, disable },       /* ICENABLER */
    [0x200 / BLOCK_BYTES] = { 1, true, 0x200, get_pending, pend },          /* ISPENDR */
    [0x280 / BLOCK_BYTES] = { 1, true, 0x280, get_pending, unpend },        /* ICPENDR */
    [0x300 / BLOCK_BYTES] = { 1, true, 0x300, get_active, activate },       /* ISACTIVER */
    [0x380 / BLOCK_BYTES] = { 1, true, 0x380, get_active, deactivate },     /* ICACTIVER */
    [0x400 / BLOCK_BYTES ... 0x7ff / BLOCK_BYTES] =
        { 8, false, 0x400, get_priority, set_priority },                    /* IPRIORITYR */
    [0xc00 / BLOCK_BYTES ... 0xcff / BLOCK_BYTES] =
        { 2, false, 0xc00, get_config, set_config },                        /* ICFGR */
};

bool vgic_is_irq_register(uint64_t offset)
{
    return offset >= BLOCK_BYTES && offset < 0x1000;
}

/* With affinity routing the distributor's fields of private interrupts are reserved, and so are a redistributor's
 * others. */
static struct vgic_irq *irq_at(struct vcpu *v, struct vcpu *bank, uint64_t irq)
{
    if (bank)
        return irq < VGIC_PRIVATE ? vgic_irq_of(bank, (unsigned)irq) : NULL;
    return irq < VGIC_PRIVATE ? NULL : vgic_irq_of(v, (unsigned)irq);
}

static const struct field *field_at(uint64_t offset, unsigned size, bool *size_ok)
{
    const struct field *f = &fields[array_index_nospec(offset / BLOCK_BYTES, ARRAY_SIZE(fields))];

    ASSERT(vgic_is_irq_register(offset));
    *size_ok = size == 4 || (size == 1 && f->bits == 8);
    return f;
}

bool vgic_irq_read(struct vcpu *v, struct vcpu *bank, uint64_t offset, unsigned size, uint64_t *value)
{
    bool size_ok;
    const struct field *f = field_at(offset, size, &size_ok);
    uint64_t first;

    *value = 0;
    if (!size_ok || !f->bits)
        return size_ok;
    first = (offset - f->base) * 8 / f->bits;
    vgic_sync(v);
    spin_lock(&vgic_of(v)->lock);
    for (unsigned n = 0; n < size * 8 / f->bits; n++) {
        const struct vgic_irq *i = irq_at(v, bank, first + n);

        if (i)
            *value |= (uint64_t)f->get(i) << (n * f->bits);
    }
    spin_unlock(&vgic_of(v)->lock);
    return true;
}

static vgic_targets write_all(struct vcpu *v, struct vcpu *bank, const struct field *f, uint64_t first, unsigned count,
                              uint64_t value)
{
    unsigned mask = (1u << f->bits) - 1;
    vgic_targets t = 0;

    for (unsigned n = 0; n < count; n++) {
        struct vgic_irq *i = irq_at(v, bank, first + n);

        if (!i)
            continue;
        f->set(v, i, value >> (n * f->bits) & mask);
        t |= vgic_update(v->domain, i);
    }
    return t;
}

static vgic_targets write_ones(struct vcpu *v, struct vcpu *bank, const struct field *f, uint64_t first, uint64_t value)
{
    vgic_targets t = 0;

    for (; value; value &= value - 1) {
        struct vgic_irq *i = irq_at(v, bank, first + (unsigned)__builtin_ctzll(value));

        if (!i)
            continue;
        f->set(v, i, 1);
        t |= vgic_update(v->domain, i);
    }
    return t;
}

bool vgic_irq_write(struct vcpu *v, struct vcpu *bank, uint64_t offset, unsigned size, uint64_t value)
{
    bool size_ok;
    const struct field *f = field_at(offset, size, &size_ok);
    vgic_targets t;
    uint64_t first;

    if (!size_ok || !f->bits)
        return size_ok;
    first = (offset - f->base) * 8 / f->bits;
    vgic_sync(v);
    spin_lock(&vgic_of(v)->lock);
    if (f->ones_only)
        t = write_ones(v, bank, f, first, value & UINT32_MAX);
    else
        t = write_all(v, bank, f, first, size * 8 / f->bits, value);
    vgic_unlock_notify(v->domain, t);
    return true;
}
