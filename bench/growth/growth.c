/* SPDX-License-Identifier: Apache-2.0 */
/*
 * growth DOMAINS CPUS: one operation after the other on a simulated machine of that size, each between two marks for callgrind, which
 * counts instructions exactly. bench/growth/growth.py runs it for several sizes and draws the curves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "arch/host/host.h"
#include "arch/include/cpu.h"
#include "core/domain.h"
#include "core/grant_entry.h"
#include "core/time.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "mem/frame.h"
#include "mem/vmid.h"
#include "sched/pool.h"

#define ROUNDS 256              /* operations between two marks; growth.py divides by it */
#define PAGES 4
#define FIRST_GFN UINT64_C(0x40000)
#define WINDOW_GFN UINT64_C(0x80000)
#define GRANT_REF 8

/* The simulated processor tells the address sanitizer what may not be touched and which stack is in use; here is none. */
void __asan_poison_memory_region(void const volatile *address UNUSED, size_t size UNUSED) {}
void __asan_unpoison_memory_region(void const volatile *address UNUSED, size_t size UNUSED) {}

void __sanitizer_start_switch_fiber(void **save UNUSED, const void *bottom UNUSED, size_t size UNUSED) {}
void __sanitizer_finish_switch_fiber(void *save UNUSED, const void **bottom UNUSED, size_t *size UNUSED) {}
void __sanitizer_print_stack_trace(void) {}

static unsigned domains, cpus;
static struct domain *first, *last;

#define MEASURE(name, statement)                    \
    do {                                            \
        CALLGRIND_START_INSTRUMENTATION;            \
        CALLGRIND_ZERO_STATS;                       \
        for (unsigned i = 0; i < ROUNDS; i++) {     \
            statement;                              \
        }                                           \
        CALLGRIND_DUMP_STATS_AT(name);              \
        CALLGRIND_STOP_INSTRUMENTATION;             \
    } while (0)

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "growth: %s failed with %u domains and %u CPUs\n", what, domains, cpus);
    exit(1);
}

static struct domain *make_domain(bool control)
{
    struct domain_config c = { .is_control = control, .max_vcpus = 1, .max_event_port = 1023 };
    struct domain_locked l;
    struct domain *d;
    struct vcpu *v;

    must(domain_create(DOMID(control ? 0 : 0xffff), &c, &d) == 0, "domain_create");
    d->owner.limit = 1000;
    l = domain_lock(d);
    must(vcpu_create(l, 0, &v) == 0, "vcpu_create");
    domain_unlock(l);
    return d;
}

static void fill(struct domain *d)
{
    for (unsigned i = 0; i < PAGES; i++)
        must(domain_populate(d, GFN(FIRST_GFN + i), 0) == 0, "domain_populate");
}

static void cpu_up(unsigned cpu, void *arg UNUSED)
{
    timer_cpu_init();
    sched_cpu_up(cpu);
}

static void make_machine(void)
{
    host_boot(&(struct host_config){ .cpus = cpus, .memory_mib = 128 + domains / 16 });
    sched_init("");
    /* No CPU gives way: a thousand that wait for the pools' lock in turns are what this would be about. */
    host_set_switch_rate(0);
    host_run_parallel(cpu_count(), cpu_up, NULL);
    first = last = make_domain(true);
    for (unsigned i = 1; i < domains; i++)
        last = make_domain(false);
    if (domains == 1)
        last = make_domain(false);
    fill(first);
    fill(last);
}

static void measure_lookup(void)
{
    domid id = last->id;

    MEASURE("domain_find", must(domain_find(id) == last, "domain_find"));
}

static void measure_event(void)
{
    uint32_t port, remote;

    must(event_alloc_unbound(last, first->id, &remote) == 0, "event_alloc_unbound");
    must(event_bind_interdomain(first, last, remote, &port) == 0, "event_bind_interdomain");
    MEASURE("event_send", must(event_send(first, port) == 0, "event_send"));
}

static void measure_grant(void)
{
    struct grant_map_request r = { .granter = last->id, .ref = GRANT_REF, .at = GPA(WINDOW_GFN << PAGE_SHIFT) };
    struct grant_unmap_request back = { 0 };
    struct grant_map_result out;
    grant_entry *e = (grant_entry *)last->grants.frames[0] + GRANT_REF;

    *e = entry_make(ENTRY_ACCESS, first->id, GFN(FIRST_GFN));
    MEASURE("grant_map", {
        must(grant_map(first, &r, &out) == GRANT_OKAY, "grant_map");
        back.at = r.at;
        back.handle = out.handle;
        grant_unmap(first, &back, 1);
        must(back.status == GRANT_OKAY, "grant_unmap");
    });
}

