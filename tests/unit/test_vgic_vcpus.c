/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual interrupt controller between vCPUs: SGIs, routes, linked physical interrupts, and the regions of registers. */
#include "tests/unit/vgic.h"

/* --- several vCPUs --- */

static unsigned sgis_seen[3];

static void set_up_sgis(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    put(v, PRIVATE(v->id) + 0x100, 4, 0xffff);
}

static void send_sgi(struct vcpu *v, void *arg)
{
    vgic_send_sgi(v, *(const uint64_t *)arg);
}

static void count_sgis(struct vcpu *v, void *arg UNUSED)
{
    unsigned irq;

    while ((irq = acknowledge(v)) != NONE) {
        CHECK(irq == 5);
        sgis_seen[v->id]++;
        end(v, irq);
    }
}

static void expect_sgis(uint64_t value, unsigned v0, unsigned v1, unsigned v2)
{
    memset(sgis_seen, 0, sizeof(sgis_seen));
    /* Pause the others: what is sent stays pending until they are asked. */
    vcpu_pause(d->vcpus[1]);
    vcpu_pause(d->vcpus[2]);
    run(0, send_sgi, &value);
    run(0, count_sgis, NULL);
    assert_int_equal(d->vcpus[0]->arch.vgic.irqs[5].pending_latch, 0);
    assert_int_equal(d->vcpus[1]->arch.vgic.irqs[5].pending_latch, v1);
    assert_int_equal(d->vcpus[2]->arch.vgic.irqs[5].pending_latch, v2);
    vcpu_unpause(d->vcpus[1]);
    vcpu_unpause(d->vcpus[2]);
    run(1, count_sgis, NULL);
    run(2, count_sgis, NULL);
    assert_int_equal(sgis_seen[0], v0);
}

static void test_sgi(void **state UNUSED)
{
    for (unsigned i = 0; i < 3; i++)
        run(i, set_up_sgis, NULL);
    expect_sgis(UINT64_C(5) << 24 | 1 << 2, 0, 0, 1);
    expect_sgis(UINT64_C(5) << 24 | 7 << 1, 0, 1, 1);       /* one of them does not exist */
    expect_sgis(UINT64_C(5) << 24 | BIT(40), 0, 1, 1);      /* all but self */
    expect_sgis(UINT64_C(5) << 24 | 0xffff | UINT64_C(1) << 16, 0, 0, 0);   /* another cluster */
    expect_sgis(UINT64_C(5) << 24 | 0xffff | UINT64_C(1) << 44, 0, 0, 0);   /* range selector */
}

static void send_to_self(struct vcpu *v, void *arg UNUSED)
{
    set_up_sgis(v, NULL);
    vgic_send_sgi(v, UINT64_C(5) << 24 | 1);
    CHECK(acknowledge(v) == 5);
    end(v, 5);
    vgic_send_sgi0(v, UINT64_C(5) << 24 | 1);   /* it is in group 1 */
    CHECK(acknowledge(v) == NONE);
}

static void test_sgi_self(void **state UNUSED)
{
    run(0, send_to_self, NULL);
}

static void set_up_route(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    enable_spi(v, 43);
    vgic_inject_edge(v, 43);
    put(v, DIST + 0x6000 + 8 * 43, 8, 2);       /* pending, in a list register here: it moves */
    CHECK(acknowledge(v) == NONE);
    put(v, DIST + 0x6000 + 8 * 43, 8, 7);       /* nobody */
    CHECK(get(v, DIST + 0x204, 4) == BIT(43 - 32));
    put(v, DIST + 0x6000 + 8 * 43, 8, 1);
}

static void test_route(void **state UNUSED)
{
    vcpu_pause(d->vcpus[1]);
    vcpu_pause(d->vcpus[2]);
    run(0, set_up_route, NULL);
    assert_true(vgic_has_pending(d->vcpus[1]));
    assert_false(vgic_has_pending(d->vcpus[2]));
    vcpu_unpause(d->vcpus[1]);
    vcpu_unpause(d->vcpus[2]);
}

static void test_route_taken(void **state UNUSED)
{
    run(0, set_up_route, NULL);     /* vCPU 1 took it meanwhile as an idle guest does, or does now */
    assert_int_equal(host_run(0), true);
    assert_false(vgic_has_pending(d->vcpus[1]));
}

/* The last look for work is before the flush: what that gives this CPU itself must bring it back. */
static void enable_43(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    enable_spi(v, 43);
}

static void move_to_sleeper_here(struct vcpu *v, void *arg UNUSED)
{
    uint64_t route = 1;

    vgic_inject_edge(v, 43);
    trap(v);
    host_time_advance(MSEC(1));     /* so that who wakes preempts */
    (void)cpu_work_take();
    host_kicked[cpu_id()] = false;
    CHECK(host_mmio(v, DIST + 0x6000 + 8 * 43, 8, true, &route));
    CHECK(!cpu_work_pending());
    arch_vcpu_flush(v);
    CHECK(cpu_work_pending() & CPU_WORK_SCHED);
    CHECK(host_kicked[cpu_id()]);
}

