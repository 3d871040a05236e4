/* SPDX-License-Identifier: Apache-2.0 */
/* Which sub-calls got past their checks: counts for tests, in checked builds. */
#include "abi/xen/hypercall.h"
#include "arch/include/cpu.h"
#include "core/console.h"
#include "lib/print.h"
#include "lib/string.h"

#if CONFIG_ASSERT
uint32_t subcall_reached_count[REACHED_BY][ARRAY_SIZE(hypercall_table)][SUBCALLS_COUNTED];

/* Racy between CPUs: a count may be lost, but not the first of its kind on a CPU. */
void subcall_reached(const struct hypercall *h, uint64_t number)
{
    const struct vcpu *v = cpu_current_vcpu();
    unsigned family = (unsigned)(h - hypercall_table), by = v && !v->domain->is_control ? REACHED_BY_OTHERS : REACHED_BY_CONTROL;

    ASSERT(family < ARRAY_SIZE(hypercall_table));
    if (number < SUBCALLS_COUNTED)
        subcall_reached_count[by][family][number]++;
}

static void show_family(const struct hypercall *h, const uint32_t *counts)
{
    for (unsigned n = 0; n < MIN(h->subcall_count, (unsigned)SUBCALLS_COUNTED); n++)
        if (h->subcalls[n].handler && h->subcalls[n].caller == CALLER_ANY)
            log_info("  reached %s %u", h->subcalls[n].name, counts[n]);
}

static void show_coverage(void)
{
    uint32_t(*counts)[SUBCALLS_COUNTED] = subcall_reached_count[REACHED_BY_OTHERS];

    for (unsigned i = 0; i < ARRAY_SIZE(hypercall_table); i++)
        if (hypercall_table[i].caller == CALLER_ANY)
            show_family(&hypercall_table[i], counts[i]);
    memset(counts, 0, sizeof(subcall_reached_count[0]));
}

void subcall_coverage_init(void)
{
    debug_key_register('c', "sub-calls that guests reached since the last time", show_coverage);
}
#else
void subcall_coverage_init(void)
{
}
#endif
