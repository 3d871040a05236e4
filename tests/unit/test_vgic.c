/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual interrupt controller: its registers, and what reaches a guest, against a model. Guest code runs on a
 * vCPU. */
#include "tests/unit/domains.h"
#include "arch/host/internal.h"
#include "arch/include/vcpu.h"
#include "arch/include/vgic_hw.h"
#include "lib/cpu_work.h"
#include "vdev/vgic.h"

#define DIST UINT64_C(0x03001000)
#define REDIST(vcpu) (UINT64_C(0x03020000) + (vcpu) * UINT64_C(0x20000))
#define PRIVATE(vcpu) (REDIST(vcpu) + 0x10000)
#define NONE 1023u
#define SPIS 32u

static struct domain *d;
/* A failed check in guest code: cmocka's own would jump from one stack to another. */
static unsigned failed_line;

#define CHECK(c)                            \
    do {                                    \
        if (!(c) && !failed_line)           \
            failed_line = __LINE__;         \
    } while (0)

/* A trap: the hypervisor was left and entered, so everything that changed is in the list registers. */
static void trap(struct vcpu *v)
{
    arch_vcpu_sync(v);
    arch_vcpu_flush(v);
}

static void put(struct vcpu *v, uint64_t gpa, unsigned size, uint64_t value)
{
    CHECK(host_mmio(v, gpa, size, true, &value));
    trap(v);
}

static uint64_t get(struct vcpu *v, uint64_t gpa, unsigned size)
{
    uint64_t value = 0;

    CHECK(host_mmio(v, gpa, size, false, &value));
    trap(v);
    return value;
}

static unsigned acknowledge(struct vcpu *v)
{
    trap(v);
    return host_guest_acknowledge(v);
}

static void end(struct vcpu *v, unsigned irq)
{
    host_guest_end_interrupt(v, irq);
    trap(v);
}

static void enable_spi(struct vcpu *v, unsigned irq)
{
    put(v, DIST + 0x100 + irq / 32 * 4, 4, BIT(irq % 32));
}

