/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the other CPUs, one after the other. */
#include "arch/include/boot.h"
#include "arch/include/time.h"
#include "arch/include/upcall.h"
#include "core/time.h"
#include "cpu_setup.h"
#include "gic.h"
#include "hardening.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/print.h"
#include "psci_client.h"
#include "speculation.h"
#include "sched/sched.h"
#include "sysreg.h"

/* How far a CPU is; CPU 0 gives up on one that has not begun in time, and one that begins too late stops. */
enum arrival { ARRIVAL_NONE, ARRIVAL_BEGUN, ARRIVAL_DONE, ARRIVAL_GIVEN_UP };
static uint32_t arrival[MAX_CPUS];

#define ARRIVAL_TIME SEC(1)

void arm64_secondary_start(void)
{
    unsigned cpu = cpu_id();
    uint32_t expected = ARRIVAL_NONE;

    if (!atomic_compare_exchange(&arrival[cpu], &expected, (uint32_t)ARRIVAL_BEGUN))
        machine_halt();
    hardening_enable();
    cpu_setup_registers();
    speculation_cpu_init();
    PANIC_IF(gic_cpu_init(cpu), "GIC: no redistributor for CPU %u (MPIDR %#llx)", cpu,
             (unsigned long long)this_cpu()->mpidr);
    timer_cpu_init();
    cpu_setup_online();
    sched_cpu_up(cpu);
    atomic_store_release(&arrival[cpu], (uint32_t)ARRIVAL_DONE);
    enter_guest(upcall_leave(NULL));
}

static hpa_t physical_of(const void *p)
{
    return HPA(image_physical().v + (uint64_t)((const char *)p - image_start));
}

/* False when it did not begin in time. */
static bool wait_for(unsigned cpu)
{
    nsec_t end = arch_time_now() + ARRIVAL_TIME;
    uint32_t expected = ARRIVAL_NONE;

    while (atomic_load_acquire(&arrival[cpu]) == ARRIVAL_NONE && arch_time_now() < end)
        cpu_relax();
    if (atomic_compare_exchange(&arrival[cpu], &expected, (uint32_t)ARRIVAL_GIVEN_UP))
        return false;
    end = arch_time_now() + 10 * ARRIVAL_TIME;
    while (atomic_load_acquire(&arrival[cpu]) != ARRIVAL_DONE) {
        PANIC_IF(arch_time_now() > end, "CPU %u began to start and did not end", cpu);
        cpu_relax();
    }
    return true;
}

/* Start CPU number `cpu`; false when it does not come. */
static bool start(unsigned cpu, uint64_t mpidr)
{
    int64_t error;

    if (map_cpu_stacks(cpu)) {
        log_error("CPU %u: no memory for its stacks", cpu);
        return false;
    }
    cpu_setup_block(cpu, mpidr);
    atomic_store_release(&arrival[cpu], (uint32_t)ARRIVAL_NONE);
    error = psci_cpu_on(mpidr, physical_of(secondary_entry), physical_of(&cpu_blocks[cpu]).v);
    if (error) {
        log_error("CPU with MPIDR %#llx: PSCI CPU_ON answers %lld", (unsigned long long)mpidr, (long long)error);
        return false;
    }
    if (wait_for(cpu))
        return true;
    log_error("CPU with MPIDR %#llx did not start within a second", (unsigned long long)mpidr);
    return false;
}

unsigned arch_boot_secondaries(const uint64_t *mpidrs, unsigned count)
{
    unsigned up = 1, next = 1;

    ASSERT(cpu_id() == 0);
    for (unsigned i = 0; i < count && next < MAX_CPUS; i++) {
        if ((mpidrs[i] & MPIDR_AFFINITY) == cpu_blocks[0].mpidr)
            continue;
        if (start(next, mpidrs[i] & MPIDR_AFFINITY)) {
            up++;
            next++;
        } else if (atomic_load(&arrival[next]) == ARRIVAL_GIVEN_UP) {
            /* Its number is not used again: it may yet come. */
            next++;
        }
    }
    return up;
}
