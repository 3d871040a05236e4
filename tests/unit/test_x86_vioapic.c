/* SPDX-License-Identifier: Apache-2.0 */
/* A domain's IO-APICs, with the host's lines behind them, as its accesses and devices reach them. */
#include "tests/unit/x86_apics.h"

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
    assert_int_equal(deliver_next(i), vector);
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

/* The processor has taken it out of ISR and says so: nobody reads EOI. */
static void an_end_by_the_processor_is_passed_on(void **state UNUSED)
{
    set_entry(9, for_vcpu(2) | LEVEL | 0x51);
    set_line(9, true);
    take(2, 0x51);
    vcpu(2)->arch.lapic.page[(ISR + 0x51 / 32 * 16) / 4] = 0;
    vlapic_ended(vcpu(2), 0x51);
    look_at_lines();
    expect_request(0x51, 4);
    assert_true(get_entry(9) & REMOTE_IRR);
    set_line(9, false);
    vlapic_ended(vcpu(2), 0x51);
    assert_false(get_entry(9) & REMOTE_IRR);
    /* Ends of what is no level's, or nobody's. */
    vlapic_ended(vcpu(2), 0x61);
    vlapic_ended(vcpu(2), 0);
    vlapic_ended(vcpu(2), 255);
    expect_request(0x51, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_BOTH(an_edge_comes_once),
        TEST_BOTH(a_line_is_open_as_its_entry_says),
        TEST_BOTH(the_hypervisors_own_line_is_nobody_elses),
        TEST_BOTH(an_edge_follows_its_vcpu),
        TEST_BOTH(the_second_chip_has_its_own_lines),
        TEST_BOTH(without_vectors_a_line_stays_closed),
        TEST_BOTH(a_level_comes_until_it_is_low),
        TEST_DELIVERING(an_end_by_the_processor_is_passed_on),
        TEST_BOTH(a_masked_line_waits),
        TEST_BOTH(a_level_for_nobody_is_not_lost),
        TEST_BOTH(what_a_guest_cannot_write_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
