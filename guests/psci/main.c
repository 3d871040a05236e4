/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI 1.1 (DEN 0022) and SMCCC (DEN 0028) as a guest sees them. Ends with SYSTEM_OFF. */

#include "guests/lib/hypercall.h"

#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_ALREADY_ON (-4)
#define PSCI_INVALID_ADDRESS (-9)
#define AFFINITY_ON 0
#define AFFINITY_OFF 1

static volatile unsigned ran, leave, context_ok;
static int context_value;

static void second(void *arg)
{
    context_ok = arg == &context_value;
    ran++;
    while (!leave)
        sched_op(SCHEDOP_yield, NULL);
}

static long affinity_info(uint64_t target)
{
    return psci(PSCI_AFFINITY_INFO64, target, 0, 0);
}

static bool wait_off(void)
{
    uint64_t start = counter_now();

    while (affinity_info(1) != AFFINITY_OFF) {
        if (counter_now() - start > 1000 * TICKS_PER_MS)
            return false;
        sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}

static void test_identity(void)
{
    long version = psci(PSCI_VERSION, 0, 0, 0);

    check(version == 0x10001 || version == 0x10000, "PSCI_VERSION", "0x%lx",
          (unsigned long)version);
    check_eq("SMCCC_VERSION", psci(SMCCC_VERSION, 0, 0, 0), 0x10001);
    check_either("SMCCC features of SMCCC_VERSION",
                 psci(SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0), 0, PSCI_NOT_SUPPORTED,
                 "Xen 4.17 does not list it");
    check_eq("MIGRATE_INFO_TYPE", psci(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0), 2);
    check_eq("unknown PSCI function", psci(0x8400001f, 0, 0, 0), PSCI_NOT_SUPPORTED);
    check_eq("unknown SMCCC function", psci(0x8000ffff, 0, 0, 0), PSCI_NOT_SUPPORTED);
    check_eq("unknown owner", psci(0x8f000000, 0, 0, 0), PSCI_NOT_SUPPORTED);
}

static void test_features(void)
{
    check_eq("FEATURES of CPU_ON", psci(PSCI_FEATURES, PSCI_CPU_ON64, 0, 0), 0);
    check_eq("FEATURES of CPU_OFF", psci(PSCI_FEATURES, PSCI_CPU_OFF, 0, 0), 0);
    check_eq("FEATURES of AFFINITY_INFO", psci(PSCI_FEATURES, PSCI_AFFINITY_INFO64, 0, 0), 0);
    check_eq("FEATURES of SYSTEM_OFF", psci(PSCI_FEATURES, PSCI_SYSTEM_OFF, 0, 0), 0);
    check_eq("FEATURES of SMCCC_VERSION", psci(PSCI_FEATURES, SMCCC_VERSION, 0, 0), 0);
    check_eq("FEATURES of nothing", psci(PSCI_FEATURES, 0x8400001f, 0, 0), PSCI_NOT_SUPPORTED);
}

static void test_cpu_on_errors(void)
{
    check_eq("CPU_ON of ourselves", psci(PSCI_CPU_ON64, 0, (uint64_t)_start, 0),
             PSCI_ALREADY_ON);
    check_eq("CPU_ON of no CPU", psci(PSCI_CPU_ON64, 77, (uint64_t)_start, 0),
             PSCI_INVALID_PARAMETERS);
    check_eq("CPU_ON of an absurd MPIDR", psci(PSCI_CPU_ON64, ~0UL, (uint64_t)_start, 0),
             PSCI_INVALID_PARAMETERS);
    check_eq("AFFINITY_INFO of ourselves", affinity_info(0), AFFINITY_ON);
    check_either("AFFINITY_INFO of no CPU", affinity_info(77), PSCI_INVALID_PARAMETERS,
                 AFFINITY_OFF, "Xen 4.17 calls it off");
}

/*
 * Xen 4.17 on several CPUs says OFF before the vCPU has left its CPU; a CPU_ON
 * in that gap is lost. There the test waits a little.
 */
static bool on_reference;

static void test_life(void)
{
    check_eq("vCPU 1 starts off", affinity_info(1), AFFINITY_OFF);
    for (unsigned round = 1; round <= 3; round++) {
        leave = 0;
        check_eq("CPU_ON", cpu_start(1, second, &context_value), 0);
        check(wait_for(&ran, round, 1000 * TICKS_PER_MS), "it runs", "ran %u of %u", ran, round);
        check(context_ok, "its argument arrived", "another");
        check_eq("AFFINITY_INFO says on", affinity_info(1), AFFINITY_ON);
        check_eq("CPU_ON of a running vCPU", psci(PSCI_CPU_ON64, 1, (uint64_t)_start, 0),
                 PSCI_ALREADY_ON);
        leave = 1;
        check(wait_off(), "CPU_OFF", "still on");
        if (on_reference)
            spin_ticks(20 * TICKS_PER_MS);
    }
}

static void wake(unsigned intid)
{
    (void)intid;
    write_sysreg(cntv_ctl_el0, 0);
}

/* A suspend (as a standby state) comes back when an interrupt is pending. */
static void test_suspend(void)
{
    uint64_t start = counter_now();

    gic_handler(PPI_VTIMER, wake);
    gic_enable(PPI_VTIMER);
    write_sysreg(cntv_cval_el0, read_sysreg(cntvct_el0) + 2 * TICKS_PER_MS);
    write_sysreg(cntv_ctl_el0, 1);
    isb();
    check_eq("CPU_SUSPEND", psci(PSCI_CPU_SUSPEND64, 0, 0, 0), 0);
    check(counter_now() - start >= TICKS_PER_MS, "it slept", "%lu ticks", counter_now() - start);
    irq_enable();
    isb();
    irq_disable();
    check_eq("its interrupt is taken after", irq_count[PPI_VTIMER], 1);
}

void guest_main(const void *fdt)
{
    on_reference = fdt_option(fdt, "reference");
    gic_init(fdt);
    test_identity();
    test_features();
    test_cpu_on_errors();
    test_life();
    test_suspend();
    print("NOTE ends with SYSTEM_OFF\n");
    check(true, "last line before SYSTEM_OFF", " ");
    test_summary();
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    print("FAIL SYSTEM_OFF returned\n");
}
