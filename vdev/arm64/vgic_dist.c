/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual GICv3: the distributor (IHI 0069, 12.9), with one security state and affinity routing always on. */
#include "arch/include/arm64_vgic_hw.h"
#include "vdev/arm64/vgic_internal.h"
#include "vdev/arm64/vits.h"

#define ROUTE_MASK UINT64_C(0xff80ffffff)   /* affinity and the any-one bit */
#define IROUTER 0x6000
#define IROUTER_END 0x8000

static uint64_t read_ctlr(struct vcpu *v)
{
    return vgic_of(v)->ctlr | GICD_CTLR_ARE | GICD_CTLR_DS;
}

/* Every vCPU's flush looks again. Nothing is ever in the course of being written: RWP reads as 0. */
void vgic_write_ctlr(struct vcpu *v, uint64_t value)
{
    struct domain *d = v->domain;
    uint32_t enables = (uint32_t)(value & (GICD_CTLR_GROUP0 | GICD_CTLR_GROUP1));
    vgic_targets t = 0;

    spin_lock(&d->arch.vgic.lock);
    if (d->arch.vgic.ctlr != enables) {
        d->arch.vgic.ctlr = enables;
        for (unsigned id = 0; id < d->max_vcpus; id++)
            if (d->vcpus[id]) {
                vgic_work_all(&d->vcpus[id]->arch.vgic);
                t |= BIT(id);
            }
    }
    vgic_unlock_notify(d, t);
}

/* ITLinesNumber; ten bits of interrupt numbers, with an ITS those of LPIs; no message-based interrupts, no 1 of N. */
static uint64_t read_typer(struct vcpu *v)
{
    return vgic_of(v)->spi_count / 32 | (vgic_of(v)->its ? (VITS_LPI_BITS - 1) << 19 | BIT(17) : 9 << 19) | BIT(25);
}

/* In the order of how often they are read. */
static const struct vgic_register registers[] = {
    { 0x0000, 4, read_ctlr, vgic_write_ctlr, 0 },
    { 0x0004, 4, read_typer, NULL, 0 },
    { 0x0008, 4, NULL, NULL, 0x43b },       /* IIDR: Arm */
    { 0x000c, 4, NULL, NULL, 0 },           /* TYPER2 */
    { 0x0010, 4, NULL, NULL, 0 },           /* STATUSR */
    VGIC_V3_IDS(0x92),
};

/* Most tables begin with the registers at 0, 4, 8 and so on. */
static inline const struct vgic_register *register_at(const struct vgic_register *table, unsigned count, uint64_t offset)
{
    const struct vgic_register *likely_one = &table[array_index_nospec(offset / 4 < count ? offset / 4 : 0, count)];

    if (likely(offset - likely_one->offset < likely_one->width))
        return likely_one;
    for (unsigned n = 0; n < count; n++)
        if (offset - table[n].offset < table[n].width)
            return &table[n];
    return NULL;
}

/* Reserved registers read as zero and ignore writes; narrow accesses are the guest's fault. */
bool vgic_register_read(const struct vgic_register *table, unsigned count, struct vcpu *bank, uint64_t offset,
                        unsigned size, uint64_t *value)
{
    const struct vgic_register *r = register_at(table, count, offset);

    *value = 0;
    if (!r)
        return size >= 4;
    if (size < 4 || size > r->width)
        return false;
    *value = (r->read ? r->read(bank) : r->constant) >> (offset - r->offset) * 8;
    if (size == 4)
        *value &= UINT32_MAX;
    return true;
}

/* What is written to half of an 8-byte register leaves the other half. */
bool vgic_register_write(const struct vgic_register *table, unsigned count, struct vcpu *bank, uint64_t offset,
                         unsigned size, uint64_t value)
{
    const struct vgic_register *r = register_at(table, count, offset);

    if (!r)
        return size >= 4;
    if (size < 4 || size > r->width)
        return false;
    if (unlikely(size < r->width) && r->write) {
        unsigned shift = (unsigned)(offset - r->offset) * 8;

        value = (r->read(bank) & ~((uint64_t)UINT32_MAX << shift)) | (value & UINT32_MAX) << shift;
    }
    if (r->write)
        r->write(bank, value);
    return true;
}

static struct vgic_irq *routed_irq(struct vcpu *v, uint64_t offset)
{
    unsigned irq = (unsigned)(offset - IROUTER) / 8;

    return irq < VGIC_PRIVATE ? NULL : vgic_irq_of(v, irq);
}

static bool read_route(struct vcpu *v, uint64_t offset, unsigned size, uint64_t *value)
{
    const struct vgic_irq *i = routed_irq(v, offset);

    *value = i ? READ_ONCE(i->route) >> (offset & 4) * 8 : 0;
    if (size == 4)
        *value &= UINT32_MAX;
    return size >= 4;
}

vgic_targets vgic_set_route(struct domain *d, struct vgic_irq *i, uint64_t route)
{
    vgic_targets t;

    ASSERT(i->id >= VGIC_PRIVATE);
    i->route = route;
    t = vgic_update(d, i);
    if (i->hw_irq && i->target && !i->hw_taken && !i->held_by)
        arch_irq_set_target(i->hw_irq, i->target->unit.cpu);
    return t;
}

static bool write_route(struct vcpu *v, uint64_t offset, unsigned size, uint64_t value)
{
    struct vgic_irq *i = routed_irq(v, offset);
    unsigned shift = (offset & 4) * 8;
    vgic_targets t;

    if (!i || size < 4)
        return size >= 4;
    spin_lock(&vgic_of(v)->lock);
    if (size == 4)
        value = (i->route & ~(UINT64_C(0xffffffff) << shift)) | (value & UINT32_MAX) << shift;
    t = vgic_set_route(v->domain, i, value & ROUTE_MASK);
    vgic_unlock_notify(v->domain, t);
    return true;
}

bool vgic_dist_read(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t *value)
{
    (void)r;
    if (vgic_is_irq_register(offset))
        return vgic_irq_read(v, NULL, offset, size, value);
    if (offset >= IROUTER && offset < IROUTER_END)
        return read_route(v, offset, size, value);
    return vgic_register_read(registers, ARRAY_SIZE(registers), v, offset, size, value);
}

bool vgic_dist_write(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t value)
{
    (void)r;
    if (vgic_is_irq_register(offset))
        return vgic_irq_write(v, NULL, offset, size, value);
    if (offset >= IROUTER && offset < IROUTER_END)
        return write_route(v, offset, size, value);
    return vgic_register_write(registers, ARRAY_SIZE(registers), v, offset, size, value);
}
