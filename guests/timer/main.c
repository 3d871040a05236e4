/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual and the physical timer of EL1: deadlines, masks, status, level behaviour, wake-up. */

#include "guests/lib/hypercall.h"

/* Hours, not ~0: QEMU 7.2 overflows when the virtual offset is added and never comes back. */
#define FAR_FUTURE (1UL << 40)
#define CTL_ENABLE 1
#define CTL_IMASK 2
#define CTL_ISTATUS 4

struct timer {
    const char *name;
    unsigned ppi;
    uint64_t (*count)(void);
    uint64_t (*ctl)(void);
    void (*set_ctl)(uint64_t);
    void (*set_cval)(uint64_t);
    void (*set_tval)(uint64_t);
    uint64_t (*tval)(void);
};

#define TIMER_ACCESS(t) \
    static uint64_t t##_ctl(void) { return read_sysreg(cnt##t##_ctl_el0); } \
    static void t##_set_ctl(uint64_t v) { write_sysreg(cnt##t##_ctl_el0, v); isb(); } \
    static void t##_set_cval(uint64_t v) { write_sysreg(cnt##t##_cval_el0, v); isb(); } \
    static void t##_set_tval(uint64_t v) { write_sysreg(cnt##t##_tval_el0, v); isb(); } \
    static uint64_t t##_tval(void) { return read_sysreg(cnt##t##_tval_el0); }

TIMER_ACCESS(v)
TIMER_ACCESS(p)

static uint64_t v_count(void)
{
    isb();
    return read_sysreg(cntvct_el0);
}

static const struct timer timers[] = {
    { "virtual", PPI_VTIMER, v_count, v_ctl, v_set_ctl, v_set_cval, v_set_tval, v_tval },
    { "physical", PPI_PTIMER, counter_now, p_ctl, p_set_ctl, p_set_cval, p_set_tval, p_tval },
};

static const struct timer *current;
static volatile uint64_t fired_at;

static void on_timer(unsigned intid)
{
    (void)intid;
    fired_at = current->count();
    current->set_ctl(0);
}

static void report(bool ok, const char *what, uint64_t value)
{
    char name[96];
    size_t at = strlen(current->name);

    memcpy(name, current->name, at);
    name[at++] = ':';
    name[at++] = ' ';
    memcpy(name + at, what, strlen(what) + 1);
    check(ok, name, "value %lu (0x%lx)", value, value);
}

static bool take(unsigned ms)
{
    uint64_t start = counter_now();
    unsigned before = irq_count[current->ppi];

    irq_enable();
    while (irq_count[current->ppi] == before && counter_now() - start < ms * TICKS_PER_MS)
        ;
    irq_disable();
    return irq_count[current->ppi] != before;
}

/*
 * Set a deadline and look at the status before it. On a busy host the look may come too late to tell
 * anything: then again, with a later deadline.
 */
static uint64_t set_and_look(uint64_t *ctl)
{
    uint64_t wait = 3 * TICKS_PER_MS, deadline;

    for (;;) {
        deadline = current->count() + wait;
        current->set_cval(deadline);
        current->set_ctl(CTL_ENABLE);
        *ctl = current->ctl();
        if (current->count() < deadline || wait > 1000 * TICKS_PER_MS)
            return deadline;
        current->set_ctl(0);
        wait *= 2;
    }
}

static void test_deadline(void)
{
    uint64_t ctl, deadline;

    fired_at = 0;
    deadline = set_and_look(&ctl);
    report(!(ctl & CTL_ISTATUS), "no status before the deadline", ctl);
    report(take(2000), "fires", 0);
    report(fired_at >= deadline, "not early", deadline - fired_at);
    deadline = current->count() + 2 * TICKS_PER_MS;
    current->set_tval(2 * TICKS_PER_MS);
    report((int32_t)current->tval() <= (int32_t)(2 * TICKS_PER_MS), "tval counts down", current->tval());
    current->set_ctl(CTL_ENABLE);
    report(take(1000), "fires by tval", 0);
    report(fired_at >= deadline, "tval not early", deadline - fired_at);
}

static void test_past(void)
{
    current->set_cval(0);
    current->set_ctl(CTL_ENABLE | CTL_IMASK);
    report(current->ctl() & CTL_ISTATUS, "status when masked and past", current->ctl());
    report(!take(5), "masked does not fire", irq_count[current->ppi]);
    current->set_ctl(CTL_ENABLE);
    report(take(1000), "fires when unmasked", 0);
    report(!take(5), "fires once when turned off", irq_count[current->ppi]);
    current->set_cval(current->count() + FAR_FUTURE);
    current->set_ctl(CTL_ENABLE);
    report(!take(5), "far future does not fire", 0);
    current->set_ctl(0);
}

/* Expires while interrupts are off: pending, visible in HPPIR, gone when the line drops. */
static void test_line(void)
{
    uint64_t hppir;

    current->set_tval(0);
    current->set_ctl(CTL_ENABLE);
    spin_ticks(2 * TICKS_PER_MS);
    hppir = gic_highest_pending();
    report(hppir == current->ppi, "pending in HPPIR", hppir);
    report(take(1000), "taken late", 0);
}

static void test_disabled_ppi(void)
{
    gic_disable(current->ppi);
    current->set_tval(0);
    current->set_ctl(CTL_ENABLE);
    report(!take(5), "disabled interrupt does not fire", 0);
    gic_enable(current->ppi);
    report(take(1000), "fires when enabled", 0);
}

static void test_wfi(void)
{
    uint64_t start = counter_now();

    current->set_tval(5 * TICKS_PER_MS);
    current->set_ctl(CTL_ENABLE);
    wfi();
    report(counter_now() - start >= 4 * TICKS_PER_MS, "WFI waits for it", counter_now() - start);
    report(take(100), "and takes it", 0);
}

static void test_periodic(void)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < 50; i++) {
        current->set_tval(TICKS_PER_MS / 4);
        current->set_ctl(CTL_ENABLE);
        taken += take(1000);
    }
    report(taken == 50, "50 in a row", taken);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
        current = &timers[i];
        gic_handler(current->ppi, on_timer);
        gic_enable(current->ppi);
        test_deadline();
        test_past();
        test_line();
        test_disabled_ppi();
        test_wfi();
        test_periodic();
        gic_disable(current->ppi);
    }
    check(v_count() <= counter_now(), "virtual count not ahead of physical", "offset");
    check_eq("counter frequency", (long)read_sysreg(cntfrq_el0), 62500000);
    test_done();
}
