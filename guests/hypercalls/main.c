/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hypercall answers when it is asked wrongly: unknown numbers, unknown
 * commands, pointers that lead nowhere, arguments across pages, wrong sizes.
 */

#include "guests/lib/hypercall.h"

#define NOWHERE (WINDOW_BASE + (1UL << 36)) /* no stage 1 mapping */
#define NONCANONICAL 0x0123000000000000UL
#define PAIR (WINDOW_BASE + 0x200000) /* two pages of the window */
#define STAGE2_HOLE 0x3f00000000UL /* stage 1 maps it, stage 2 has nothing there */

void test_objects(void);

struct call {
    const char *name;
    unsigned nr;
    uint64_t a0, a1, a2;
    long want;
};

/* Calls that fail whatever memory looks like. */
static const struct call calls[] = {
    { "version", __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0x40011 },
    { "version unknown command", __HYPERVISOR_xen_version, 99, 0, 0, -XEN_ENOSYS },
    { "number 60", 60, 0, 0, 0, -XEN_ENOSYS },
    { "number 63", 63, 0, 0, 0, -XEN_ENOSYS },
    { "number 64", 64, 0, 0, 0, -XEN_ENOSYS },
    { "number 1000", 1000, 0, 0, 0, -XEN_ENOSYS },
    { "number 2^31", 0x80000000u, 0, 0, 0, -XEN_ENOSYS },
    { "number 2^32-1", 0xffffffffu, 0, 0, 0, -XEN_ENOSYS },
    { "set_trap_table", __HYPERVISOR_set_trap_table, 0, 0, 0, -XEN_ENOSYS },
    { "mmu_update", __HYPERVISOR_mmu_update, 0, 0, 0, -XEN_ENOSYS },
    { "update_va_mapping", __HYPERVISOR_update_va_mapping, 0, 0, 0, -XEN_ENOSYS },
    { "set_timer_op", __HYPERVISOR_set_timer_op, 0, 0, 0, -XEN_ENOSYS },
    { "iret", __HYPERVISOR_iret, 0, 0, 0, -XEN_ENOSYS },
    { "tmem_op", __HYPERVISOR_tmem_op, 0, 0, 0, -XEN_ENOSYS },
    { "kexec_op", __HYPERVISOR_kexec_op, 0, 0, 0, -XEN_ENOSYS },
    { "xenpmu_op", __HYPERVISOR_xenpmu_op, 0, 0, 0, -XEN_ENOSYS },
    { "memory_op unknown", __HYPERVISOR_memory_op, 63, 0, 0, -XEN_ENOSYS },
    { "sched_op unknown", __HYPERVISOR_sched_op, 99, 0, 0, -XEN_ENOSYS },
    { "event_channel_op unknown", __HYPERVISOR_event_channel_op, 99, 0, 0, -XEN_ENOSYS },
    { "grant_table_op unknown", __HYPERVISOR_grant_table_op, 99, 0, 1, -XEN_ENOSYS },
    { "hvm_op unknown", __HYPERVISOR_hvm_op, 99, 0, 0, -XEN_ENOSYS },
    { "physdev_op unknown", __HYPERVISOR_physdev_op, 99, 0, 0, -XEN_ENOSYS },
    { "vcpu_op unknown", __HYPERVISOR_vcpu_op, 99, 0, 0, -XEN_EINVAL },
    { "vcpu_op no such vcpu", __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 77, 0,
      -XEN_ENOENT },
    { "console_io unknown", __HYPERVISOR_console_io, 99, 0, 0, -XEN_ENOSYS },
};

static void test_table(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
        const struct call *c = &calls[i];

        check_eq(c->name, hypercall5(c->nr, c->a0, c->a1, c->a2, 0, 0), c->want);
    }
}

