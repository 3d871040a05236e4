/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the other CPUs, one after the other: INIT, and twice STARTUP (Intel SDM volume 3, 8.4.4.1). */
#include "apic.h"
#include "arch/common/arrival.h"
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "arch/include/upcall.h"
#include "arch/include/x86_boot.h"
#include "core/time.h"
#include "cpu_setup.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "timer.h"
#include "virt.h"

#define AFTER_INIT MSEC(10)
#define AFTER_STARTUP USEC(200)

/* Of the one that is being started. */
uint64_t secondary_stack;

/* The idle loop, until there is something to run. */
static void run(void)
{
    virt_run(upcall_leave(NULL));
}

void x86_secondary_start(void)
{
    unsigned cpu = cpu_id();
    const char *why;

    arrival_begin();
    cpu_setup_registers();
    apic_cpu_init();
    why = virt_init_cpu();
    PANIC_IF(why, "CPU %u: %s", cpu, why);
    timer_cpu_start();
    timer_cpu_init();
    cpu_setup_online();
    sched_cpu_up(cpu);
    arrival_done();
    run_on_empty_stack(run, PERCPU_STACK_TOP((uint64_t)cpu));
}

void arch_boot_run(void)
{
    ASSERT(cpu_id() == 0);
    run_on_empty_stack(run, PERCPU_STACK_TOP(0));
}

static void pause_for(nsec_t time)
{
    for (nsec_t end = arch_time_now() + time; arch_time_now() < end;)
        cpu_relax();
}

static bool start(unsigned cpu, uint32_t apic)
{
    if (map_cpu_stacks(cpu)) {
        log_error("CPU %u: no memory for its stacks", cpu);
        return false;
    }
    cpu_setup_block(cpu, apic);
    secondary_stack = PERCPU_STACK_TOP((uint64_t)cpu);
    arrival_expect(cpu);
    apic_send(apic, ICR_INIT | ICR_ASSERT);
    pause_for(AFTER_INIT);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        apic_send(apic, ICR_STARTUP | ICR_ASSERT | (uint32_t)(BOOT_TRAMPOLINE >> PAGE_SHIFT));
        if (arrival_has_begun(cpu, arch_time_now() + AFTER_STARTUP))
            break;
    }
    if (arrival_wait(cpu))
        return true;
    log_error("CPU with local APIC id %u did not start within a second", apic);
    return false;
}

unsigned arch_boot_secondaries(const uint64_t *apic_ids, unsigned count)
{
    void *page = boot_map(HPA(BOOT_TRAMPOLINE), PAGE_SIZE);
    unsigned up = 1, next = 1;

    ASSERT(cpu_id() == 0 && (size_t)(trampoline_end - trampoline) <= PAGE_SIZE);
    PANIC_IF(!page, "no room to map the start of other CPUs");
    memcpy(page, trampoline, (size_t)(trampoline_end - trampoline));
    for (unsigned i = 0; i < count && next < MAX_CPUS; i++) {
        if (apic_ids[i] == apic_id())
            continue;
        if (start(next, (uint32_t)apic_ids[i])) {
            up++;
            next++;
        } else if (arrival_given_up(next)) {
            next++;
        }
    }
    boot_unmap(page, PAGE_SIZE);
    return up;
}
