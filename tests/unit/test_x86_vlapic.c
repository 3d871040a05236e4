/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual local APICs of a domain of three vCPUs, and its IO-APIC, as their guest's accesses reach them. */
#include "tests/unit/domains.h"
#include "arch/include/time.h"
#include "arch/include/x86_irq.h"
#include "arch/include/x86_vcpu.h"
#include "vdev/x86_64/host_vector.h"
#include "vdev/x86_64/vioapic.h"
#include "vdev/x86_64/vlapic.h"

#define VCPUS 3
#define TPR 0x80
#define PPR 0xa0
#define EOI 0xb0
#define LDR 0xd0
#define DFR 0xe0
#define SPURIOUS 0xf0
#define ISR 0x100
#define IRR 0x200
#define ICR 0x300
#define ICR_HIGH 0x310
#define LVT_TIMER 0x320
#define LVT_ERROR 0x370
#define INITIAL 0x380
#define CURRENT 0x390
#define DIVIDE 0x3e0
#define BY_ONE 0xb
#define ENABLE 0x1ff
#define MASKED BIT(16)
#define PERIODIC BIT(17)
#define LOGICAL BIT(11)
#define ASSERTED BIT(14)
#define LEVEL BIT(15)
#define REMOTE_IRR BIT(14)
#define LOW BIT(13)
#define APIC_BASE 0x1b
#define X2(reg) (0x800 + (reg) / 16)
#define X2_SELF 0x83f
#define NSEC_PER_COUNT 10

static struct domain *d;
/* What a device does with a line of the host's: high for as long as it wants something. */
static bool is_high[HOST_LINES];

static struct vcpu *vcpu(unsigned i)
{
    return d->vcpus[i];
}

static void put(unsigned i, uint64_t reg, uint64_t value)
{
    assert_true(vlapic_mmio(vcpu(i), reg, 4, true, &value));
}

static uint32_t get(unsigned i, uint64_t reg)
{
    uint64_t value = UINT64_MAX;

    assert_true(vlapic_mmio(vcpu(i), reg, 4, false, &value));
    return (uint32_t)value;
}

static bool has_request(unsigned i, unsigned vector)
{
    return get(i, IRR + vector / 32 * 16) >> vector % 32 & 1;
}

/* The vector is pending nowhere but where the bits say; it is pending nowhere afterwards. */
static void expect_request(unsigned vector, unsigned vcpus)
{
    for (unsigned i = 0; i < VCPUS; i++) {
        assert_int_equal(atomic_test_bit(vcpu(i)->arch.lapic.irr, vector), vcpus >> i & 1);
        (void)atomic_test_and_clear_bit(vcpu(i)->arch.lapic.irr, vector);
    }
}

static int setup(void **state UNUSED)
{
    host_boot(&(struct host_config){ .cpus = 2 });
    host_start();
    host_stop_ticks();
    d = make_domain(VCPUS, 0);
    for (unsigned i = 0; i < VCPUS; i++) {
        assert_int_equal(vlapic_init(vcpu(i)), 0);
        put(i, SPURIOUS, ENABLE);
    }
    assert_int_equal(vioapic_init(d), 0);
    for (uint32_t gsi = 0; gsi < HOST_LINES; gsi++)
        (void)!vioapic_route(d, gsi);
    memset(is_high, 0, sizeof(is_high));
    return 0;
}

static int teardown(void **state UNUSED)
{
    for (unsigned i = 0; i < VCPUS; i++)
        vlapic_destroy(vcpu(i));
    vioapic_free(d);
    kill_domain(d);
    return 0;
}

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
    vlapic_accept(v, 0x45);
    assert_int_equal(get(0, PPR), 0x40);
    assert_int_equal(get(0, ISR + 0x20), BIT(5));
    assert_false(has_request(0, 0x45));
    assert_int_equal(vlapic_highest(v), -1);
    put(0, EOI, 0);
    assert_int_equal(get(0, PPR), 0x3f);
    assert_int_equal(vlapic_highest(v), 0x42);
    vlapic_accept(v, 0x42);
    put(0, EOI, 0);
    assert_int_equal(vlapic_highest(v), -1);
    put(0, TPR, 0);
    assert_int_equal(vlapic_highest(v), 0x31);
    /* A better one comes in between; ends are of the best in service. */
    vlapic_accept(v, 0x31);
    vlapic_raise(v, 0xff, false);
    assert_int_equal(vlapic_highest(v), 0xff);
    vlapic_accept(v, 0xff);
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

/* -- lines -- */

static void look_at_lines(void);

static void set_entry(unsigned line, uint64_t entry)
{
    uint64_t select = 0x10 + 2 * line, low = (uint32_t)entry, high = entry >> 32;

    assert_true(vioapic_mmio(d, 0, 0, 4, true, &select));
    assert_true(vioapic_mmio(d, 0, 0x10, 4, true, &low));
    select++;
    assert_true(vioapic_mmio(d, 0, 0, 4, true, &select));
    assert_true(vioapic_mmio(d, 0, 0x10, 4, true, &high));
    look_at_lines();
}

