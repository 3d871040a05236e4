/* SPDX-License-Identifier: Apache-2.0 */
/* A limit for interrupts of devices: what is early is held back where it comes from, and comes when its time has. */
#include "tests/unit/vgic.h"
#include "core/time.h"

#define LINE 46u
#define OTHER 47u
#define RATE 100u               /* one each 10 ms, one at once */
#define PRICE (SEC(1) / RATE)

static int setup_limit(void **state)
{
    (void)setup_lazy(state);
    assert_int_equal(arch_irq_route(d, LINE), 0);
    assert_int_equal(arch_irq_route(d, OTHER), 0);
    assert_int_equal(vgic_limit_rate(d, RATE), 0);
    host_stop_ticks();
    return 0;
}

static int teardown_limit(void **state UNUSED)
{
    kill_domain(d);
    assert_false(host_irqs[LINE].active[0] || host_irqs[LINE].active[1] || host_irqs[LINE].enabled);
    return 0;
}

static unsigned take(struct vcpu *v)
{
    timer_run_due();
    while (interrupts_take())
        ;
    return acknowledge(v);
}

static void take_and_end(struct vcpu *v, unsigned want)
{
    unsigned irq = take(v);

    CHECK(irq == want);
    if (irq != NONE)
        end(v, irq);
}

static void enable(struct vcpu *v)
{
    put(v, DIST, 4, 2);
    enable_spi(v, LINE);
    enable_spi(v, OTHER);
}

static uint32_t pending(struct vcpu *v)
{
    return (uint32_t)get(v, DIST + 0x200 + LINE / 32 * 4, 4) >> LINE % 32 & 3;
}

static void early(struct vcpu *v, void *arg UNUSED)
{
    enable(v);
    host_raise_irq(LINE);
    take_and_end(v, LINE);
    host_raise_irq(LINE);
    take_and_end(v, NONE);
    CHECK(host_irqs[LINE].active[0] && pending(v) == 1);
    for (unsigned i = 0; i < 10; i++) {             /* the controller keeps these as one */
        host_raise_irq(LINE);
        take_and_end(v, NONE);
    }
    host_time_advance(PRICE - USEC(1));
    take_and_end(v, NONE);
    host_time_advance(USEC(1));
    take_and_end(v, LINE);
    take_and_end(v, NONE);                          /* the one of the ten: held back again */
    CHECK(host_irqs[LINE].active[0]);
    host_time_advance(PRICE);
    take_and_end(v, LINE);
    take_and_end(v, NONE);
    CHECK(!host_irqs[LINE].active[0] && pending(v) == 0);
    host_time_advance(10 * PRICE);                  /* a long silence is worth one at once and no more */
    host_raise_irq(LINE);
    take_and_end(v, LINE);
    host_raise_irq(LINE);
    take_and_end(v, NONE);
}

static void test_early_ones_wait(void **state UNUSED)
{
    run(0, early, NULL);
}

/* Each is one of all that the domain may have: two that are held back come together and are paid both. */
static void both_lines(struct vcpu *v, void *arg UNUSED)
{
    enable(v);
    host_raise_irq(OTHER);
    take_and_end(v, OTHER);
    host_raise_irq(LINE);
    host_raise_irq(OTHER);
    take_and_end(v, NONE);
    CHECK(pending(v) == 3);
    host_time_advance(PRICE);
    take_and_end(v, LINE);
    take_and_end(v, OTHER);
    host_raise_irq(LINE);
    host_time_advance(2 * PRICE - USEC(1));
    take_and_end(v, NONE);
    host_time_advance(USEC(1));
    take_and_end(v, LINE);
}

static void test_lines_share(void **state UNUSED)
{
    run(0, both_lines, NULL);
}

/* Cleared by the guest: its physical interrupt ends at once, and nothing comes when the time has. */
static void cleared(struct vcpu *v, void *arg UNUSED)
{
    enable(v);
    host_raise_irq(LINE);
    take_and_end(v, LINE);
    host_raise_irq(LINE);
    take_and_end(v, NONE);
    put(v, DIST + 0x280 + LINE / 32 * 4, 4, BIT(LINE % 32));
    CHECK(!host_irqs[LINE].active[0] && pending(v) == 0);
    host_time_advance(2 * PRICE);
    take_and_end(v, NONE);
    host_raise_irq(LINE);
    take_and_end(v, LINE);
}

