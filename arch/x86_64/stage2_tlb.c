/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nested tables and what processors have cached of them. No instruction reaches another CPU's translations, so a change is counted in its
 * space, and a CPU compares that count, with everything held back by GIF, before it enters a guest (svm/run.S, svm/asid.c):
 *
 *   changes:  entries, count + 1;  barrier;  CPUs that have the space loaded are interrupted and waited for
 *   loads:    loaded[cpu] = space;  barrier;  [held back:] is the count that of my ASID? no: a new ASID;  enter
 *
 * A CPU that the changer does not see loaded sees the new count. One that it sees has left its guest when it has answered, and compares before
 * it enters again. The answer is an NMI's (tlb.h), which no lock and no masking of the hypervisor's delays: waiting with the p2m lock held
 * waits for nobody who may want it.
 */
#include "arch/include/stage2.h"
#include "arch/include/cpu.h"
#include "cpuid_host.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "msr.h"
#include "stage2_space.h"
#include "tlb.h"

#define MAX_ADDRESS_BITS 48
#define LEAST_ADDRESS_BITS 36

static PER_CPU(const struct arch_stage2 *, loaded);
/* The last that was loaded, which may be no more. */
static PER_CPU(const struct arch_stage2 *, last);
static PER_CPU(uint64_t, loads);

static struct stage2_geometry geometry;

void stage2_without_1gib(void)
{
    geometry.leaf_level = 2;
}

const struct stage2_geometry *arch_stage2_geometry(void)
{
    if (unlikely(!geometry.address_bits)) {
        unsigned bits = cpuid_word(0x80000008, 0, CPUID_EAX) & 0xff;

        geometry.address_bits = MIN(MAX(bits, (unsigned)LEAST_ADDRESS_BITS), (unsigned)MAX_ADDRESS_BITS);
    }
    return &geometry;
}

void arch_stage2_init(struct arch_stage2 *s, hpa_t root)
{
    ASSERT(IS_ALIGNED(root.v, PAGE_SIZE));
    *s = (struct arch_stage2){ .root = root, .changes = 1 };
}

/* What is still cached is under ASIDs that no vCPU gets before their CPU has dropped everything. */
void arch_stage2_release(struct arch_stage2 *s)
{
    for (unsigned cpu = 0; CONFIG(ASSERT) && cpu < cpu_count(); cpu++)
        ASSERT(atomic_load(&loaded[cpu]) != s);
}

/* Another domain runs than the last that did: what branches it taught the predictor is of no use to it (APM volume 2, 3.2.9). */
static void forget_branches(void)
{
    static enum { UNKNOWN, NO, YES } has_barrier;

    if (unlikely(has_barrier == UNKNOWN))
        has_barrier = CPU_HAS_IBPB ? YES : NO;
    if (has_barrier == YES)
        wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

const struct arch_stage2 *stage2_loaded(void)
{
    return atomic_load(&THIS_CPU(loaded));
}

uint64_t stage2_loads(void)
{
    return THIS_CPU(loads) + 1;
}

void stage2_load(const struct arch_stage2 *s)
{
    if (atomic_load(&THIS_CPU(loaded)) == s)
        return;
    windows_close();
    THIS_CPU(loads)++;
    if (s && THIS_CPU(last) != s)
        forget_branches();
    if (s)
        THIS_CPU(last) = s;
    atomic_store(&THIS_CPU(loaded), s);
    barrier_full();     /* meets that in arch_stage2_invalidate */
}

void arch_stage2_invalidate(struct arch_stage2 *s, gfn_t gfn UNUSED, uint64_t count UNUSED)
{
    uint32_t cpus = 0;

    (void)atomic_fetch_add(&s->changes, 1);
    barrier_full();     /* meets that in stage2_load */
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (atomic_load(&loaded[cpu]) == s)
            cpus |= (uint32_t)BIT(cpu);
    }
    cpu_interrupt_these(cpus);
}