static void test_route_to_sleeper_here(void **state UNUSED)
{
    cpu_set one = { { 1 } };

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(sched_set_affinity(&d->vcpus[i]->unit, &one, &one), 0);
    run(0, enable_43, NULL);
    (void)host_run(0);
    run(0, move_to_sleeper_here, NULL);
    (void)host_run(0);
    assert_false(vgic_has_pending(d->vcpus[1]));
}

/* --- linked to physical interrupts --- */

static void linked(struct vcpu *v, void *arg UNUSED)
{
    struct vgic_irq *i = &v->domain->arch.vgic.spis[44 - 32];

    put(v, DIST, 4, 2);
    CHECK(!vgic_inject_hw(v, 44, 44) && !i->hw_taken);
    CHECK(vgic_route_hw(v->domain, 44) == 0);
    enable_spi(v, 44);
    CHECK(vgic_inject_hw(v, 44, 44));
    CHECK(i->hw_taken);
    CHECK(acknowledge(v) == 44);
    trap(v);
    CHECK(i->hw_taken && (i->in_lr || i->active));
    end(v, 44);
    arch_vcpu_sync(v);
    CHECK(!i->hw_taken && !i->active);
    /* Taken again before the end was read back: it waits for a second end, which the hypervisor need not see either. */
    CHECK(vgic_inject_hw(v, 44, 44));
    CHECK(acknowledge(v) == 44);
    host_guest_end_interrupt(v, 44);
    CHECK(vgic_inject_hw(v, 44, 44));
    CHECK(acknowledge(v) == 44 && i->hw_taken && !i->lr_unlinked);
    end(v, 44);
    arch_vcpu_sync(v);
    CHECK(!i->hw_taken);
    /* Forgotten by the guest before it was taken: the physical one is ended too. */
    CHECK(vgic_inject_hw(v, 44, 44));
    trap(v);
    put(v, DIST + 0x284, 4, BIT(44 - 32));
    CHECK(!i->hw_taken && acknowledge(v) == NONE);
    /* Deactivated by register. */
    CHECK(vgic_inject_hw(v, 44, 44));
    CHECK(acknowledge(v) == 44);
    put(v, DIST + 0x384, 4, BIT(44 - 32));
    CHECK(!i->hw_taken && acknowledge(v) == NONE);
}

/* Another vCPU clears what is lent here, then it comes again: the second one is not lost. */
static void cleared_and_again(struct vcpu *v, void *arg UNUSED)
{
    struct vgic_irq *i = &v->domain->arch.vgic.spis[44 - 32];

    put(v, DIST, 4, 2);
    enable_spi(v, 44);
    vgic_inject_edge(v, 44);
    arch_vcpu_flush(v);
    CHECK(i->in_lr && i->lr_latched);
    i->drop_pending = true;         /* GICD_ICPENDR, written elsewhere */
    vgic_inject_edge(v, 44);
    CHECK(acknowledge(v) == 44);
    end(v, 44);
    CHECK(acknowledge(v) == NONE);
}

static void test_cleared_and_again(void **state UNUSED)
{
    run(0, cleared_and_again, NULL);
}

static void test_linked(void **state UNUSED)
{
    run(0, linked, NULL);
}

static void enable_46(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    enable_spi(v, 46);
}

/* Its device raises it; some CPU takes it. */
static void begin_46(struct vcpu *v, void *arg UNUSED)
{
    unsigned irq = NONE;

    host_raise_irq(46);
    for (unsigned tries = 0; tries < 1000 && irq == NONE; tries++) {
        (void)interrupts_take();
        irq = acknowledge(v);
        arch_schedule_point();
    }
    CHECK(irq == 46);
}

static void end_46(struct vcpu *v, void *arg UNUSED)
{
    end(v, 46);
    CHECK(acknowledge(v) == NONE);
}

static void do_nothing(struct vcpu *v UNUSED, void *arg UNUSED)
{
}

static void move_to(unsigned cpu)
{
    cpu_set one = { { BIT(cpu) } };

    assert_int_equal(sched_set_affinity(&d->vcpus[0]->unit, &one, &one), 0);
    run(0, do_nothing, NULL);
    assert_int_equal(d->vcpus[0]->unit.cpu, cpu);
}

/*
 * A physical interrupt is taken where its vCPU is, from the second time on, and no CPU keeps it active for good: neither the one
 * that took it for a vCPU that was elsewhere nor the one that its vCPU left before it ended it.
 */
static void test_target_follows(void **state UNUSED)
{
    assert_int_equal(arch_irq_route(d, 46), 0);
    run(0, enable_46, NULL);
    for (unsigned round = 0; round < 12; round++) {
        unsigned at = round / 2 % 2;

        move_to(at);
        run(0, begin_46, NULL);
        if (round % 3 == 2)
            move_to(at = !at);
        run(0, end_46, NULL);
        run(0, do_nothing, NULL);
        assert_int_equal(host_irqs[46].target, at);
        assert_false(host_irqs[46].active[0] || host_irqs[46].active[1]);
    }
    arch_irq_unroute_all(d);
}

