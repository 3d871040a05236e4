/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl, platform_op, console_io, physdev_op: the host as dom0 sees and sets it. */
#include <string.h>
#include "abi/xen/domctl.h"
#include "tests/unit/abi.h"
#include "core/console.h"
#include "core/time.h"

#define BUFFER at(PAGE_SIZE)

static int two_cpus(void **state UNUSED)
{
    abi_machine(2);
    return 0;
}

static void test_physinfo(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };
    const struct xen_sysctl_physinfo *p = &op.u.physinfo;

    assert_int_equal(sysctl(&op, XEN_SYSCTL_physinfo), 0);
    assert_int_equal(p->nr_cpus, 2);
    assert_int_equal(p->max_cpu_id, 1);
    assert_int_equal(p->total_pages, frame_total());
    assert_int_equal(p->free_pages, frame_free_count());
    assert_int_equal(p->capabilities, XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap | XEN_SYSCTL_PHYSCAP_gnttab_v1);
    assert_true(p->cpu_khz > 0);
}

static void test_versions(void **state UNUSED)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_physinfo, .interface_version = 0x16 };

    put(dom0, at(0), &op, sizeof(op));
    assert_int_equal(call_as(dom0, __HYPERVISOR_sysctl, at(0), 0, 0), -E_ACCES);
    assert_non_null(strstr(host_console_text(), "0x16"));
    assert_int_equal(call_as(dom0, __HYPERVISOR_sysctl, NOWHERE, 0, 0), -E_FAULT);
    assert_int_equal(sysctl(&op, 77777), -E_NOSYS);
}

static void test_topology(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };
    struct xen_sysctl_cputopo cpu;
    struct xen_sysctl_meminfo memory;
    uint32_t distance;

    assert_int_equal(sysctl(&op, XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(op.u.cputopoinfo.num_cpus, 2);
    op.u.cputopoinfo.cputopo.q = BUFFER;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_cputopoinfo), 0);
    get(dom0, BUFFER + sizeof(cpu), &cpu, sizeof(cpu));
    assert_int_equal(cpu.core, 1);
    assert_int_equal(cpu.node, 0);
    op.u.cputopoinfo.num_cpus = 1;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(op.u.cputopoinfo.num_cpus, 1);
    memset(&op, 0, sizeof(op));
    assert_int_equal(sysctl(&op, XEN_SYSCTL_numainfo), 0);
    assert_int_equal(op.u.numainfo.num_nodes, 1);
    op.u.numainfo.meminfo.q = BUFFER;
    op.u.numainfo.distance.q = BUFFER + 64;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_numainfo), 0);
    get(dom0, BUFFER, &memory, sizeof(memory));
    get(dom0, BUFFER + 64, &distance, sizeof(distance));
    assert_int_equal(memory.memsize, frame_total() * PAGE_SIZE);
    assert_int_equal(distance, 20);
    op.u.numainfo.meminfo.q = NOWHERE;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_numainfo), -E_FAULT);
}

static void test_heap_and_idle(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };

    op.u.availheap.node = -1;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_availheap), 0);
    assert_int_equal(op.u.availheap.avail_bytes, frame_free_count() * PAGE_SIZE);
    op.u.availheap.node = 3;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_availheap), -E_INVAL);
    op.u.availheap.min_bitwidth = 32;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_availheap), -E_OPNOTSUPP);
    memset(&op, 0, sizeof(op));
    op.u.getcpuinfo.max_cpus = 8;
    op.u.getcpuinfo.info.q = BUFFER;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_getcpuinfo), 0);
    assert_int_equal(op.u.getcpuinfo.nr_cpus, 2);
}

static int64_t list_domains(struct xen_sysctl *op, uint16_t first, uint32_t max)
{
    memset(op, 0, sizeof(*op));
    op->u.getdomaininfolist.first_domain = first;
    op->u.getdomaininfolist.max_domains = max;
    op->u.getdomaininfolist.buffer.q = BUFFER;
    return sysctl(op, XEN_SYSCTL_getdomaininfolist);
}

static void test_domain_list(void **state UNUSED)
{
    struct xen_sysctl op;
    struct xen_domctl_getdomaininfo info;

    assert_int_equal(list_domains(&op, 0, 1024), 0);
    assert_int_equal(op.u.getdomaininfolist.num_domains, 2);
    get(dom0, BUFFER + sizeof(info), &info, sizeof(info));
    assert_int_equal(info.domain, guest->id.v);
    assert_int_equal(list_domains(&op, guest->id.v, 1), 0);
    assert_int_equal(op.u.getdomaininfolist.num_domains, 1);
    assert_int_equal(list_domains(&op, (uint16_t)(guest->id.v + 1), 1), 0);
    assert_int_equal(op.u.getdomaininfolist.num_domains, 0);
}

