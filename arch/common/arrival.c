/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/common/arrival.h"
#include "lib/assert.h"
#include "lib/atomic.h"

enum arrival { ARRIVAL_NONE, ARRIVAL_BEGUN, ARRIVAL_DONE, ARRIVAL_GIVEN_UP };
static uint32_t arrival[MAX_CPUS];

void arrival_expect(unsigned cpu)
{
    atomic_store_release(&arrival[cpu], (uint32_t)ARRIVAL_NONE);
}

void arrival_begin(void)
{
    uint32_t expected = ARRIVAL_NONE;

    if (!atomic_compare_exchange(&THIS_CPU(arrival), &expected, (uint32_t)ARRIVAL_BEGUN))
        machine_halt();
}

void arrival_done(void)
{
    atomic_store_release(&THIS_CPU(arrival), (uint32_t)ARRIVAL_DONE);
}

bool arrival_has_begun(unsigned cpu, nsec_t until)
{
    while (atomic_load_acquire(&arrival[cpu]) == ARRIVAL_NONE) {
        if (arch_time_now() >= until)
            return false;
        cpu_relax();
    }
    return true;
}

bool arrival_wait(unsigned cpu)
{
    uint32_t expected = ARRIVAL_NONE;
    nsec_t end;

    (void)arrival_has_begun(cpu, arch_time_now() + ARRIVAL_TIME);
    if (atomic_compare_exchange(&arrival[cpu], &expected, (uint32_t)ARRIVAL_GIVEN_UP))
        return false;
    end = arch_time_now() + 10 * ARRIVAL_TIME;
    while (atomic_load_acquire(&arrival[cpu]) != ARRIVAL_DONE) {
        PANIC_IF(arch_time_now() > end, "CPU %u began to start and did not end", cpu);
        cpu_relax();
    }
    return true;
}

bool arrival_given_up(unsigned cpu)
{
    return atomic_load(&arrival[cpu]) == ARRIVAL_GIVEN_UP;
}