static int setup(void **state UNUSED)
{
    struct vcpu_start start = { .pc = 0x40000000 };

    host_boot(&(struct host_config){ .cpus = 2 });
    host_start();
    d = make_domain(3, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(vcpu_up(d->vcpus[i], &start), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    failed_line = 0;
    return 0;
}

static void run(unsigned vcpu, void (*code)(struct vcpu *v, void *arg), void *arg)
{
    assert_true(host_guest_call(d->vcpus[vcpu], code, arg));
    if (failed_line)
        fail_msg("guest code failed in line %u", failed_line);
}

static void registers(struct vcpu *v, void *arg UNUSED)
{
    uint64_t value;

    CHECK(get(v, DIST, 4) == 0x50);
    put(v, DIST, 4, 0x52);
    CHECK(get(v, DIST, 4) == 0x52);
    CHECK((get(v, DIST + 4, 4) & 0x1f) == SPIS / 32);
    CHECK((get(v, DIST + 0xffe8, 4) >> 4 & 15) == 3);
    CHECK((get(v, REDIST(0) + 0xffe8, 4) >> 4 & 15) == 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(get(v, REDIST(i) + 8, 8) == ((uint64_t)i << 32 | i << 8 | (i == 2 ? 16 : 0)));
        CHECK(get(v, REDIST(i) + 12, 4) == i);
    }
    CHECK(get(v, REDIST(1) + 0x14, 4) == 6);
    put(v, REDIST(1) + 0x14, 4, 0);
    CHECK(get(v, REDIST(1) + 0x14, 4) == 0 && get(v, REDIST(0) + 0x14, 4) == 6);
    CHECK(get(v, DIST + 0x100, 4) == 0);            /* private interrupts are not the distributor's */
    CHECK(get(v, DIST + 0x8000, 4) == 0);           /* reserved */
    put(v, DIST + 0x6000 + 8 * 40, 8, UINT64_C(0xffffffffffffffff));
    CHECK(get(v, DIST + 0x6000 + 8 * 40, 8) == UINT64_C(0xff80ffffff));
    put(v, DIST + 0x6000 + 8 * 40 + 4, 4, 0);
    CHECK(get(v, DIST + 0x6000 + 8 * 40, 8) == 0x80ffffff);
    /* What no register allows */
    value = 0;
    CHECK(!host_mmio(v, DIST + 5, 1, false, &value));
    CHECK(!host_mmio(v, DIST + 0x104, 8, true, &value));
    CHECK(!host_mmio(v, DIST + 0x102, 4, true, &value));
    CHECK(!host_mmio(v, REDIST(3), 4, false, &value));
    CHECK(!host_mmio(v, DIST + 0x10000, 4, false, &value));
    CHECK(v->arch.faults == 5);
}

static void test_registers(void **state UNUSED)
{
    run(0, registers, NULL);
}

/* --- against a model --- */

static struct model_irq {
    bool enabled, pending, active;
    uint8_t priority;
} model[32 + SPIS];
static unsigned stack[64], depth;

static unsigned running_priority(void)
{
    unsigned p = 256;

    for (unsigned i = 0; i < depth; i++)
        p = MIN(p, (unsigned)model[stack[i]].priority);
    return p;
}

/* The priority of the best interrupt that may be taken, 256: none. */
static unsigned best_priority(void)
{
    unsigned p = 256;

    for (unsigned i = 0; i < ARRAY_SIZE(model); i++)
        if (model[i].enabled && model[i].pending && !model[i].active)
            p = MIN(p, (unsigned)model[i].priority);
    return p;
}

static uint64_t bank_of(unsigned irq)
{
    return irq < 32 ? PRIVATE(0) : DIST;
}

static void write_bit(struct vcpu *v, unsigned base, unsigned irq)
{
    put(v, bank_of(irq) + base + irq / 32 * 4, 4, BIT(irq % 32));
}

static void take(struct vcpu *v)
{
    unsigned best = best_priority(), irq;

    if (depth == ARRAY_SIZE(stack) || best >= running_priority()) {
        if (depth == 0)
            CHECK(acknowledge(v) == NONE);
        return;
    }
    irq = acknowledge(v);
    CHECK(irq < ARRAY_SIZE(model));
    if (irq >= ARRAY_SIZE(model))
        return;
    CHECK(model[irq].enabled && model[irq].pending && !model[irq].active && model[irq].priority == best);
    model[irq].pending = false;
    model[irq].active = true;
    stack[depth++] = irq;
}

static void finish(struct vcpu *v)
{
    if (depth == 0)
        return;
    model[stack[--depth]].active = false;
    end(v, stack[depth]);
}

static void one_step(struct vcpu *v)
{
    unsigned irq = (unsigned)host_random_below(ARRAY_SIZE(model));
    struct model_irq *m = &model[irq];

    switch (host_random_below(9)) {
    case 0:
        write_bit(v, 0x100, irq);
        m->enabled = true;
        break;
    case 1:
        write_bit(v, 0x180, irq);
        m->enabled = false;
        break;
    case 2:
        write_bit(v, 0x200, irq);
        m->pending = true;
        break;
    case 3:
        write_bit(v, 0x280, irq);
        m->pending = false;
        break;
    case 4:
        if (m->active)      /* the order of ends would no longer be that of starts */
            break;
        m->priority = (uint8_t)host_random_below(256) & 0xf8;
        put(v, bank_of(irq) + 0x400 + irq, 1, m->priority);
        break;
    case 5:
        vgic_inject_edge(v, irq);
        m->pending = true;
        break;
    case 6:
        finish(v);
        break;
    default:
        take(v);
    }
}

static void compare(struct vcpu *v)
{
    for (unsigned word = 0; word < ARRAY_SIZE(model) / 32; word++) {
        uint64_t base = (word ? DIST : PRIVATE(0)) + word * 4;
        uint32_t enabled = (uint32_t)get(v, base + 0x100, 4), pending = (uint32_t)get(v, base + 0x200, 4);
        uint32_t active = (uint32_t)get(v, base + 0x300, 4);

        for (unsigned n = 0; n < 32; n++) {
            const struct model_irq *m = &model[word * 32 + n];

            CHECK((enabled >> n & 1) == m->enabled);
            CHECK((pending >> n & 1) == m->pending);
            CHECK((active >> n & 1) == m->active);
            CHECK(get(v, bank_of(word * 32) + 0x400 + word * 32 + n, 1) == m->priority);
        }
    }
}

static void random_steps(struct vcpu *v, void *arg UNUSED)
{
    memset(model, 0, sizeof(model));
    depth = 0;
    put(v, DIST, 4, 2);
    for (unsigned i = 0; i < ARRAY_SIZE(model); i++) {
        write_bit(v, 0x180, i);
        write_bit(v, 0x280, i);
        put(v, bank_of(i) + 0x400 + i, 1, 0);
    }
    for (unsigned i = 0; i < 3000 && !failed_line; i++) {
        one_step(v);
        if (i % 64 == 0)
            compare(v);
    }
    while (depth && !failed_line)
        finish(v);
    compare(v);
}

static void test_random(void **state UNUSED)
{
    for (unsigned i = 0; i < 6; i++)
        run(0, random_steps, NULL);
}

/* --- one thing at a time --- */

static void edge_once(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    enable_spi(v, 40);
    vgic_inject_edge(v, 40);
    vgic_inject_edge(v, 40);
    CHECK(acknowledge(v) == 40);
    CHECK(acknowledge(v) == NONE);
    vgic_inject_edge(v, 40);        /* while it is active: pending and active */
    CHECK(acknowledge(v) == NONE);
    end(v, 40);
    CHECK(acknowledge(v) == 40);
    end(v, 40);
    CHECK(acknowledge(v) == NONE);
}

static void test_edge(void **state UNUSED)
{
    run(0, edge_once, NULL);
}

static void level_follows(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    enable_spi(v, 41);
    vgic_set_line(v, 41, true);
    CHECK(acknowledge(v) == 41);
    end(v, 41);
    CHECK(acknowledge(v) == 41);    /* still high */
    vgic_set_line(v, 41, false);
    end(v, 41);
    CHECK(acknowledge(v) == NONE);
    vgic_set_line(v, 41, true);
    trap(v);
    vgic_set_line(v, 41, false);    /* low before it was taken */
    CHECK(acknowledge(v) == NONE);
    CHECK(get(v, DIST + 0x204, 4) == 0);
    put(v, DIST + 0xc00 + 8, 4, 2 << 18);   /* as an edge: 41 is field 9 of its register */
    CHECK(get(v, DIST + 0xc00 + 8, 4) == 2 << 18);
    vgic_set_line(v, 41, true);
    CHECK(acknowledge(v) == 41);
    end(v, 41);
    CHECK(acknowledge(v) == NONE);
    vgic_set_line(v, 41, false);
}

static void test_level(void **state UNUSED)
{
    run(0, level_follows, NULL);
}

static void masked_groups(struct vcpu *v, void *arg UNUSED)
{
    enable_spi(v, 42);
    vgic_inject_edge(v, 42);
    CHECK(acknowledge(v) == NONE && !vgic_has_pending(v));
    put(v, DIST, 4, 2);
    CHECK(vgic_has_pending(v));
    put(v, DIST, 4, 0);             /* taken back from the list register */
    CHECK(acknowledge(v) == NONE);
    put(v, DIST, 4, 2);
    put(v, DIST + 0x84, 4, 0);      /* group 0 is off */
    CHECK(acknowledge(v) == NONE);
    put(v, DIST + 0x84, 4, UINT32_MAX);
    CHECK(acknowledge(v) == 42);
    end(v, 42);
}

static void test_masking(void **state UNUSED)
{
    run(0, masked_groups, NULL);
}

/* Many more than there are list registers: all come, best first. */
static void overflow(struct vcpu *v, void *arg UNUSED)
{
    unsigned last = 0, count = 0, irq;

    put(v, DIST, 4, 2);
    put(v, DIST + 0x104, 4, UINT32_MAX);
    for (unsigned i = 0; i < SPIS; i++) {
        put(v, DIST + 0x400 + 32 + i, 1, (i * 88) & 0xf8);
        vgic_inject_edge(v, 32 + i);
    }
    while ((irq = acknowledge(v)) != NONE) {
        uint64_t priority = get(v, DIST + 0x400 + irq, 1);

        CHECK(priority >= last);
        last = (unsigned)priority;
        count++;
        end(v, irq);
    }
    CHECK(count == SPIS);
}

static void test_overflow(void **state UNUSED)
{
    CHECK(arch_lr_count() < SPIS);
    run(0, overflow, NULL);
}

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
    enable_spi(v, 44);
    vgic_inject_hw(v, 44, 44);
    CHECK(i->hw_taken);
    CHECK(acknowledge(v) == 44);
    trap(v);
    CHECK(i->hw_taken && (i->in_lr || i->active));
    end(v, 44);
    CHECK(!i->hw_taken && !i->active);
    /* Taken again by another CPU before the end was read back: it waits for a second end. */
    vgic_inject_hw(v, 44, 44);
    CHECK(acknowledge(v) == 44);
    host_guest_end_interrupt(v, 44);
    vgic_inject_hw(v, 44, 44);
    CHECK(acknowledge(v) == 44 && i->hw_taken);
    end(v, 44);
    CHECK(!i->hw_taken);
    /* Forgotten by the guest before it was taken: the physical one is ended too. */
    vgic_inject_hw(v, 44, 44);
    trap(v);
    put(v, DIST + 0x284, 4, BIT(44 - 32));
    CHECK(!i->hw_taken && acknowledge(v) == NONE);
    /* Deactivated by register. */
    vgic_inject_hw(v, 44, 44);
    CHECK(acknowledge(v) == 44);
    put(v, DIST + 0x384, 4, BIT(44 - 32));
    CHECK(!i->hw_taken && acknowledge(v) == NONE);
}

static void test_linked(void **state UNUSED)
{
    run(0, linked, NULL);
}

/* A physical interrupt is taken where its vCPU is, from the second time on. */
static void test_target_follows(void **state UNUSED)
{
    cpu_set second = { { 2 } };

    assert_int_equal(arch_irq_route(d, 46), 0);
    run(0, linked, NULL);
    assert_int_equal(sched_set_affinity(&d->vcpus[0]->unit, &second, &second), 0);
    run(0, linked, NULL);
    assert_int_equal(d->vcpus[0]->unit.cpu, 1);
    assert_int_equal(host_irqs[46].target, 0);
    vgic_inject_hw(d->vcpus[0], 46, 46);        /* the main context counts as CPU 0 */
    assert_int_equal(host_irqs[46].target, 1);
    arch_irq_unroute_all(d);
}

static void test_route_hw(void **state UNUSED)
{
    assert_int_equal(vgic_route_hw(d, 31), -E_INVAL);
    assert_int_equal(vgic_route_hw(d, 32 + SPIS), -E_INVAL);
    assert_int_equal(arch_irq_route(d, 45), 0);
    assert_int_equal(vgic_route_hw(d, 45), -E_EXIST);
    vgic_inject_hw(d->vcpus[0], 45, 45);
    arch_irq_unroute_all(d);
    assert_false(d->arch.vgic.spis[45 - 32].hw_taken);
    assert_false(arch_irq_deliver(45));
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

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_registers), TEST(test_random), TEST(test_edge), TEST(test_level), TEST(test_masking),
        TEST(test_overflow), TEST(test_sgi), TEST(test_sgi_self), TEST(test_route), TEST(test_route_taken),
        TEST(test_route_to_sleeper_here), TEST(test_target_follows), TEST(test_linked), TEST(test_route_hw),
        TEST(test_mmio_regions), TEST(test_affinity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