/* More than one run. */
static void test_long_domain_list(void **state UNUSED)
{
    struct domain_config c = { .max_vcpus = 1, .max_event_port = 63 };
    struct xen_domctl_getdomaininfo info;
    struct xen_sysctl op;
    struct domain *d;

    for (unsigned i = 0; i < 70; i++)
        assert_int_equal(domain_create(DOMID(0xffff), &c, &d), 0);
    assert_int_equal(list_domains(&op, 0, 1024), 0);
    assert_int_equal(op.u.getdomaininfolist.num_domains, 72);
    get(dom0, BUFFER + 71 * sizeof(info), &info, sizeof(info));
    assert_int_equal(info.domain, d->id.v);
    assert_int_equal(list_domains(&op, 0, 50), 0);
    assert_int_equal(op.u.getdomaininfolist.num_domains, 50);
}

static void test_console_ring(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };
    char text[2048] = "";

    log_line(LOG_ERROR, "a line to be found again");
    op.u.readconsole.buffer.q = BUFFER;
    op.u.readconsole.count = sizeof(text);
    assert_int_equal(sysctl(&op, XEN_SYSCTL_readconsole), 0);
    assert_true(op.u.readconsole.count > 0);
    get(dom0, BUFFER, text, MIN(op.u.readconsole.count, (uint32_t)sizeof(text) - 1));
    assert_non_null(strstr(text, "a line to be found again"));
    op.u.readconsole.incremental = 1;
    op.u.readconsole.count = sizeof(text);
    assert_int_equal(sysctl(&op, XEN_SYSCTL_readconsole), 0);
    assert_int_equal(op.u.readconsole.count, 0);
    op.u.readconsole.incremental = 0;
    op.u.readconsole.clear = 1;
    op.u.readconsole.count = sizeof(text);
    assert_int_equal(sysctl(&op, XEN_SYSCTL_readconsole), 0);
    op.u.readconsole.count = sizeof(text);
    assert_int_equal(sysctl(&op, XEN_SYSCTL_readconsole), 0);
    assert_int_equal(op.u.readconsole.count, 0);
}

static void test_debug_keys(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };

    put(dom0, BUFFER, "h%", 2);
    op.u.debug_keys.keys.q = BUFFER;
    op.u.debug_keys.nr_keys = 2;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_debug_keys), 0);
    op.u.debug_keys.nr_keys = 100000;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_debug_keys), -E_2BIG);
}

static int64_t pool(struct xen_sysctl *op, uint32_t what, uint32_t id)
{
    op->u.cpupool_op.op = what;
    op->u.cpupool_op.cpupool_id = id;
    op->u.cpupool_op.cpumap.bitmap.q = BUFFER;
    op->u.cpupool_op.cpumap.nr_bits = 16;
    return sysctl(op, XEN_SYSCTL_cpupool_op);
}

static int64_t pool_cpu(uint32_t what, uint32_t id, uint32_t cpu)
{
    struct xen_sysctl op = { 0 };

    op.u.cpupool_op.cpu = cpu;
    return pool(&op, what, id);
}

static uint16_t pool_cpus(uint32_t what, uint32_t id)
{
    struct xen_sysctl op = { 0 };
    uint16_t cpus = 0xffff;

    assert_int_equal(pool(&op, what, id), 0);
    get(dom0, BUFFER, &cpus, sizeof(cpus));
    return cpus;
}

static int64_t move(uint32_t domain, uint32_t id)
{
    struct xen_sysctl op = { 0 };

    op.u.cpupool_op.domid = domain;
    return pool(&op, XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, id);
}

