/* SPDX-License-Identifier: Apache-2.0 */
/* Physical interrupts: shared lines, kicks, the console. What takes them is in interrupts_take.c. */
#include "arch/host/internal.h"
#include "arch/include/arm64_vcpu.h"
#include "arch/include/vcpu.h"
#include "arch/include/arm64_vgic_hw.h"
#include "lib/assert.h"
#include "lib/string.h"

struct host_irq host_irqs[32 + HOST_SPIS];
PER_CPU(bool, host_kicked);
bool host_console_pending;
static unsigned gic_version;

unsigned arch_vgic_version(void)
{
    return gic_version;
}

void interrupts_boot(unsigned version)
{
    gic_version = version;
    memset(host_irqs, 0, sizeof(host_irqs));
    memset(host_kicked, 0, sizeof(host_kicked));
    host_console_pending = false;
}

static bool takes(unsigned cpu, const struct host_irq *i)
{
    return i->pending && i->enabled && !i->active[cpu] && i->target == cpu;
}

bool interrupt_pending(unsigned cpu)
{
    if (host_kicked[cpu] || clock_deadline(cpu) <= clock_now() || (cpu == 0 && host_console_pending))
        return true;
    for (unsigned n = 32; n < ARRAY_SIZE(host_irqs); n++) {
        if (takes(cpu, &host_irqs[n]))
            return true;
    }
    return false;
}

bool cpu_interrupt_pending(void)
{
    return interrupt_pending(cpu_id());
}

void cpu_kick(unsigned cpu)
{
    ASSERT(cpu < MAX_CPUS);
    host_kicked[cpu] = true;
    fiber_wake(cpu);
    arch_schedule_point();
}

static void notice(const struct host_irq *i)
{
    if (takes(i->target, i))
        fiber_wake(i->target);
}

static struct host_irq *shared(unsigned irq)
{
    PANIC_IF(irq < 32 || irq >= ARRAY_SIZE(host_irqs), "interrupt %u is none", irq);
    return &host_irqs[irq];
}

void host_raise_irq(unsigned irq)
{
    shared(irq)->pending = true;
    notice(shared(irq));
}

void arch_irq_enable(unsigned irq, bool on)
{
    shared(irq)->enabled = on;
    notice(shared(irq));
    arch_schedule_point();
}

/* Every line of the simulated machine is an edge. */
void arch_irq_set_edge(unsigned irq, bool edge UNUSED)
{
    (void)shared(irq);
}

void arch_irq_set_target(unsigned irq, unsigned cpu)
{
    shared(irq)->target = cpu < cpu_count() ? cpu : 0;
    notice(shared(irq));
}

void arch_irq_deactivate(unsigned irq)
{
    memset(shared(irq)->active, 0, sizeof(shared(irq)->active));
    notice(shared(irq));
}

void host_end_linked(unsigned irq)
{
    shared(irq)->active[cpu_id()] = false;
    notice(shared(irq));
}

void arch_irq_set_active(unsigned irq, bool active)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        shared(irq)->active[cpu] = active;
    notice(shared(irq));
}

unsigned arch_irq_spi_count(void)
{
    return HOST_SPIS;
}

void host_console_type(const char *text)
{
    console_put_input(text);
    host_console_pending = true;
    fiber_wake(0);
}
