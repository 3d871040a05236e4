/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/vioapic.h"
#include "arch/include/x86_irq.h"
#include "core/domain.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "vdev/x86_64/host_vector.h"
#include "vdev/x86_64/vlapic.h"

#define SELECT 0x00
#define WINDOW 0x10
#define REG_ID 0
#define REG_VERSION 1
#define REG_ARBITRATION 2
#define REG_ENTRIES 16
#define VERSION(lines) (0x11 | ((lines) - 1) << 16)
#define BYTES 0x1000

/* A redirection entry (3.2.4). */
#define ENTRY_VECTOR(e) ((unsigned)(e) & 0xff)
#define ENTRY_MODE(e) ((unsigned)(e) >> 8 & 7)
#define ENTRY_TO(e) ((uint32_t)((e) >> 56))
#define ENTRY_LOGICAL BIT(11)
#define ENTRY_LOW BIT(13)
#define ENTRY_REMOTE_IRR BIT(14)
#define ENTRY_LEVEL BIT(15)
#define ENTRY_MASKED BIT(16)
#define ENTRY_WRITABLE UINT64_C(0xff0000000001afff)
#define MODE_LOWEST 1

static bool lets_through(uint64_t e)
{
    return !(e & ENTRY_MASKED) && ENTRY_VECTOR(e) >= 16 && ENTRY_MODE(e) <= MODE_LOWEST;
}

/* -- the host's line -- */

static void close_line(struct vioapic_line *l, uint32_t gsi)
{
    if (l->is_open)
        arch_line_close(gsi);
    l->is_open = false;
}

static void open_line(struct vioapic_line *l, uint32_t gsi, unsigned cpu)
{
    arch_line_open(gsi, l->vector, cpu, l->entry & ENTRY_LEVEL, l->entry & ENTRY_LOW);
    l->is_open = true;
    l->cpu = (uint16_t)cpu;
}

/* As the guest's entry has it. A level that was taken and not ended stays closed. */
static void follow(struct domain *d, uint32_t gsi)
{
    struct vioapic_line *l = &d->arch.vioapic->line[gsi];
    struct vcpu *v = NULL;
    int vector;

    ASSERT(spin_is_held(&d->arch.vioapic->lock));
    if (!l->is_routed)
        return;
    if (lets_through(l->entry) && !(l->entry & ENTRY_REMOTE_IRR))
        v = vlapic_deliver(d, ENTRY_TO(l->entry), l->entry & ENTRY_LOGICAL, true, 0, false);
    if (!v) {
        close_line(l, gsi);
        return;
    }
    if (!l->vector) {
        vector = host_vector_for_line(d, gsi);
        if (vector < 0) {
            log_guest("d%u: no vector is left for line %u", d->id.v, gsi);
            return;
        }
        l->vector = (uint8_t)vector;
    }
    open_line(l, gsi, atomic_load(&v->unit.cpu));
}

/* One that a guest has closed meanwhile, or means for nobody, is lost if it is an edge; a level is still there when the line is opened. */
static void take(struct domain *d, uint32_t gsi)
{
    struct vioapic_line *l = &d->arch.vioapic->line[gsi];
    uint64_t e = l->entry;
    struct vcpu *v;

    if (e & ENTRY_LEVEL)
        close_line(l, gsi);
    if (!lets_through(e) || (e & ENTRY_REMOTE_IRR))
        return;
    v = vlapic_deliver(d, ENTRY_TO(e), e & ENTRY_LOGICAL, ENTRY_MODE(e) == MODE_LOWEST, ENTRY_VECTOR(e), e & ENTRY_LEVEL);
    if (v && (e & ENTRY_LEVEL))
        l->entry |= ENTRY_REMOTE_IRR;
    else if (v && l->is_open && l->cpu != atomic_load(&v->unit.cpu))
        open_line(l, gsi, atomic_load(&v->unit.cpu));
}

void vioapic_host_line(struct domain *d, uint32_t gsi)
{
    struct vioapic *a = d->arch.vioapic;

    ASSERT(a && gsi < VIOAPIC_LINES);
    spin_lock(&a->lock);
    take(d, gsi);
    spin_unlock(&a->lock);
}

void vioapic_eoi(struct domain *d, unsigned vector)
{
    struct vioapic *a = d->arch.vioapic;

    if (!a)
        return;
    spin_lock(&a->lock);
    for (uint32_t gsi = 0; gsi < VIOAPIC_LINES; gsi++) {
        struct vioapic_line *l = &a->line[gsi];

        if (!(l->entry & ENTRY_REMOTE_IRR) || ENTRY_VECTOR(l->entry) != vector)
            continue;
        l->entry &= ~ENTRY_REMOTE_IRR;
        follow(d, gsi);
    }
    spin_unlock(&a->lock);
}

static struct vioapic_chip *chip_of(struct vioapic *a, uint32_t gsi)
{
    for (unsigned i = 0; i < a->chips; i++) {
        if (gsi - a->chip[i].first < a->chip[i].lines)
            return &a->chip[i];
    }
    return NULL;
}

