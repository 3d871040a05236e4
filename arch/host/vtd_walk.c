/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated VT-d unit's way from a function of PCI and an address to a frame, and what it reports when there is none. (VT-d 4.1, 3.4, 3.7, 9) */
#include <string.h>

#include "arch/host/vtd_model.h"
#include "lib/assert.h"
#include "mem/frame.h"

#define ADDRESS UINT64_C(0x000ffffffffff000)
#define SNOOP BIT(11)

enum { OK = 0, NO_ROOT = 1, NO_CONTEXT = 2, BAD_CONTEXT = 3, TOO_LARGE = 4, NO_WRITE = 5, NO_READ = 6 };

/* Also what is absent is kept, where the unit says so. */
static int find_context(struct vtd_model *m, uint16_t function, uint64_t *low, uint64_t *high)
{
    struct vtd_cached_context *c;
    const uint64_t *entry;

    for (unsigned i = 0; i < VTD_MODEL_CONTEXTS; i++) {
        c = &m->context[i];
        if (c->valid && c->function == function) {
            *low = c->low;
            *high = c->high;
            return c->low & 1 ? OK : NO_CONTEXT;
        }
    }
    *low = *high = 0;
    entry = vtd_model_memory(m, (m->root & ADDRESS) + (uint64_t)(function >> 8) * 16);
    if (!(entry[0] & 1))
        return NO_ROOT;
    PANIC_IF(entry[0] & ~(ADDRESS | 1) || entry[1], "VT-d: reserved bits of a root entry");
    entry = vtd_model_memory(m, (entry[0] & ADDRESS) + (uint64_t)(function & 255) * 16);
    *low = entry[0];
    *high = entry[1];
    if (!(*low & 1) && !m->is.caching_mode)
        return NO_CONTEXT;
    c = &m->context[m->next_context++ % VTD_MODEL_CONTEXTS];
    *c = (struct vtd_cached_context){ true, function, *low, *high };
    return *low & 1 ? OK : NO_CONTEXT;
}

/* A result that is absent has present false. */
static int walk(struct vtd_model *m, uint64_t table, uint64_t address, struct vtd_cached *t)
{
    unsigned levels = m->is.levels;

    if (address >> (12 + 9 * levels))
        return TOO_LARGE;
    t->write = true;
    for (unsigned level = levels; level-- > 0;) {
        unsigned shift = PAGE_SHIFT + 9 * level;
        uint64_t e = *(const uint64_t *)vtd_model_memory(m, table + (address >> shift & 511) * 8);

        t->pages = BIT(shift - PAGE_SHIFT);
        t->mfn = (e & ADDRESS) >> PAGE_SHIFT;
        if (!(e & 3))
            return NO_READ;
        PANIC_IF(e & ~(ADDRESS | SNOOP | BIT(7) | 3) || (e & BIT(7) && (level == 0 || level == 3)), "VT-d: reserved bits of %#llx",
                 (unsigned long long)e);
        t->write = t->write && e & 2;
        if (level == 0 || e & BIT(7)) {
            PANIC_IF(level && !(m->reg[0x0c / 4] >> (1 + level) & 1), "VT-d: a block of level %u", level);
            PANIC_IF(!(e & SNOOP) != !(m->reg[0x10 / 4] & BIT(7)) || t->mfn & (t->pages - 1), "VT-d: leaf %#llx", (unsigned long long)e);
            t->present = true;
            return OK;
        }
        PANIC_IF(e & SNOOP, "VT-d: snooping of a table");
        table = e & ADDRESS;
    }
    panic("not reached");
}

