/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where devices' registers are. Below 4 GiB dom0's stage 2 shows everything that is no memory, and what has to be done is to take out pages of
 * MSI-X tables; above, it shows what is decoded there.
 */
#include "core/domain.h"
#include "lib/error.h"
#include "mem/stage2.h"
#include "vdev/x86_64/vpci_internal.h"

#define ROM_ON BIT(0)
#define FOUR_GIB BIT(32)
#define REACH BIT(46)           /* of physical addresses: nothing is mapped beyond */
#define KEPT 256

static struct { uint64_t base, size; } kept[KEPT];
static unsigned kept_count;

void vpci_keep_out(uint64_t base, uint64_t size)
{
    PANIC_IF(kept_count == KEPT, "more than %u places are kept from PCI", KEPT);
    kept[kept_count].base = base;
    kept[kept_count++].size = size;
}

static bool is_kept(uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < kept_count; i++) {
        if (base < kept[i].base + kept[i].size && kept[i].base < base + size)
            return true;
    }
    return false;
}

/* -- stage 2 -- */

static uint64_t first_page(const struct pci_bar *b)
{
    return b->base >> PAGE_SHIFT;
}

static uint64_t end_page(const struct pci_bar *b)
{
    return (b->base + b->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Of the MSI-X table, were b at its place: [first, end). */
static bool table_pages(const struct vpci_function *f, const struct pci_bar *b, uint64_t *first, uint64_t *end)
{
    uint64_t at = b->base + f->msix.offset;

    if (!f->msix.at || b->reg != f->bar[f->msix.bar].reg)
        return false;
    *first = at >> PAGE_SHIFT;
    *end = (at + f->msix.count * UINT64_C(16) + PAGE_SIZE - 1) >> PAGE_SHIFT;
    return true;
}

bool vpci_table_pages(const struct vpci_function *f, uint64_t *first, uint64_t *end)
{
    return f->msix.at && f->bar[f->msix.bar].is_claimed && table_pages(f, &f->bar[f->msix.bar], first, end);
}

/* [first, end) becomes the host's registers, or nothing. */
static int map(struct vpci *p, uint64_t first, uint64_t end, enum s2_type type)
{
    uint64_t pages = first < end ? end - first : 0;

    return type == S2_DEVICE ? stage2_map_pages(&p->domain->stage2, GFN(first), MFN(first), pages, type) :
           stage2_unmap_pages(&p->domain->stage2, GFN(first), pages);
}

/* What dom0 sees of b at its place. */
static int show(struct vpci *p, const struct vpci_function *f, const struct pci_bar *b)
{
    uint64_t first = 0, end = 0;
    bool has_table = table_pages(f, b, &first, &end);
    int error = 0;

    if (has_table)
        error = map(p, first, end, S2_EMPTY);
    if (error || b->base < FOUR_GIB)
        return error;
    if (!has_table)
        first = end = first_page(b);
    error = map(p, first_page(b), first, S2_DEVICE);
    return error ? error : map(p, end, end_page(b), S2_DEVICE);
}

/* As others have it whose pages these are too. */
static void show_neighbours(struct vpci *p, const struct pci_bar *gone)
{
    struct vpci_function *f;

    list_for_each(f, &p->functions, link) {
        for (unsigned n = 0; n < PCI_BARS; n++) {
            struct pci_bar *b = &f->bar[n];

            if (b->is_claimed && first_page(b) < end_page(gone) && first_page(gone) < end_page(b) && show(p, f, b))
                log_guest("PCI %04x: no memory to show its registers", f->id);
        }
    }
}

/* Nobody decodes b at its place any more. */
static void hide(struct vpci *p, const struct vpci_function *f, const struct pci_bar *b)
{
    uint64_t first, end;
    int error = 0;

    if (b->base >= FOUR_GIB)
        error = map(p, first_page(b), end_page(b), S2_EMPTY);
    else if (table_pages(f, b, &first, &end))
        error = map(p, first, end, S2_DEVICE);
    if (error)
        log_guest("PCI %04x: no memory to take its registers away", f->id);
    show_neighbours(p, b);
}

/* b comes to be decoded. One at 0, or out of reach, is at no place: memory is before it. */
static const char *claim(struct vpci *p, const struct vpci_function *f, struct pci_bar *b)
{
    ASSERT(!b->is_claimed);
    if (!b->size || !b->is_on || !b->base || b->base >= REACH || b->size > REACH - b->base)
        return NULL;
    if (b->base < FOUR_GIB && b->base + b->size > FOUR_GIB)
        return "across 4 GiB";
    if (is_kept(b->base, b->size))
        return "over memory, or what is not dom0's";
    if (show(p, f, b)) {
        hide(p, f, b);
        return "and no memory to follow it";
    }
    b->is_claimed = true;
    return NULL;
}

static void release(struct vpci *p, const struct vpci_function *f, struct pci_bar *b)
{
    if (!b->is_claimed)
        return;
    b->is_claimed = false;
    hide(p, f, b);
}

const char *vpci_decode(struct vpci *p, struct vpci_function *f, bool on)
{
    const char *why = NULL;

    for (unsigned n = 0; on && !f->decodes && n < PCI_BARS; n++) {
        why = claim(p, f, &f->bar[n]);
        if (!why)
            continue;
        log_guest("PCI %04x: registers at 0x%llx, %s", f->id, (unsigned long long)f->bar[n].base, why);
        on = false;
    }
    f->decodes = on;
    for (unsigned n = 0; !on && n < PCI_BARS; n++)
        release(p, f, &f->bar[n]);
    return why;
}

static uint64_t moved(const struct pci_bar *b, unsigned reg, uint32_t value)
{
    uint64_t base = reg == b->reg ? (b->base & ~(uint64_t)UINT32_MAX) | value : (uint32_t)b->base | (uint64_t)value << 32;

    return base & ~(b->size - 1);
}

/* To its new place first, then away from the old one: at no time are registers of the old place to be seen that must not be. */
void vpci_bar_write(struct vpci *p, struct vpci_function *f, struct pci_bar *b, unsigned reg, uint32_t value)
{
    struct pci_bar next = *b, old = *b;
    const char *why;

    next.base = moved(b, reg, value);
    next.is_on = !b->is_rom || (value & ROM_ON);
    next.is_claimed = false;
    if (f->decodes && b->is_claimed && next.base == b->base && next.is_on)
        next.is_claimed = true, old.is_claimed = false;
    why = f->decodes && !next.is_claimed ? claim(p, f, &next) : NULL;
    if (why) {
        log_guest("PCI %04x: registers would come to 0x%llx, %s", f->id, (unsigned long long)next.base, why);
        return;
    }
    *b = next;
    arch_pci_write(f->id, reg, 4, value);
    release(p, f, &old);
}
