/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU pools: each CPU belongs to one pool or is free, each group runs on its pool's CPUs by its pool's policy. Pool 0 is there from the
 * start and takes every CPU that comes up and has no other home. A pool with groups has a CPU.
 *
 * A pointer from a look-up is good until the CPU next passes its quiescent point. No lock is held by callers, except where a line says so.
 */
#ifndef SCHED_POOL_H
#define SCHED_POOL_H

#include "core/quiesce.h"
#include "sched/sched.h"

#define SCHED_POOL_ANY UINT32_MAX

/* A major frame (arinc653): windows one after the other from its start; what is left of it behind them belongs to nobody. */
#define SCHED_FRAME_WINDOWS 64
#define SCHED_MIN_WINDOW USEC(10)

struct sched_window {
    uint8_t handle[16];         /* of the group; one that nobody has: idle */
    uint32_t number;            /* of the unit in it */
    nsec_t length;
};

struct sched_frame {
    uint64_t id;                /* never 0, never used again */
    nsec_t start, major;
    unsigned count;
    struct sched_window windows[SCHED_FRAME_WINDOWS];
    struct quiesce_call free_call;
};

struct sched_pool {
    struct list link;
    uint32_t id;
    const struct sched_policy *policy;
    cpu_set cpus;               /* atomic bits: changed under LOCK_POOLS and the run queue's lock */
    uint32_t groups;            /* under LOCK_POOLS */
    uint32_t ratelimit_us;      /* atomic */
    struct sched_frame *frame;  /* atomic; of a policy that has one; NULL: not set yet */
    struct quiesce_call free_call;
};

/* The pool of that number (exact), or the one with the least number from there on; NULL: none. */
struct sched_pool *sched_pool_find(uint32_t id, bool exact);
/* A pool without CPUs under the policy of that ABI id. *id: its number, SCHED_POOL_ANY: one above the greatest. -E_EXIST, -E_NOENT (no
 * such policy), -E_NOSPC (2 * MAX_CPUS of them), -E_NOMEM. */
int sched_pool_create(uint32_t *id, uint32_t policy_id) MUST_CHECK;
/* -E_NOENT, -E_BUSY: it has groups or CPUs. Pool 0 stays. */
int sched_pool_destroy(uint32_t id) MUST_CHECK;
/* Boot, after sched_init: the number of the pool that a CPU enters when it comes up; 0 for CPU 0. One that there is not: pool 0. */
void sched_set_homes(uint32_t (*of)(unsigned cpu));
/* Put a free CPU into a pool. -E_NOENT: no such pool; -E_INVAL: no such CPU; -E_NODEV: not online or not free. */
int sched_pool_add_cpu(uint32_t id, unsigned cpu) MUST_CHECK;
/*
 * Begin to take a CPU out: nothing new is placed on it, and the caller sees to it that what is there goes (sched_unit_recheck). To be
 * called again until sched_cpu_is_drained; then the CPU is free. -E_NOENT: no such pool; -E_ADDRNOTAVAIL: not in this pool; -E_BUSY: the
 * last one of a pool that has groups; -E_INVAL: CPU 0 stays in pool 0.
 */
int sched_pool_take_cpu(uint32_t id, unsigned cpu) MUST_CHECK;
bool sched_cpu_is_drained(unsigned cpu);
/* The CPUs that are online and in no pool. */
cpu_set sched_free_cpus(void);
/* -E_INVAL above SCHED_MAX_RATELIMIT_US; -E_OPNOTSUPP: its policy has none. */
int sched_pool_set_ratelimit_us(struct sched_pool *p, uint32_t us) MUST_CHECK;

/* The pool's frame is a copy of `from`, of which major, count and windows matter, and starts at once. -E_OPNOTSUPP: its policy has none;
 * -E_INVAL: no window, too many, one below SCHED_MIN_WINDOW, or more than fits into the frame; -E_NOMEM. */
int sched_pool_set_frame(struct sched_pool *p, const struct sched_frame *from) MUST_CHECK;

/* A group with default parameters enters a pool. -E_SRCH: no such pool, -E_NODEV: it has no CPU. */
int sched_group_init(struct sched_group *g, uint32_t pool) MUST_CHECK;
/* Its units have been removed. LOCK_DOMAIN_CONTROL may be held. */
void sched_group_leave(struct sched_group *g);
/* Move a group; then call sched_unit_rehome for each of its units. -E_NOENT: no such pool, or it has no CPU. */
int sched_group_move(struct sched_group *g, uint32_t pool) MUST_CHECK;
struct sched_pool *sched_group_pool(const struct sched_group *g);

#endif
