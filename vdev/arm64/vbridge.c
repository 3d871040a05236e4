/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/arm64/vbridge.h"
#include "core/domain.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "mem/stage2.h"

#define FUNCTION_SHIFT 12
#define ROM 0x30
/* What a guest may set of the command register; the host's decodes as long as the function is given. */
#define COMMAND_GUEST (uint32_t)(COMMAND_MEMORY | COMMAND_MASTER | COMMAND_PARITY | COMMAND_SERR | COMMAND_NO_LINE)
#define COMMAND_HOST (uint32_t)(COMMAND_MASTER | COMMAND_PARITY | COMMAND_SERR)
#define MSIX_BYTES 12u
/* PCI Express 3.0, 7.8.4: reports of errors, relaxed order, no snoop. Not among them: bit 15, which resets. */
#define DEVICE_CONTROL 8u
#define DEVICE_STATUS 10u
#define DEVICE_CONTROL_GUEST (uint32_t)(0x1f | BIT(11))

struct vbridge_function {
    const struct pci_host_function *host;
    uint16_t command;                   /* as the guest has set it */
    bool has_line;                      /* its pin may be on */
    uint8_t line;                       /* a byte for the guest to keep something in */
    uint64_t at[VBRIDGE_BARS];             /* where the guest's BARs are on its bus */
    uint64_t shown[VBRIDGE_BARS];          /* where stage 2 has them; 0: nowhere */
};

struct vbridge {
    spinlock_t lock;                    /* LOCK_VITS */
    struct vbridge_place place;
    unsigned count;
    struct vbridge_function functions[VBRIDGE_FUNCTIONS];
};

/* -- BARs -- */

/* As the guest sees it: no two of them share a page. */
static uint64_t size_of(const struct vbridge_function *f, unsigned n)
{
    return MAX(f->host->bar[n].size, (uint64_t)PAGE_SIZE);
}

/* Where the guest's processors should find it; 0: nowhere. */
static uint64_t wanted(const struct vbridge *p, const struct vbridge_function *f, unsigned n)
{
    uint64_t size = size_of(f, n);

    for (unsigned w = 0; f->host->bar[n].size && (f->command & COMMAND_MEMORY) && w < p->place.window_count; w++) {
        uint64_t offset = f->at[n] - p->place.windows[w].bus;

        if (f->at[n] >= p->place.windows[w].bus && offset < p->place.windows[w].size && size <= p->place.windows[w].size - offset)
            return p->place.windows[w].guest + offset;
    }
    return 0;
}

static int unmap(struct domain *d, uint64_t at, uint64_t bytes)
{
    return stage2_unmap_pages(&d->stage2, GFN(at >> PAGE_SHIFT), bytes >> PAGE_SHIFT);
}

/* Only where the guest has nothing else. */
static int map(struct domain *d, uint64_t at, uint64_t host, uint64_t bytes)
{
    uint64_t gfn = at >> PAGE_SHIFT, mfn = host >> PAGE_SHIFT, count = bytes >> PAGE_SHIFT, done = 0;
    int error = 0;

    while (!error && done < count) {
        unsigned order = MIN(largest_order(gfn + done, count - done), largest_order(mfn + done, count - done));

        error = stage2_map_vacant(&d->stage2, GFN(gfn + done), MFN(mfn + done), order, S2_DEVICE);
        if (!error)
            done += BIT(order);
    }
    if (error && unmap(d, at, done << PAGE_SHIFT))
        log_guest("d%u: no memory to take a function's registers away", d->id.v);
    return error;
}

static void hide(struct domain *d, struct vbridge_function *f, unsigned n)
{
    if (unmap(d, f->shown[n], size_of(f, n)))
        log_guest("d%u: no memory to take registers of PCI 00:%02x.%u away", d->id.v, (f->host->id & 0xff) >> 3, f->host->id & 7);
    else
        f->shown[n] = 0;
}

