/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a neighbour can do to a guest with a 1 ms timer. As dom0 this builds, for each kind of neighbour, the neighbour and the guest that is
 * measured, and prints a line of that guest's lateness: from its timer's deadline to the first instruction of its interrupt handler,
 * the hypervisor's work included.
 */
#ifndef GUESTS_ISOLATION_ISOLATION_H
#define GUESTS_ISOLATION_ISOLATION_H

#include "guests/lib/hypercall.h"

struct hog {
    const char *name;
    child_fn body;          /* runs in the neighbour for ever; NULL: there is none */
    void (*parent)(int cpu);    /* what dom0 does meanwhile, a bit at a time; NULL: it sleeps. cpu: where its guests belong, -1: anywhere */
};
extern const struct hog hogs[];
extern const unsigned hog_count;

/* Only this CPU for all vCPUs; 0 or an error. */
long pin(domid_t id, unsigned cpu);

#endif
