/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the simulated processor only. */
#ifndef ARCH_HOST_INTERNAL_H
#define ARCH_HOST_INTERNAL_H

#include "arch/host/host.h"
#include "arch/include/cpu.h"

/* --- memory.c --- */
void memory_boot(unsigned mib);
/* Panic when a frame that is handed out anew is still visible through a TLB (tlb.c). */
void tlb_check_unused(mfn_t mfn);

/* --- stage2_format.c, stage2_format_x86.c --- */
/* Before the first entry is made: the geometry that goes with the format. */
void stage2_format_boot(struct stage2_geometry *g);

/* --- tlb.c --- */
void tlb_boot(const struct stage2_geometry *g);
/* The entry at slot is changed from old to new: break before make. */
void tlb_check_write(const s2_entry *slot, s2_entry old, s2_entry new);
/* This CPU runs in that space from now on (NULL: in none). */
void tlb_load_space(struct arch_stage2 *s);

/* --- fiber.c --- */
void fibers_boot(unsigned cpus);
void fibers_seed(uint64_t from_config);
/* Is the caller the main context? */
bool fiber_is_main(void);
/* Start a fiber for a CPU; it does not run yet. */
void fiber_start(unsigned cpu, void (*body)(unsigned cpu, void *arg), void *arg);
/* From main: let the fibers run until none is runnable and idle() (when given) finds nothing to wake them with. */
void fibers_run(bool (*idle)(void));
void fibers_stop(const char *how);
/* From a fiber: it waits until fiber_wake(cpu). */
void fiber_wait(void);
void fiber_wake(unsigned cpu);
/* From a fiber: let another one run if there is one. False: there is none. */
bool fiber_yield(void);

/* --- clock.c --- */
void clock_boot(void);
void clock_tick(void);
/* This CPU's deadline; NSEC_NEVER when none. */
nsec_t clock_deadline(unsigned cpu);
nsec_t clock_earliest(void);
nsec_t clock_now(void);

/* --- vcpu.c --- */
void routes_boot(void);

/* --- machine.c --- */
/* The vCPU goes: its guest's work will not be done. */
void host_cancel(struct vcpu *v);

/* --- console.c --- */
void console_put_input(const char *text);

/* --- interrupts.c --- */
/* version: of the interrupt controller that domains get. */
void interrupts_boot(unsigned version);
bool interrupt_pending(unsigned cpu);
/* Take what is pending on this CPU: true when there was something. (interrupts_take.c) */
bool interrupts_take(void);

/* Between interrupts.c and interrupts_take.c: the state of the physical interrupts. */
#define HOST_SPIS 64
struct host_irq {
    bool enabled, pending;
    bool active[MAX_CPUS];      /* each CPU's own, as in the GICv2 of QEMU */
    unsigned target;
};
extern struct host_irq host_irqs[32 + HOST_SPIS];
/* A list register linked to it was ended by this CPU's guest. */
void host_end_linked(unsigned irq);
extern PER_CPU(bool, host_kicked);
/* This CPU's maintenance interrupt, if it was raised: v is current. */
void host_take_maintenance(struct vcpu *v);
extern bool host_console_pending;

#endif
