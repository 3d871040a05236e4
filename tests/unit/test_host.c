/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated machine itself: does it notice what real hardware punishes, and does a seed replay? */
#include "tests/unit/domains.h"
#include "tests/unit/panics.h"
#include "arch/include/mapping.h"
#include "core/console.h"

#define XEN_VERSION 17
#define SCHED_OP 29
#define PSCI_VERSION 0x84000000

static struct owner owner = { .id = 9, .limit = UINT64_MAX };
static struct stage2 space;

static void boot_space(void)
{
    host_boot(&(struct host_config){ .cpus = 4 });
    owner = (struct owner){ .id = 9, .limit = UINT64_MAX };
    owner_register(&owner);
    assert_int_equal(stage2_init(&space, &owner), 0);
}

static mfn_t page(void)
{
    mfn_t mfn = MFN_NONE;

    assert_int_equal(frame_alloc(&owner, 0, FRAME_ANY, &mfn), 0);
    return mfn;
}

/* --- what ends the host --- */

static void change_without_break(void)
{
    s2_entry slot = 0;

    arch_s2_write(&slot, arch_s2_leaf(page(), S2_RAM, 3));
    arch_s2_write(&slot, arch_s2_leaf(page(), S2_RAM, 3));
}

/* The table's entry of page 0, written behind the walker's back. */
static s2_entry *slot_of_page_zero(void)
{
    s2_entry *table = space.root;

    for (unsigned level = arch_stage2_geometry()->root_level; level < 3; level++)
        table = arch_heap_address(arch_s2_frame(table[0]));
    return &table[0];
}

static void make_before_invalidate(void)
{
    uint64_t x;

    assert_int_equal(stage2_map(&space, GFN(0), page(), 0, S2_RAM), 0);
    assert_true(host_access(&space, 0, &x, 8, false));
    arch_s2_write(slot_of_page_zero(), 0);
    arch_s2_write(slot_of_page_zero(), arch_s2_leaf(page(), S2_RAM, 3));
}

static void reuse_before_invalidate(void)
{
    mfn_t mfn = page();
    uint64_t x;

    assert_int_equal(stage2_map(&space, GFN(0), mfn, 0, S2_RAM), 0);
    assert_true(host_access(&space, 0, &x, 8, false));
    frame_put(mfn);
    for (unsigned i = 0; i < 1024; i++)
        (void)page();
}

static void put_twice(void)
{
    mfn_t mfn = page();

    frame_put(mfn);
    frame_put(mfn);
}

static void locks_in_the_wrong_order(void)
{
    spinlock_t a = SPINLOCK(LOCK_FRAMES), b = SPINLOCK(LOCK_P2M);

    spin_lock(&a);
    spin_lock(&b);
}

static void window_closed_twice(void)
{
    void *a = arch_window_map(page());

    arch_window_unmap(a);
    arch_window_unmap(a);
}

static void touch_unmapped_heap(void)
{
    volatile char *p = arch_heap_address(page());

    *p = 1;
}

static void touch_freed_object(void)
{
    volatile char *p = heap_alloc(40), *q = heap_alloc(40);

    heap_free((void *)(uintptr_t)p, 40);
    *q = *p;
}

static void look_through_a_closed_window(void)
{
    volatile char *p = arch_window_map(page());

    arch_window_unmap((void *)(uintptr_t)p);
    *p = 1;
}

static void spin(unsigned cpu UNUSED, void *arg)
{
    spin_lock(arg);
}

static void deadlock(void)
{
    static spinlock_t lock = { .class = LOCK_HEAP };

    host_run_parallel(2, spin, &lock);
}

/* In the child, on a machine of its own: memory is shared with the parent otherwise. */
static void (*mistake)(void);

static void make_mistake(void)
{
    boot_space();
    mistake();
}

static void expect_noticed(void (*deed)(void), const char *words)
{
    mistake = deed;
    expect_end(make_mistake, words);
}

static void test_mistakes_are_noticed(void **state UNUSED)
{
    expect_noticed(change_without_break, "changed without break");
    expect_noticed(make_before_invalidate, "before the TLB was invalidated");
    expect_noticed(reuse_before_invalidate, "while a TLB still leads to it");
    expect_noticed(put_twice, "released once too often");
    expect_noticed(locks_in_the_wrong_order, "lock order");
    expect_noticed(window_closed_twice, "is not held");
    expect_noticed(touch_unmapped_heap, "AddressSanitizer");
    expect_noticed(touch_freed_object, "AddressSanitizer");
    expect_noticed(look_through_a_closed_window, "AddressSanitizer");
    expect_noticed(deadlock, "spins for ever");
}

/* --- guests on CPUs --- */

#define DOMAINS 3
#define VCPUS 4

static struct domain *domains[DOMAINS];

