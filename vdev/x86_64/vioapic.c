/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/vioapic.h"
#include "core/domain.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "vdev/x86_64/vlapic.h"

#define SELECT 0x00
#define WINDOW 0x10
#define REG_ID 0
#define REG_VERSION 1
#define REG_ARBITRATION 2
#define REG_ENTRIES 16
#define VERSION (0x11 | (VIOAPIC_LINES - 1) << 16)
#define BYTES 0x1000

/* A redirection entry (3.2.4). */
#define ENTRY_VECTOR(e) ((unsigned)(e) & 0xff)
#define ENTRY_MODE(e) ((unsigned)(e) >> 8 & 7)
#define ENTRY_LOGICAL BIT(11)
#define ENTRY_REMOTE_IRR BIT(14)
#define ENTRY_LEVEL BIT(15)
#define ENTRY_MASKED BIT(16)
#define ENTRY_WRITABLE UINT64_C(0xff0000000001afff)
#define MODE_LOWEST 1

/* A level waits for its end (remote IRR) once somebody has taken it; one that is meant for nobody stays as it is. */
static void deliver(struct domain *d, unsigned line)
{
    struct vioapic *a = d->arch.vioapic;
    uint64_t e = a->entry[line];

    ASSERT(spin_is_held(&a->lock));
    if ((e & ENTRY_MASKED) || ENTRY_VECTOR(e) < 16 || ENTRY_MODE(e) > MODE_LOWEST)
        return;
    if ((e & ENTRY_LEVEL) && (e & ENTRY_REMOTE_IRR))
        return;
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = domain_vcpu(d, i);

        if (!v || !vlapic_is_target(v, (uint32_t)(e >> 56), e & ENTRY_LOGICAL))
            continue;
        if (e & ENTRY_LEVEL)
            a->entry[line] |= ENTRY_REMOTE_IRR;
        vlapic_raise(v, ENTRY_VECTOR(e), e & ENTRY_LEVEL);
        if (ENTRY_MODE(e) == MODE_LOWEST)
            return;
    }
}

void vioapic_set_irq(struct domain *d, unsigned gsi, bool level)
{
    struct vioapic *a = d->arch.vioapic;
    bool was;

    if (!a || gsi >= VIOAPIC_LINES)
        return;
    spin_lock(&a->lock);
    was = a->level >> gsi & 1;
    a->level = level ? a->level | (uint32_t)BIT(gsi) : a->level & ~(uint32_t)BIT(gsi);
    if (level && (!was || (a->entry[gsi] & ENTRY_LEVEL)))
        deliver(d, gsi);
    spin_unlock(&a->lock);
}

void vioapic_eoi(struct domain *d, unsigned vector)
{
    struct vioapic *a = d->arch.vioapic;

    if (!a)
        return;
    spin_lock(&a->lock);
    for (unsigned line = 0; line < VIOAPIC_LINES; line++) {
        uint64_t e = a->entry[line];

        if (!(e & ENTRY_REMOTE_IRR) || ENTRY_VECTOR(e) != vector)
            continue;
        a->entry[line] &= ~ENTRY_REMOTE_IRR;
        if (a->level >> line & 1)
            deliver(d, line);
    }
    spin_unlock(&a->lock);
}

static uint32_t read_selected(const struct vioapic *a)
{
    unsigned n = a->select;

    if (n == REG_ID || n == REG_ARBITRATION)
        return (uint32_t)a->id << 24;
    if (n == REG_VERSION)
        return VERSION;
    if (n < REG_ENTRIES || n >= REG_ENTRIES + 2 * VIOAPIC_LINES)
        return 0;
    n = (unsigned)array_index_nospec(n - REG_ENTRIES, 2 * VIOAPIC_LINES);
    return (uint32_t)(a->entry[n / 2] >> (n % 2 ? 32 : 0));
}

static void write_selected(struct domain *d, uint32_t value)
{
    struct vioapic *a = d->arch.vioapic;
    unsigned n = a->select, line;
    uint64_t e;

    if (n == REG_ID)
        a->id = value >> 24 & 0xf;
    if (n < REG_ENTRIES || n >= REG_ENTRIES + 2 * VIOAPIC_LINES)
        return;
    n = (unsigned)array_index_nospec(n - REG_ENTRIES, 2 * VIOAPIC_LINES);
    line = n / 2;
    e = n % 2 ? (uint32_t)a->entry[line] | (uint64_t)value << 32 : (a->entry[line] & ~(uint64_t)UINT32_MAX) | value;
    e = (e & ENTRY_WRITABLE) | (e & ENTRY_LEVEL ? a->entry[line] & ENTRY_REMOTE_IRR : 0);
    a->entry[line] = e;
    if ((e & ENTRY_LEVEL) && (a->level >> line & 1))
        deliver(d, line);
}

bool vioapic_mmio(struct domain *d, uint64_t offset, unsigned size, bool is_write, uint64_t *value)
{
    struct vioapic *a = d->arch.vioapic;
    uint64_t result = 0;

    if (!a || size != 4)
        return false;
    spin_lock(&a->lock);
    if (offset == SELECT && is_write)
        a->select = (uint8_t)*value;
    else if (offset == SELECT)
        result = a->select;
    else if (offset == WINDOW && is_write)
        write_selected(d, (uint32_t)*value);
    else if (offset == WINDOW)
        result = read_selected(a);
    spin_unlock(&a->lock);
    if (!is_write)
        *value = result;
    return true;
}

static bool region_read(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t *value)
{
    return vioapic_mmio(v->domain, offset, size, false, value);
}

static bool region_write(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t value)
{
    return vioapic_mmio(v->domain, offset, size, true, &value);
}

void vioapic_reset(struct domain *d)
{
    struct vioapic *a = d->arch.vioapic;

    if (!a)
        return;
    spin_lock(&a->lock);
    for (unsigned i = 0; i < VIOAPIC_LINES; i++)
        a->entry[i] = ENTRY_MASKED;
    a->level = 0;
    a->select = a->id = 0;
    spin_unlock(&a->lock);
}

int vioapic_init(struct domain *d)
{
    static const struct mmio_region region = { { VIOAPIC_ADDRESS }, BYTES, region_read, region_write, 0 };
    int error;

    d->arch.vioapic = heap_new(struct vioapic);
    if (!d->arch.vioapic)
        return -E_NOMEM;
    spin_lock_init(&d->arch.vioapic->lock, LOCK_VGIC);
    vioapic_reset(d);
    error = mmio_add(&d->arch.mmio, &region);
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
    if (d->arch.vioapic)
        heap_delete(d->arch.vioapic);
    d->arch.vioapic = NULL;
}
