/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual interrupt controller: its registers, and what reaches one vCPU, against a model. Guest code runs on a vCPU. */
#include "tests/unit/vgic.h"

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

/* Where they do not all fit, only the best active interrupt is in a list register, and the end of another is seen only after
 * a trap that reads back. */
static unsigned most_active(void)
{
    return traps_sync ? ARRAY_SIZE(stack) : 1;
}

static void take(struct vcpu *v)
{
    unsigned best = best_priority(), irq;

    if (depth == most_active() || best >= running_priority()) {
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

/* What changes for one interrupt leaves the others where they are. */
static void one_of_several(struct vcpu *v, void *arg UNUSED)
{
    const struct vgic_irq *first = &v->domain->arch.vgic.spis[40 - 32];

    put(v, DIST, 4, 2);
    enable_spi(v, 40);
    enable_spi(v, 41);
    vgic_inject_edge(v, 40);
    CHECK(acknowledge(v) == 40 && first->in_lr);
    vgic_inject_edge(v, 41);
    CHECK(acknowledge(v) == 41 && first->in_lr);
    vgic_inject_edge(v, 40);
    CHECK(acknowledge(v) == NONE);  /* active, and now pending too */
    end(v, 41);
    end(v, 40);
    CHECK(acknowledge(v) == 40);
    end(v, 40);
    vgic_inject_edge(v, 41);        /* its list register still holds the end of the last time */
    CHECK(acknowledge(v) == 41 && acknowledge(v) == NONE);
    end(v, 41);
}

static void test_one_of_several(void **state UNUSED)
{
    run(0, one_of_several, NULL);
}

/* A timer whose output goes low: forgotten while nobody has seen it, left alone when the guest handles it. */
static void retracted(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    put(v, PRIVATE(0) + 0x100, 4, BIT(27));
    CHECK(vgic_inject_hw(v, 27, 44));
    trap(v);
    CHECK(vgic_retract_hw(v, 27));
    CHECK(acknowledge(v) == NONE && !vgic_hw_is_taken(v, 27));
    CHECK(vgic_inject_hw(v, 27, 44));
    CHECK(acknowledge(v) == 27);
    CHECK(!vgic_retract_hw(v, 27) && vgic_hw_is_taken(v, 27));
    trap(v);
    end(v, 27);
    CHECK(!vgic_retract_hw(v, 27) && !vgic_hw_is_taken(v, 27));
    CHECK(acknowledge(v) == NONE);
}

static void test_retracted(void **state UNUSED)
{
    run(0, retracted, NULL);
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

/* Many more than there are list registers: all come, best first, and most by the maintenance interrupt alone. */
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
        unsigned priority = (irq - 32) * 88 & 0xf8;

        CHECK(priority >= last);
        last = priority;
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

/* Two that are handled within each other while more wait than fit: each end is seen, so the outer one comes again. */
static void nested_overflow(struct vcpu *v, void *arg UNUSED)
{
    unsigned count = 0, irq;

    put(v, DIST, 4, 2);
    put(v, DIST + 0x104, 4, UINT32_MAX);
    for (unsigned i = 0; i < SPIS; i++)
        put(v, DIST + 0x400 + 32 + i, 1, i == 0 ? 0xf0 : i == 1 ? 0xc0 : 0x40);
    vgic_inject_edge(v, 32);
    CHECK(acknowledge(v) == 32);
    vgic_inject_edge(v, 33);
    CHECK(acknowledge(v) == 33);
    for (unsigned i = 2; i < SPIS; i++)
        vgic_inject_edge(v, 32 + i);
    trap(v);
    end(v, 33);
    end(v, 32);
    vgic_inject_edge(v, 32);
    while ((irq = acknowledge(v)) != NONE) {
        CHECK(irq != 33);
        count++;
        end(v, irq);
    }
    CHECK(count == SPIS - 1 && irq == NONE);
}

static void test_nested_overflow(void **state UNUSED)
{
    run(0, nested_overflow, NULL);
}

/* All that were lent are taken, one within the other, and none is ended: better ones that wait come nevertheless. */
static void taken_overflow(struct vcpu *v, void *arg UNUSED)
{
    unsigned taken[8];

    put(v, DIST, 4, 2);
    put(v, DIST + 0x104, 4, UINT32_MAX);
    for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
        put(v, DIST + 0x400 + 32 + i, 1, 0xf0 - 0x10 * i);
        vgic_inject_edge(v, 32 + i);
        taken[i] = acknowledge(v);
        CHECK(taken[i] == 32 + i);
    }
    for (unsigned i = ARRAY_SIZE(taken); i-- > 0;)
        end(v, taken[i]);
    CHECK(acknowledge(v) == NONE);
    for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
        vgic_inject_edge(v, 32 + i);
        CHECK(acknowledge(v) == 32 + i);
        end(v, 32 + i);
    }
}

static void test_taken_overflow(void **state UNUSED)
{
    run(0, taken_overflow, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_registers), TEST(test_random), TEST(test_edge), TEST(test_one_of_several), TEST(test_retracted),
        TEST(test_level), TEST(test_masking), TEST(test_overflow),
        TEST(test_nested_overflow), TEST(test_taken_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
