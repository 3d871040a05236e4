/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: MSI (PCI Local Bus 3.0, 6.8.1) with one message, MSI-X (6.8.2) with as many as there are vectors. What dom0 wrote is kept here, the
 * device has the host's words; an entry of a table that has no vector is masked in the device.
 */
#include "arch/include/x86_irq.h"
#include "core/domain.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "vdev/x86_64/host_vector.h"
#include "vdev/x86_64/vpci_internal.h"

/* MSI: control in the upper half of the first register. */
#define MSI_ENABLE BIT(16)
#define MSI_OFFERED (BIT(17) | BIT(18) | BIT(19))       /* how many messages, as a power of two */
#define MSI_WANTED (BIT(20) | BIT(21) | BIT(22))
#define MSI_64 BIT(23)
#define MSI_CONTROL 2
#define MSI_ADDRESS 4
#define MSI_UPPER 8
#define MSI_DATA(f) ((f)->msi.is_64 ? 12u : 8u)
/* MSI-X */
#define MSIX_ENABLE BIT(31)
#define MSIX_MASK_ALL BIT(30)
#define MSIX_COUNT(control) (((unsigned)(control) >> 16 & 0x7ff) + 1)
#define MSIX_TABLE 4
#define TABLE_BAR(table) ((table) & 7)
#define TABLE_OFFSET(table) ((table) & ~7u)
#define ENTRY_BYTES 16
enum { ENTRY_ADDRESS = 0, ENTRY_UPPER = 4, ENTRY_DATA = 8, ENTRY_CONTROL = 12 };

/* -- MSI -- */

static void msi_put_control(const struct vpci_function *f, bool on)
{
    uint32_t control = arch_pci_read(f->id, f->msi.at, 4) & ~(uint32_t)(MSI_WANTED | MSI_ENABLE);

    arch_pci_write(f->id, f->msi.at + MSI_CONTROL, 2, (control | (on ? (uint32_t)MSI_ENABLE : 0)) >> 16);
}

/* As dom0 has it now. */
static void msi_follow(struct vpci *p, struct vpci_function *f)
{
    struct x86_message m;
    int vector;

    if (!f->msi.is_enabled) {
        msi_put_control(f, false);
        if (f->msi.vector)
            host_vector_free(f->msi.vector);
        f->msi.vector = 0;
        return;
    }
    if (!f->msi.vector) {
        vector = host_vector_for_message(p->domain, f->id, 0);
        if (vector < 0) {
            log_guest("PCI %04x: no vector is left for its messages", f->id);
            return;
        }
        f->msi.vector = (uint8_t)vector;
    }
    host_vector_say(f->msi.vector, f->msi.upper ? 0 : f->msi.address, f->msi.data);
    m = arch_message(f->msi.vector, host_vector_cpu(f->msi.vector), f->id);
    arch_pci_write(f->id, f->msi.at + MSI_ADDRESS, 4, m.address);
    if (f->msi.is_64)
        arch_pci_write(f->id, f->msi.at + MSI_UPPER, 4, 0);
    arch_pci_write(f->id, f->msi.at + MSI_DATA(f), 2, m.data);
    msi_put_control(f, true);
}

static bool msi_read(const struct vpci_function *f, unsigned offset, uint32_t *value)
{
    if (offset == 0)
        *value = (arch_pci_read(f->id, f->msi.at, 4) & ~(uint32_t)(MSI_OFFERED | MSI_WANTED | MSI_ENABLE)) |
                 (f->msi.is_enabled ? (uint32_t)MSI_ENABLE : 0);
    else if (offset == MSI_ADDRESS)
        *value = f->msi.address;
    else if (offset == MSI_UPPER && f->msi.is_64)
        *value = f->msi.upper;
    else if (offset == MSI_DATA(f))
        *value = f->msi.data;
    else
        return false;
    return true;
}

static bool msi_write(struct vpci *p, struct vpci_function *f, unsigned offset, uint32_t value)
{
    if (offset == 0)
        f->msi.is_enabled = value & MSI_ENABLE;
    else if (offset == MSI_ADDRESS)
        f->msi.address = value & ~3u;
    else if (offset == MSI_UPPER && f->msi.is_64)
        f->msi.upper = value;
    else if (offset == MSI_DATA(f))
        f->msi.data = value & 0xffff;
    else
        return false;
    if (offset == 0 || f->msi.is_enabled)
        msi_follow(p, f);
    return true;
}

/* -- MSI-X -- */

/* Where an entry is; 0: out of reach now. */
static uint64_t entry_at(const struct vpci_function *f, unsigned n)
{
    const struct pci_bar *b = &f->bar[f->msix.bar];

    ASSERT(n < f->msix.count);
    return f->decodes && b->is_claimed ? b->base + f->msix.offset + n * ENTRY_BYTES : 0;
}

