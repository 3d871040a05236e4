/* SPDX-License-Identifier: Apache-2.0 */
/* Much of everything: how many domains there can be; many things made and taken away again, where the longest stretch is measured from outside. */
#include "guests/probe/probe.h"

#define DOMAINS 300
#define PORTS 3000
#define MANY 1100
#define FIFO_PAGES 3
#define FIFO_GFN(n) (((uint64_t)(uintptr_t)fifo_pages >> PAGE_SHIFT) + (n))

static char fifo_pages[FIFO_PAGES + 1][1 << PAGE_SHIFT] __attribute__((aligned(1 << PAGE_SHIFT)));

static void make_and_destroy_domains(void)
{
    static domid_t ids[DOMAINS];
    unsigned made = 0;

    for (; made < DOMAINS; made++) {
        struct xen_domctl op = { 0 };
        long id = domain_create(1);

        if (id < 0)
            break;
        ids[made] = (domid_t)id;
        op.u.max_vcpus.max = 1;
        if (domctl(&op, XEN_DOMCTL_max_vcpus, ids[made]))
            break;
    }
    print("NOTE crowd: %u domains\n", made);
    for (unsigned i = 0; i < made; i++)
        domain_destroy(ids[i]);
    if (made)
        domain_wait_gone(ids[made - 1], 1000 * TICKS_PER_MS);
}

/* Ports beyond a page of event words, and then the words. Events of the two-level kind end here: the group runs last on its machine. */
static void grow_event_array(void)
{
    struct evtchn_init_control control = { .control_gfn = FIFO_GFN(0) };
    unsigned bound = 0;
    long rc;

    for (; bound < PORTS; bound++) {
        struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };

        if (evtchn_op(EVTCHNOP_alloc_unbound, &op))
            break;
    }
    rc = evtchn_op(EVTCHNOP_init_control, &control);
    for (unsigned i = 0; !rc && i < FIFO_PAGES; i++) {
        struct evtchn_expand_array grow = { .array_gfn = FIFO_GFN(1 + i) };

        rc = evtchn_op(EVTCHNOP_expand_array, &grow);
    }
    print("NOTE crowd: %u ports, FIFO %ld\n", bound, rc);
}

void probe_crowd(void)
{
    make_and_destroy_domains();
    grow_event_array();
}

/* Domains with one vCPU and no memory, until the hypervisor says no. The machine ends after this. */
void probe_many(void)
{
    unsigned made = 0;
    long id = 0;

    while (made < MANY && (id = domain_create(1)) >= 0) {
        struct xen_domctl op = { 0 };

        op.u.max_vcpus.max = 1;
        if (domctl(&op, XEN_DOMCTL_max_vcpus, (domid_t)id))
            break;
        made++;
    }
    print("NOTE guests_max: ended by %ld\n", id);
    row("guests_max", made);
}
