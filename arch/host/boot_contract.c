/* SPDX-License-Identifier: Apache-2.0 */
/* What boot/ asks of a processor. The simulated machine boots by host_boot and host_start, so that only what reads and builds
 * (dom0's images, its tree) has something to do here. */
#include "arch/include/arm64_boot.h"
#include "arch/host/internal.h"
#include "lib/assert.h"

/* All of memory lies in one piece. */
void *boot_map(hpa_t pa, uint64_t size)
{
    PANIC_IF(!size, "nothing to map");
    (void)host_ram(hpa_to_mfn(HPA(pa.v + size - 1)));
    return (char *)host_ram(hpa_to_mfn(pa)) + (pa.v & ~PAGE_MASK);
}

void boot_unmap(void *address UNUSED, uint64_t size UNUSED)
{
}

void boot_clean(const void *address UNUSED, uint64_t size UNUSED)
{
}

void arch_boot_image(hpa_t *start, hpa_t *end)
{
    *start = *end = HPA(0);
}

const struct boot_efi *arch_boot_efi(void)
{
    return NULL;
}

void arch_boot_console(hpa_t base UNUSED, enum boot_uart kind UNUSED)
{
}

void arch_boot_console_interrupt(unsigned irq UNUSED)
{
}

void *arch_boot_heap_map(hpa_t base UNUSED, uint64_t size UNUSED)
{
    panic("the simulated machine has a frame table already");
}

void arch_boot_frames_ready(void)
{
}

void arch_boot_interrupts(const struct boot_gic *g UNUSED)
{
}

void arch_boot_timer(unsigned irq UNUSED, uint32_t frequency UNUSED)
{
}

void arch_boot_psci(enum boot_psci method UNUSED)
{
}

unsigned arch_boot_secondaries(const uint64_t *mpidrs UNUSED, unsigned count UNUSED)
{
    return cpu_count();
}

uint64_t arch_boot_mpidr(unsigned cpu)
{
    return cpu;
}

void arch_boot_run(void)
{
    panic("the simulated machine is not started from boot");
}