static void put(uint64_t at, unsigned field, uint32_t value)
{
    arch_device_write(HPA(at + field), 4, value);
}

static bool entry_vector(struct vpci *p, struct vpci_function *f, unsigned n)
{
    struct vpci_entry *e = &f->msix.entry[n];
    int vector = e->vector ? e->vector : host_vector_for_message(p->domain, f->id, n);

    if (vector < 0) {
        log_guest("PCI %04x: no vector is left for its message %u", f->id, n);
        return false;
    }
    e->vector = (uint8_t)vector;
    return true;
}

static void entry_follow(struct vpci *p, struct vpci_function *f, unsigned n)
{
    struct vpci_entry *e = &f->msix.entry[n];
    uint64_t at = entry_at(f, n);
    struct x86_message m;
    bool sends = f->msix.is_enabled && !e->is_masked;

    if (!at)
        return;
    if ((sends && !entry_vector(p, f, n)) || !e->vector) {
        put(at, ENTRY_CONTROL, 1);
        return;
    }
    host_vector_say(e->vector, e->upper ? 0 : e->address, e->data);
    m = arch_message(e->vector, host_vector_cpu(e->vector), f->id);
    put(at, ENTRY_ADDRESS, m.address);
    put(at, ENTRY_UPPER, 0);
    put(at, ENTRY_DATA, m.data);
    put(at, ENTRY_CONTROL, !sends);
}

static void msix_drop_vectors(struct vpci_function *f)
{
    for (unsigned n = 0; n < f->msix.count; n++) {
        struct vpci_entry *e = &f->msix.entry[n];

        if (e->vector)
            host_vector_free(e->vector);
        e->vector = 0;
    }
}

/* The whole function is masked while its entries become what they are to be; without a table in reach it is not switched on. */
static void msix_put_control(struct vpci *p, struct vpci_function *f, uint32_t value)
{
    bool on = f->msix.is_enabled && entry_at(f, 0);

    arch_pci_write(f->id, f->msix.at + MSI_CONTROL, 2, (uint32_t)((on ? MSIX_ENABLE : 0) | MSIX_MASK_ALL) >> 16);
    for (unsigned n = 0; n < f->msix.count; n++)
        entry_follow(p, f, n);
    if (!f->msix.is_enabled)
        msix_drop_vectors(f);
    arch_pci_write(f->id, f->msix.at + MSI_CONTROL, 2, (uint32_t)((on ? MSIX_ENABLE : 0) | (value & MSIX_MASK_ALL)) >> 16);
}

/* Entries are looked at again only where that changes something: a device may have 2048. */
static void msix_write(struct vpci *p, struct vpci_function *f, uint32_t value)
{
    bool was = f->msix.is_enabled;

    f->msix.is_enabled = value & MSIX_ENABLE;
    if (was != f->msix.is_enabled)
        msix_put_control(p, f, value);
    else
        arch_pci_write(f->id, f->msix.at + MSI_CONTROL, 2,
                       (uint32_t)((was && entry_at(f, 0) ? MSIX_ENABLE : 0) | (value & MSIX_MASK_ALL)) >> 16);
}

void vpci_msix_follow(struct vpci *p, struct vpci_function *f)
{
    if (f->msix.at)
        msix_put_control(p, f, arch_pci_read(f->id, f->msix.at, 4));
}

static uint32_t entry_get(const struct vpci_entry *e, unsigned field)
{
    return field == ENTRY_ADDRESS ? e->address : field == ENTRY_UPPER ? e->upper : field == ENTRY_DATA ? e->data : e->is_masked;
}

static void entry_set(struct vpci_entry *e, unsigned field, uint32_t value)
{
    if (field == ENTRY_ADDRESS)
        e->address = value & ~3u;
    else if (field == ENTRY_UPPER)
        e->upper = value;
    else if (field == ENTRY_DATA)
        e->data = value;
    else
        e->is_masked = value & 1;
}

/* Whole registers only are written (6.8.2); of one that is read any part is. */
static void table_access(struct vpci *p, struct vpci_function *f, uint32_t offset, unsigned size, bool is_write, uint64_t *value)
{
    unsigned n = (unsigned)array_index_nospec(offset / ENTRY_BYTES, f->msix.count), field = offset % ENTRY_BYTES & ~3u;
    struct vpci_entry *e = &f->msix.entry[n];

    if (!is_write) {
        *value = (uint64_t)entry_get(e, field) >> 8 * (offset & 3);
        if (size == 8)
            *value |= (uint64_t)entry_get(e, field + 4) << 32;
        return;
    }
    if (size < 4)
        return;
    entry_set(e, field, (uint32_t)*value);
    if (size == 8)
        entry_set(e, field + 4, (uint32_t)(*value >> 32));
    entry_follow(p, f, n);
}