static void test_cleared(void **state UNUSED)
{
    run(0, cleared, NULL);
}

/* One comes again before the hypervisor has seen the end of the one before, and is held back: it stays where it is, and active. */
static void ended_unseen(struct vcpu *v, void *arg UNUSED)
{
    unsigned irq;

    enable(v);
    host_raise_irq(LINE);
    irq = take(v);
    CHECK(irq == LINE);
    host_guest_end_interrupt(v, irq);
    host_raise_irq(LINE);
    while (interrupts_take())
        ;
    CHECK(host_irqs[LINE].active[0]);
    arch_vcpu_sync(v);
    put(v, DIST + 0x6000 + 8 * LINE, 8, 1);
    CHECK(host_irqs[LINE].target == 0 && host_irqs[LINE].active[0]);
    put(v, DIST + 0x6000 + 8 * LINE, 8, 0);
    host_time_advance(PRICE);
    take_and_end(v, LINE);
    CHECK(!host_irqs[LINE].active[0]);
}

static void test_ended_unseen(void **state UNUSED)
{
    run(0, ended_unseen, NULL);
}

static void leave_one_held(struct vcpu *v, void *arg UNUSED)
{
    enable(v);
    host_raise_irq(LINE);
    take_and_end(v, LINE);
    host_raise_irq(LINE);
    take_and_end(v, NONE);
    CHECK(host_irqs[LINE].active[0]);
}

/* Held back when the domain starts anew: it is over, and the line is as after power-on. teardown_limit: the same at its end. */
static void test_start_anew(void **state UNUSED)
{
    uint32_t next = 0;

    run(0, leave_one_held, NULL);
    while (!vgic_reset_shared(d, &next))
        ;
    assert_false(host_irqs[LINE].active[0]);
    host_time_advance(2 * PRICE);
    run(0, leave_one_held, NULL);
}

/* A storm: never more than the rate allows, and the last is never lost. */
static void storm(struct vcpu *v, void *arg UNUSED)
{
    unsigned taken = 0, raised = 0;

    enable(v);
    for (unsigned n = 0; n < 20000; n++) {
        unsigned irq;

        host_raise_irq(host_random_below(2) ? LINE : OTHER);
        raised++;
        host_time_advance((nsec_t)host_random_below(USEC(100)));
        irq = take(v);
        if (irq != NONE)
            end(v, irq);
        taken += irq != NONE;
    }
    CHECK(taken >= 90 && taken <= RATE + 4 && raised == 20000);      /* a second went by, or a little more */
    host_raise_irq(LINE);
    for (unsigned n = 0; n < 10 && taken; n++) {
        host_time_advance(PRICE);
        if (take(v) == LINE)
            taken = 0;
        end(v, LINE);
    }
    CHECK(!taken);
}

static void test_storm(void **state UNUSED)
{
    run(0, storm, NULL);
}

/* Another domain's are not counted, nor are its own timers' and events'. */
static void test_others_have_none(void **state UNUSED)
{
    struct domain *other = make_domain(1, 0);

    assert_null(other->arch.vgic.limit);
    assert_int_equal(vgic_limit_rate(other, 0), 0);
    assert_null(other->arch.vgic.limit);
    kill_domain(other);
}

static void test_no_memory(void **state UNUSED)
{
    struct domain *other = make_domain(1, 0);

    alloc_fail_nth(1);
    assert_int_equal(vgic_limit_rate(other, RATE), -E_NOMEM);
    alloc_fail_nth(0);
    assert_null(other->arch.vgic.limit);
    kill_domain(other);
}

#define LIMIT_TEST(f) cmocka_unit_test_setup_teardown(f, setup_limit, teardown_limit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMIT_TEST(test_early_ones_wait), LIMIT_TEST(test_lines_share), LIMIT_TEST(test_cleared), LIMIT_TEST(test_ended_unseen),
        LIMIT_TEST(test_start_anew), LIMIT_TEST(test_storm), LIMIT_TEST(test_others_have_none), LIMIT_TEST(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
