/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: physical CPUs. CPUs are numbered from 0; CPU 0 boots. The hypervisor always runs with interrupts
 * masked: they are taken when a guest runs and by cpu_idle(), nowhere else.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "config.h"
#include "lib/compiler.h"

struct vcpu;

#if CONFIG_HOST
/* A point where the simulated machine may let another CPU run. */
void arch_schedule_point(void);
#else
#define arch_schedule_point() ((void)0)
#endif

/* These are read on every exit: a processor has them inline in its arch_cpu.h.
 *   cpu_id            number of the CPU that runs this
 *   cpu_current_vcpu  the vCPU whose guest was left last on this CPU, or NULL when the CPU idles
 *   cpu_work_word     a word of bits for lib/cpu_work.h; this_cpu_work_word: of the CPU that runs this
 *   cpu_relax         one turn of a spin loop */
#if CONFIG_HOST
unsigned cpu_id(void);
struct vcpu *cpu_current_vcpu(void);
void cpu_set_current_vcpu(struct vcpu *v);
uint32_t *cpu_work_word(unsigned cpu);
uint32_t *this_cpu_work_word(void);
void cpu_relax(void);
#else
#include "arch_cpu.h"
#endif

/* CPUs that are up; bit n of the array is CPU n. cpu_count() is the highest number + 1. */
unsigned cpu_count(void);
bool cpu_is_online(unsigned cpu);

/* Make `cpu` leave its guest or its idle wait soon and look at its work; asynchronous, may be called with locks
 * held, does nothing harmful when the CPU was not in either. */
void cpu_kick(unsigned cpu);
/* Wait until an interrupt is pending and handle it (upcall_interrupt); returns then. No lock held. */
void cpu_idle(void);
/* Does an interrupt wait for this CPU? For work in idle time that can stop at any point. */
bool cpu_interrupt_pending(void);

/* Stop the whole machine: power off, reset. Do not return. */
void machine_power_off(void) NORETURN;
void machine_reset(void) NORETURN;
/* Stop every other CPU where it is (for panic). */
void machine_halt_others(void);
/* The end of a panic: CPU stops for good (host process: abort). */
void machine_halt(void) NORETURN;
/* Print what is known of where we are (registers, call chain with symbols), for panic. */
void machine_print_backtrace(void);

/* Per-CPU variables: an array, so that the simulated machine needs nothing special. */
#define PER_CPU(type, name) type name[MAX_CPUS]
#define THIS_CPU(name) (name[cpu_id()])

#endif
