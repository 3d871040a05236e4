/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CPU has been asked to do before it next enters a guest: one word of bits per CPU, set by anybody, looked at on every
 * exit (upcall_leave) and by the idle loop. One load and one branch when there is nothing.
 */
#ifndef LIB_CPU_WORK_H
#define LIB_CPU_WORK_H

#include "lib/atomic.h"

enum cpu_work_bit {
    CPU_WORK_TIMER = 1,         /* a software timer may be due */
    CPU_WORK_SCHED = 2,         /* choose again what to run */
    CPU_WORK_QUIESCE = 4,       /* somebody waits for this CPU to hold no looked-up pointer */
    CPU_WORK_CONSOLE = 8,       /* the console ring has news for dom0 */
    CPU_WORK_DUMP = 16,         /* print what this CPU runs (debug key) */
};

/* Ask `cpu` for work; kicks it when it is another CPU and had not been asked yet. Any lock may be held. */
void cpu_work_raise(unsigned cpu, uint32_t bits);
/* Take what this CPU was asked for. What was written before cpu_work_raise is visible after it (full barrier in both). */
uint32_t cpu_work_take(void);

static inline uint32_t cpu_work_pending(void)
{
    return atomic_load(this_cpu_work_word());
}

#endif
