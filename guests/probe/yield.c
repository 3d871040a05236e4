/* SPDX-License-Identifier: Apache-2.0 */
/* Yielding: with nobody else to run, and to another vCPU on the same CPU. */

#include "guests/probe/probe.h"

static volatile unsigned other_yields, other_stop, other_stopped;

static void yield_loop(void *arg)
{
    (void)arg;
    while (!other_stop) {
        sched_op(SCHEDOP_yield, NULL);
        other_yields++;
    }
    other_stopped = 1;
}

/* Two vCPUs of one domain on one CPU yield to each other: every yield is a switch. */
static void probe_yield_switch(void)
{
    uint64_t best = ~0UL;
    unsigned switches = 0;
    long rc = cpu_start(1, yield_loop, NULL);

    if (rc) {
        row_missing("yield_switch", "no second vCPU (dom0_max_vcpus=2)");
        return;
    }
    for (unsigned b = 0; b < BATCHES; b++) {
        unsigned before = other_yields;
        uint64_t start = counter_now();

        for (unsigned i = 0; i < BATCH; i++)
            sched_op(SCHEDOP_yield, NULL);
        start = counter_now() - start;
        if (start < best) {
            best = start;
            switches = BATCH + other_yields - before;
        }
    }
    other_stop = 1;
    wait_for(&other_stopped, 1, 1000 * TICKS_PER_MS);
    print("NOTE yield_switch: %u yields here, %u there\n", BATCH, switches - BATCH);
    if (switches < 2 * BATCH - 2)
        row_missing("yield_switch", "a yield did not switch");
    else
        row("yield_switch", per_operation(best, 0, switches));
}

void probe_yield(void)
{
    uint64_t ticks = BEST_OF(BATCH, , sched_op(SCHEDOP_yield, NULL));

    row("yield", per_operation(ticks, 0, BATCH));
    probe_yield_switch();
}
