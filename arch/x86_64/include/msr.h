/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the host's model-specific registers. */
#ifndef X86_MSR_H
#define X86_MSR_H

#include "lib/compiler.h"
#include "msr_numbers.h"

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* For one that this processor may not have: false, and 0, where the instruction faults. After idt_load. */
bool rdmsr_safe(uint32_t msr, uint64_t *value) MUST_CHECK;
bool wrmsr_safe(uint32_t msr, uint64_t value) MUST_CHECK;

#endif
