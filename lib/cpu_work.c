/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cpu_work.h"
#include "lib/assert.h"

PER_CPU(struct cpu_work_word, cpu_work);

void cpu_work_raise(unsigned cpu, uint32_t bits)
{
    uint32_t old;

    ASSERT(cpu < MAX_CPUS);
    old = atomic_fetch_or(&cpu_work[cpu].bits, bits);
    if ((old & bits) != bits && cpu != cpu_id())
        cpu_kick(cpu);
}

uint32_t cpu_work_take(void)
{
    return atomic_exchange(&THIS_CPU(cpu_work).bits, 0);
}
