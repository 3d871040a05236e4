/* SPDX-License-Identifier: Apache-2.0 */
/* Taking interrupts: when a guest would run, and while a CPU idles. */
#include "arch/host/internal.h"
#include "arch/include/upcall.h"
#include "arch/include/time.h"
#include "arch/include/vcpu.h"
#include "core/console.h"
#include "lib/assert.h"

static bool take_timer(void)
{
    if (clock_deadline(cpu_id()) > clock_now())
        return false;
    arch_timer_set_deadline(NSEC_NEVER);
    upcall_timer();
    return true;
}

static bool take_console(void)
{
    if (cpu_id() || !host_console_pending)
        return false;
    host_console_pending = false;
    console_input_pending();
    return true;
}

/* Priority drops at once; the line stays active until somebody ends it. Nobody's interrupt is switched off. */
static bool take_shared(unsigned irq)
{
    struct host_irq *i = &host_irqs[irq];

    if (!i->pending || !i->enabled || i->active[cpu_id()] || i->target != cpu_id())
        return false;
    i->pending = false;
    i->active[cpu_id()] = true;
    if (!arch_irq_deliver(irq)) {
        upcall_interrupt(irq);
        i->enabled = i->active[cpu_id()] = false;
    }
    return true;
}

bool interrupts_take(void)
{
    bool any = host_kicked[cpu_id()];

    host_kicked[cpu_id()] = false;
    any |= take_timer();
    any |= take_console();
    for (unsigned irq = 32; irq < ARRAY_SIZE(host_irqs); irq++)
        any |= take_shared(irq);
    return any;
}

void cpu_idle(void)
{
    PANIC_IF(fiber_is_main(), "the main context cannot idle: it is no CPU");
    while (!interrupt_pending(cpu_id()))
        fiber_wait();
    (void)interrupts_take();
}
