/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VT-d: interrupts. All units have the one table, whose entries are counted as vectors are: each vector is one device's, who alone can send
 * it. (VT-d 4.1, chapter 5, 9.10)
 */
#include "arch/include/pci.h"
#include "arch/include/x86_irq.h"
#include "drivers/vtd_internal.h"

#define VECTORS 256
#define TABLE_OF_256 7                  /* IRTA: log2 of the entries, less 1 */
#define REMAP_LEVEL BIT(4)
#define REMAP_VECTOR(n) ((uint64_t)(n) << 16)
#define TABLE_OF_X2APICS BIT(11)
#define REMAP_CHECKED BIT(18)           /* of the high word: the source is looked at */
#define CAPABILITY_EXPRESS 0x10

struct vtd_interrupt { uint64_t low, high; };
static struct vtd_interrupt *table;
static bool wide;                       /* x2APICs' numbers, which are all of the upper half */

STATIC_ASSERT(VECTORS * sizeof(*table) == PAGE_SIZE);

/* The units forget an entry that is as it is to be now. */
static void forget(unsigned vector)
{
    for (unsigned i = 0; i < vtd_count; i++) {
        struct vtd *u = vtd_units[i];

        vtd_show(u, &table[vector], sizeof(table[vector]));
        spin_lock(&u->lock);
        vtd_empty_write_buffer(u);
        vtd_command(u, (struct vtd_descriptor){ DESCRIPTOR_INTERRUPT | (uint64_t)vector << 32, 0 });
        spin_unlock(&u->lock);
    }
}

static void end(unsigned vector)
{
    ASSERT(table && vector < VECTORS);
    WRITE_ONCE(table[vector].low, 0);
    forget(vector);
}

/* What a conventional device behind a bridge sends may go by the bridge's number. */
static bool is_certain(uint16_t function)
{
    return function >> 8 == 0 || pci_capability(function, CAPABILITY_EXPRESS);
}

/* One that is there already changes in one store. */
static void route(unsigned vector, uint16_t source, bool is_function, uint32_t apic, bool level)
{
    struct vtd_interrupt *e = &table[vector];
    uint64_t low = (uint64_t)apic << (wide ? 32 : 40) | REMAP_VECTOR(vector) | (level ? REMAP_LEVEL : 0) | ENTRY_PRESENT;

    ASSERT(table && vector < VECTORS && (wide || apic < 0x100));
    if (e->low && (uint16_t)e->high == source) {
        if (e->low == low)
            return;
    } else {
        if (e->low)
            end(vector);
        WRITE_ONCE(e->high, source | (!is_function || is_certain(source) ? REMAP_CHECKED : 0));
        barrier_write();
    }
    WRITE_ONCE(e->low, low);
    forget(vector);
}

static int start(struct vtd *u)
{
    int r;

    vtd_show(u, table, PAGE_SIZE);
    mmio_write64(u->base, VTD_IRTA, vtd_address(table) | TABLE_OF_256 | (wide ? TABLE_OF_X2APICS : 0));
    r = vtd_global(u, (uint32_t)GCMD_INTERRUPT_TABLE, true);
    spin_lock(&u->lock);
    if (!r)
        r = vtd_try_command(u, (struct vtd_descriptor){ DESCRIPTOR_INTERRUPTS_ALL, 0 });
    spin_unlock(&u->lock);
    /* Messages that are not remapped are refused. */
    if (!r)
        r = vtd_global(u, (uint32_t)GCMD_COMPATIBLE, false);
    return r ? r : vtd_global(u, (uint32_t)GCMD_REMAP_INTERRUPTS, true);
}

/* What some devices sent would be in one format, what others sent in the other. */
static void stop_all(void)
{
    for (unsigned i = 0; i < vtd_count; i++)
        PANIC_IF(vtd_global(vtd_units[i], (uint32_t)GCMD_REMAP_INTERRUPTS, false), "VT-d %u goes on remapping interrupts", i);
    heap_free_pages(table, 0);
    table = NULL;
}

int vtd_remap_start(struct x86_remapping *out)
{
    uint64_t needs = ECAP_INTERRUPTS | (arch_has_x2apics() ? ECAP_X2APICS : 0);
    int r = 0;

    wide = arch_has_x2apics();
    for (unsigned i = 0; i < vtd_count; i++)
        if ((vtd_units[i]->ecap & needs) != needs)
            return -E_NODEV;
    table = heap_alloc_pages(0);
    if (!table)
        return -E_NOMEM;
    for (unsigned i = 0; !r && i < vtd_count; i++)
        r = start(vtd_units[i]);
    if (r) {
        stop_all();
        return r;
    }
    out->route = route;
    out->end = end;
    return 0;
}
