/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU's timers (Arm ARM D11.2).
 *
 * The virtual timer is the hardware's while the vCPU is loaded. Its physical interrupt is left active and linked to
 * the virtual one by a list register, so the guest's end of interrupt ends both; as that activity belongs to the vCPU
 * and not to the CPU, it is taken away and put back at a switch. A waiting vCPU is woken by a timer of core/.
 *
 * The physical timer traps: registers here, a timer of core/ and a level line to the interrupt controller.
 */
#include "arch/include/arm64_vgic_hw.h"
#include "core/domain.h"
#include "gic.h"
#include "guest.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "sysreg.h"

#define CTL_ENABLE BIT(0)
#define CTL_IMASK BIT(1)
#define CTL_ISTATUS BIT(2)
#define CTL_OUTPUT_MASK (CTL_ENABLE | CTL_IMASK | CTL_ISTATUS)
#define CTL_OUTPUT_HIGH (CTL_ENABLE | CTL_ISTATUS)
#define FAR_AWAY BIT(56)        /* ticks: years */

struct vcpu_timers {
    struct vcpu *v;
    struct timer wake;          /* the virtual timer of a vCPU that waits */
    struct timer physical;
};

/* Is the virtual timer's physical interrupt active on this CPU, as far as we know? */
static PER_CPU(bool, made_active);

static struct vcpu_timers *timers_of(const struct vcpu *v)
{
    return v->arch.timers;
}

/* When the counter reaches `value`; NSEC_NEVER when that is further than anybody waits. */
static nsec_t counter_deadline(uint64_t value)
{
    uint64_t now = arch_counter();

    if (value <= now)
        return arch_time_now();
    if (value - now >= FAR_AWAY)
        return NSEC_NEVER;
    return arch_time_now() + arch_ticks_to_nsec(value - now);
}

/* -- the virtual timer -- */

static bool interrupt(unsigned irq)
{
    struct vcpu *v = cpu_current_vcpu();

    ASSERT(irq == PPI_VIRTUAL_TIMER);
    if (!v)
        return true;    /* it was switched off while the interrupt was on its way */
    THIS_CPU(made_active) = true;
    (void)vgic_inject_hw(v, PPI_VIRTUAL_TIMER, PPI_VIRTUAL_TIMER);
    return false;
}

void vcpu_timer_boot(void)
{
    gic_set_handler(PPI_VIRTUAL_TIMER, interrupt);
    gic_enable_on_all(PPI_VIRTUAL_TIMER);
}

