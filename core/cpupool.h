/* SPDX-License-Identifier: Apache-2.0 */
/* CPU pools as domains see them. No lock held. */
#ifndef CORE_CPUPOOL_H
#define CORE_CPUPOOL_H

#include "core/domain.h"

/*
 * Every vCPU of d runs on the CPUs of that pool from now on, its affinity forgotten; what runs elsewhere is on its way when this returns.
 * *next: 0 at first; -E_RESTART: to be called again with what it has become. -E_NOENT: no such pool, or it has no CPU.
 */
int domain_move_to_pool(struct domain *d, uint32_t pool, unsigned *next) MUST_CHECK;
/* Take a CPU out of a pool; -E_RESTART until nothing is on it. Errors: sched_pool_take_cpu. */
int cpupool_remove_cpu(uint32_t pool, unsigned cpu) MUST_CHECK;

#endif
