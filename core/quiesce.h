/* SPDX-License-Identifier: Apache-2.0 */
/* Deferred freeing: a function runs after every online CPU has passed its quiescent point (upcall_leave) (idle CPUs
 * are asked too). No lock is involved; the one who defers may hold any. */
#ifndef CORE_QUIESCE_H
#define CORE_QUIESCE_H

#include "lib/list.h"

struct quiesce_call {
    struct list link;
    void (*run)(struct quiesce_call *c);
    uint64_t epoch;
};

/* Run c->run later on some CPU, no lock held then. Never fails. */
void quiesce_defer(struct quiesce_call *c, void (*run)(struct quiesce_call *c));
/* This CPU holds no pointer found by a look-up: called by upcall_leave and the idle loop when CPU_WORK_QUIESCE asks. Runs what
 * is due. No lock held. */
void quiesce_point(void);
/* Boot: nothing is deferred. */
void quiesce_reset(void);

#endif
