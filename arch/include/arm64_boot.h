/* SPDX-License-Identifier: Apache-2.0 */
/* Contract, arm64's part of boot.h: serial line, interrupt controller, timer and firmware, where the device tree says. CPU 0, once. */
#ifndef ARCH_ARM64_BOOT_H
#define ARCH_ARM64_BOOT_H

#include "arch/include/boot.h"

/* The serial line at this physical address is the console. Once. */
enum boot_uart { BOOT_UART_PL011, BOOT_UART_CADENCE };
void arch_boot_console(hpa_t base, enum boot_uart kind);
/* Its interrupt (GIC number, e.g. 33) calls console_input_pending() on CPU 0. After arch_boot_interrupts. */
void arch_boot_console_interrupt(unsigned irq);

/*
 * The interrupt controller. Version 3: distributor and the redistributor regions of its node in order. Version 2: distributor, CPU
 * interface, the hypervisor's interface (GICH) and guests' CPU interface (GICV). maintenance_irq: GIC number, usually 25. Panics
 * with one clear line when there is none or CPU 0's redistributor is not in the regions.
 */
#define BOOT_GIC_REGIONS 16
struct boot_gic {
    unsigned version;
    hpa_t distributor;
    unsigned regions;
    struct { hpa_t base; uint64_t size; } redistributor[BOOT_GIC_REGIONS];
    hpa_t cpu_interface, hyp_interface, guest_interface;
    uint64_t cpu_interface_size, guest_interface_size;
    unsigned maintenance_irq;
};
void arch_boot_interrupts(const struct boot_gic *g);

/* The hypervisor's timer (GIC number of its interrupt: 26) and the frequency if the tree overrides it (clock-frequency), else 0.
 * arch_time_now works from the entry on if CNTFRQ is right. */
void arch_boot_timer(unsigned irq, uint32_t frequency);

/* How firmware is called: the `method` of the psci node, and whether it is there at all. Also for machine_power_off/reset. */
enum boot_psci { BOOT_PSCI_NONE, BOOT_PSCI_HVC, BOOT_PSCI_SMC };
void arch_boot_psci(enum boot_psci method);
/* MPIDR affinity of CPU n. */
uint64_t arch_boot_mpidr(unsigned cpu);

#endif