static int translate(struct vtd_model *m, uint16_t function, uint64_t address, struct vtd_cached *out, bool *silent)
{
    uint64_t low, high, page = address >> PAGE_SHIFT;
    int r = find_context(m, function, &low, &high);
    struct vtd_cached t = { .valid = true };

    *silent = low & 2;
    if (r)
        return r;
    if ((low & 0xffc) || (high & 7) != m->is.levels - 2 || high >> 24)
        return BAD_CONTEXT;
    t.tag = (uint16_t)(high >> 8);
    for (unsigned i = 0; i < VTD_MODEL_TLB; i++) {
        const struct vtd_cached *k = &m->tlb[i];

        if (k->valid && k->tag == t.tag && k->page <= page && page < k->page + k->pages)
            return *out = *k, k->present ? OK : NO_READ;
    }
    r = walk(m, low & ADDRESS, address, &t);
    t.page = t.pages ? ROUND_DOWN(page, t.pages) : page;
    t.buffered = r == NO_READ && m->is.write_buffer;
    *out = t;
    if (r == OK || (r == NO_READ && (m->is.caching_mode || t.buffered)))
        m->tlb[m->next_tlb++ % VTD_MODEL_TLB] = t;
    return r;
}

bool host_vtd_access(unsigned unit, uint16_t function, uint64_t address, void *buffer, size_t n, bool write)
{
    struct vtd_model *m = vtd_model(unit);
    struct vtd_cached t;
    uint8_t *memory;
    bool silent;
    int r;

    PANIC_IF((address & ~PAGE_MASK) + n > PAGE_SIZE, "a device's access across pages");
    PANIC_IF(!(m->reg[0x1c / 4] >> 31), "VT-d: it is off, a device's access goes through");
    PANIC_IF(m->reg[0x64 / 4] & 1, "VT-d: memory is still protected");
    r = translate(m, function, address, &t, &silent);
    if (r == NO_READ && write)
        r = NO_WRITE;
    if (!r && write && !t.write)
        r = NO_WRITE;
    if (r) {
        if (!silent)
            vtd_model_fault(m, function, address, write, (unsigned)r);
        return false;
    }
    memory = (uint8_t *)host_ram(MFN(t.mfn + (address >> PAGE_SHIFT) - t.page)) + (address & ~PAGE_MASK);
    memcpy(write ? memory : buffer, write ? buffer : memory, n);
    return true;
}

/* -- interrupts (5.1.2.2, 9.10): entries are kept as they were once seen -- */

enum { NO_SUCH_ENTRY = 0x21, NOBODYS = 0x22, NOT_REMAPPED = 0x25, ANOTHERS = 0x26 };

static int remap(struct vtd_model *m, uint16_t source, uint32_t address, unsigned n, uint64_t *low)
{
    const uint64_t *e;

    if (!(address & BIT(4)))
        return NOT_REMAPPED;
    if (n >= 2u << (m->interrupts & 15))
        return NO_SUCH_ENTRY;
    if (!m->entry[n].valid) {
        e = vtd_model_memory(m, (m->interrupts & ADDRESS) + n * 16);
        m->entry[n].low = e[0];
        m->entry[n].high = e[1];
        m->entry[n].valid = (e[0] & 1) || m->is.caching_mode;
    }
    *low = m->entry[n].low;
    if (!(*low & 1))
        return NOBODYS;
    PANIC_IF(m->entry[n].high >> 20 || (*low & 0xff00ffe2) || (!(m->interrupts & BIT(11)) && *low >> 32 & 0xffff00ff), "VT-d: entry %#llx %#llx",
             (unsigned long long)*low, (unsigned long long)m->entry[n].high);
    return m->entry[n].high >> 18 & 1 && (uint16_t)m->entry[n].high != source ? ANOTHERS : OK;
}

bool host_vtd_message(unsigned unit, uint16_t source, uint32_t address, uint8_t *vector, uint32_t *apic)
{
    struct vtd_model *m = vtd_model(unit);
    unsigned n = (address >> 5 & 0x7fff) | (address >> 2 & 1) << 15;
    uint64_t low = 0;
    int r;

    PANIC_IF(!(m->reg[0x1c / 4] >> 25 & 1), "VT-d: interrupts are not remapped");
    PANIC_IF(m->reg[0x1c / 4] >> 23 & 1, "VT-d: any message goes through");
    r = remap(m, source, address, n, &low);
    if (r) {
        vtd_model_fault(m, source, (uint64_t)n << 48, true, (unsigned)r);
        return false;
    }
    *vector = (uint8_t)(low >> 16);
    *apic = (uint32_t)(low >> (m->interrupts & BIT(11) ? 32 : 40));
    return true;
}
