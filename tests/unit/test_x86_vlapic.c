/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual local APICs of a domain of three vCPUs as their guest's accesses reach them. */
#include "tests/unit/x86_apics.h"

/* -- what is taken when -- */

static void a_reset_leaves_it_switched_off(void **state UNUSED)
{
    uint64_t base;

    vlapic_reset(vcpu(2));
    assert_int_equal(get(2, 0x20), 4u << 24);
    assert_int_equal(get(2, 0x30), 0x50014);
    assert_int_equal(get(2, SPURIOUS), 0xff);
    assert_int_equal(get(2, DFR), UINT32_MAX);
    for (uint64_t entry = LVT_TIMER; entry <= LVT_ERROR; entry += 16)
        assert_int_equal(get(2, entry), MASKED);
    assert_true(vlapic_msr_read(vcpu(2), APIC_BASE, &base));
    assert_int_equal(base, VLAPIC_ADDRESS | BIT(11));
    assert_true(vlapic_msr_read(vcpu(0), APIC_BASE, &base));
    assert_int_equal(base, VLAPIC_ADDRESS | BIT(11) | BIT(8));
    /* It keeps what comes until it is switched on. */
    vlapic_raise(vcpu(2), 0x40, false);
    assert_int_equal(vlapic_highest(vcpu(2)), -1);
    put(2, SPURIOUS, ENABLE);
    assert_int_equal(vlapic_highest(vcpu(2)), 0x40);
}

static void the_best_comes_first_and_holds_back_its_class(void **state UNUSED)
{
    struct vcpu *v = vcpu(0);

    vlapic_raise(v, 0x31, false);
    vlapic_raise(v, 0x45, false);
    vlapic_raise(v, 0x42, false);
    assert_int_equal(vlapic_highest(v), 0x45);
    put(0, TPR, 0x40);
    assert_int_equal(vlapic_highest(v), -1);
    put(0, TPR, 0x3f);
    assert_int_equal(vlapic_highest(v), 0x45);
    assert_int_equal(deliver_next(0), 0x45);
    assert_int_equal(get(0, PPR), 0x40);
    assert_int_equal(get(0, ISR + 0x20), BIT(5));
    assert_false(has_request(0, 0x45));
    assert_int_equal(vlapic_highest(v), -1);
    put(0, EOI, 0);
    assert_int_equal(get(0, PPR), 0x3f);
    assert_int_equal(vlapic_highest(v), 0x42);
    assert_int_equal(deliver_next(0), 0x42);
    put(0, EOI, 0);
    assert_int_equal(vlapic_highest(v), -1);
    put(0, TPR, 0);
    assert_int_equal(vlapic_highest(v), 0x31);
    /* A better one comes in between; ends are of the best in service. */
    assert_int_equal(deliver_next(0), 0x31);
    vlapic_raise(v, 0xff, false);
    assert_int_equal(vlapic_highest(v), 0xff);
    assert_int_equal(deliver_next(0), 0xff);
    put(0, EOI, 0);
    assert_int_equal(get(0, PPR), 0x30);
    put(0, EOI, 0);
    put(0, EOI, 0);
    assert_int_equal(get(0, PPR), 0);
}

/* -- between processors -- */

static void send(unsigned from, uint32_t to, uint32_t command)
{
    put(from, ICR_HIGH, (uint64_t)to << 24);
    put(from, ICR, command | ASSERTED);
}

static void messages_reach_whom_they_name(void **state UNUSED)
{
    send(0, 2, 0x61);
    expect_request(0x61, 2);
    send(0, 0xff, 0x61);
    expect_request(0x61, 7);
    send(0, 3, 0x61);
    expect_request(0x61, 0);
    send(1, 0, 0x61 | 1 << 18);
    expect_request(0x61, 2);
    send(1, 0, 0x61 | 2 << 18);
    expect_request(0x61, 7);
    send(1, 0, 0x61 | 3 << 18);
    expect_request(0x61, 5);
    /* Vectors below 16 are none, SMIs are not done, an NMI has none. */
    send(1, 2, 0x0f);
    expect_request(0x0f, 0);
    send(1, 2, 0x61 | 2 << 8);
    expect_request(0x61, 0);
    send(1, 4, 0x61 | 4 << 8);
    expect_request(0x61, 0);
    assert_int_equal(vcpu(2)->arch.nmis, 1);
    assert_int_equal(vcpu(1)->arch.nmis, 0);
}

