/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual GICv2: SGIs by sender, targets of shared interrupts, banked registers. */
#include "tests/unit/vgic.h"

#define SGIR (DIST + 0xf00)
#define CPENDSGIR (DIST + 0xf10)
#define SPENDSGIR (DIST + 0xf20)
#define TARGETS(irq) (DIST + 0x800 + (irq))
#define SGI 5u
#define FROM(vcpu, sgi) ((vcpu) << 10 | (sgi))

static int setup_v2(void **state UNUSED)
{
    return setup_version(2);
}

static void enable(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 1);
}

static void send(struct vcpu *v, void *arg)
{
    put(v, SGIR, 4, *(const uint32_t *)arg);
}

static void take(struct vcpu *v, unsigned want)
{
    unsigned irq = acknowledge(v);

    CHECK(irq == want);
    if (irq != NONE)
        end(v, irq);
}

static void nothing(struct vcpu *v, void *arg UNUSED)
{
    take(v, NONE);
}

static void take_from_0(struct vcpu *v, void *arg UNUSED)
{
    take(v, FROM(0u, SGI));
    take(v, NONE);
}

static void send_to_self(struct vcpu *v, void *arg)
{
    send(v, arg);
    take_from_0(v, NULL);
}

static void take_from_0_and_2(struct vcpu *v, void *arg UNUSED)
{
    take(v, FROM(0u, SGI));
    take(v, FROM(2u, SGI));
    take(v, NONE);
}

/* vCPU 0 executes this, while the others are held: what is sent to them waits until they are let go, one by one. */
static void run_0_alone(void (*code)(struct vcpu *v, void *arg), void *arg)
{
    vcpu_pause(d->vcpus[1]);
    vcpu_pause(d->vcpus[2]);
    run(0, code, arg);
    run(0, nothing, NULL);
}

static void let_go(unsigned vcpu, void (*code)(struct vcpu *v, void *arg))
{
    vcpu_unpause(d->vcpus[vcpu]);
    run(vcpu, code, NULL);
}

static void test_sgi_targets(void **state UNUSED)
{
    uint32_t list = 0xf2 << 16 | SGI, others = 1 << 24 | SGI, self = 2 << 24 | SGI;

    run(0, enable, NULL);
    run_0_alone(send, &list);   /* some of them do not exist */
    let_go(1, take_from_0);
    let_go(2, nothing);
    run_0_alone(send, &others);
    let_go(1, take_from_0);
    let_go(2, take_from_0);
    run(0, send_to_self, &self);
    run(1, nothing, NULL);
}

static void test_two_senders(void **state UNUSED)
{
    uint32_t to_1 = 2 << 16 | SGI;

    run(0, enable, NULL);
    vcpu_pause(d->vcpus[1]);
    run(0, send, &to_1);
    run(0, send, &to_1);
    run(2, send, &to_1);
    vcpu_unpause(d->vcpus[1]);
    run(1, take_from_0_and_2, NULL);
}

/* While one is being handled the same sender and another send again. */
static void again_while_active(struct vcpu *v, void *arg UNUSED)
{
    CHECK(acknowledge(v) == FROM(0u, SGI));
    put(v, SPENDSGIR + SGI, 1, BIT(0) | BIT(2) | BIT(7));
    CHECK(get(v, SPENDSGIR + SGI, 1) == (BIT(0) | BIT(2)));
    CHECK(acknowledge(v) == NONE);
    end(v, FROM(0u, SGI));
    take_from_0_and_2(v, NULL);
}

static void test_again_while_active(void **state UNUSED)
{
    uint32_t to_1 = 2 << 16 | SGI;

    run(0, enable, NULL);
    run_0_alone(send, &to_1);
    let_go(1, again_while_active);
}

