/* SPDX-License-Identifier: Apache-2.0 */
/* For the parts of guests/ that both processors' guests are made of: the names that they use for what an x86-64 guest has. */
#ifndef X86_GUEST_TOOLSTACK_H
#define X86_GUEST_TOOLSTACK_H

#include "guests/lib/macros.h"
#include "guests/x86_64/lib/guest.h"

#define TICKS_PER_MS 1000000UL
#define INSNS_PER_TICK 1
#define print say

static inline void dsb(void)
{
    asm volatile("mfence" : : : "memory");
}

_Noreturn void guest_panic(const char *format, ...);

void *memset(void *to, int value, size_t n);
void *memcpy(void *to, const void *from, size_t n);

/* Executed instructions, on a board with -icount shift=0, whatever the hypervisor makes of the TSC: counter_calibrate. */
uint64_t counter_now(void);
/* Finds out, by a loop of known length, how many ticks an instruction is. */
void counter_calibrate(void);
bool wait_for(const volatile unsigned *value, unsigned wanted, uint64_t ticks);
/* Another vCPU runs fn(arg), on a stack of its own; once. 0, or -1 when it does not start. */
long cpu_start(unsigned id, void (*fn)(void *), void *arg);

#endif