static bool saved_output(const struct vcpu *v)
{
    const struct arch_vcpu *a = &v->arch;

    return (a->cntv_ctl & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE &&
           a->cntv_cval <= arch_counter() - v->domain->arch.counter_offset;
}

static bool live_output(void)
{
    return (read_sysreg(cntv_ctl_el0) & CTL_OUTPUT_MASK) == CTL_OUTPUT_HIGH;
}

bool vcpu_timer_is_due(const struct vcpu *v)
{
    if (vgic_hw_is_taken(v, PPI_VIRTUAL_TIMER))
        return false;
    return v == cpu_current_vcpu() ? live_output() : saved_output(v);
}

HOT void vcpu_timer_resample(struct vcpu *v)
{
    if (!vgic_hw_is_taken(v, PPI_VIRTUAL_TIMER) || live_output())
        return;
    if (vgic_retract_hw(v, PPI_VIRTUAL_TIMER)) {
        arch_irq_set_active(PPI_VIRTUAL_TIMER, false);
        THIS_CPU(made_active) = false;
    }
}

static void arm_wake(struct vcpu *v)
{
    const struct arch_vcpu *a = &v->arch;
    nsec_t when;

    if (!(atomic_load(&v->pause_flags) & (VCPU_BLOCKED | VCPU_POLLING)) || vgic_hw_is_taken(v, PPI_VIRTUAL_TIMER) ||
        (a->cntv_ctl & (CTL_ENABLE | CTL_IMASK)) != CTL_ENABLE)
        return;
    when = counter_deadline(a->cntv_cval + v->domain->arch.counter_offset);
    if (when != NSEC_NEVER)
        timer_set(&timers_of(v)->wake, when);
}

void vcpu_timer_save(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;

    vcpu_timer_resample(v);
    a->cntv_ctl = read_sysreg(cntv_ctl_el0) & (CTL_ENABLE | CTL_IMASK);
    a->cntv_cval = read_sysreg(cntv_cval_el0);
    a->cntkctl_el1 = read_sysreg(cntkctl_el1);
    write_sysreg(cntv_ctl_el0, 0);
    isb();
    if (THIS_CPU(made_active)) {
        arch_irq_set_active(PPI_VIRTUAL_TIMER, false);
        THIS_CPU(made_active) = false;
    }
    arm_wake(v);
}

/* A timer that expired meanwhile is injected here: letting the hardware interrupt would cost another exit. */
void vcpu_timer_load(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;

    ASSERT(!THIS_CPU(made_active));
    if (timers_of(v)->wake.armed)
        timer_cancel(&timers_of(v)->wake);
    write_sysreg(cntvoff_el2, v->domain->arch.counter_offset);
    write_sysreg(cntkctl_el1, a->cntkctl_el1);
    if (!vgic_hw_is_taken(v, PPI_VIRTUAL_TIMER) && saved_output(v))
        vgic_load_hw(v, PPI_VIRTUAL_TIMER, PPI_VIRTUAL_TIMER);
    if (vgic_hw_is_taken(v, PPI_VIRTUAL_TIMER)) {
        arch_irq_set_active(PPI_VIRTUAL_TIMER, true);
        THIS_CPU(made_active) = true;
    }
    write_sysreg(cntv_cval_el0, a->cntv_cval);
    write_sysreg(cntv_ctl_el0, a->cntv_ctl);
}

/* A vCPU that does not wait any more is not harmed; it finds its timer when it is loaded. */
static void wake_fired(struct timer *t)
{
    vcpu_wake(container_of(t, struct vcpu_timers, wake)->v);
}

/* -- the physical timer -- */

static bool ptimer_expired(const struct arch_vcpu *a)
{
    return (READ_ONCE(a->cntp_ctl) & CTL_ENABLE) && READ_ONCE(a->cntp_cval) <= arch_counter();
}

static bool ptimer_output(const struct arch_vcpu *a)
{
    return ptimer_expired(a) && !(READ_ONCE(a->cntp_ctl) & CTL_IMASK);
}

/*
 * The line follows the registers. The timer and the vCPU may both be here at once: each looks again after it has set
 * the line (under the controller's lock), so the last to set it has seen the last registers.
 */
static void ptimer_update_line(struct vcpu *v)
{
    bool high;

    do {
        high = ptimer_output(&v->arch);
        vgic_set_line(v, PPI_PHYSICAL_TIMER, high);
    } while (ptimer_output(&v->arch) != high);
}

static void ptimer_update(struct vcpu *v)
{
    const struct arch_vcpu *a = &v->arch;
    nsec_t when = NSEC_NEVER;

    ptimer_update_line(v);
    if ((READ_ONCE(a->cntp_ctl) & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE && !ptimer_expired(a))
        when = counter_deadline(READ_ONCE(a->cntp_cval));
    if (when == NSEC_NEVER) {
        if (timers_of(v)->physical.armed)
            timer_cancel(&timers_of(v)->physical);
        return;
    }
    timer_set(&timers_of(v)->physical, when);
    /* Retired meanwhile, by another CPU: meets the barrier there. */
    barrier_full();
    if (unlikely(!(READ_ONCE(a->cntp_ctl) & CTL_ENABLE)))
        timer_cancel(&timers_of(v)->physical);
}

static void physical_fired(struct timer *t)
{
    struct vcpu *v = container_of(t, struct vcpu_timers, physical)->v;

    if (ptimer_output(&v->arch))
        ptimer_update_line(v);
    else
        ptimer_update(v);       /* rounded down to too early, or set anew */
}

uint64_t ptimer_read(struct vcpu *v, enum ptimer_register r)
{
    const struct arch_vcpu *a = &v->arch;

    switch (r) {
    case PTIMER_TVAL:
        return (uint32_t)(a->cntp_cval - arch_counter());
    case PTIMER_CTL:
        return a->cntp_ctl | (ptimer_expired(a) ? CTL_ISTATUS : 0);
    default:
        return a->cntp_cval;
    }
}

void ptimer_write(struct vcpu *v, enum ptimer_register r, uint64_t value)
{
    struct arch_vcpu *a = &v->arch;

    ASSERT(v == cpu_current_vcpu());
    switch (r) {
    case PTIMER_TVAL:
        WRITE_ONCE(a->cntp_cval, arch_counter() + (uint64_t)(int64_t)(int32_t)value);
        break;
    case PTIMER_CTL:
        WRITE_ONCE(a->cntp_ctl, value & (CTL_ENABLE | CTL_IMASK));
        break;
    default:
        WRITE_ONCE(a->cntp_cval, value);
    }
    ptimer_update(v);
}

/* -- life -- */

int vcpu_timer_init(struct vcpu *v)
{
    struct vcpu_timers *t = heap_new(struct vcpu_timers);

    if (!t)
        return -E_NOMEM;
    t->v = v;
    timer_init(&t->wake, wake_fired);
    timer_init(&t->physical, physical_fired);
    v->arch.timers = t;
    return 0;
}

void vcpu_timer_reset(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;

    a->cntv_ctl = a->cntv_cval = a->cntkctl_el1 = 0;
    WRITE_ONCE(a->cntp_cval, 0);
    WRITE_ONCE(a->cntp_ctl, 0);
    ptimer_update(v);
}

/* One of them may be firing on another CPU: it ends before that CPU's quiescent point, and finds a timer that is off. */
void vcpu_timer_retire(struct vcpu *v)
{
    ASSERT(v != cpu_current_vcpu());
    WRITE_ONCE(v->arch.cntp_ctl, 0);
    barrier_full();
    timer_cancel(&timers_of(v)->wake);
    timer_cancel(&timers_of(v)->physical);
}

void vcpu_timer_destroy(struct vcpu *v)
{
    struct vcpu_timers *t = timers_of(v);

    if (!t)
        return;
    timer_cancel(&t->wake);
    timer_cancel(&t->physical);
    v->arch.timers = NULL;
    heap_delete(t);
}
