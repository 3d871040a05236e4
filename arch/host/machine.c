/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's CPUs and their guests. A CPU is a fiber that goes round and round: upcall_leave chooses a vCPU, its
 * guest "runs" until something makes it exit.
 *
 *   upcall_leave -> interrupt pending? take it ---------------------> exit
 *                -> action given? hypercall, firmware call, code ---> exit
 *                -> nothing: acknowledge interrupts, WFI -----------> exit (or spin until an interrupt)
 */
#include "arch/host/internal.h"
#include "arch/include/arm64_vcpu.h"
#include "arch/include/upcall.h"
#include "arch/include/vcpu.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/time.h"
#include "lib/assert.h"
#include "lib/cpu_work.h"
#include "lib/string.h"

#define PATIENCE SEC(2)
#define GUEST_INSTRUCTIONS USEC(1)      /* how long a guest runs between two traps */

static unsigned actions_pending;
static nsec_t give_up_at;

static void finish(struct vcpu *v, int64_t result)
{
    struct host_action *a = v->arch.action;

    a->result = result;
    a->done = true;
    v->arch.action = NULL;
    actions_pending--;
}

void host_cancel(struct vcpu *v)
{
    if (v->arch.action) {
        v->arch.action = NULL;
        actions_pending--;
    }
}

static void trap(struct vcpu *v, struct host_action *a)
{
    if (a->kind == HOST_HYPERCALL && a->narrow) {
        for (unsigned i = 0; i < 6; i++)
            v->arch.regs.x[i] = (uint32_t)v->arch.regs.x[i];
        v->narrow_call = true;
        upcall_hypercall(v, a->number);
        v->narrow_call = false;
    } else if (a->kind == HOST_HYPERCALL) {
        upcall_hypercall(v, a->number);
    } else
        upcall_smccc(v);
}

/* Registers are set the first time only: a repeated call finds its place in them. */
static void run_trap(struct vcpu *v, struct host_action *a)
{
    if (!v->arch.repeat) {
        memcpy(v->arch.regs.x, a->args, sizeof(a->args));
        v->arch.regs.x[16] = a->number;
    }
    v->arch.repeat = false;
    a->times_run++;
    trap(v, a);
    if (!v->arch.repeat && v->arch.action == a)
        finish(v, (int64_t)v->arch.regs.x[0]);
}

static void run_action(struct vcpu *v, struct host_action *a)
{
    host_time_advance(GUEST_INSTRUCTIONS);
    if (a->kind == HOST_CALL) {
        a->call(v, a->arg);
        if (v->arch.action == a)
            finish(v, 0);
    } else {
        run_trap(v, a);
    }
}

/* A guest with nothing to do handles its interrupts and waits for the next; when that does not block it, it spins. */
static void run_idle_guest(struct vcpu *v)
{
    unsigned irq;

    while ((irq = host_guest_acknowledge(v)) != 1023)
        host_guest_end_interrupt(v, irq);
    arch_vcpu_sync(v);
    vcpu_block(v);
    while (vcpu_is_runnable(v) && !v->arch.action && !cpu_work_pending() && !interrupt_pending(cpu_id()))
        fiber_wait();
}

static void run_guest(struct vcpu *v)
{
    PANIC_IF(v != cpu_current_vcpu(), "the vCPU that is entered is not the current one");
    spin_assert_none_held();
    if (interrupt_pending(cpu_id())) {
        host_take_maintenance(v);
        (void)interrupts_take();
    } else if (v->arch.action) {
        run_action(v, v->arch.action);
    } else {
        run_idle_guest(v);
    }
}

static void cpu_main(unsigned cpu, void *arg UNUSED)
{
    struct vcpu *v = NULL;

    timer_cpu_init();
    sched_cpu_up(cpu);
    for (;;) {
        if (!v || !upcall_reenter(v))
            v = upcall_leave(v);
        run_guest(v);
    }
}

void host_start(void)
{
    actions_pending = 0;
    domains_reset();
    routes_boot();
    console_init();
    sched_init("");
    /* The first CPU is up before it starts the others. */
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        fiber_start(cpu, cpu_main, NULL);
        if (cpu == 0)
            fibers_run(NULL);
    }
    (void)host_run(0);
}

/* All CPUs wait: is there still something to wait for? Then time jumps there. */
static bool next_event(void)
{
    nsec_t next = clock_earliest();

    if (!actions_pending || host_stopped() || next == NSEC_NEVER || next > give_up_at)
        return false;
    host_time_advance(MAX(next - clock_now(), 0));
    return true;
}

bool host_run(nsec_t patience)
{
    give_up_at = clock_now() + patience;
    /* Who poses as a CPU does not kick it: it may have work. */
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        cpu_kick(cpu);
    fibers_run(next_event);
    return !actions_pending;
}

void host_begin(struct vcpu *v, struct host_action *a)
{
    ASSERT(!v->arch.action);
    a->done = false;
    a->times_run = 0;
    a->result = HOST_NOT_DONE;
    v->arch.action = a;
    v->arch.repeat = false;
    actions_pending++;
    vcpu_wake(v);
}

static int64_t run_one(struct vcpu *v, struct host_action *a)
{
    PANIC_IF(!fiber_is_main(), "guests do not wait for guests");
    host_begin(v, a);
    if (!host_run(PATIENCE) && !a->done && !host_stopped())
        host_cancel(v);
    return a->result;
}

int64_t host_hypercall(struct vcpu *v, uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                       uint64_t a5)
{
    struct host_action a = { .kind = HOST_HYPERCALL, .number = number, .args = { a0, a1, a2, a3, a4, a5 } };

    return run_one(v, &a);
}

int64_t host_smccc(struct vcpu *v, uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    struct host_action a = { .kind = HOST_SMCCC, .args = { function, a1, a2, a3 } };

    return run_one(v, &a);
}

bool host_guest_call(struct vcpu *v, void (*call)(struct vcpu *v, void *arg), void *arg)
{
    struct host_action a = { .kind = HOST_CALL, .call = call, .arg = arg };

    return run_one(v, &a) != HOST_NOT_DONE;
}

bool host_mmio(struct vcpu *v, uint64_t gpa, unsigned size, bool write, uint64_t *value)
{
    bool answered = upcall_mmio(v, GPA(gpa), size, write, value);

    if (!answered)
        arch_inject_bad_address(v, gpa, false);
    return answered;
}