static uint32_t get_entry(unsigned line)
{
    uint64_t value = 0x10 + 2 * line;

    assert_true(vioapic_mmio(d, 0, 0, 4, true, &value));
    assert_true(vioapic_mmio(d, 0, 0x10, 4, false, &value));
    return (uint32_t)value;
}

static uint64_t for_vcpu(unsigned i)
{
    return (uint64_t)(2 * i) << 56;
}

static void take(unsigned i, unsigned vector)
{
    assert_int_equal(vlapic_highest(vcpu(i)), vector);
    vlapic_accept(vcpu(i), vector);
}

/* The host's IO-APICs: what is open and high comes, a level once for each time that it is opened. */
static void look_at_lines(void)
{
    for (uint32_t gsi = 0; gsi < HOST_LINES; gsi++) {
        if (is_high[gsi] && host_line(gsi)->is_open && host_line(gsi)->level) {
            assert_true(host_vector_deliver(host_line(gsi)->vector));
            assert_false(host_line(gsi)->is_open);
        }
    }
}

static void set_line(uint32_t gsi, bool high)
{
    bool rises = high && !is_high[gsi];

    is_high[gsi] = high;
    if (rises && host_line(gsi)->is_open && !host_line(gsi)->level)
        assert_true(host_vector_deliver(host_line(gsi)->vector));
    look_at_lines();
}

static void end(unsigned i)
{
    put(i, EOI, 0);
    look_at_lines();
}

static void an_edge_comes_once(void **state UNUSED)
{
    set_entry(3, for_vcpu(1) | 0x41);
    set_line(3, true);
    set_line(3, true);
    take(1, 0x41);
    end(1);
    expect_request(0x41, 0);
    set_line(3, false);
    set_line(3, true);
    expect_request(0x41, 2);
}

static void a_line_is_open_as_its_entry_says(void **state UNUSED)
{
    unsigned free = host_vectors_free_count();

    set_entry(5, for_vcpu(1) | LEVEL | LOW | 0x41);
    assert_true(host_line(5)->is_open && host_line(5)->level && host_line(5)->low);
    assert_int_equal(host_line(5)->cpu, vcpu(1)->unit.cpu);
    assert_int_equal(host_vectors_free_count(), free - 1);
    set_entry(5, for_vcpu(1) | 0x41);
    assert_true(host_line(5)->is_open && !host_line(5)->level && !host_line(5)->low);
    set_entry(5, for_vcpu(1) | MASKED | 0x41);
    assert_false(host_line(5)->is_open);
    /* Vectors of exceptions, NMIs and the like, and for nobody. */
    set_entry(5, for_vcpu(1) | 0x0f);
    assert_false(host_line(5)->is_open);
    set_entry(5, for_vcpu(1) | 0x400 | 0x41);
    assert_false(host_line(5)->is_open);
    set_entry(5, (uint64_t)0x55 << 56 | 0x41);
    assert_false(host_line(5)->is_open);
    assert_int_equal(host_vectors_free_count(), free - 1);
    vioapic_stop(d);
    for (uint32_t gsi = 0; gsi < HOST_LINES; gsi++)
        assert_false(host_line(gsi)->is_open);
}

static void the_hypervisors_own_line_is_nobody_elses(void **state UNUSED)
{
    assert_int_equal(vioapic_route(d, HOST_OWN_LINE), -E_PERM);
    assert_int_equal(vioapic_route(d, 24), -E_INVAL);
    assert_int_equal(vioapic_route(d, UINT32_MAX), -E_INVAL);
    set_entry(HOST_OWN_LINE, for_vcpu(0) | 0x41);
    assert_false(host_line(HOST_OWN_LINE)->is_open);
    assert_false(host_vector_deliver(X86_VECTOR_END - 1));
}

static void an_edge_follows_its_vcpu(void **state UNUSED)
{
    unsigned cpu = vcpu(1)->unit.cpu;

    set_entry(3, for_vcpu(1) | 0x41);
    host_line(3)->cpu = cpu;
    vcpu(1)->unit.cpu = 1 - cpu;
    set_line(3, true);
    assert_int_equal(host_line(3)->cpu, 1 - cpu);
    vcpu(1)->unit.cpu = cpu;
    expect_request(0x41, 2);
}

static void the_second_chip_has_its_own_lines(void **state UNUSED)
{
    uint64_t select = 0x10 + 2 * 3, low = LEVEL | 0x61, version = 1;

    assert_true(vioapic_mmio(d, 1, 0, 4, true, &select));
    assert_true(vioapic_mmio(d, 1, 0x10, 4, true, &low));
    assert_true(host_line(35)->is_open);
    assert_true(vioapic_mmio(d, 1, 0, 4, true, &version));
    assert_true(vioapic_mmio(d, 1, 0x10, 4, false, &version));
    assert_int_equal(version, 0x070011);
    assert_false(vioapic_mmio(d, 2, 0, 4, false, &version));
    set_line(35, true);
    expect_request(0x61, 1);
}