int vioapic_route(struct domain *d, uint32_t gsi)
{
    struct vioapic *a = d->arch.vioapic;

    if (!a || !chip_of(a, gsi))
        return -E_INVAL;
    if (arch_line_is_own(gsi))
        return -E_PERM;
    ASSERT(gsi < VIOAPIC_LINES);
    spin_lock(&a->lock);
    a->line[gsi].is_routed = true;
    follow(d, gsi);
    spin_unlock(&a->lock);
    return 0;
}

/* -- registers -- */

static uint32_t read_selected(const struct vioapic *a, const struct vioapic_chip *c)
{
    unsigned n = c->select;

    if (n == REG_ID || n == REG_ARBITRATION)
        return (uint32_t)c->id << 24;
    if (n == REG_VERSION)
        return VERSION(c->lines);
    if (n < REG_ENTRIES || n - REG_ENTRIES >= 2 * c->lines)
        return 0;
    n = (unsigned)array_index_nospec(n - REG_ENTRIES, 2 * c->lines);
    return (uint32_t)(a->line[c->first + n / 2].entry >> (n % 2 ? 32 : 0));
}

static void write_selected(struct domain *d, struct vioapic_chip *c, uint32_t value)
{
    unsigned n = c->select;
    struct vioapic_line *l;
    uint64_t e;

    if (n == REG_ID)
        c->id = value >> 24 & 0xf;
    if (n < REG_ENTRIES || n - REG_ENTRIES >= 2 * c->lines)
        return;
    n = (unsigned)array_index_nospec(n - REG_ENTRIES, 2 * c->lines);
    l = &d->arch.vioapic->line[c->first + n / 2];
    e = n % 2 ? (uint32_t)l->entry | (uint64_t)value << 32 : (l->entry & ~(uint64_t)UINT32_MAX) | value;
    l->entry = (e & ENTRY_WRITABLE) | (e & ENTRY_LEVEL ? l->entry & ENTRY_REMOTE_IRR : 0);
    follow(d, c->first + n / 2);
}

bool vioapic_mmio(struct domain *d, unsigned chip, uint64_t offset, unsigned size, bool is_write, uint64_t *value)
{
    struct vioapic *a = d->arch.vioapic;
    struct vioapic_chip *c;
    uint64_t result = 0;

    if (!a || chip >= a->chips || size != 4)
        return false;
    c = &a->chip[chip];
    spin_lock(&a->lock);
    if (offset == SELECT && is_write)
        c->select = (uint8_t)*value;
    else if (offset == SELECT)
        result = c->select;
    else if (offset == WINDOW && is_write)
        write_selected(d, c, (uint32_t)*value);
    else if (offset == WINDOW)
        result = read_selected(a, c);
    spin_unlock(&a->lock);
    if (!is_write)
        *value = result;
    return true;
}

static bool region_read(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t *value)
{
    return vioapic_mmio(v->domain, (unsigned)r->data, offset, size, false, value);
}

static bool region_write(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t value)
{
    return vioapic_mmio(v->domain, (unsigned)r->data, offset, size, true, &value);
}

/* -- life -- */

void vioapic_reset(struct domain *d)
{
    struct vioapic *a = d->arch.vioapic;

    if (!a)
        return;
    spin_lock(&a->lock);
    for (uint32_t gsi = 0; gsi < VIOAPIC_LINES; gsi++) {
        a->line[gsi].entry = ENTRY_MASKED;
        close_line(&a->line[gsi], gsi);
    }
    for (unsigned i = 0; i < a->chips; i++)
        a->chip[i].select = a->chip[i].id = 0;
    spin_unlock(&a->lock);
}

static int add_chip(struct domain *d, const struct x86_io_apic *host)
{
    struct vioapic *a = d->arch.vioapic;
    const struct mmio_region region = { { host->at.v }, BYTES, region_read, region_write, a->chips };

    if (a->chips == VIOAPIC_CHIPS || host->first >= VIOAPIC_LINES || host->lines > MIN(VIOAPIC_LINES - host->first, 120u))
        return 0;
    a->chip[a->chips++] = (struct vioapic_chip){ .address = host->at.v, .first = host->first, .lines = host->lines };
    return mmio_add(&d->arch.mmio, &region);
}

int vioapic_init(struct domain *d)
{
    const struct x86_io_apic *host;
    int error = 0;

    d->arch.vioapic = heap_new(struct vioapic);
    if (!d->arch.vioapic)
        return -E_NOMEM;
    spin_lock_init(&d->arch.vioapic->lock, LOCK_VGIC);
    vioapic_reset(d);
    for (unsigned i = 0; !error && (host = arch_io_apic(i)); i++)
        error = add_chip(d, host);
    if (error)
        vioapic_free(d);
    return error;
}

void vioapic_stop(struct domain *d)
{
    vioapic_reset(d);
}

void vioapic_free(struct domain *d)
{
    struct vioapic *a = d->arch.vioapic;

    for (uint32_t gsi = 0; a && gsi < VIOAPIC_LINES; gsi++) {
        close_line(&a->line[gsi], gsi);
        if (a->line[gsi].vector)
            host_vector_free(a->line[gsi].vector);
    }
    if (a)
        heap_delete(a);
    d->arch.vioapic = NULL;
}
