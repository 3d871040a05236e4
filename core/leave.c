/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way out: between any trap and any guest entry. When nobody asked this CPU for anything, the guest that trapped is entered
 * again; else the work is done, which may choose another vCPU or none.
 *
 *   trap -> handler -> upcall_leave -+- nothing to do ------------------------------------+-> flush -> guest
 *                                    +- timers, quiescent point, console, choice, switch -+
 *                                         ^----------- idle until there is work <-- none --+
 */
#include "core/console.h"
#include "core/domain.h"
#include "lib/cpu_work.h"
#include "lib/print.h"
#include "arch/include/upcall.h"

/* Free frames scrubbed in one go while idle: below 10,000 instructions. */
#define SCRUB_FRAMES 8
/* None when this CPU is wanted so soon: what waits for a timer finds it asleep. */
#define SCRUB_MARGIN USEC(200)

static struct timer scrub_timers[MAX_CPUS];

/* In which state does a vCPU that has just been switched out wait? */
static uint32_t waiting_state(const struct vcpu *v)
{
    uint32_t flags = atomic_load(&v->pause_flags);

    if (flags & (VCPU_BLOCKED | VCPU_POLLING))
        return RUNSTATE_IS_BLOCKED;
    return flags || !vcpu_is_runnable(v) ? RUNSTATE_IS_OFFLINE : RUNSTATE_IS_RUNNABLE;
}

static void switch_to(struct vcpu *prev, struct vcpu *next)
{
    ASSERT(prev != next);
    if (prev)
        vcpu_runstate_change(prev, waiting_state(prev));
    if (next)
        vcpu_runstate_change(next, RUNSTATE_IS_RUNNING);
    arch_vcpu_switch(prev, next);
    cpu_set_current_vcpu(next);
    if (prev)
        sched_switched_out(&prev->unit);
    if (next && next->runstate_address.v)
        vcpu_runstate_publish(next);
}

/* Ask the scheduler; afterwards what it chose (NULL: nothing) is loaded. */
static struct vcpu *choose(struct vcpu *v)
{
    struct sched_unit *u = sched_pick(v ? &v->unit : NULL);
    struct vcpu *next = u ? container_of(u, struct vcpu, unit) : NULL;

    if (next != v)
        switch_to(v, next);
    return next;
}

static void print_current(struct vcpu *v)
{
    if (v)
        log_info("CPU %u: d%uv%u", cpu_id(), v->domain->id.v, v->id);
    else
        log_info("CPU %u: idle", cpu_id());
    if (v)
        arch_vcpu_print(v);
}

static void do_work(uint32_t work, struct vcpu *v)
{
    if (work & CPU_WORK_TIMER)
        timer_run_due();
    if (work & CPU_WORK_CONSOLE)
        console_raise_virqs();
    if (work & CPU_WORK_DUMP)
        print_current(v);
    if (work & CPU_WORK_QUIESCE)
        quiesce_point();
}

static void scrub_again(struct timer *t UNUSED)
{
}

/* Interrupts are taken in cpu_idle only, so scrubbing goes on in pieces with a timer that is due at once between. */
static void scrub(void)
{
    struct timer *t = &THIS_CPU(scrub_timers);

    if (!t->fire)
        timer_init(t, scrub_again);
    if (timer_next() - arch_time_now() > SCRUB_MARGIN && frame_scrub_idle(SCRUB_FRAMES))
        timer_set(t, arch_time_now());
}

/* Nothing to run. A function of its own: bench/isolation.py counts from here. */
static NOINLINE void idle(void)
{
    scrub();
    spin_assert_none_held();
    if (!cpu_work_pending())
        cpu_idle();
}

/* Kept out of line: upcall_leave itself is a handful of instructions on every exit. */
static NOINLINE struct vcpu *leave_with_work(struct vcpu *v)
{
    uint32_t work = v ? 0 : CPU_WORK_SCHED;

    for (;;) {
        work |= cpu_work_take();
        do_work(work, v);
        if (work & CPU_WORK_SCHED)
            v = choose(v);
        work = 0;
        if (cpu_work_pending())
            continue;
        if (v)
            return v;
        idle();
    }
}

struct vcpu *upcall_leave(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    if (unlikely(!v) || unlikely(cpu_work_pending()))
        v = leave_with_work(v);
    if (CONFIG(ASSERT))
        spin_assert_none_held();
    arch_vcpu_flush(v);
    return v;
}

HOT bool upcall_reenter(struct vcpu *v)
{
    ASSERT(v && v == cpu_current_vcpu());
    if (unlikely(cpu_work_pending()))
        return false;
    if (CONFIG(ASSERT))
        spin_assert_none_held();
    arch_vcpu_flush(v);
    return true;
}

void upcall_interrupt(unsigned irq)
{
    if (!arch_irq_deliver(irq))
        log_guest("interrupt %u: nobody takes it", irq);
}