/* HVC with an immediate that is neither SMCCC's nor the ABI's is undefined. */
static void test_immediates(void)
{
    uint64_t esr = PROBE("hvc #1", : : : "x0", "x1", "x2", "x3", "x16", "memory");

    check(esr && ESR_EC(esr) == EC_UNKNOWN, "hvc #1", "esr %lx", esr);
    esr = PROBE("hvc #0xea2", : : : "x0", "x1", "x2", "x3", "x16", "memory");
    check(esr && ESR_EC(esr) == EC_UNKNOWN, "hvc #0xea2", "esr %lx", esr);
    esr = PROBE("hvc #0xffff", : : : "x0", "x1", "x2", "x3", "x16", "memory");
    check(esr && ESR_EC(esr) == EC_UNKNOWN, "hvc #0xffff", "esr %lx", esr);
}

/* Registers that are not arguments of the call survive it. */
static void test_registers(void)
{
    uint64_t sum;

    asm volatile("mov x16, %1\n mov x0, #0\n"
                 "mov x5, #5\n mov x9, #9\n mov x15, #15\n mov x17, #17\n mov x18, #18\n"
                 "mov x19, #19\n mov x27, #27\n"
                 "hvc #0xea1\n"
                 "add x5, x5, x9\n add x15, x15, x17\n add x18, x18, x19\n add x5, x5, x15\n"
                 "add x18, x18, x27\n add %0, x5, x18"
                 : "=r"(sum)
                 : "r"((uint64_t)__HYPERVISOR_xen_version)
                 : "x0", "x1", "x2", "x3", "x4", "x5", "x9", "x15", "x16", "x17", "x18", "x19",
                   "x27", "memory");
    check_eq("registers survive", (long)sum, 5 + 9 + 15 + 17 + 18 + 19 + 27);
}

static long features_at(uint64_t va)
{
    return hypercall5(__HYPERVISOR_xen_version, XENVER_get_features, va, 0, 0, 0);
}

static uint8_t page_a[PAGE_SIZE] PAGE_ALIGNED;
static uint8_t gap[PAGE_SIZE] PAGE_ALIGNED;
static uint8_t page_b[PAGE_SIZE] PAGE_ALIGNED;

static void test_bad_pointers(void)
{
    check_eq("pointer unmapped", features_at(NOWHERE), -XEN_EFAULT);
    check_eq("pointer noncanonical", features_at(NONCANONICAL), -XEN_EFAULT);
    check_eq("pointer top of space", features_at(~0UL - 3), -XEN_EFAULT);
    check_eq("pointer to stage 2 hole", features_at(STAGE2_HOLE), -XEN_EFAULT);
    check_eq("pointer to a device", features_at(gicd_base), -XEN_EFAULT);
    mmu_map(PAIR, (uint64_t)page_a, 3, MAP_NORMAL | MAP_READONLY);
    check_eq("result to a read-only page", features_at(PAIR), -XEN_EFAULT);
    mmu_unmap(PAIR, 3);
    check_eq("pointer after unmap", features_at(PAIR), -XEN_EFAULT);
}

/* The argument sits on the last bytes of one frame and the first of another, not adjacent one. */
static void test_crossing(void)
{
    char straight[sizeof(xen_capabilities_info_t)] = { 0 };
    uint64_t at = PAIR + PAGE_SIZE - 8;
    struct evtchn_status *status = (struct evtchn_status *)(PAIR + PAGE_SIZE - 4);
    long rc;

    ASSERT(gap + PAGE_SIZE == page_b || page_b != page_a + PAGE_SIZE);
    mmu_map(PAIR, (uint64_t)page_b, 3, MAP_NORMAL);
    mmu_map(PAIR + PAGE_SIZE, (uint64_t)page_a, 3, MAP_NORMAL);
    check_eq("capabilities", hypercall2(__HYPERVISOR_xen_version, XENVER_capabilities, straight),
             0);
    rc = hypercall5(__HYPERVISOR_xen_version, XENVER_capabilities, at, 0, 0, 0);
    check_eq("capabilities across pages", rc, 0);
    check(straight[0] && !memcmp((void *)at, straight, sizeof(straight)),
          "capabilities are the same across pages", "first byte %x", straight[0]);
    status->dom = DOMID_SELF;
    status->port = 0;
    check_eq("status of port 0 across pages", evtchn_op(EVTCHNOP_status, status), 0);
    check_eq("status reads closed", (long)status->status, EVTCHNSTAT_closed);
    mmu_unmap(PAIR + PAGE_SIZE, 3);
    rc = hypercall5(__HYPERVISOR_xen_version, XENVER_capabilities, at, 0, 0, 0);
    check_eq("second page missing", rc, -XEN_EFAULT);
    rc = evtchn_op(EVTCHNOP_status, status);
    check_eq("argument's second page missing", rc, -XEN_EFAULT);
    mmu_unmap(PAIR, 3);
}