/* A route that changes while the interrupt is active: the physical one stays where it is until it has ended. */
static void route_active_46(struct vcpu *v, void *arg UNUSED)
{
    begin_46(v, NULL);
    put(v, DIST + 0x6000 + 8 * 46, 8, 1);
    CHECK(host_irqs[46].target == 0);
    end_46(v, NULL);
    arch_vcpu_sync(v);
    CHECK(host_irqs[46].target == d->vcpus[1]->unit.cpu);
}

static void test_route_of_an_active_one(void **state UNUSED)
{
    cpu_set second = { { 2 } };

    assert_int_equal(sched_set_affinity(&d->vcpus[1]->unit, &second, &second), 0);
    run(1, do_nothing, NULL);
    assert_int_equal(d->vcpus[1]->unit.cpu, 1);
    move_to(0);
    assert_int_equal(arch_irq_route(d, 46), 0);
    run(0, enable_46, NULL);
    run(0, route_active_46, NULL);
    arch_irq_unroute_all(d);
}

static void test_route_hw(void **state UNUSED)
{
    assert_int_equal(vgic_route_hw(d, 31), -E_INVAL);
    assert_int_equal(vgic_route_hw(d, 32 + SPIS), -E_INVAL);
    assert_int_equal(arch_irq_route(d, 45), 0);
    assert_int_equal(vgic_route_hw(d, 45), -E_EXIST);
    assert_true(vgic_inject_hw(d->vcpus[0], 45, 45));
    arch_irq_unroute_all(d);
    assert_false(d->arch.vgic.spis[45 - 32].hw_taken);
    assert_false(arch_irq_deliver(45));
    /* Found before it was taken away, injected after. */
    assert_false(vgic_inject_hw(d->vcpus[0], 45, 45));
    assert_false(d->arch.vgic.spis[45 - 32].hw_taken || d->arch.vgic.spis[45 - 32].hw_irq);
}

/* One domain loses an interrupt, another waits for it: what the new owner has switched on stays on. */
static void lose_or_gain(unsigned cpu, void *next)
{
    if (cpu == 0)
        arch_irq_unroute_all(d);
    else
        while (arch_irq_route(next, 45) != 0)
            arch_schedule_point();
}

static void test_unroute_and_route(void **state UNUSED)
{
    struct domain *other = make_domain(1, 0), *first = d;

    d->arch.vgic.spis[45 - 32].enabled = other->arch.vgic.spis[45 - 32].enabled = true;
    assert_int_equal(arch_irq_route(d, 45), 0);
    for (unsigned round = 0; round < 200; round++) {
        host_run_parallel(2, lose_or_gain, d == first ? other : first);
        assert_true(host_irqs[45].enabled);
        d = d == first ? other : first;
    }
    arch_irq_unroute_all(d);
    assert_false(host_irqs[45].enabled);
    d = first;
}

/* --- set-up --- */

static bool no_read(struct vcpu *v UNUSED, const struct mmio_region *r UNUSED, uint64_t offset UNUSED, unsigned size UNUSED,
                    uint64_t *value UNUSED)
{
    return false;
}

static bool no_write(struct vcpu *v UNUSED, const struct mmio_region *r UNUSED, uint64_t offset UNUSED,
                     unsigned size UNUSED, uint64_t value UNUSED)
{
    return false;
}

static void test_mmio_regions(void **state UNUSED)
{
    struct mmio_space s = { .count = 0 };
    struct mmio_region r = { .base = GPA(0x10000), .size = 0x1000, .read = no_read, .write = no_write };

    assert_int_equal(mmio_add(&s, &r), 0);
    assert_int_equal(mmio_add(&s, &r), -E_INVAL);
    r.base.v = 0x10fff;
    assert_int_equal(mmio_add(&s, &r), -E_INVAL);
    r.base.v = UINT64_MAX - 4;
    assert_int_equal(mmio_add(&s, &r), -E_INVAL);
    for (unsigned i = 1; i < MMIO_REGIONS; i++) {
        r.base.v = 0x20000 + i * 0x1000;
        assert_int_equal(mmio_add(&s, &r), 0);
    }
    r.base.v = 0x90000;
    assert_int_equal(mmio_add(&s, &r), -E_NOSPC);
}

static void test_affinity(void **state UNUSED)
{
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(vgic_affinity(i), (i & 15) | (i >> 4) << 8);
    for (unsigned i = 0; i < 3; i++)
        assert_ptr_equal(vgic_vcpu_by_affinity(d, i), d->vcpus[i]);
    assert_null(vgic_vcpu_by_affinity(d, 3));
    assert_null(vgic_vcpu_by_affinity(d, 0x10));
    assert_null(vgic_vcpu_by_affinity(d, 0x100));
    assert_null(vgic_vcpu_by_affinity(d, UINT64_C(0x100000000)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sgi), TEST(test_sgi_self), TEST(test_route), TEST(test_route_taken),
        TEST(test_route_to_sleeper_here), TEST(test_target_follows),
        TEST(test_route_of_an_active_one), TEST(test_cleared_and_again), TEST(test_linked), TEST(test_route_hw), TEST(test_unroute_and_route),
        TEST(test_mmio_regions), TEST(test_affinity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
