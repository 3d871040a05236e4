/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain with more vCPUs than there are CPUs: it starts them by PSCI, passes
 * an SGI round the ring, adds to one counter from all of them, stops them and
 * starts them again. Two such domains run at the same time.
 */

#include "guests/lib/hypercall.h"

#define VCPUS 4
#define LAPS 50
#define ADDS 20000
#define TOKEN_SGI 2
#define LIMIT (20000 * TICKS_PER_MS)

static volatile unsigned token_at, laps, finished;
static volatile unsigned counter;
static struct child_page *report;

static void pass_token(unsigned intid)
{
    unsigned next = (this_cpu()->id + 1) % VCPUS;

    (void)intid;
    token_at = next;
    if (next == 0)
        laps++;
    if (laps < LAPS)
        gic_send_sgi(TOKEN_SGI, next);
}

/* On vCPUs 1 to 3: adds, then takes part in the ring until it is over. */
static void worker(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ADDS; i++)
        __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
    irq_enable();
    while (laps < LAPS)
        sched_op(SCHEDOP_yield, NULL);
    irq_disable();
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

static bool all_off(void)
{
    uint64_t start = counter_now();

    for (unsigned id = 1; id < VCPUS; id++)
        while (psci(PSCI_AFFINITY_INFO64, id, 0, 0) != 1) {
            if (counter_now() - start > LIMIT)
                return false;
            sched_op(SCHEDOP_yield, NULL);
        }
    return true;
}

static void round_trip(unsigned round)
{
    uint64_t start = counter_now();

    laps = counter = finished = 0;
    for (unsigned id = 1; id < VCPUS; id++)
        if (cpu_start(id, worker, NULL))
            report->result[8]++;
    gic_send_sgi(TOKEN_SGI, 1);
    irq_enable();
    while (laps < LAPS && counter_now() - start < LIMIT)
        sched_op(SCHEDOP_yield, NULL);
    irq_disable();
    wait_for(&finished, VCPUS - 1, LIMIT);
    report->result[round * 4] = laps;
    report->result[round * 4 + 1] = counter;
    report->result[round * 4 + 2] = all_off();
    /* See guests/psci: on the reference a CPU_ON right after OFF can be lost. */
    spin_ticks(20 * TICKS_PER_MS);
}

static void ring(struct child_page *page)
{
    report = page;
    gic_init(NULL);
    gic_handler(TOKEN_SGI, pass_token);
    round_trip(0);
    round_trip(1);
}

static void check_ring(const struct child *child)
{
    check(child_wait(child, 3 * LIMIT), "the domain finishes", "flags %lx",
          (unsigned long)domain_flags(child->id));
    for (unsigned round = 0; round < 2; round++) {
        check_eq("laps", child->page->result[round * 4], LAPS);
        check_eq("no addition is lost", child->page->result[round * 4 + 1],
                 (VCPUS - 1) * ADDS);
        check_eq("all vCPUs are off again", child->page->result[round * 4 + 2], 1);
    }
    check_eq("every CPU_ON succeeded", child->page->result[8], 0);
}

void guest_main(const void *fdt)
{
    static struct child children[2];

    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    for (unsigned i = 0; i < ARRAY_SIZE(children); i++)
        check_eq("built", child_build(&children[i], VCPUS, ring), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(children); i++)
        check_eq("started", child_unpause(&children[i]), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(children); i++) {
        check_ring(&children[i]);
        foreign_unmap(children[i].page);
        check_eq("destroyed", domain_destroy(children[i].id), 0);
        check(domain_wait_gone(children[i].id, LIMIT), "gone", "still there");
    }
    test_done();
}