static void start_guests(unsigned cpus, uint64_t seed)
{
    struct vcpu_start start = { .pc = 0x40000000 };

    host_boot(&(struct host_config){ .cpus = cpus, .seed = seed });
    host_start();
    frames_at_start = frame_free_count();
    for (unsigned i = 0; i < DOMAINS; i++) {
        domains[i] = make_domain_config(i == 0, VCPUS, 2, 1023);
        for (unsigned n = 0; n < VCPUS; n++)
            assert_int_equal(vcpu_up(domains[i]->vcpus[n], &start), 0);
        assert_int_equal(domain_unpause_by_controller(domains[i]), 0);
    }
}

static void test_hypercall_returns(void **state UNUSED)
{
    start_guests(2, 1);
    assert_int_equal(host_hypercall(domains[1]->vcpus[0], XEN_VERSION, 0, 0, 0, 0, 0, 0), 0x40011);
    assert_int_equal(host_hypercall(domains[1]->vcpus[3], XEN_VERSION, 999, 0, 0, 0, 0, 0), -E_NOSYS);
    assert_int_equal(host_hypercall(domains[1]->vcpus[3], 63, 0, 0, 0, 0, 0, 0), -E_NOSYS);
    assert_int_equal(host_smccc(domains[1]->vcpus[1], PSCI_VERSION, 0, 0, 0), 0x10001);
    domain_pause(domains[1]);
    assert_true(host_hypercall(domains[1]->vcpus[0], XEN_VERSION, 0, 0, 0, 0, 0, 0) == HOST_NOT_DONE);
    domain_unpause(domains[1]);
    assert_int_equal(host_hypercall(domains[1]->vcpus[0], XEN_VERSION, 0, 0, 0, 0, 0, 0), 0x40011);
}

/* Twelve vCPUs on three CPUs, all at once, over and over; returns the time it took, which depends on every switch. */
static nsec_t run_everybody(void)
{
    struct host_action actions[DOMAINS][VCPUS];
    nsec_t start = arch_time_now();

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < DOMAINS; i++) {
            for (unsigned n = 0; n < VCPUS; n++) {
                actions[i][n] = (struct host_action){ .kind = HOST_HYPERCALL, .number = XEN_VERSION };
                host_begin(domains[i]->vcpus[n], &actions[i][n]);
            }
        }
        assert_true(host_run(SEC(1)));
        for (unsigned i = 0; i < DOMAINS; i++) {
            for (unsigned n = 0; n < VCPUS; n++)
                assert_int_equal(actions[i][n].result, 0x40011);
        }
    }
    return arch_time_now() - start;
}

static void test_same_seed_same_run(void **state UNUSED)
{
    nsec_t first, again, other;

    start_guests(3, 5);
    first = run_everybody();
    start_guests(3, 5);
    again = run_everybody();
    start_guests(3, 6);
    other = run_everybody();
    assert_true(first == again);
    /* With VINCI_SEED in the environment all three are the same. */
    assert_true(first != other || host_seed() != 6);
}

static void take_interrupt(struct vcpu *v, void *arg)
{
    *(unsigned *)arg = host_guest_acknowledge(v);
    if (*(unsigned *)arg != 1023)
        host_guest_end_interrupt(v, *(unsigned *)arg);
}

static void test_upcall_reaches_the_guest(void **state UNUSED)
{
    struct vcpu *v;
    unsigned irq = 0;

    start_guests(2, 1);
    v = domains[1]->vcpus[2];
    assert_true(host_guest_call(v, take_interrupt, &irq));
    assert_int_equal(irq, 1023);
    /* The kernel's part: group 1 on. */
    v->domain->arch.vgic.ctlr |= 2;
    arch_vcpu_raise_upcall(v);
    assert_true(host_guest_call(v, take_interrupt, &irq));
    assert_int_equal(irq, 31);
    assert_true(host_guest_call(v, take_interrupt, &irq));
    assert_int_equal(irq, 1023);
}

static void power_off(void)
{
    (void)host_hypercall(domains[0]->vcpus[0], SCHED_OP, 2, (uint64_t)FIRST_GFN << PAGE_SHIFT, 0, 0, 0, 0);
}

static void test_the_end(void **state UNUSED)
{
    start_guests(2, 1);
    assert_null(host_stopped());
    power_off();
    assert_non_null(host_stopped());
    /* A new machine knows nothing of it. */
    start_guests(1, 1);
    assert_null(host_stopped());
    assert_int_equal(host_hypercall(domains[0]->vcpus[0], XEN_VERSION, 0, 0, 0, 0, 0, 0), 0x40011);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_noticed), cmocka_unit_test(test_hypercall_returns),
        cmocka_unit_test(test_same_seed_same_run), cmocka_unit_test(test_upcall_reaches_the_guest),
        cmocka_unit_test(test_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
