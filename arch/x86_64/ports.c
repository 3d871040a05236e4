/* SPDX-License-Identifier: Apache-2.0 */
#include "ports.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "processor.h"
#include "vdev/x86_64/vpci.h"

#define RESET_PORT 0xcf9

/* Legacy devices that the hypervisor drives or that would interrupt past it: both 8259s, the 8254; and PCI's configuration space. */
static const struct port_range {
    uint16_t first, count;
} kept[] = {
    { 0x20, 2 }, { 0x40, 4 }, { 0x61, 1 }, { 0xa0, 2 }, { 0x4d0, 2 }, { 0xcf8, 8 },
};
static struct port_range taken[4];
static unsigned taken_count;

static void keep(uint8_t *map, const struct port_range *r)
{
    for (unsigned port = r->first; port < (unsigned)r->first + r->count; port++)
        map[port / 8] |= (uint8_t)BIT(port % 8);
}

void ports_fill_map(uint8_t map[PORTS / 8], bool control)
{
    memset(map, control ? 0 : 0xff, PORTS / 8);
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        keep(map, &kept[i]);
    for (unsigned i = 0; i < taken_count; i++)
        keep(map, &taken[i]);
}

void ports_take(uint16_t first, unsigned count)
{
    ASSERT(taken_count < ARRAY_SIZE(taken) && first + count <= PORTS);
    for (unsigned i = 0; i < taken_count; i++) {
        if (taken[i].first == first)
            return;
    }
    taken[taken_count++] = (struct port_range){ first, (uint16_t)count };
}

/* One of those ports of PCI is the board's reset. */
static bool reset_port(const struct vcpu *v, uint16_t port, unsigned size, bool is_in, uint32_t *value)
{
    if (port != RESET_PORT || size != 1 || !v->domain->is_control)
        return false;
    if (is_in)
        *value = port_read8(RESET_PORT);
    else
        port_write8(RESET_PORT, (uint8_t)*value);
    return true;
}

/*
 * Counter 2 of an 8254 that stands still at zero. Linux measures the TSC by it before it asks for the paravirtual clock's word: where it reads ones,
 * as where nothing is, that is for the beginning of a count, and is read 100,000 times.
 */
#define COUNTER_2 0x42

void port_emulate(struct vcpu *v, uint16_t port, unsigned size, bool is_in, uint32_t *value)
{
    if (!vpci_port(v->domain, port, size, is_in, value) && !reset_port(v, port, size, is_in, value) && is_in)
        *value = port == COUNTER_2 ? 0 : UINT32_MAX;
}