static void without_vectors_a_line_stays_closed(void **state UNUSED)
{
    int vector, taken = 0;

    while ((vector = host_vector_for_line(d, 20)) >= 0)
        taken++;
    assert_int_equal(vector, -E_NOSPC);
    set_entry(6, for_vcpu(0) | LEVEL | 0x41);
    assert_false(host_line(6)->is_open);
    for (unsigned v = X86_VECTOR_FIRST; v < X86_VECTOR_END; v++)
        host_vector_free(v);
    set_entry(6, for_vcpu(0) | LEVEL | 0x41);
    assert_true(host_line(6)->is_open);
    assert_int_equal(taken, X86_VECTOR_END - X86_VECTOR_FIRST);
}

static void a_level_comes_until_it_is_low(void **state UNUSED)
{
    set_entry(9, for_vcpu(2) | LEVEL | 0x51);
    set_line(9, true);
    assert_true(get_entry(9) & REMOTE_IRR);
    take(2, 0x51);
    set_line(9, true);
    expect_request(0x51, 0);
    end(2);
    assert_true(get_entry(9) & REMOTE_IRR);
    take(2, 0x51);
    set_line(9, false);
    end(2);
    assert_false(get_entry(9) & REMOTE_IRR);
    expect_request(0x51, 0);
    /* An edge's end means nothing to it. */
    set_line(9, true);
    take(2, 0x51);
    vlapic_raise(vcpu(2), 0x61, false);
    take(2, 0x61);
    end(2);
    assert_true(get_entry(9) & REMOTE_IRR);
}

static void a_masked_line_waits(void **state UNUSED)
{
    set_entry(9, for_vcpu(0) | LEVEL | MASKED | 0x51);
    set_line(9, true);
    expect_request(0x51, 0);
    set_entry(9, for_vcpu(0) | LEVEL | 0x51);
    expect_request(0x51, 1);
    /* As kernels do that cannot end one line alone: edge and back. */
    set_entry(9, for_vcpu(0) | MASKED | 0x51);
    assert_false(get_entry(9) & REMOTE_IRR);
    set_line(9, false);
    set_entry(9, for_vcpu(0) | LEVEL | 0x51);
    expect_request(0x51, 0);
}

static void a_level_for_nobody_is_not_lost(void **state UNUSED)
{
    set_entry(9, LEVEL | MASKED | 0x51);
    set_entry(9, (uint64_t)0x77 << 56 | LEVEL | MASKED | 0x51);
    set_entry(9, (uint64_t)0x77 << 56 | LEVEL | 0x51);
    set_line(9, true);
    expect_request(0x51, 0);
    assert_false(get_entry(9) & REMOTE_IRR);
    set_entry(9, for_vcpu(1) | LEVEL | MASKED | 0x51);
    set_entry(9, for_vcpu(1) | LEVEL | 0x51);
    expect_request(0x51, 2);
}

static void what_a_guest_cannot_write_stays(void **state UNUSED)
{
    uint64_t value = 1;

    set_entry(0, UINT64_MAX);
    assert_int_equal(get_entry(0), 0x1afff);
    set_entry(0, MASKED);
    assert_true(vioapic_mmio(d, 0, 0, 4, true, &value));
    assert_true(vioapic_mmio(d, 0, 0x10, 4, false, &value));
    assert_int_equal(value, 0x170011);
    value = 0xff;
    assert_true(vioapic_mmio(d, 0, 0, 4, true, &value));
    assert_true(vioapic_mmio(d, 0, 0x10, 4, false, &value));
    assert_int_equal(value, 0);
    assert_false(vioapic_mmio(d, 0, 0x10, 1, false, &value));
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
            vlapic_accept(v, (unsigned)vector);
        if (i % 64 == 0) {
            host_time_advance((nsec_t)host_random_below(1000000));
            timer_run_due();
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reset_leaves_it_switched_off),
        TEST(the_best_comes_first_and_holds_back_its_class),
        TEST(messages_reach_whom_they_name),
        TEST(logical_names_are_bits_or_clusters),
        TEST(x2apic_has_messages_of_one_write),
        TEST(what_x2apic_has_not_is_refused),
        TEST(init_takes_down_and_startup_starts),
        TEST(a_timer_counts_down_once),
        TEST(missed_periods_come_once),
        TEST(no_period_takes_the_cpu),
        TEST(an_edge_comes_once),
        TEST(a_line_is_open_as_its_entry_says),
        TEST(the_hypervisors_own_line_is_nobody_elses),
        TEST(an_edge_follows_its_vcpu),
        TEST(the_second_chip_has_its_own_lines),
        TEST(without_vectors_a_line_stays_closed),
        TEST(a_level_comes_until_it_is_low),
        TEST(a_masked_line_waits),
        TEST(a_level_for_nobody_is_not_lost),
        TEST(what_a_guest_cannot_write_stays),
        TEST(any_accesses_leave_them_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
