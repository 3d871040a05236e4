/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest that is measured, and dom0's part. Words on the command line: `apart`: the measured guest is alone on CPU 1, everybody else on
 * CPU 0; `spread`: the neighbour has CPU 2 to itself as well; `rtds`: the scheduler is that one, and the measured guest has a reservation.
 */
#include "guests/isolation/isolation.h"

#define WAKES 300
#define WARM_UP 10
#define PERIOD_US 1000
#define BUDGET_US 300
#define PATIENCE 400        /* times 100 ms */
/* An idle hypervisor may have memory to zero: it is let. */
#define SETTLE_AT_START_MS 3000
#define SETTLE_MS 300

/* For whoever counts from outside (bench/plugin/wakes.c): asleep, awake, the next kind of neighbour. */
#define MARK_ASLEEP asm volatile("hint #0x61" : : : "memory")
#define MARK_AWAKE asm volatile("hint #0x62" : : : "memory")
#define MARK_NEXT asm volatile("hint #0x63" : : : "memory")

static volatile uint64_t fired_at;

static void fired(unsigned intid)
{
    (void)intid;
    MARK_AWAKE;
    fired_at = read_sysreg(cntvct_el0);
    write_sysreg(cntv_ctl_el0, 0);
}

/* Sleep to the deadline; the counter when the interrupt's handler began. */
static uint64_t sleep_to(uint64_t deadline)
{
    fired_at = 0;
    write_sysreg(cntv_cval_el0, deadline);
    write_sysreg(cntv_ctl_el0, 1);
    MARK_ASLEEP;
    while (!fired_at) {
        wfi();
        irq_enable();
        isb();
        irq_disable();
    }
    return fired_at;
}

static void sort(uint64_t *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        for (unsigned k = i; k && values[k] < values[k - 1]; k--) {
            uint64_t higher = values[k - 1];

            values[k - 1] = values[k];
            values[k] = higher;
        }
}

/* Wakes at every millisecond of its own; one that passed while it was late is left out. Half, 99 of 100, the worst. */
static void measured(struct child_page *page)
{
    static uint64_t late[WAKES];
    uint64_t deadline = read_sysreg(cntvct_el0);

    MARK_NEXT;
    gic_init(NULL);
    gic_handler(PPI_VTIMER, fired);
    gic_enable(PPI_VTIMER);
    for (unsigned i = 0; i < WAKES + WARM_UP; i++) {
        while (deadline <= read_sysreg(cntvct_el0) + TICKS_PER_MS / 10)
            deadline += TICKS_PER_MS;
        late[i < WARM_UP ? 0 : i - WARM_UP] = sleep_to(deadline) - deadline;
    }
    sort(late, WAKES);
    page->result[0] = (long)late[WAKES / 2];
    page->result[1] = (long)late[WAKES * 99 / 100];
    page->result[2] = (long)late[WAKES - 1];
}

static void sleep_ms(unsigned ms)
{
    (void)sleep_to(read_sysreg(cntvct_el0) + ms * TICKS_PER_MS);
}

long pin(domid_t id, unsigned cpu)
{
    uint8_t mask = (uint8_t)(1u << cpu);
    struct xen_domctl op = { 0 };

    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, &mask);
    return domctl(&op, XEN_DOMCTL_setvcpuaffinity, id);
}

static long reserve(domid_t id)
{
    xen_domctl_schedparam_vcpu_t vcpu = { .u.rtds = { .period = PERIOD_US, .budget = BUDGET_US } };
    struct xen_domctl op = { 0 };

    op.u.scheduler_op.sched_id = XEN_SCHEDULER_RTDS;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putvcpuinfo;
    op.u.scheduler_op.u.v.nr_vcpus = 1;
    set_xen_guest_handle(op.u.scheduler_op.u.v.vcpus, &vcpu);
    return domctl(&op, XEN_DOMCTL_scheduler_op, id);
}

/* Where the neighbour belongs. */
static int noise_cpu(const void *fdt)
{
    return fdt_option(fdt, "spread") ? 2 : fdt_option(fdt, "apart") ? 0 : -1;
}

/* A guest, set up as the command line wants. */
static bool build(struct child *child, child_fn body, bool is_measured, const void *fdt)
{
    int noise = noise_cpu(fdt);
    long rc = child_build(child, 1, body);

    if (!rc && noise >= 0)
        rc = pin(child->id, is_measured ? 1 : (unsigned)noise);
    if (!rc && is_measured && fdt_option(fdt, "rtds"))
        rc = reserve(child->id);
    if (rc)
        print("NOTE isolation: a guest could not be set up: %ld\n", rc);
    return !rc;
}

static void remove(struct child *child)
{
    foreign_unmap(child->page);
    domain_destroy(child->id);
    domain_wait_gone(child->id, 1000 * TICKS_PER_MS);
}

/* The counter's ticks are 16 instructions each where instructions are counted, 16 ns elsewhere. */
static void report(const struct hog *hog, const struct child *child)
{
    if (child->page->done)
        print("ISOLATION %s %lu %lu %lu\n", hog->name, (unsigned long)child->page->result[0] * 16,
              (unsigned long)child->page->result[1] * 16, (unsigned long)child->page->result[2] * 16);
    else
        print("ISOLATION %s unfinished\n", hog->name);
}

static void measure(const struct hog *hog, const void *fdt)
{
    static struct child noise, subject;
    uint64_t began;

    if (hog->body && !build(&noise, hog->body, false, fdt))
        return;
    if (!build(&subject, measured, true, fdt))
        return;
    if (hog->body)
        child_unpause(&noise);
    child_unpause(&subject);
    began = counter_now();
    while (!subject.page->done && counter_now() - began < PATIENCE * 100 * TICKS_PER_MS) {
        if (hog->parent)
            hog->parent(noise_cpu(fdt));
        else
            sleep_ms(100);
    }
    report(hog, &subject);
    remove(&subject);
    if (hog->body)
        remove(&noise);
    sleep_ms(SETTLE_MS);
}

void guest_main(const void *fdt)
{
    toolstack_init(fdt);
    gic_init(fdt);
    gic_handler(PPI_VTIMER, fired);
    gic_enable(PPI_VTIMER);
    if (noise_cpu(fdt) >= 0)
        ASSERT(pin(0, 0) == 0);
    sleep_ms(SETTLE_AT_START_MS);
    for (unsigned i = 0; i < hog_count; i++)
        measure(&hogs[i], fdt);
    print("DONE isolation\n");
    guest_shutdown(SHUTDOWN_poweroff);
}
