/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD-Vi: interrupts. All devices have the one table, whose entries are counted as vectors are: none sends what is not routed, nor anything
 * but plain vectors. (48882, 2.2.5, 2.4.4)
 */
#include "arch/include/x86_irq.h"
#include "drivers/amdvi_internal.h"

#define VECTORS 256
#define ROUTE_VALID BIT(0)
#define ROUTE_TO(apic) ((uint32_t)(apic) << 8)
#define ROUTE_VECTOR(n) ((uint32_t)(n) << 16)

static uint32_t *table;
static uint16_t source_of[VECTORS];     /* who has been told of the entry */

/* All units, as each knows of the devices behind it alone. */
static void forget(uint16_t source)
{
    const struct amdvi_command c = { { FORGET_INTERRUPTS | source, 0 } };

    for (unsigned i = 0; i < X86_IOMMU_UNITS && amdvi_units[i].base; i++) {
        struct amdvi_unit *u = &amdvi_units[i];

        spin_lock(&u->lock);
        amdvi_command(u, &c, 1);
        spin_unlock(&u->lock);
    }
}

static void end(unsigned vector)
{
    ASSERT(table && vector < VECTORS);
    WRITE_ONCE(table[vector], 0);
    forget(source_of[vector]);
}

static void route(unsigned vector, uint16_t source, bool is_function UNUSED, uint32_t apic, bool level UNUSED)
{
    uint32_t entry = ROUTE_VALID | ROUTE_TO(apic) | ROUTE_VECTOR(vector);

    ASSERT(table && vector < VECTORS && apic < 0x100);
    if (table[vector] == entry && source_of[vector] == source)
        return;
    if (table[vector])
        end(vector);
    source_of[vector] = source;
    WRITE_ONCE(table[vector], entry);
    forget(source);
}

static void use_table(struct amdvi_unit *u)
{
    for (uint32_t device = 0; device <= u->last_device; device++)
        u->devices[(size_t)device * DEVICE_WORDS + 2] |= DEVICE_REMAPPED | DEVICE_ROUTES_256 | amdvi_address(table);
    spin_lock(&u->lock);
    amdvi_forget_everything(u);
    spin_unlock(&u->lock);
}

int amdvi_remap_start(struct x86_remapping *out)
{
    STATIC_ASSERT(VECTORS * sizeof(*table) <= PAGE_SIZE);
    table = heap_alloc_pages(0);
    if (!table)
        return -E_NOMEM;
    for (unsigned i = 0; i < X86_IOMMU_UNITS && amdvi_units[i].base; i++)
        use_table(&amdvi_units[i]);
    out->route = route;
    out->end = end;
    out->in_place = true;
    return 0;
}
