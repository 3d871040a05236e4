/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cpu_work.h"
#include "lib/assert.h"

void cpu_work_raise(unsigned cpu, uint32_t bits)
{
    uint32_t old;

    ASSERT(cpu < MAX_CPUS);
    old = atomic_fetch_or(cpu_work_word(cpu), bits);
    if ((old & bits) != bits && cpu != cpu_id())
        cpu_kick(cpu);
}

uint32_t cpu_work_take(void)
{
    return atomic_exchange(this_cpu_work_word(), 0);
}
