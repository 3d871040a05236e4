/* SPDX-License-Identifier: Apache-2.0 */
/* The host's PCI: configuration space by ports (PCI Local Bus 3.0, 3.2.2.3.2) and, what these do not reach, by MMCONFIG; devices' registers
 * through a page of this CPU. */
#include "arch/include/pci.h"
#include "arch/include/cpu.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/spinlock.h"
#include "layout.h"
#include "processor.h"

#define ADDRESS 0xcf8
#define DATA 0xcfc
#define ENABLE 0x80000000u

static struct { hpa_t base; unsigned first, last; } window;
static spinlock_t lock = SPINLOCK(LOCK_ITS);

void arch_boot_pci_window(hpa_t base, unsigned first_bus, unsigned last_bus)
{
    ASSERT(first_bus <= last_bus && last_bus < 256);
    window.base = base;
    window.first = first_bus;
    window.last = last_bus;
}

static bool is_shown(uint32_t function)
{
    return window.base.v && function >> 8 >= window.first && function >> 8 <= window.last;
}

static hpa_t shown_at(uint32_t function, unsigned reg)
{
    return HPA(window.base.v + ((uint64_t)(function - (window.first << 8)) << 12) + reg);
}

static uint32_t read_port(uint16_t port, unsigned size)
{
    return size == 1 ? port_read8(port) : size == 2 ? port_read16(port) : port_read32(port);
}

static void write_port(uint16_t port, unsigned size, uint32_t value)
{
    if (size == 1)
        port_write8(port, (uint8_t)value);
    else if (size == 2)
        port_write16(port, (uint16_t)value);
    else
        port_write32(port, value);
}

uint32_t arch_pci_read(uint32_t function, unsigned reg, unsigned size)
{
    uint32_t value;

    ASSERT(reg + size <= PCI_EXTENDED_BYTES && IS_ALIGNED(reg, size) && size <= 4);
    if (reg >= PCI_CONFIG_BYTES)
        return is_shown(function) ? (uint32_t)arch_device_read(shown_at(function, reg), size) : UINT32_MAX;
    spin_lock(&lock);
    port_write32(ADDRESS, ENABLE | function << 8 | (reg & ~3u));
    value = read_port((uint16_t)(DATA + (reg & 3)), size);
    spin_unlock(&lock);
    return value;
}

void arch_pci_write(uint32_t function, unsigned reg, unsigned size, uint32_t value)
{
    ASSERT(reg + size <= PCI_EXTENDED_BYTES && IS_ALIGNED(reg, size) && size <= 4);
    if (reg >= PCI_CONFIG_BYTES) {
        if (is_shown(function))
            arch_device_write(shown_at(function, reg), size, value);
        return;
    }
    spin_lock(&lock);
    port_write32(ADDRESS, ENABLE | function << 8 | (reg & ~3u));
    write_port((uint16_t)(DATA + (reg & 3)), size, value);
    spin_unlock(&lock);
}

/* -- devices' registers -- */

/* Nothing is left of it when it is taken away: the page is this CPU's alone. */
static volatile void *look(hpa_t at)
{
    uint64_t page = PERCPU_PAGE((uint64_t)cpu_id(), PERCPU_DEVICE_PAGE);

    WRITE_ONCE(hyp_percpu_l3[(cpu_id() << (PERCPU_SHIFT - PAGE_SHIFT)) + PERCPU_DEVICE_PAGE], (at.v & PAGE_MASK) | PTE_PAGE_DEVICE);
    return (volatile void *)(page + (at.v & ~PAGE_MASK));
}

static void look_away(void)
{
    WRITE_ONCE(hyp_percpu_l3[(cpu_id() << (PERCPU_SHIFT - PAGE_SHIFT)) + PERCPU_DEVICE_PAGE], 0);
    invlpg(PERCPU_PAGE((uint64_t)cpu_id(), PERCPU_DEVICE_PAGE));
}

uint64_t arch_device_read(hpa_t at, unsigned size)
{
    volatile void *p = look(at);
    uint64_t value;

    ASSERT(IS_ALIGNED(at.v, size) && size <= 8);
    switch (size) {
    case 1: value = *(volatile uint8_t *)p; break;
    case 2: value = *(volatile uint16_t *)p; break;
    case 4: value = *(volatile uint32_t *)p; break;
    default: value = *(volatile uint64_t *)p; break;
    }
    look_away();
    return value;
}

void arch_device_write(hpa_t at, unsigned size, uint64_t value)
{
    volatile void *p = look(at);

    ASSERT(IS_ALIGNED(at.v, size) && size <= 8);
    switch (size) {
    case 1: *(volatile uint8_t *)p = (uint8_t)value; break;
    case 2: *(volatile uint16_t *)p = (uint16_t)value; break;
    case 4: *(volatile uint32_t *)p = (uint32_t)value; break;
    default: *(volatile uint64_t *)p = value; break;
    }
    look_away();
}