static void test_pool_zero(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };

    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 0);
    assert_int_equal(op.u.cpupool_op.n_dom, 2);
    assert_int_equal(op.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT2);
    assert_int_equal(pool_cpus(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 3);
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_INFO, 1), -E_NOENT);
    assert_int_equal(pool_cpus(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0), 0);
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0), -E_BUSY);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 0), -E_INVAL);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 9), -E_INVAL);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 5, 1), -E_NOENT);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, XEN_SYSCTL_CPUPOOL_PAR_ANY), -E_NODEV);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 5, XEN_SYSCTL_CPUPOOL_PAR_ANY), -E_NOENT);
    assert_int_equal(move(guest->id.v, 0), 0);
    assert_int_equal(move(guest->id.v, 9), -E_NOENT);
    assert_int_equal(move(NO_DOMAIN, 0), -E_SRCH);
    assert_int_equal(move(DOMID_SELF, 0), -E_PERM);
    assert_int_equal(move(0, 0), -E_PERM);
    assert_int_equal(pool(&op, 99, 0), -E_NOSYS);
}

/* A second pool, of the null policy: gets a CPU and a domain, and is taken apart again. */
static void test_second_pool(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };
    struct xen_domctl_getdomaininfo info;

    op.u.cpupool_op.sched_id = XEN_SCHEDULER_CREDIT;
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_CREATE, XEN_SYSCTL_CPUPOOL_PAR_ANY), -E_NOENT);
    op.u.cpupool_op.sched_id = XEN_SCHEDULER_NULL;
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_CREATE, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    assert_int_equal(op.u.cpupool_op.cpupool_id, 1);
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_CREATE, 1), -E_EXIST);
    assert_int_equal(move(guest->id.v, 1), -E_NOENT);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, 1), -E_ADDRNOTAVAIL);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    assert_int_equal(pool_cpus(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0), 2);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, 0), -E_NODEV);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    assert_int_equal(pool_cpus(XEN_SYSCTL_CPUPOOL_OP_INFO, 1), 2);
    assert_int_equal(move(guest->id.v, 1), 0);
    domain_info(guest, &info);
    assert_int_equal(info.cpupool, 1);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, 1), -E_BUSY);
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1), -E_BUSY);
    op.u.scheduler_op = (struct xen_sysctl_scheduler_op){ .cpupool_id = 1, .sched_id = XEN_SCHEDULER_CREDIT2 };
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), -E_INVAL);
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_NULL;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), 0);
    assert_int_equal(move(guest->id.v, 0), 0);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, 1), 0);
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1), 0);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 1), 0);
    assert_int_equal(pool_cpus(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 3);
}

