/* SPDX-License-Identifier: Apache-2.0 */
/* The host's PCI, simulated: functions that a test adds, with registers that keep what is written where bits are writable. A function's
 * first memory is where its first BAR says while it decodes. */
#include "arch/include/pci.h"
#include "arch/host/host.h"
#include "lib/assert.h"
#include "lib/string.h"

#define COMMAND 4
#define COMMAND_MEMORY 2
#define BAR0 0x10
#define FUNCTIONS 8

static struct host_pci functions[FUNCTIONS];
static unsigned count;

void host_pci_clear(void)
{
    count = 0;
}

struct host_pci *host_pci_add(uint32_t id)
{
    struct host_pci *f = &functions[count++];

    ASSERT(count <= FUNCTIONS);
    memset(f, 0, sizeof(*f));
    f->id = id;
    f->is_there = true;
    return f;
}

static struct host_pci *find(uint32_t id)
{
    for (unsigned i = 0; i < count; i++) {
        if (functions[i].id == id && functions[i].is_there)
            return &functions[i];
    }
    return NULL;
}

int arch_boot_pci_bridge(volatile void *config UNUSED)
{
    return 0;
}

uint32_t arch_pci_read(uint32_t id, unsigned reg, unsigned size)
{
    const struct host_pci *f = find(id);
    uint32_t value = UINT32_MAX;

    ASSERT(reg + size <= PCI_EXTENDED_BYTES && IS_ALIGNED(reg, size));
    if (f)
        value = 0, memcpy(&value, &f->config[reg], size);
    return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

void arch_pci_write(uint32_t id, unsigned reg, unsigned size, uint32_t value)
{
    struct host_pci *f = find(id);

    ASSERT(reg + size <= PCI_EXTENDED_BYTES && IS_ALIGNED(reg, size));
    for (unsigned i = 0; f && i < size; i++) {
        uint8_t mask = f->writable[reg + i], byte = (uint8_t)(value >> 8 * i);

        f->config[reg + i] = (uint8_t)((f->config[reg + i] & ~mask) | (byte & mask));
    }
}

/* Where a function's memory is; 0: nowhere. */
uint64_t host_pci_base(const struct host_pci *f)
{
    uint32_t low = arch_pci_read(f->id, BAR0, 4);
    uint64_t base = low & ~0xfu;

    if (!f->is_there || !(f->config[COMMAND] & COMMAND_MEMORY))
        return 0;
    return low & 4 ? base | (uint64_t)arch_pci_read(f->id, BAR0 + 4, 4) << 32 : base;
}

static uint8_t *memory_at(uint64_t at, unsigned size)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t base = host_pci_base(&functions[i]);

        if (base && at >= base && at + size <= base + HOST_PCI_MEMORY)
            return &functions[i].memory[at - base];
    }
    return NULL;
}

uint64_t arch_device_read(hpa_t at, unsigned size)
{
    uint8_t *p = memory_at(at.v, size);
    uint64_t value = UINT64_MAX;

    ASSERT(IS_ALIGNED(at.v, size) && size <= 8);
    if (p)
        value = 0, memcpy(&value, p, size);
    return value;
}

void arch_device_write(hpa_t at, unsigned size, uint64_t value)
{
    uint8_t *p = memory_at(at.v, size);

    ASSERT(IS_ALIGNED(at.v, size) && size <= 8);
    if (p)
        memcpy(p, &value, size);
}
