/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the other CPUs, one after the other. */
#include "arch/common/arrival.h"
#include "arch/include/boot.h"
#include "arch/include/upcall.h"
#include "core/time.h"
#include "cpu_setup.h"
#include "gic.h"
#include "hardening.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "psci_client.h"
#include "speculation.h"
#include "sched/sched.h"
#include "sysreg.h"

void arm64_secondary_start(void)
{
    unsigned cpu = cpu_id();

    arrival_begin();
    hardening_enable();
    cpu_setup_registers();
    speculation_cpu_init();
    PANIC_IF(gic_cpu_init(cpu), "GIC: no redistributor for CPU %u (MPIDR %#llx)", cpu,
             (unsigned long long)this_cpu()->mpidr);
    timer_cpu_init();
    cpu_setup_online();
    sched_cpu_up(cpu);
    arrival_done();
    enter_guest(upcall_leave(NULL));
}

static hpa_t physical_of(const void *p)
{
    return HPA(image_physical().v + (uint64_t)((const char *)p - image_start));
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
    arrival_expect(cpu);
    error = psci_cpu_on(mpidr, physical_of(secondary_entry), physical_of(&cpu_blocks[cpu]).v);
    if (error) {
        log_error("CPU with MPIDR %#llx: PSCI CPU_ON answers %lld", (unsigned long long)mpidr, (long long)error);
        return false;
    }
    if (arrival_wait(cpu))
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
        } else if (arrival_given_up(next)) {
            /* Its number is not used again: it may yet come. */
            next++;
        }
    }
    return up;
}