/* Stage 2 becomes what BARs and command say. */
static void follow(struct domain *d, struct vbridge_function *f)
{
    for (unsigned n = 0; n < VBRIDGE_BARS; n++) {
        uint64_t at = wanted(d->arch.vbridge, f, n);
        int error;

        if (f->shown[n] && f->shown[n] != at)
            hide(d, f, n);
        if (!at || f->shown[n])
            continue;
        error = map(d, at, f->host->cpu[n], size_of(f, n));
        if (error)
            log_guest("d%u: registers of PCI 00:%02x.%u cannot be at 0x%llx (error %d)", d->id.v, (f->host->id & 0xff) >> 3,
                      f->host->id & 7, (unsigned long long)at, error);
        else
            f->shown[n] = at;
    }
}

static bool is_bar(unsigned reg)
{
    return reg >= PCI_BAR0 && reg < PCI_BAR0 + 4 * VBRIDGE_BARS;
}

static uint32_t read_bar(const struct vbridge_function *f, unsigned reg)
{
    int n = pci_bar_at(f->host->bar, reg);

    ASSERT(is_bar(reg) && n < VBRIDGE_BARS);
    if (n < 0)
        return 0;
    return reg == f->host->bar[n].reg ? (uint32_t)f->at[n] | f->host->flags[n] : (uint32_t)(f->at[n] >> 32);
}

static void write_bar(struct domain *d, struct vbridge_function *f, unsigned reg, uint32_t value)
{
    int n = pci_bar_at(f->host->bar, reg);
    uint64_t low, high;
    bool is_upper;

    ASSERT(is_bar(reg) && n < VBRIDGE_BARS);
    if (n < 0)
        return;
    is_upper = reg != f->host->bar[n].reg;
    low = is_upper ? (uint32_t)f->at[n] : value;
    high = is_upper ? value : f->at[n] >> 32;
    f->at[n] = (high << 32 | low) & ~(size_of(f, (unsigned)n) - 1);
    follow(d, f);
}

/* -- registers -- */

static uint32_t look(const struct vbridge_function *f, unsigned reg)
{
    if (reg >= PCI_CONFIG_BYTES || reg == ROM)
        return 0;
    if (is_bar(reg))
        return read_bar(f, reg);
    if (reg == PCI_COMMAND)
        return (arch_pci_read(f->host->id, reg, 4) & 0xffff0000u) | f->command;
    if (reg == PCI_INTERRUPT)
        return f->line | (f->has_line ? (uint32_t)f->host->pin << 8 : 0);
    return arch_pci_read(f->host->id, reg, 4);
}

static void write_command(struct domain *d, struct vbridge_function *f, unsigned reg, unsigned size, uint32_t value)
{
    uint32_t merged = pci_whole(f->command, reg, size, value);

    f->command = (uint16_t)(merged & COMMAND_GUEST);
    follow(d, f);
    arch_pci_write(f->host->id, PCI_COMMAND, 2,
                   (f->command & COMMAND_HOST) | COMMAND_MEMORY | (f->has_line ? f->command & COMMAND_NO_LINE : COMMAND_NO_LINE));
    /* Status bits are cleared by ones. */
    if (merged >> 16)
        arch_pci_write(f->host->id, PCI_STATUS, 2, merged >> 16);
}

static bool is_message(const struct pci_host_function *h, unsigned reg)
{
    unsigned bytes = (h->has_masks ? 20u : 12u) + (h->is_wide ? 4 : 0);

    return (h->msi && reg >= h->msi && reg - h->msi < bytes) || (h->msix && reg >= h->msix && reg - h->msix < MSIX_BYTES);
}

