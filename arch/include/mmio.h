/* SPDX-License-Identifier: Apache-2.0 */
/* Contract: registers of devices that the hypervisor itself drives, and memory that such a device reads. `base` is what
 * arch_boot_device returned. */
#ifndef ARCH_MMIO_H
#define ARCH_MMIO_H

#include "config.h"
#include "lib/types.h"

#if CONFIG_HOST
uint32_t mmio_read32(volatile void *base, unsigned offset);
void mmio_write32(volatile void *base, unsigned offset, uint32_t value);
void mmio_write64(volatile void *base, unsigned offset, uint64_t value);
/* All memory written before is seen by devices that are told so afterwards, and what they wrote by what is read afterwards. */
void mmio_barrier(void);
#else
static inline uint32_t mmio_read32(volatile void *base, unsigned offset)
{
    return *(volatile uint32_t *)((volatile uint8_t *)base + offset);
}

static inline void mmio_write32(volatile void *base, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)((volatile uint8_t *)base + offset) = value;
}

static inline void mmio_write64(volatile void *base, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)((volatile uint8_t *)base + offset) = value;
}

#include "arch_mmio.h"
#endif

/* Map a device's registers for good; NULL: no room. Boot, CPU 0. */
volatile void *arch_boot_device(hpa_t base, uint64_t size) MUST_CHECK;
/*
 * A shared interrupt (GIC number) that is the hypervisor's own: `handle` runs on CPU 0 with no lock held and in bounded time, then the
 * interrupt is over. Boot, CPU 0, after arch_boot_interrupts and before interrupts are routed to domains. -E_BUSY: too many, or in use;
 * -E_INVAL: no such interrupt.
 */
int arch_boot_device_interrupt(unsigned irq, bool edge, void (*handle)(void *arg), void *arg) MUST_CHECK;
/* Is it one of those, or the console's? Then it is not given to a domain. */
bool arch_irq_is_own(unsigned irq);

#endif
