/* SPDX-License-Identifier: Apache-2.0 */
/* VMIDs given out to more spaces than there are numbers. Catches two spaces that run at once under one VMID, a space that loses its
 * VMID while it runs, and numbers that are not given back. (Stale TLB entries are the simulated processor's to find.) */
#include "arch/include/cpu.h"
#include "mem/vmid.h"
#include "unit.h"

#define SPACES 40
#define VMIDS 8                 /* 1..7 */
#define CPUS 4

static struct arch_stage2 spaces[SPACES];
static struct arch_stage2 *running[CPUS];
static uint64_t turns[CPUS];     /* so that who looks knows that nothing changed meanwhile */

static void reset(unsigned cpus)
{
    host_boot(&(struct host_config){ .cpus = cpus });
    vmid_init(VMIDS);
    for (unsigned i = 0; i < SPACES; i++)
        spaces[i] = (struct arch_stage2){ .root = HPA(PAGE_SIZE) };
    for (unsigned i = 0; i < CPUS; i++)
        running[i] = NULL;
}

static void test_one_cpu_goes_round(void **state UNUSED)
{
    reset(1);
    for (unsigned turn = 0; turn < 3 * SPACES; turn++) {
        struct arch_stage2 *s = &spaces[turn % SPACES];

        assert_true(vmid_load(s));
        assert_true(vmid_is_current(s) && vmid_of(s) > 0 && vmid_of(s) < VMIDS);
        assert_false(vmid_load(s));
        assert_ptr_equal(vmid_loaded(), s);
    }
    assert_false(vmid_load(NULL));
}

static void test_released_numbers_come_back(void **state UNUSED)
{
    uint64_t before;

    reset(1);
    (void)vmid_load(&spaces[0]);
    (void)vmid_load(&spaces[1]);
    before = vmid_generation;
    for (unsigned i = 2; i < SPACES; i++) {
        (void)vmid_load(&spaces[i]);
        (void)vmid_load(&spaces[0]);
        vmid_release(&spaces[i]);
        assert_false(vmid_is_current(&spaces[i]));
    }
    assert_int_equal(vmid_generation, before);
    assert_true(vmid_is_current(&spaces[0]) && vmid_is_current(&spaces[1]));
}

/* Whatever another CPU runs while we look has another VMID. */
static void look_at(unsigned other, const struct arch_stage2 *s)
{
    uint64_t turn = atomic_load(&turns[other]);
    struct arch_stage2 *o = atomic_load(&running[other]);
    bool same = o && o != s && vmid_of(o) == vmid_of(s);

    assert_false(same && atomic_load(&running[other]) == o && atomic_load(&turns[other]) == turn);
}

/* Each CPU says what it runs only after the load, so what is compared is running for sure. */
static void load_at_random(unsigned cpu, void *arg UNUSED)
{
    for (unsigned i = 0; i < 300; i++) {
        struct arch_stage2 *s = &spaces[host_random_below(SPACES)];
        uint16_t vmid;

        atomic_store(&turns[cpu], i);
        atomic_store(&running[cpu], NULL);
        (void)vmid_load(s);
        atomic_store(&running[cpu], s);
        vmid = vmid_of(s);
        for (unsigned other = 0; other < CPUS; other++) {
            look_at(other, s);
            /* Its VMID stays, whatever generation begins. */
            assert_int_equal(vmid_of(s), vmid);
        }
    }
    atomic_store(&running[cpu], NULL);
    (void)vmid_load(NULL);
}

static void test_several_cpus_never_share(void **state UNUSED)
{
    reset(CPUS);
    host_run_parallel(CPUS, load_at_random, NULL);
    assert_true(vmid_generation > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_cpu_goes_round),
        cmocka_unit_test(test_released_numbers_come_back),
        cmocka_unit_test(test_several_cpus_never_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
