/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual GICv2 (Arm IHI 0048): its distributor, and what SGIs have there that a GICv3's have not: the vCPU that sent one is part of
 * it. Each vCPU keeps for each SGI who has sent it and not been answered; one sender at a time is lent to a list register. All else
 * is the GICv3's. The CPU interface is the hardware's.
 */
#include "arch/include/arm64_vgic_hw.h"
#include "lib/error.h"
#include "vdev/arm64/vgic_internal.h"

#define ISPENDR 0x200
#define ICPENDR 0x280
#define ITARGETSR 0x800
#define ICFGR 0xc00
#define SGIR 0xf00
#define CPENDSGIR 0xf10
#define SPENDSGIR 0xf20
#define SGI_END 0xf30
#define BYTES 0x1000

#define ROUTE_NOBODY 0xff           /* no vCPU has this affinity */

/* -- SGIs -- */

uint64_t vgic_v2_lend(struct vcpu *v, struct vgic_irq *i, uint64_t lr)
{
    uint8_t *sources, *lent;

    if (i->id >= VGIC_SGIS)     /* an edge whose wire is high */
        return lr;
    sources = &v->arch.vgic.sgi_sources[i->id];
    lent = &v->arch.vgic.sgi_lent[i->id];
    if (!i->active && *sources)
        *lent = (uint8_t)__builtin_ctz(*sources);
    if ((lr & LR_STATE_PENDING) && *sources & BIT(*lent)) {
        *sources &= (uint8_t)~BIT(*lent);
    } else {        /* nobody's, or another's, which waits until this one is over */
        lr &= ~LR_STATE_PENDING;
        i->lr_latched = false;
    }
    ASSERT(*lent < VGIC_V2_VCPUS);
    i->pending_latch = *sources != 0;
    return lr | (*sources ? LR_EOI_NOTIFY : 0) | (uint64_t)*lent << LR_SOURCE_SHIFT;
}

void vgic_v2_take_back(struct vcpu *v, const struct vgic_irq *i)
{
    struct vgic_vcpu *s = &v->arch.vgic;

    if (i->id < VGIC_SGIS)
        s->sgi_sources[i->id] |= (uint8_t)BIT(s->sgi_lent[i->id]);
}

static vgic_targets all_vcpus(const struct domain *d)
{
    return BIT(d->max_vcpus) - 1;
}

static vgic_targets sgi_targets(const struct vcpu *v, uint64_t value)
{
    switch (value >> 24 & 3) {
    case 0:
        return value >> 16 & 0xff & all_vcpus(v->domain);
    case 1:
        return all_vcpus(v->domain) & ~BIT(v->id);
    case 2:
        return BIT(v->id);
    default:
        return 0;
    }
}

/* Sources of one SGI of `to` appear and go. */
static vgic_targets change_sources(struct vcpu *to, unsigned sgi, uint64_t set, uint64_t clear)
{
    struct vgic_irq *i = &to->arch.vgic.irqs[sgi];
    uint8_t *sources = &to->arch.vgic.sgi_sources[sgi];

    ASSERT(sgi < VGIC_SGIS);
    *sources = (uint8_t)((*sources | (set & all_vcpus(to->domain))) & ~clear);
    i->pending_latch = *sources != 0;
    return vgic_update(to->domain, i);
}

/* GICD_SGIR (4.3.15) */
static void send_sgi(struct vcpu *v, uint64_t value)
{
    struct domain *d = v->domain;
    vgic_targets to = sgi_targets(v, value), t = 0;

    spin_lock(&d->arch.vgic.lock);
    for (; to; to &= to - 1) {
        struct vcpu *target = d->vcpus[__builtin_ctzll(to)];

        if (target)
            t |= change_sources(target, value & 0xf, BIT(v->id), 0);
    }
    vgic_unlock_notify(d, t);
}

/* GICD_CPENDSGIR and GICD_SPENDSGIR (4.3.16): a byte for each of this vCPU's SGIs, a bit for each that sent it. */
static bool read_sgi_sources(struct vcpu *v, uint64_t offset, unsigned size, uint64_t *value)
{
    unsigned first = offset & 0xf;

    *value = 0;
    if (size != 1 && size != 4)
        return false;
    vgic_sync(v);
    spin_lock(&vgic_of(v)->lock);
    for (unsigned n = 0; n < size; n++)
        *value |= (uint64_t)v->arch.vgic.sgi_sources[array_index_nospec(first + n, VGIC_SGIS)] << n * 8;
    spin_unlock(&vgic_of(v)->lock);
    return true;
}

static bool write_sgi_sources(struct vcpu *v, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned first = offset & 0xf;
    vgic_targets t = 0;

    if (size != 1 && size != 4)
        return false;
    vgic_sync(v);
    spin_lock(&vgic_of(v)->lock);
    for (unsigned n = 0; n < size; n++, value >>= 8) {
        unsigned sgi = (unsigned)array_index_nospec(first + n, VGIC_SGIS);
        uint64_t sources = value & 0xff;

        t |= offset < SPENDSGIR ? change_sources(v, sgi, 0, sources) : change_sources(v, sgi, sources, 0);
    }
    vgic_unlock_notify(v->domain, t);
    return true;
}