static void pending_registers(struct vcpu *v, void *arg UNUSED)
{
    put(v, SPENDSGIR + 4, 4, 0x0007ffff);
    CHECK(get(v, CPENDSGIR + 4, 4) == 0x00070707);
    put(v, CPENDSGIR + 4, 4, 0x00030707);
    CHECK(get(v, SPENDSGIR + 4, 4) == 0x00040000);
    CHECK(get(v, DIST + 0x200, 4) == BIT(6));
    put(v, DIST + 0x280, 4, BIT(6));            /* no way to take an SGI back */
    take(v, FROM(2u, 6u));
    put(v, DIST + 0x200, 4, BIT(6) | BIT(20));  /* nor to make one; a PPI it is */
    put(v, DIST + 0x100, 4, BIT(20));
    take(v, 20);
    take(v, NONE);
    CHECK(!host_mmio(v, SPENDSGIR, 2, false, &(uint64_t){ 0 }));
}

static void test_pending_registers(void **state UNUSED)
{
    run(1, enable, NULL);
    run(1, pending_registers, NULL);
}

static void targets(struct vcpu *v, void *arg UNUSED)
{
    CHECK(get(v, TARGETS(0), 4) == 0x01010101);
    CHECK(get(v, TARGETS(40), 1) == 1);
    put(v, TARGETS(40), 1, 0xfe);
    CHECK(get(v, TARGETS(40), 4) == 0x01010106);
    enable_spi(v, 40);
    vgic_inject_edge(v, 40);
    take(v, NONE);
}

static void take_40(struct vcpu *v, void *arg UNUSED)
{
    take(v, 40);
}

static void to_nobody(struct vcpu *v, void *arg UNUSED)
{
    put(v, TARGETS(40), 1, 0xf8);
    CHECK(get(v, TARGETS(40), 1) == 0);
    vgic_inject_edge(v, 40);
    take(v, NONE);
    put(v, TARGETS(40), 1, 1);
    take(v, 40);
}

static void test_targets(void **state UNUSED)
{
    run(0, enable, NULL);
    run_0_alone(targets, NULL);
    let_go(1, take_40);
    run(0, to_nobody, NULL);
}

static void registers(struct vcpu *v, void *arg UNUSED)
{
    CHECK((get(v, DIST + 4, 4) & 0xff) == (SPIS / 32 | 2 << 5));
    CHECK((get(v, DIST + 0xfe8, 4) >> 4) == 2);
    CHECK(get(v, DIST + 0x80, 4) == 0);         /* group 0 */
    put(v, DIST + 0x400 + 20, 1, 8 * (v->id + 1));
    CHECK(get(v, SGIR, 4) == 0);
}

static void own_priority(struct vcpu *v, void *arg UNUSED)
{
    CHECK(get(v, DIST + 0x400 + 20, 1) == 8 * (v->id + 1));
}

static void test_banked(void **state UNUSED)
{
    for (unsigned i = 0; i < 3; i++)
        run(i, registers, NULL);
    for (unsigned i = 0; i < 3; i++)
        run(i, own_priority, NULL);
}

static void target_others(struct vcpu *v, void *arg UNUSED)
{
    put(v, TARGETS(40), 4, 0x06040200);
}

static void targets_as_at_first(struct vcpu *v, void *arg UNUSED)
{
    CHECK(get(v, TARGETS(40), 4) == 0x01010101);
}

static void test_targets_after_reset(void **state UNUSED)
{
    uint32_t next = 0;

    run(0, targets_as_at_first, NULL);
    run(0, target_others, NULL);
    while (!vgic_reset_shared(d, &next))
        continue;
    run(0, targets_as_at_first, NULL);
}

static void test_at_most_eight(void **state UNUSED)
{
    struct domain_config c = { .max_vcpus = VGIC_V2_VCPUS + 1, .max_event_port = 15 };
    struct domain *wide;

    assert_int_equal(domain_create(DOMID(0xffff), &c, &wide), -E_INVAL);
    c.max_vcpus = VGIC_V2_VCPUS;
    assert_int_equal(domain_create(DOMID(0xffff), &c, &wide), 0);
    kill_domain(wide);
}

#define V2(f) cmocka_unit_test_setup(f, setup_v2)
int main(void)
{
    const struct CMUnitTest tests[] = {
        V2(test_sgi_targets), V2(test_two_senders), V2(test_again_while_active), V2(test_pending_registers),
        V2(test_targets), V2(test_targets_after_reset), V2(test_banked), V2(test_at_most_eight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
