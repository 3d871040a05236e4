/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual ITS: making and ending one, its registers (IHI 0069, 12.19), and what the host's ITS delivers. */
#include "vdev/arm64/vits.h"
#include "core/host_device.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/heap.h"
#include "vdev/arm64/vgic_internal.h"

#define BLOCKS (LPI_COUNT / VITS_LPIS)
#define CTLR_ENABLED BIT(0)
#define CTLR_QUIESCENT BIT(31)
#define OFFSET_MASK UINT64_C(0xfffe0)
#define NO_ROUTE UINT64_C(0xffffff)     /* no vCPU has this affinity */

static struct domain *owners[BLOCKS];   /* atomic */

static struct vits *its_of(const struct vcpu *v)
{
    return vgic_of(v)->its;
}

/* -- one LPI -- */

unsigned vits_physical(const struct vits *s, const struct vits_lpi *l)
{
    ASSERT(l >= s->lpis && l < s->lpis + VITS_LPIS);
    return LPI_FIRST + s->block * VITS_LPIS + (unsigned)(l - s->lpis);
}

/* It stays where it is as long as a list register holds it. */
void vits_forget(struct domain *d, struct vits_lpi *l)
{
    vgic_targets t;

    spin_lock(&d->arch.vgic.lock);
    ASSERT(l->mapped);
    l->mapped = l->irq.enabled = l->irq.pending_latch = false;
    l->irq.drop_pending = l->irq.in_lr;
    vgic_limit_forget(d, (unsigned)(l - d->arch.vgic.its->lpis));
    t = vgic_update(d, &l->irq);
    vgic_unlock_notify(d, t);
}

void vits_apply(struct domain *d, struct vits *s, struct vits_lpi *l, uint8_t priority)
{
    unsigned vcpu = s->collections[array_index_nospec(l->collection, VITS_COLLECTIONS)];
    vgic_targets t;

    ASSERT(spin_is_held(&s->lock) && l->collection < VITS_COLLECTIONS);
    spin_lock(&d->arch.vgic.lock);
    l->irq.priority = priority;
    l->irq.route = vcpu ? vgic_affinity(vcpu - 1) : NO_ROUTE;
    l->irq.enabled = l->allowed && vcpu && s->lpis_on & BIT(vcpu - 1);
    t = vgic_update(d, &l->irq);
    vgic_unlock_notify(d, t);
}

bool vits_deliver(unsigned lpi)
{
    unsigned n = lpi - LPI_FIRST;
    struct domain *d = n < LPI_COUNT ? atomic_load(&owners[n / VITS_LPIS]) : NULL;
    struct vits_lpi *l;
    vgic_targets t = 0;
    bool mapped;

    if (!d)
        return false;
    l = &d->arch.vgic.its->lpis[n % VITS_LPIS];
    spin_lock(&d->arch.vgic.lock);
    mapped = l->mapped;
    if (mapped && (likely(!d->arch.vgic.limit) || vgic_limit_passes(d, &l->irq, n % VITS_LPIS))) {
        l->irq.pending_latch = true;
        l->irq.drop_pending = false;
        t = vgic_update(d, &l->irq);
    }
    vgic_unlock_notify(d, t);
    return mapped;
}

/* -- registers -- */

static uint64_t read_ctlr(struct vcpu *v)
{
    const struct vits *s = its_of(v);

    return (s->on ? CTLR_ENABLED : 0) | (!s->on || s->read == s->write ? CTLR_QUIESCENT : 0);
}

static void write_ctlr(struct vcpu *v, uint64_t value)
{
    struct vits *s = its_of(v);

    spin_lock(&s->lock);
    s->on = value & CTLR_ENABLED;
    vits_run(v->domain, s);
    spin_unlock(&s->lock);
}

static uint64_t read_commands(struct vcpu *v)
{
    return READ_ONCE(its_of(v)->commands);
}

static void write_commands(struct vcpu *v, uint64_t value)
{
    struct vits *s = its_of(v);

    spin_lock(&s->lock);
    if (!s->on) {
        s->commands = value;
        s->read = s->write = 0;
    }
    spin_unlock(&s->lock);
}

static uint64_t read_write(struct vcpu *v)
{
    return READ_ONCE(its_of(v)->write);
}

/* Beyond the queue: it stays as it is. */
static void write_write(struct vcpu *v, uint64_t value)
{
    struct vits *s = its_of(v);

    spin_lock(&s->lock);
    if ((value & OFFSET_MASK) < vits_queue_bytes(s))
        s->write = value & OFFSET_MASK;
    vits_run(v->domain, s);
    spin_unlock(&s->lock);
}

/* Whoever waits looks here, and gets on. */
static uint64_t read_read(struct vcpu *v)
{
    struct vits *s = its_of(v);
    uint64_t at;

    spin_lock(&s->lock);
    vits_run(v->domain, s);
    at = s->read;
    spin_unlock(&s->lock);
    return at;
}

/* Physical LPIs, so many bits of event and of device number, entries of 8 bytes, all collections within: no tables are asked for. */
#define TYPER (BIT(0) | 7 << 4 | (ITS_EVENT_BITS - 1) << 8 | 15 << 13 | (uint64_t)VITS_COLLECTIONS << 24)
STATIC_ASSERT(VITS_COLLECTIONS <= 255);

static const struct vgic_register registers[] = {
    { 0x0000, 4, read_ctlr, write_ctlr, 0 },
    { 0x0004, 4, NULL, NULL, 0x43b },       /* IIDR: Arm */
    { 0x0008, 8, NULL, NULL, TYPER },
    { 0x0080, 8, read_commands, write_commands, 0 },
    { 0x0088, 8, read_write, write_write, 0 },
    { 0x0090, 8, read_read, NULL, 0 },
    VGIC_V3_IDS(0x94),
};