/* -- targets of shared interrupts -- */

static uint64_t route_of(uint64_t targets)
{
    return (targets ? vgic_affinity((unsigned)__builtin_ctzll(targets)) : ROUTE_NOBODY) | targets << VGIC_V2_TARGETS_SHIFT;
}

/* The private ones' read as the reader's own bit. */
static uint64_t get_targets(struct vcpu *v, unsigned irq)
{
    const struct vgic_irq *i = vgic_irq_of(v, irq);

    if (irq < VGIC_PRIVATE)
        return BIT(v->id);
    return i ? i->route >> VGIC_V2_TARGETS_SHIFT : 0;
}

static bool read_targets(struct vcpu *v, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    if (size != 1 && size != 4)
        return false;
    spin_lock(&vgic_of(v)->lock);
    for (unsigned n = 0; n < size; n++)
        *value |= get_targets(v, (unsigned)(offset - ITARGETSR) + n) << n * 8;
    spin_unlock(&vgic_of(v)->lock);
    return true;
}

static bool write_targets(struct vcpu *v, uint64_t offset, unsigned size, uint64_t value)
{
    vgic_targets t = 0;

    if (size != 1 && size != 4)
        return false;
    spin_lock(&vgic_of(v)->lock);
    for (unsigned n = 0; n < size; n++, value >>= 8) {
        unsigned irq = (unsigned)(offset - ITARGETSR) + n;
        struct vgic_irq *i = irq < VGIC_PRIVATE ? NULL : vgic_irq_of(v, irq);

        if (i)
            t |= vgic_set_route(v->domain, i, route_of(value & 0xff & all_vcpus(v->domain)));
    }
    vgic_unlock_notify(v->domain, t);
    return true;
}

/* -- the distributor -- */

static uint64_t read_ctlr(struct vcpu *v)
{
    return vgic_of(v)->ctlr;
}

/* ITLinesNumber and CPUNumber; no Security Extensions. */
static uint64_t read_typer(struct vcpu *v)
{
    return vgic_of(v)->spi_count / 32 | (uint64_t)(v->domain->max_vcpus - 1) << 5;
}

static const struct vgic_register registers[] = {
    { 0x000, 4, read_ctlr, vgic_write_ctlr, 0 },
    { 0x004, 4, read_typer, NULL, 0 },
    { 0x008, 4, NULL, NULL, 0x0200043b },       /* IIDR: Arm */
    { SGIR, 4, NULL, send_sgi, 0 },
    VGIC_IDS(0, 0x2b, 0x04, 0x90),
};

/* Those with a field per interrupt that are a GICv3's too; the private interrupts' are banked. */
static bool is_common(uint64_t offset)
{
    return vgic_is_irq_register(offset) && offset < SGIR;
}

static struct vcpu *bank_at(struct vcpu *v, uint64_t offset)
{
    uint64_t first = offset < 0x400 ? offset % 0x80 * 8 : offset < ICFGR ? offset % 0x400 : offset % 0x100 * 4;

    return first < VGIC_PRIVATE ? v : NULL;
}

static bool dist_read(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t *value)
{
    if (offset >= ITARGETSR && offset < ICFGR)
        return read_targets(v, offset, size, value);
    if (offset >= CPENDSGIR && offset < SGI_END)
        return read_sgi_sources(v, offset, size, value);
    if (is_common(offset))
        return vgic_irq_read(v, bank_at(v, offset), offset, size, value);
    return vgic_register_read(registers, ARRAY_SIZE(registers), v, offset, size, value);
}

static bool dist_write(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset >= ITARGETSR && offset < ICFGR)
        return write_targets(v, offset, size, value);
    if (offset >= CPENDSGIR && offset < SGI_END)
        return write_sgi_sources(v, offset, size, value);
    if (offset == ISPENDR || offset == ICPENDR)     /* an SGI without a sender cannot be */
        value &= ~(BIT(VGIC_SGIS) - 1);
    if (is_common(offset))
        return vgic_irq_write(v, bank_at(v, offset), offset, size, value);
    return vgic_register_write(registers, ARRAY_SIZE(registers), v, offset, size, value);
}

int vgic_v2_domain_init(struct domain *d, uint32_t spis, gpa_t dist_base)
{
    struct mmio_region dist = { .base = dist_base, .size = BYTES, .read = dist_read, .write = dist_write };
    int error;

    if (d->max_vcpus > VGIC_V2_VCPUS)
        return -E_INVAL;
    error = vgic_state_init(d, 2, spis);
    if (error)
        return error;
    d->arch.vgic.dist_base = dist_base;
    error = mmio_add(&d->arch.mmio, &dist);
    if (error)
        vgic_domain_destroy(d);
    return error;
}
