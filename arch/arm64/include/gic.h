/* SPDX-License-Identifier: Apache-2.0 */
/* The host's GICv3 (Arm IHI 0069) or GICv2 (IHI 0048), as the rest of arch/arm64 sees it. The virtual interface is
 * vgic_hw.c's and gicv2_lr.c's. */
#ifndef ARM64_GIC_H
#define ARM64_GIC_H

#include "arch/include/arm64_boot.h"
#include "lib/types.h"

struct domain;

/*
 * Acknowledge one interrupt, lower the running priority and dispatch it: kick (nothing but to have left the guest), a handler
 * of gic_set_handler, the console, a routed one (arch_irq_deliver), else a line in the log and it is disabled. From the trap
 * entry and cpu_idle, interrupts masked, no lock held.
 */
void gic_handle_interrupt(void);

/*
 * Handle a private (PPI, 16..31) interrupt of every CPU. The handler runs with the priority dropped; true: it is over and is
 * deactivated; false: it stays active until the guest ends it through its list register or arch_irq_deactivate is called.
 * Boot only; enabling is the caller's (arch_irq_enable on each CPU, or gic_enable_on_all for CPUs that come up later too).
 */
typedef bool (*gic_handler)(unsigned irq);
void gic_set_handler(unsigned irq, gic_handler handle);
/* Enable a private interrupt on this CPU and on every CPU that comes up later. Boot, CPU 0, before the others are up; once each. */
void gic_enable_on_all(unsigned irq);

/* Each CPU as it comes up: its redistributor and CPU interface. -E_NODEV when it has no redistributor (GICv2: no number). */
int gic_cpu_init(unsigned cpu) MUST_CHECK;
void gic_init(const struct boot_gic *g);
/* Software-generated interrupt 0 to another CPU. */
void gic_send_kick(unsigned cpu);
/* SGI 1: stop for good (panic of another CPU). */
void gic_send_halt_all(void);
unsigned gic_maintenance_irq(void);
/* Where the controller lies: dom0's virtual one lies there too. */
const struct boot_gic *gic_host(void);
/* The host's CPU interface for guests (GICV) at `at` of d, which has nothing there: its two pages of registers. -E_NOMEM. */
int gicv2_map_guest_interface(struct domain *d, gpa_t at) MUST_CHECK;
/* SPIs of the console; handled on CPU 0. */
void gic_set_console_irq(unsigned irq);

#endif