static void measure_frame(void)
{
    mfn_t mfn;

    MEASURE("frame_alloc", {
        must(frame_alloc(&hypervisor_owner, 0, FRAME_NO_SCRUB, &mfn) == 0, "frame_alloc");
        frame_put(mfn);
    });
}

static void never(struct timer *t UNUSED)
{
    abort();
}

/* As many timers as domains are armed; one more is set somewhere among them, and cancelled. */
static void measure_timer(void)
{
    struct timer *armed = calloc(domains, sizeof(*armed)), one;
    nsec_t now = arch_time_now();

    must(armed, "calloc");
    for (unsigned i = 0; i < domains; i++) {
        timer_init(&armed[i], never);
        timer_set(&armed[i], now + SEC(1) + (nsec_t)host_random_below((uint64_t)SEC(1)));
    }
    timer_init(&one, never);
    MEASURE("timer_set", {
        timer_set(&one, now + SEC(1) + (nsec_t)((uint64_t)SEC(1) / ROUNDS * i));
        timer_cancel(&one);
    });
    for (unsigned i = 0; i < domains; i++)
        timer_cancel(&armed[i]);
    free(armed);
}

/* The CPU switches from space to space, of which there are as many as domains, in turn; 255 VMIDs. */
static void measure_vmid(void)
{
    struct arch_stage2 *spaces = calloc(domains, sizeof(*spaces)), *before = vmid_loaded();

    must(spaces, "calloc");
    vmid_init(256);
    /* A round before, so that a space that had a VMID may have lost it. */
    for (unsigned i = 0; i < domains; i++)
        (void)vmid_load(&spaces[i]);
    MEASURE("vmid_load", (void)vmid_load(&spaces[i % domains]));
    (void)vmid_load(before);
    for (unsigned i = 0; i < domains; i++)
        vmid_release(&spaces[i]);
    free(spaces);
}

static const struct sched_unit *sleeper;

static bool wants(const struct sched_unit *u)
{
    return u != sleeper;
}

static void sleep_and_wake(struct sched_unit *u)
{
    sleeper = u;
    sched_sleep(u);
    sleeper = NULL;
    sched_wake(u);
}

/* u is ready, and its turn is somewhere among those of the others. */
static void make_ready(struct sched_unit *u)
{
    sched_wake(u);
    sleeper = u;
    sched_sleep(u);
    u->virtual_time += (int64_t)host_random_below((uint64_t)MSEC(10));
    sleeper = NULL;
    sched_wake(u);
}

/* As many units as domains want to run, and one more. CPU 0 yields and chooses again; the one more sleeps and wakes. */
static void measure_scheduling(void)
{
    struct sched_unit *units = calloc(domains + 1, sizeof(*units)), *current, *next;
    static struct sched_group group;

    must(units, "calloc");
    must(sched_group_init(&group, 0) == 0, "sched_group_init");
    for (unsigned i = 0; i <= domains; i++) {
        units[i].wants_cpu = wants;
        must(sched_unit_init(&units[i], &group) == 0, "sched_unit_init");
        make_ready(&units[i]);
    }
    current = sched_pick(NULL);
    must(current, "sched_pick");
    MEASURE("sched_wake", sleep_and_wake(current == &units[domains] ? &units[0] : &units[domains]));
    MEASURE("sched_pick", {
        host_time_advance(USEC(100));
        sched_unit_yield(current);
        next = sched_pick(current);
        if (next != current)
            sched_switched_out(current);
        current = next;
    });
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: growth DOMAINS CPUS, under callgrind (make bench-growth)\n");
        return 2;
    }
    domains = (unsigned)atoi(argv[1]);
    cpus = (unsigned)atoi(argv[2]);
    must(domains >= 1 && domains < MAX_DOMAINS && cpus >= 1 && cpus <= MAX_CPUS, "a machine of this size");
    make_machine();
    measure_lookup();
    measure_event();
    measure_grant();
    measure_frame();
    measure_timer();
    measure_vmid();
    measure_scheduling();
    return 0;
}