static void write_express(const struct pci_host_function *h, unsigned reg, unsigned size, uint32_t value)
{
    unsigned control = h->express + DEVICE_CONTROL;
    uint32_t kept = arch_pci_read(h->id, control, 2) & ~DEVICE_CONTROL_GUEST;

    if (reg == control && size >= 2)
        arch_pci_write(h->id, control, 2, kept | (value & DEVICE_CONTROL_GUEST));
    if (reg == control && size == 4)
        value >>= 16;
    if ((reg == control && size == 4) || (reg == control + 2 && size == 2))
        arch_pci_write(h->id, h->express + DEVICE_STATUS, 2, value & 0xffff);
}

static void write_function(struct domain *d, struct vbridge_function *f, unsigned reg, unsigned size, uint32_t value)
{
    const struct pci_host_function *h = f->host;
    unsigned at = reg & ~3u;

    if (at == PCI_COMMAND)
        write_command(d, f, reg, size, value);
    else if (is_bar(at))
        write_bar(d, f, at, pci_whole(read_bar(f, at), reg, size, value));
    else if (reg == PCI_INTERRUPT)
        f->line = (uint8_t)value;
    else if (is_message(h, at))
        arch_pci_write(h->id, reg, size, value);
    else if (h->express && at == h->express + DEVICE_CONTROL)
        write_express(h, reg, size, value);
}

/* -- the guest's accesses -- */

static struct vbridge_function *find(struct vbridge *p, uint64_t number)
{
    for (unsigned i = 0; i < p->count; i++)
        if ((p->functions[i].host->id & 0xffff) == number)
            return &p->functions[i];
    return NULL;
}

static bool config_read(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t *value)
{
    struct vbridge *p = v->domain->arch.vbridge;
    struct vbridge_function *f;

    spin_lock(&p->lock);
    f = find(p, offset >> FUNCTION_SHIFT);
    *value = size > 4 ? UINT64_MAX : pci_part(f ? look(f, offset & 0xffc) : UINT32_MAX, (unsigned)offset, size);
    spin_unlock(&p->lock);
    return true;
}

static bool config_write(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t value)
{
    struct vbridge *p = v->domain->arch.vbridge;
    struct vbridge_function *f;

    spin_lock(&p->lock);
    f = find(p, offset >> FUNCTION_SHIFT);
    if (f && size <= 4)
        write_function(v->domain, f, offset & 0xfff, size, (uint32_t)value);
    spin_unlock(&p->lock);
    return true;
}

/* -- life -- */

int vbridge_create(struct domain *d, const struct vbridge_place *place)
{
    const struct mmio_region region = { .base = GPA(place->config), .size = place->config_size, .read = config_read, .write = config_write };
    struct vbridge *p = heap_new(struct vbridge);
    int error;

    ASSERT(!d->arch.vbridge && place->window_count <= VBRIDGE_WINDOWS);
    if (!p)
        return -E_NOMEM;
    spin_lock_init(&p->lock, LOCK_VITS);
    p->place = *place;
    error = mmio_add(&d->arch.mmio, &region);
    if (error)
        heap_delete(p);
    else
        d->arch.vbridge = p;
    return error;
}

int vbridge_add(struct domain *d, const struct host_device *function, bool has_line)
{
    struct vbridge *p = d->arch.vbridge;

    ASSERT(function->function && atomic_load(&function->owner) == d->id.v);
    if (p->count == VBRIDGE_FUNCTIONS)
        return -E_NOSPC;
    p->functions[p->count].has_line = has_line;
    p->functions[p->count++].host = function->function;
    return 0;
}

void vbridge_reset(struct domain *d)
{
    struct vbridge *p = d->arch.vbridge;

    for (unsigned i = 0; p && i < p->count; i++) {
        struct vbridge_function *f = &p->functions[i];

        spin_lock(&p->lock);
        f->command = f->line = 0;
        follow(d, f);
        for (unsigned n = 0; n < VBRIDGE_BARS; n++)
            f->at[n] = 0;
        spin_unlock(&p->lock);
    }
}

void vbridge_free(struct domain *d)
{
    struct vbridge *p = d->arch.vbridge;

    d->arch.vbridge = NULL;
    heap_delete(p);
}
