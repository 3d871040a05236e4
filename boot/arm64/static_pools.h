/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU pools from the tree: xen,cpupool nodes below /chosen. (docs/misc/arm/device-tree/cpupools.txt of the reference; vinci,* in
 * docs/static-partitions.md) Reading knows no hypervisor, as in static_plan.h.
 */
#ifndef BOOT_ARM64_STATIC_POOLS_H
#define BOOT_ARM64_STATIC_POOLS_H

#include "boot/arm64/static_plan.h"
#include "sched/pool.h"

struct static_pool {
    const char *node;                   /* its name */
    uint32_t number;                    /* 0 when the boot CPU is in it, else from 1 in the tree's order */
    bool broken;                        /* a line has said why: it is not made, its CPUs stay in pool 0 */
    const char *scheduler;              /* cpupool-sched; NULL: the usual one */
    uint64_t mpidr[MAX_CPUS];           /* cpupool-cpus */
    unsigned cpu_count;
    struct sched_frame frame;           /* vinci,major-frame, vinci,windows; count 0: none */
};

/* Fill `pools`, as many as b->pool_nodes, all zeros. */
void static_pools_parse(const struct boot_info *b, struct static_pool *pools, const struct static_report *report);
/* The number of the pool with that phandle; false: there is none. */
bool static_pool_number(const struct boot_info *b, uint32_t phandle, uint32_t *number);

/* Boot, CPU 0 (static_pools_start.c): the scheduler that the tree names for pool 0, or NULL. Before sched_init. */
const char *static_pools_read(const struct boot_info *b);
/* After sched_init, before the first CPU: the pools, and each CPU enters its own when it comes up. */
void static_pools_make(void);
/* All CPUs are up: what has become of them, a line each. */
void static_pools_tell(void);

#endif