static void logical_names_are_bits_or_clusters(void **state UNUSED)
{
    for (unsigned i = 0; i < VCPUS; i++)
        put(i, LDR, (uint64_t)BIT(i) << 24);
    send(0, 0x5, 0x71 | LOGICAL);
    expect_request(0x71, 5);
    send(0, 0x6, 0x71 | LOGICAL | 1 << 8);      /* lowest priority: one of them */
    expect_request(0x71, 2);
    for (unsigned i = 0; i < VCPUS; i++) {
        put(i, DFR, 0x0fffffff);
        put(i, LDR, (uint64_t)((i == 2) << 4 | 1 << i) << 24);
    }
    send(0, 0x07, 0x71 | LOGICAL);
    expect_request(0x71, 3);
    send(0, 0x17, 0x71 | LOGICAL);
    expect_request(0x71, 4);
    send(0, 0xf6, 0x71 | LOGICAL);
    expect_request(0x71, 6);
}

static void go_x2(void)
{
    for (unsigned i = 0; i < VCPUS; i++)
        assert_true(vlapic_msr_write(vcpu(i), APIC_BASE, VLAPIC_ADDRESS | 3 << 10 | (i ? 0 : BIT(8))));
}

static void x2apic_has_messages_of_one_write(void **state UNUSED)
{
    uint64_t value = 0;

    go_x2();
    for (unsigned i = 0; i < VCPUS; i++) {
        assert_true(vlapic_msr_read(vcpu(i), X2(LDR), &value));
        assert_int_equal(value, 1u << 2 * i);
        assert_true(vlapic_msr_read(vcpu(i), X2(0x20), &value));
        assert_int_equal(value, 2 * i);
    }
    assert_true(vlapic_msr_write(vcpu(1), X2(ICR), UINT64_C(4) << 32 | 0x81));
    expect_request(0x81, 4);
    assert_true(vlapic_msr_write(vcpu(1), X2(ICR), UINT64_C(0x11) << 32 | 0x81 | LOGICAL));
    expect_request(0x81, 5);
    assert_true(vlapic_msr_write(vcpu(1), X2(ICR), UINT64_C(0xffffffff) << 32 | 0x81));
    expect_request(0x81, 7);
    assert_true(vlapic_msr_write(vcpu(1), X2_SELF, 0x81));
    expect_request(0x81, 2);
    assert_true(vlapic_msr_read(vcpu(1), X2(ICR), &value));
    assert_int_equal(value, UINT64_C(0xffffffff) << 32 | 0x81);
}

static void what_x2apic_has_not_is_refused(void **state UNUSED)
{
    static const uint64_t not_read[] = { EOI, ICR_HIGH, DFR, 0x3f0, 0x000, 0x3c0 }, not_written[] = { 0x20, 0x30, LDR, DFR, PPR, ISR, IRR, CURRENT };
    uint64_t value = 0;

    assert_false(vlapic_msr_read(vcpu(0), X2(TPR), &value));
    assert_false(vlapic_msr_write(vcpu(0), X2(TPR), 0));
    assert_false(vlapic_msr_write(vcpu(0), APIC_BASE, (VLAPIC_ADDRESS + PAGE_SIZE) | BIT(11) | BIT(8)));
    assert_false(vlapic_msr_write(vcpu(0), APIC_BASE, VLAPIC_ADDRESS | BIT(10) | BIT(8)));
    go_x2();
    assert_false(vlapic_mmio(vcpu(0), TPR, 4, false, &value));
    assert_false(vlapic_msr_write(vcpu(0), APIC_BASE, VLAPIC_ADDRESS | BIT(11) | BIT(8)));
    for (unsigned i = 0; i < ARRAY_SIZE(not_read); i++)
        assert_false(vlapic_msr_read(vcpu(0), (uint32_t)X2(not_read[i]), &value));
    for (unsigned i = 0; i < ARRAY_SIZE(not_written); i++)
        assert_false(vlapic_msr_write(vcpu(0), (uint32_t)X2(not_written[i]), 0));
    assert_false(vlapic_msr_write(vcpu(0), X2(TPR), BIT(32)));
    assert_false(vlapic_msr_write(vcpu(0), X2_SELF, 15));
}

static void init_takes_down_and_startup_starts(void **state UNUSED)
{
    struct vcpu *v = vcpu(1);

    send(0, 2, 0x12 | 6 << 8);
    assert_false(v->pause_flags & VCPU_DOWN);
    assert_int_equal(v->arch.regs.pc, 0x12000);
    assert_int_equal(v->arch.regs.psr, X86_START_REAL_MODE);
    send(0, 2, 0x34 | 6 << 8);                  /* the second of two: it runs */
    assert_int_equal(v->arch.regs.pc, 0x12000);
    put(0, ICR, 5 << 8 | LEVEL);                /* no INIT: the end of one */
    assert_false(v->pause_flags & VCPU_DOWN);
    send(0, 2, 5 << 8);
    assert_true(v->pause_flags & VCPU_DOWN);
    send(0, 2, 0x34 | 6 << 8);
    assert_int_equal(v->arch.regs.pc, 0x34000);
}