static void test_inputs(void)
{
    struct evtchn_close *bad = (struct evtchn_close *)NOWHERE;

    check_eq("evtchn close bad pointer", evtchn_op(EVTCHNOP_close, bad), -XEN_EFAULT);
    check_eq("memory_op bad pointer", memory_op(XENMEM_add_to_physmap, bad), -XEN_EFAULT);
    check_eq("populate bad pointer does nothing", memory_op(XENMEM_populate_physmap, bad), 0);
    check_eq("grant query bad pointer", grant_op(GNTTABOP_query_size, bad, 1), -XEN_EFAULT);
    check_eq("grant map bad pointer", grant_op(GNTTABOP_map_grant_ref, bad, 1), -XEN_EFAULT);
    check_eq("grant copy bad pointer", grant_op(GNTTABOP_copy, bad, 1), -XEN_EFAULT);
    check_eq("sched poll bad pointer", sched_op(SCHEDOP_poll, bad), -XEN_EFAULT);
    check_eq("shutdown bad pointer", sched_op(SCHEDOP_shutdown, bad), -XEN_EFAULT);
    check_eq("domctl bad pointer", hypercall2(__HYPERVISOR_domctl, NOWHERE, NULL), -XEN_EFAULT);
    check_eq("sysctl bad pointer", hypercall2(__HYPERVISOR_sysctl, NOWHERE, NULL), -XEN_EFAULT);
    check_eq("hvm_op bad pointer", hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, bad),
             -XEN_EFAULT);
    check_eq("console bad pointer",
             hypercall5(__HYPERVISOR_console_io, CONSOLEIO_write, 4, NOWHERE, 0, 0), -XEN_EFAULT);
    check_eq("multicall bad pointer", hypercall5(__HYPERVISOR_multicall, NOWHERE, 1, 0, 0, 0),
             -XEN_EFAULT);
}

static void test_multicall(void)
{
    static multicall_entry_t entries[4];

    check_eq("multicall of nothing", hypercall5(__HYPERVISOR_multicall, 0, 0, 0, 0, 0), 0);
    entries[0].op = __HYPERVISOR_xen_version;
    entries[0].args[0] = XENVER_version;
    entries[1].op = 60;
    entries[2].op = __HYPERVISOR_xen_version;
    entries[2].args[0] = XENVER_get_features;
    entries[2].args[1] = NOWHERE;
    entries[3].op = __HYPERVISOR_xen_version;
    check_eq("multicall", hypercall2(__HYPERVISOR_multicall, (uint64_t)entries, (void *)4), 0);
    check_eq("multicall version", (long)entries[0].result, 0x40011);
    check_eq("multicall unknown", (long)entries[1].result, -XEN_ENOSYS);
    check_eq("multicall bad pointer inside", (long)entries[2].result, -XEN_EFAULT);
    check_eq("multicall goes on", (long)entries[3].result, 0x40011);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    test_table();
    test_immediates();
    test_registers();
    test_bad_pointers();
    test_crossing();
    test_inputs();
    test_multicall();
    test_objects();
    test_done();
}
