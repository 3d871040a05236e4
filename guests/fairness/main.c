/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three guests on one CPU: a hog, one that computes 20 us each millisecond, and
 * a clever one that times its sleep so as to get more than its share. Whatever
 * it does, the hog gets its half, and the honest sleeper is woken in time.
 */

#include "guests/lib/hypercall.h"

#define RUN_MS 300
#define TICKS_PER_US (TICKS_PER_MS / 1000)
#define NS_PER_TICK 16
/* The shortest run before a wake-up preempts, a switch or two, and the trip of the interrupt. */
#define LATENESS_NS 60000

static void compute(uint64_t ticks)
{
    uint64_t end = read_sysreg(cntvct_el0) + ticks;

    while (read_sysreg(cntvct_el0) < end)
        isb();
}

static void hog(struct child_page *page)
{
    (void)page;
    for (;;)
        asm volatile("nop");
}

static void prepare_to_sleep(void)
{
    gic_init(NULL);
    gic_enable(PPI_VTIMER);
}

/* result[0]: the worst lateness in ticks, [1]: wake-ups. */
static void honest(struct child_page *page)
{
    uint64_t deadline = read_sysreg(cntvct_el0);

    prepare_to_sleep();
    for (;;) {
        uint64_t late;

        while (deadline <= read_sysreg(cntvct_el0))
            deadline += TICKS_PER_MS;
        late = timer_sleep_until(deadline);
        if (page->result[1] >= 20 && (long)late > page->result[0]) /* the first are the start */
            page->result[0] = (long)late;
        page->result[1]++;
        compute(20 * TICKS_PER_US);
    }
}

static void before_the_tick(struct child_page *page)
{
    (void)page;
    prepare_to_sleep();
    for (;;) {
        uint64_t tick = 10 * TICKS_PER_MS, now = read_sysreg(cntvct_el0);

        compute(tick - now % tick - 20 * TICKS_PER_US % (tick - now % tick));
        timer_sleep_until((read_sysreg(cntvct_el0) / tick + 1) * tick + TICKS_PER_US);
    }
}

static void hundred_times_a_slice(struct child_page *page)
{
    (void)page;
    prepare_to_sleep();
    for (;;) {
        compute(95 * TICKS_PER_US);
        timer_sleep_until(read_sysreg(cntvct_el0) + 5 * TICKS_PER_US);
    }
}

static void save_and_spend(struct child_page *page)
{
    (void)page;
    prepare_to_sleep();
    for (;;) {
        compute(20 * TICKS_PER_MS);
        timer_sleep_until(read_sysreg(cntvct_el0) + 10 * TICKS_PER_MS);
    }
}

static void yields(struct child_page *page)
{
    (void)page;
    for (;;) {
        compute(50 * TICKS_PER_US);
        sched_op(SCHEDOP_yield, NULL);
    }
}

static const struct { const char *name; child_fn fn; } strategies[] = {
    { "sleeps before each tick", before_the_tick }, { "wakes a hundred times a slice", hundred_times_a_slice },
    { "saves and spends", save_and_spend }, { "yields", yields },
};

static uint64_t cpu_time(const struct child *child)
{
    struct xen_domctl op = { 0 };
    long rc = domctl(&op, XEN_DOMCTL_getdomaininfo, child->id);

    ASSERT(rc == 0);
    return op.u.getdomaininfo.cpu_time;
}

static void sleep_ms(unsigned ms)
{
    timer_sleep_until(read_sysreg(cntvct_el0) + ms * TICKS_PER_MS);
}

static void end(const struct child *child)
{
    foreign_unmap(child->page);
    domain_destroy(child->id);
    domain_wait_gone(child->id, 1000 * TICKS_PER_MS);
}

static void test_strategy(const char *name, child_fn fn)
{
    struct child worker = { 0 }, sleeper = { 0 }, clever = { 0 };
    uint64_t works, plays;
    long late;

    if (child_build(&worker, 1, hog) || child_build(&sleeper, 1, honest) || child_build(&clever, 1, fn)) {
        check(false, name, "could not build three guests");
        return;
    }
    child_unpause(&worker);
    child_unpause(&sleeper);
    child_unpause(&clever);
    sleep_ms(50);
    works = cpu_time(&worker);
    plays = cpu_time(&clever);
    sleep_ms(RUN_MS);
    works = cpu_time(&worker) - works;
    plays = cpu_time(&clever) - plays;
    late = sleeper.page->result[0] * NS_PER_TICK;
    print("NOTE %s: hog %lu us, clever %lu us, worst lateness %ld ns in %ld wakes\n", name, (unsigned long)works / 1000,
          (unsigned long)plays / 1000, late, sleeper.page->result[1]);
    check(plays * 100 <= (works + plays) * 53, name, "it ran %lu us, the hog %lu us", (unsigned long)plays / 1000,
          (unsigned long)works / 1000);
    check(works + plays >= RUN_MS * 1000000UL * 9 / 10, "the CPU is used", "%lu us", (unsigned long)(works + plays) / 1000);
    check(late <= LATENESS_NS && sleeper.page->result[1] > RUN_MS * 9 / 10, "the sleeper wakes in time", "%ld ns late, %ld wakes",
          late, sleeper.page->result[1]);
    end(&worker);
    end(&sleeper);
    end(&clever);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    gic_enable(PPI_VTIMER);
    events_init();
    toolstack_init(fdt);
    for (unsigned i = 0; i < ARRAY_SIZE(strategies); i++)
        test_strategy(strategies[i].name, strategies[i].fn);
    test_done();
}