bool vpci_table_access(struct domain *d, uint64_t address, unsigned size, bool is_write, uint64_t *value)
{
    struct vpci *p = d->arch.vpci;
    struct vpci_function *f;
    uint64_t first, end;
    bool found = false;

    ASSERT(IS_ALIGNED(address, size) && size <= 8);
    if (!p)
        return false;
    spin_lock(&p->lock);
    list_for_each(f, &p->functions, link) {
        if (!vpci_table_pages(f, &first, &end) || address >> PAGE_SHIFT < first || address >> PAGE_SHIFT >= end)
            continue;
        uint64_t offset = address - entry_at(f, 0);

        found = true;
        if (offset < (uint64_t)f->msix.count * ENTRY_BYTES)
            table_access(p, f, (uint32_t)offset, size, is_write, value);
        else if (is_write)
            arch_device_write(HPA(address), size, *value);
        else
            *value = arch_device_read(HPA(address), size);
        break;
    }
    spin_unlock(&p->lock);
    return found;
}

/* -- both -- */

bool vpci_msi_read(const struct vpci_function *f, unsigned reg, uint32_t *value)
{
    if (f->msi.at && reg >= f->msi.at && msi_read(f, reg - f->msi.at, value))
        return true;
    if (!f->msix.at || reg != f->msix.at)
        return false;
    *value = (arch_pci_read(f->id, reg, 4) & ~(uint32_t)MSIX_ENABLE) | (f->msix.is_enabled ? (uint32_t)MSIX_ENABLE : 0);
    return true;
}

bool vpci_msi_write(struct vpci *p, struct vpci_function *f, unsigned reg, uint32_t value)
{
    if (f->msi.at && reg >= f->msi.at && msi_write(p, f, reg - f->msi.at, value))
        return true;
    if (!f->msix.at || reg != f->msix.at)
        return false;
    msix_write(p, f, value);
    return true;
}

static int msix_init(struct vpci_function *f, unsigned at)
{
    uint32_t control = arch_pci_read(f->id, at, 4), table = arch_pci_read(f->id, at + MSIX_TABLE, 4);
    unsigned count = MSIX_COUNT(control), bar = TABLE_BAR(table);

    arch_pci_write(f->id, at + MSI_CONTROL, 2, (uint32_t)MSIX_MASK_ALL >> 16);
    /* One whose table is nowhere is not used. */
    if (bar >= f->bars || TABLE_OFFSET(table) + (uint64_t)count * ENTRY_BYTES > f->bar[bar].size)
        return 0;
    f->msix.entry = heap_alloc(count * sizeof(struct vpci_entry));
    if (!f->msix.entry)
        return -E_NOMEM;
    for (unsigned n = 0; n < count; n++)
        f->msix.entry[n].is_masked = 1;
    f->msix.at = (uint8_t)at;
    f->msix.bar = (uint8_t)bar;
    f->msix.offset = TABLE_OFFSET(table);
    f->msix.count = count;
    return 0;
}

int vpci_msi_init(struct vpci_function *f, unsigned msi, unsigned msix)
{
    if (msi) {
        f->msi.at = (uint8_t)msi;
        f->msi.is_64 = arch_pci_read(f->id, msi, 4) & MSI_64;
        msi_put_control(f, false);
    }
    return msix ? msix_init(f, msix) : 0;
}

void vpci_msi_free(struct vpci_function *f)
{
    if (f->msi.vector)
        host_vector_free(f->msi.vector);
    f->msi.vector = 0;
    if (!f->msix.entry)
        return;
    msix_drop_vectors(f);
    heap_free(f->msix.entry, f->msix.count * sizeof(struct vpci_entry));
    f->msix.entry = NULL;
    f->msix.at = 0;
}

static void readdress(struct vpci_function *f, unsigned vector, uint32_t n)
{
    struct x86_message m = arch_message(vector, host_vector_cpu(vector), f->id);

    if (f->msi.vector == vector)
        arch_pci_write(f->id, f->msi.at + MSI_ADDRESS, 4, m.address);
    else if (n < f->msix.count && f->msix.entry && f->msix.entry[n].vector == vector && entry_at(f, n))
        put(entry_at(f, n), ENTRY_ADDRESS, m.address);
}

/* One store: no message sees half of it. Whoever has the lock is about to say something of a device; the next message asks again. */
bool vpci_message_moved(struct domain *d, unsigned vector, uint16_t function, uint32_t n)
{
    struct vpci *p = d->arch.vpci;
    struct vpci_function *f;

    if (!p || !spin_trylock(&p->lock))
        return false;
    list_for_each(f, &p->functions, link) {
        if (f->id == function)
            readdress(f, vector, n);
    }
    spin_unlock(&p->lock);
    return true;
}