/* -- timer -- */

static void start_timer(uint32_t entry, uint32_t count)
{
    put(0, DIVIDE, BY_ONE);
    put(0, LVT_TIMER, entry);
    put(0, INITIAL, count);
}

/* How often it has come when this much more time has gone. */
static unsigned ticks_after(nsec_t time)
{
    unsigned n = 0;

    host_time_advance(time);
    while (vcpu(0)->arch.lapic.timer.armed && vcpu(0)->arch.lapic.timer.when <= arch_time_now()) {
        assert_true(++n < 10);
        timer_run_due();
    }
    return n;
}

static void a_timer_counts_down_once(void **state UNUSED)
{
    start_timer(0x51, 1000);
    host_time_advance(400 * NSEC_PER_COUNT);
    assert_int_equal(get(0, CURRENT), 600);
    assert_int_equal(ticks_after(599 * NSEC_PER_COUNT), 0);
    expect_request(0x51, 0);
    assert_int_equal(ticks_after(NSEC_PER_COUNT), 1);
    expect_request(0x51, 1);
    assert_int_equal(get(0, CURRENT), 0);
    assert_int_equal(ticks_after(1000000), 0);
    /* Slower; stopped; masked. */
    put(0, DIVIDE, 0xa);
    put(0, INITIAL, 10);
    assert_int_equal(ticks_after(1279 * NSEC_PER_COUNT), 0);
    assert_int_equal(ticks_after(NSEC_PER_COUNT), 1);
    expect_request(0x51, 1);
    put(0, INITIAL, 10);
    put(0, INITIAL, 0);
    assert_int_equal(ticks_after(1000000), 0);
    start_timer(0x51 | MASKED, 10);
    assert_int_equal(ticks_after(1000000), 1);
    expect_request(0x51, 0);
}

static void missed_periods_come_once(void **state UNUSED)
{
    start_timer(0x51 | PERIODIC, 100000);       /* a millisecond */
    assert_int_equal(ticks_after(1000000), 1);
    expect_request(0x51, 1);
    assert_int_equal(ticks_after(10500000), 1);
    expect_request(0x51, 1);
    assert_int_equal(get(0, CURRENT), 50000);
    assert_int_equal(ticks_after(499999), 0);
    assert_int_equal(ticks_after(1), 1);
}

/* The exit path fires timers until none is due: one that always is would keep the CPU for good. */
static void no_period_takes_the_cpu(void **state UNUSED)
{
    static const uint32_t counts[] = { 1, 2, 100, 9999 };

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        struct timer *t = &vcpu(0)->arch.lapic.timer;

        start_timer(0x51 | PERIODIC, counts[i]);
        host_time_advance(5000000);
        t->fire(t);
        assert_true(t->armed && t->when >= arch_time_now() + 100000);
        assert_int_equal(ticks_after(99999), 0);
        assert_int_equal(ticks_after(1), 1);
    }
}

/* -- what the processor is told -- */

static void a_status_says_what_is_requested_and_in_service(void **state UNUSED)
{
    struct vcpu *v = vcpu(0);

    assert_int_equal(vlapic_to_page(v), 0);
    assert_false(v->arch.event_waits & WAITS_APIC);
    vlapic_raise(v, 0x31, false);
    vlapic_raise(v, 0xff, false);
    assert_true(v->arch.event_waits & WAITS_APIC);
    assert_true(has_request(0, 0x31) && has_request(0, 0xff));
    assert_int_equal(vlapic_to_page(v), 0xff);
    assert_true(has_request(0, 0x31) && has_request(0, 0xff));
    assert_int_equal(deliver_next(0), 0xff);
    assert_int_equal(vlapic_to_page(v), 0xff31);
    assert_int_equal(vlapic_highest(v), -1);
    /* It is asked for again when that may have changed past the processor. */
    put(0, EOI, 0);
    assert_true(v->arch.event_waits & WAITS_APIC);
    assert_int_equal(vlapic_to_page(v), 0x31);
    assert_int_equal(vlapic_highest(v), 0x31);
    put(0, SPURIOUS, 0xff);
    assert_int_equal(vlapic_to_page(v), 0);
    assert_int_equal(vlapic_highest(v), -1);
    put(0, SPURIOUS, ENABLE);
    assert_int_equal(vlapic_to_page(v), 0x31);
    vlapic_reset(v);
    assert_true(v->arch.event_waits & WAITS_APIC);
    assert_int_equal(vlapic_to_page(v), 0);
}