/* Frames are copied in and out, and what is wrong with one is seen; a real-time pool has no parameters, its vCPUs have. */
static void test_frames_and_reservations(void **state UNUSED)
{
    static struct xen_sysctl_arinc653_schedule in, out;
    struct xen_domctl_schedparam_vcpu p[2] = { { .vcpuid = 0, .u.rtds = { 20000, 5000, 0 } }, { .vcpuid = MAX_VCPUS } };
    struct xen_domctl dop = { 0 };
    struct xen_sysctl op = { 0 };

    op.u.cpupool_op.sched_id = XEN_SCHEDULER_ARINC653;
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_CREATE, 5), 0);
    op.u.cpupool_op.sched_id = XEN_SCHEDULER_RTDS;
    assert_int_equal(pool(&op, XEN_SYSCTL_CPUPOOL_OP_CREATE, 6), 0);
    op.u.scheduler_op = (struct xen_sysctl_scheduler_op){ .cpupool_id = 6, .sched_id = XEN_SCHEDULER_RTDS };
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), -E_OPNOTSUPP);

    in.major_frame = 10000000;
    in.num_sched_entries = 1;
    in.sched_entries[0].vcpu_id = 3;
    in.sched_entries[0].runtime = 4000000;
    memset(in.sched_entries[0].dom_handle, 0x5a, 16);
    put(dom0, at(PAGE_SIZE), &in, sizeof(in));
    op.u.scheduler_op = (struct xen_sysctl_scheduler_op){ .cpupool_id = 5, .sched_id = XEN_SCHEDULER_ARINC653 };
    op.u.scheduler_op.u.sched_arinc653.schedule.q = at(PAGE_SIZE);
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), 0);
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    op.u.scheduler_op.u.sched_arinc653.schedule.q = at(3 * PAGE_SIZE);
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), 0);
    get(dom0, at(3 * PAGE_SIZE), &out, sizeof(out));
    assert_memory_equal(&in, &out, sizeof(in));
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    in.num_sched_entries = 65;
    put(dom0, at(3 * PAGE_SIZE), &in, sizeof(in));
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), -E_INVAL);
    in.num_sched_entries = 1;
    in.sched_entries[0].runtime = UINT64_MAX;
    put(dom0, at(3 * PAGE_SIZE), &in, sizeof(in));
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), -E_INVAL);
    op.u.scheduler_op.u.sched_arinc653.schedule.q = NOWHERE;
    assert_int_equal(sysctl(&op, XEN_SYSCTL_scheduler_op), -E_FAULT);

    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    assert_int_equal(pool_cpu(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 6, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    assert_int_equal(move(guest->id.v, 6), 0);
    put(dom0, at(PAGE_SIZE), p, sizeof(p));
    dop.u.scheduler_op = (struct xen_domctl_scheduler_op){ .sched_id = XEN_SCHEDULER_RTDS, .cmd = XEN_DOMCTL_SCHEDOP_putvcpuinfo };
    dop.u.scheduler_op.u.v.vcpus.q = at(PAGE_SIZE);
    dop.u.scheduler_op.u.v.nr_vcpus = 2;
    assert_int_equal(domctl_as(dom0, &dop, XEN_DOMCTL_scheduler_op, guest->id.v), -E_INVAL);
    assert_int_equal(guest->vcpus[0]->unit.period_us, 20000);
    assert_int_equal(guest->vcpus[0]->unit.budget_us, 5000);
    assert_false(guest->vcpus[0]->unit.extratime);
    dop.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getvcpuinfo;
    dop.u.scheduler_op.u.v.nr_vcpus = 1;
    p[0].u.rtds.period = 0;
    put(dom0, at(PAGE_SIZE), p, sizeof(p));
    assert_int_equal(domctl_as(dom0, &dop, XEN_DOMCTL_scheduler_op, guest->id.v), 0);
    assert_int_equal(dop.u.scheduler_op.u.v.nr_vcpus, 1);
    get(dom0, at(PAGE_SIZE), p, sizeof(p[0]));
    assert_int_equal(p[0].u.rtds.period, 20000);
    dop.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    dop.u.scheduler_op.u.rtds = (struct xen_domctl_sched_rtds){ 10000, 10001, 0 };
    assert_int_equal(domctl_as(dom0, &dop, XEN_DOMCTL_scheduler_op, guest->id.v), -E_INVAL);
    dop.u.scheduler_op.u.rtds = (struct xen_domctl_sched_rtds){ 10000, 3000, XEN_DOMCTL_SCHEDRT_extra };
    assert_int_equal(domctl_as(dom0, &dop, XEN_DOMCTL_scheduler_op, guest->id.v), 0);
    assert_int_equal(guest->vcpus[0]->unit.budget_us, 3000);
    assert_int_equal(move(guest->id.v, 0), 0);
}

static int64_t scheduler(struct xen_sysctl *op, uint32_t cmd)
{
    op->u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op->u.scheduler_op.cmd = cmd;
    return sysctl(op, XEN_SYSCTL_scheduler_op);
}

static void test_scheduler(void **state UNUSED)
{
    struct xen_sysctl op = { 0 };

    assert_int_equal(sysctl(&op, XEN_SYSCTL_sched_id), 0);
    assert_int_equal(op.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
    memset(&op, 0, sizeof(op));
    op.u.scheduler_op.u.sched_credit2.ratelimit_us = 500;
    assert_int_equal(scheduler(&op, XEN_SYSCTL_SCHEDOP_putinfo), 0);
    op.u.scheduler_op.u.sched_credit2.ratelimit_us = 0;
    assert_int_equal(scheduler(&op, XEN_SYSCTL_SCHEDOP_getinfo), 0);
    assert_int_equal(op.u.scheduler_op.u.sched_credit2.ratelimit_us, 500);
    op.u.scheduler_op.u.sched_credit2.ratelimit_us = SCHED_DEFAULT_RATELIMIT_US;
    assert_int_equal(scheduler(&op, XEN_SYSCTL_SCHEDOP_putinfo), 0);
    op.u.scheduler_op.u.sched_credit2.ratelimit_us = XEN_SYSCTL_SCHED_RATELIMIT_MAX + 1;
    assert_int_equal(scheduler(&op, XEN_SYSCTL_SCHEDOP_putinfo), -E_INVAL);
    assert_int_equal(scheduler(&op, 9), -E_INVAL);
    op.u.scheduler_op.cpupool_id = 1;
    assert_int_equal(scheduler(&op, XEN_SYSCTL_SCHEDOP_getinfo), -E_SRCH);
}

static int64_t platform(struct xen_platform_op *op, uint32_t cmd)
{
    op->cmd = cmd;
    put(dom0, at(0), op, sizeof(*op));
    return call_as(dom0, __HYPERVISOR_platform_op, at(0), 0, 0);
}

static void test_clock(void **state UNUSED)
{
    struct xen_platform_op op = { .interface_version = XENPF_INTERFACE_VERSION };
    uint64_t seconds;
    uint32_t nanoseconds;

    op.u.settime64.secs = 1700000000;
    op.u.settime64.nsecs = 5;
    assert_int_equal(platform(&op, XENPF_settime64), 0);
    wallclock_get(&seconds, &nanoseconds);
    assert_int_equal(seconds, 1700000000);
    assert_int_equal(shared_of(guest)->wc_sec, 1700000000);
    op.u.settime64.mbz = 1;
    assert_int_equal(platform(&op, XENPF_settime64), -E_INVAL);
    op.u.settime64.mbz = 0;
    op.u.settime64.nsecs = 1000000000;
    assert_int_equal(platform(&op, XENPF_settime64), -E_INVAL);
    op.u.settime32.secs = 1600000000;
    op.u.settime32.nsecs = 0;
    op.u.settime32.system_time = 0;
    assert_int_equal(platform(&op, XENPF_settime32), 0);
    assert_int_equal(shared_of(guest)->wc_sec, 1600000000);
    assert_int_equal(platform(&op, XENPF_cpu_offline), -E_NOSYS);
    op.interface_version = 1;
    assert_int_equal(platform(&op, XENPF_settime64), -E_ACCES);
}

static void test_console_io(void **state UNUSED)
{
    char text[16];

    put(dom0, BUFFER, "hello from dom0, which goes on for longer than one run of the call takes, and for longer, and for longer, "
        "and for longer, and then ends\n", 136);
    assert_int_equal(call_as(dom0, __HYPERVISOR_console_io, CONSOLEIO_write, 136, BUFFER), 0);
    assert_non_null(strstr(host_console_text(), "and then ends"));
    put(guest, BUFFER, "hello from a guest\n", 19);
    assert_int_equal(call_as(guest, __HYPERVISOR_console_io, CONSOLEIO_write, 19, BUFFER), 0);
    assert_non_null(strstr(host_console_text(), "hello from a guest"));
    assert_int_equal(call_as(guest, __HYPERVISOR_console_io, CONSOLEIO_write, 4, NOWHERE), -E_FAULT);
    assert_int_equal(call_as(dom0, __HYPERVISOR_console_io, CONSOLEIO_read, 16, BUFFER), 0);
    host_console_type("ls\n");
    calm();
    assert_int_equal(call_as(dom0, __HYPERVISOR_console_io, CONSOLEIO_read, 16, NOWHERE), -E_FAULT);
    assert_int_equal(call_as(dom0, __HYPERVISOR_console_io, CONSOLEIO_read, 16, BUFFER), 3);
    get(dom0, BUFFER, text, 3);
    assert_memory_equal(text, "ls\n", 3);
}

static void test_no_devices(void **state UNUSED)
{
    assert_int_equal(call_as(dom0, __HYPERVISOR_physdev_op, PHYSDEVOP_manage_pci_add, at(0), 0), -E_NOSYS);
    /* x86's answer, to which dom0 tells devices: there is none of that number. */
    assert_int_equal(call_as(dom0, __HYPERVISOR_physdev_op, PHYSDEVOP_pci_device_add, at(0), 0), -E_NODEV);
    assert_int_equal(call_as(dom0, __HYPERVISOR_xsm_op, 0, 0, 0), -E_NOSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_physinfo, two_cpus), cmocka_unit_test_setup(test_versions, abi_setup),
        cmocka_unit_test_setup(test_topology, two_cpus), cmocka_unit_test_setup(test_heap_and_idle, two_cpus),
        cmocka_unit_test_setup(test_domain_list, abi_setup), cmocka_unit_test_setup(test_long_domain_list, abi_setup),
        cmocka_unit_test_setup(test_console_ring, abi_setup), cmocka_unit_test_setup(test_debug_keys, abi_setup),
        cmocka_unit_test_setup(test_pool_zero, two_cpus), cmocka_unit_test_setup(test_second_pool, two_cpus),
        cmocka_unit_test_setup(test_frames_and_reservations, two_cpus),
        cmocka_unit_test_setup(test_scheduler, abi_setup),
        cmocka_unit_test_setup(test_clock, abi_setup), cmocka_unit_test_setup(test_console_io, abi_setup),
        cmocka_unit_test_setup(test_no_devices, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