/* A processor's write to the doorbell is no device's: it has no effect. */
static bool mmio_read(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t *value)
{
    return vgic_register_read(registers, ARRAY_SIZE(registers), v, offset, size, value);
}

static bool mmio_write(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t value)
{
    return vgic_register_write(registers, ARRAY_SIZE(registers), v, offset, size, value);
}

uint64_t vits_read_lpis_on(struct vcpu *bank)
{
    const struct vits *s = its_of(bank);

    return s && READ_ONCE(s->lpis_on) & BIT(bank->id);
}

/* Once they are on they stay on. */
void vits_write_lpis_on(struct vcpu *bank, uint64_t value)
{
    struct vits *s = its_of(bank);

    if (!s || !(value & 1))
        return;
    spin_lock(&s->lock);
    s->lpis_on |= BIT(bank->id);
    for (unsigned i = 0; i < VITS_LPIS; i++)
        if (s->lpis[i].mapped && s->collections[s->lpis[i].collection] == bank->id + 1)
            vits_apply(bank->domain, s, &s->lpis[i], s->lpis[i].irq.priority);
    spin_unlock(&s->lock);
}

uint64_t vits_read_config_table(struct vcpu *bank)
{
    return its_of(bank) ? READ_ONCE(its_of(bank)->config_table) : 0;
}

void vits_write_config_table(struct vcpu *bank, uint64_t value)
{
    if (its_of(bank) && !READ_ONCE(its_of(bank)->lpis_on))
        WRITE_ONCE(its_of(bank)->config_table, value);
}

uint64_t vits_read_pending_table(struct vcpu *bank)
{
    return its_of(bank) ? READ_ONCE(its_of(bank)->pending_table[bank->id]) & ~BIT(62) : 0;
}

void vits_write_pending_table(struct vcpu *bank, uint64_t value)
{
    if (its_of(bank))
        WRITE_ONCE(its_of(bank)->pending_table[bank->id], value);
}

/* -- life -- */

static bool take_block(struct domain *d, unsigned *block)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        struct domain *nobody = NULL;

        if (atomic_compare_exchange(&owners[i], &nobody, d)) {
            *block = i;
            return true;
        }
    }
    return false;
}

/* Devices that are behind no IOMMU use the host's addresses. */
static bool is_reachable(const struct domain *d)
{
    return d->iommu || d->direct_mapped;
}

static int show_doorbell(struct domain *d, gpa_t base)
{
    mfn_t page = hpa_to_mfn(HPA(arch_its_base().v + ITS_DOORBELL));

    if (!d->iommu)
        return 0;
    if (d->dma_identity)
        return iommu_map_doorbell(d->iommu, page);
    return stage2_map(&d->stage2, gpa_to_gfn(GPA(base.v + ITS_DOORBELL)), page, 0, S2_DOORBELL);
}

static int add_region(struct domain *d, gpa_t base)
{
    struct mmio_region r = { .base = base, .size = ITS_BYTES, .read = mmio_read, .write = mmio_write };
    int error = show_doorbell(d, base);

    return error ? error : mmio_add(&d->arch.mmio, &r);
}

int vits_create(struct domain *d)
{
    gpa_t base = d->direct_mapped ? GPA(arch_its_base().v) : GPA(VITS_GUEST_BASE);
    struct vits *s;
    int error;

    ASSERT(!d->arch.vgic.its);
    if (d->arch.vgic.version == 2 || !is_reachable(d) || !host_devices_send(d) || !arch_its_start())
        return 0;
    s = heap_new(struct vits);
    if (!s)
        return -E_NOMEM;
    spin_lock_init(&s->lock, LOCK_VITS);
    s->base = base;
    for (unsigned i = 0; i < VITS_LPIS; i++)
        list_init(&s->lpis[i].irq.link);
    d->arch.vgic.its = s;
    if (!take_block(d, &s->block)) {
        log_warning("d%u: no room in the host's ITS, its devices have their interrupt lines only", d->id.v);
        vits_free(d);
        return 0;
    }
    error = add_region(d, base);
    if (error)
        vits_free(d);
    return error;
}

void vits_drop_device(struct vits_device *device)
{
    ASSERT(device->itt);
    arch_its_unmap_device(device->id);
    heap_free_pages(device->itt, 0);
    device->itt = NULL;
}

/* Whoever found a dying domain by an LPI is done with it a quiescent period later, before its vits_free. */
static void forget_owner(struct domain *d, const struct vits *s)
{
    if (atomic_load(&owners[s->block]) == d)
        atomic_store(&owners[s->block], NULL);
}

void vits_reset(struct domain *d)
{
    struct vits *s = d->arch.vgic.its;

    if (!s)
        return;
    if (atomic_load(&d->life) != DOMAIN_ALIVE)
        forget_owner(d, s);
    spin_lock(&s->lock);
    for (unsigned i = 0; i < VITS_LPIS; i++)
        if (s->lpis[i].mapped)
            vits_forget(d, &s->lpis[i]);
    for (unsigned i = 0; i < VITS_DEVICES; i++)
        if (s->devices[i].itt)
            vits_drop_device(&s->devices[i]);
    s->on = false;
    s->next = 0;
    s->commands = s->write = s->read = s->config_table = s->lpis_on = 0;
    memset(s->collections, 0, sizeof(s->collections));
    memset(s->pending_table, 0, sizeof(s->pending_table));
    spin_unlock(&s->lock);
}

void vits_free(struct domain *d)
{
    struct vits *s = d->arch.vgic.its;

    if (!s)
        return;
    for (unsigned i = 0; i < VITS_DEVICES; i++)
        ASSERT(!s->devices[i].itt);
    forget_owner(d, s);
    d->arch.vgic.its = NULL;
    heap_delete(s);
}
