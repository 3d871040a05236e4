/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's CPU pools, made. */
#include "arch/include/arm64_boot.h"
#include "boot/arm64/static_pools.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "mem/heap.h"

static struct static_pool *pools;
static unsigned pool_count;

static void log_report(void *context UNUSED, bool broken, const char *text)
{
    if (broken)
        log_error("%s; its CPUs stay in pool 0", text);
    else
        log_warning("%s", text);
}

static const struct static_report report = { .line = log_report };

const char *static_pools_read(const struct boot_info *b)
{
    pool_count = b->pool_nodes;
    if (pool_count == 0)
        return NULL;
    pools = heap_alloc(pool_count * sizeof(*pools));
    if (!pools) {
        log_error("no memory for %u CPU pools: all CPUs are in pool 0", pool_count);
        pool_count = 0;
        return NULL;
    }
    static_pools_parse(b, pools, &report);
    for (unsigned i = 0; i < pool_count; i++)
        if (pools[i].number == 0 && !pools[i].broken)
            return pools[i].scheduler;
    return NULL;
}

/* The pool that a CPU enters when it comes up. */
static uint32_t home_of(unsigned cpu)
{
    uint64_t mpidr = arch_boot_mpidr(cpu);

    for (unsigned i = 0; i < pool_count; i++)
        for (unsigned k = 0; !pools[i].broken && k < pools[i].cpu_count; k++)
            if (pools[i].mpidr[k] == mpidr)
                return pools[i].number;
    return 0;
}

static int make(const struct static_pool *p)
{
    const struct sched_policy *policy = p->scheduler ? sched_policy_named(p->scheduler) : sched_pool_find(0, true)->policy;
    uint32_t number = p->number;
    int error = number ? sched_pool_create(&number, policy->abi_id) : 0;

    if (!error && p->frame.count)
        error = sched_pool_set_frame(sched_pool_find(number, true), &p->frame);
    return error;
}

/* CPUs that no node names are in pool 0, also beside a pool of the boot CPU, which is that one. */
void static_pools_make(void)
{
    for (unsigned i = 0; i < pool_count; i++) {
        int error = pools[i].broken ? 0 : make(&pools[i]);

        if (!error)
            continue;
        log_error("/chosen/%s: the CPU pool could not be made (error %d)", pools[i].node, error);
        pools[i].broken = true;
    }
    sched_set_homes(home_of);
}

void static_pools_tell(void)
{
    for (unsigned i = 0; i < pool_count; i++) {
        const struct sched_pool *p = pools[i].broken ? NULL : sched_pool_find(pools[i].number, true);
        unsigned up = p ? bitmap_count(p->cpus.bits, MAX_CPUS) : 0;

        if (!p)
            continue;
        ASSERT(p->policy);
        if (up < pools[i].cpu_count)
            log_error("/chosen/%s: %u of its CPUs did not come up", pools[i].node, pools[i].cpu_count - up);
        log_info("CPU pool %u (%s): %u CPU%s, %s", p->id, pools[i].node, up, up == 1 ? "" : "s", p->policy->name);
    }
}