/* A toolstack sees what is in the page and what is not there yet as one, and gives it to another. */
static void a_saved_page_is_all_of_it(void **state UNUSED)
{
    uint8_t saved[VLAPIC_PAGE_BYTES];

    vlapic_raise(vcpu(0), 0x45, false);
    assert_int_equal(deliver_next(0), 0x45);
    vlapic_raise(vcpu(0), 0x51, false);
    (void)vlapic_to_page(vcpu(0));
    vlapic_raise(vcpu(0), 0x61, true);
    put(0, TPR, 0x3a);
    vlapic_get_page(vcpu(0), saved);
    vlapic_raise(vcpu(1), 0x81, false);
    (void)vlapic_to_page(vcpu(1));
    vlapic_set_page(vcpu(1), saved);
    assert_true(vcpu(1)->arch.event_waits & WAITS_APIC);
    assert_int_equal(get(1, PPR), 0x40);
    assert_int_equal(get(1, TPR), 0x3a);
    assert_int_equal(vlapic_to_page(vcpu(1)), 0x4561);
    assert_true(has_request(1, 0x51) && has_request(1, 0x61) && !has_request(1, 0x81));
    assert_int_equal(get(1, 0x180 + 0x30), BIT(1));
}

/* Where a guest could write its own page: it has what it wrote, and the rest of the domain nothing of it. */
static void a_page_of_anything_hurts_nobody_else(void **state UNUSED)
{
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t *page = vcpu(0)->arch.lapic.page;
        uint16_t status;

        for (unsigned n = 0; n < PAGE_SIZE / 4; n++)
            page[n] = (uint32_t)(host_random() & host_random());
        status = vlapic_to_page(vcpu(0));
        assert_true(!(status & 0xff) || has_request(0, status & 0xff));
        assert_true(vlapic_highest(vcpu(0)) < 256);
        assert_int_equal(get(0, TPR) & ~0xffu, 0);
        put(0, EOI, 0);
        vlapic_ended(vcpu(0), (unsigned)host_random_below(256));
    }
    for (unsigned i = 1; i < VCPUS; i++)
        assert_int_equal(vlapic_to_page(vcpu(i)), 0);
}

/* -- anything -- */

static uint64_t any_value(void)
{
    return host_random() >> host_random_below(64);
}

static void any_access(void)
{
    struct vcpu *v = vcpu((unsigned)host_random_below(VCPUS));
    uint64_t value = any_value();
    bool is_write = host_random() & 1;

    switch (host_random_below(6)) {
    case 0: (void)vlapic_mmio(v, host_random_below(PAGE_SIZE), 1u << host_random_below(4), is_write, &value); break;
    case 1: (void)vlapic_mmio(v, host_random_below(64) * 16, 4, is_write, &value); break;
    case 2: (void)(is_write ? vlapic_msr_write(v, 0x800 + (uint32_t)host_random_below(256), value) :
                   vlapic_msr_read(v, 0x800 + (uint32_t)host_random_below(256), &value)); break;
    case 3: (void)vioapic_mmio(d, (unsigned)host_random_below(3), host_random_below(2) * 16, 4, is_write, &value); break;
    case 4: (void)host_vector_deliver(X86_VECTOR_FIRST + (unsigned)host_random_below(X86_VECTOR_END - X86_VECTOR_FIRST)); break;
    default: vlapic_raise(v, 16 + (unsigned)host_random_below(240), is_write); break;
    }
}

static void any_accesses_leave_them_whole(void **state UNUSED)
{
    for (unsigned i = 0; i < 200000; i++) {
        struct vcpu *v = vcpu(i % VCPUS);
        int vector;

        any_access();
        if (i == 100000)
            go_x2();
        vector = vlapic_highest(v);
        assert_true(vector == -1 || (vector >= 16 && vector < 256));
        if (vector >= 0 && host_random_below(2))
            assert_int_equal(deliver_next(v->id), vector);
        if (i % 64 == 0) {
            host_time_advance((nsec_t)host_random_below(1000000));
            timer_run_due();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_BOTH(a_reset_leaves_it_switched_off),
        TEST_BOTH(the_best_comes_first_and_holds_back_its_class),
        TEST_BOTH(messages_reach_whom_they_name),
        TEST_BOTH(logical_names_are_bits_or_clusters),
        TEST_BOTH(x2apic_has_messages_of_one_write),
        TEST_BOTH(what_x2apic_has_not_is_refused),
        TEST_BOTH(init_takes_down_and_startup_starts),
        TEST_BOTH(a_timer_counts_down_once),
        TEST_BOTH(missed_periods_come_once),
        TEST_BOTH(no_period_takes_the_cpu),
        TEST_DELIVERING(a_status_says_what_is_requested_and_in_service),
        TEST_DELIVERING(a_saved_page_is_all_of_it),
        TEST_DELIVERING(a_page_of_anything_hurts_nobody_else),
        TEST_BOTH(any_accesses_leave_them_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
