/* SPDX-License-Identifier: Apache-2.0 */
/* Each child takes one kind of thing until the answer is no. */

#include "guests/hostile_limits/limits.h"

#define FAR_AWAY 0x1000000000UL /* nothing is mapped from here on */
#define TRIES 200000
#define FLOOD_MS 1200 /* longer than the second by which lines are counted */

static long new_port(void)
{
    struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    long rc = evtchn_op(EVTCHNOP_alloc_unbound, &op);

    return rc ? rc : (long)op.port;
}

void take_ports(struct child_page *page)
{
    struct evtchn_close close = { 0 };
    long port;

    while ((port = new_port()) >= 0)
        close.port = (evtchn_port_t)port;
    page->result[GOT] = close.port;
    page->result[THEN] = port;
    evtchn_op(EVTCHNOP_close, &close);
    page->result[AGAIN] = new_port();
    page->result[AGAIN_WANTED] = close.port;
}

void take_array_pages(struct child_page *page)
{
    static uint8_t control[PAGE_SIZE] PAGE_ALIGNED, array[PAGE_SIZE] PAGE_ALIGNED;
    struct evtchn_init_control init = { .control_gfn = (uint64_t)control >> PAGE_SHIFT };
    struct evtchn_expand_array expand = { .array_gfn = (uint64_t)array >> PAGE_SHIFT };
    long rc = evtchn_op(EVTCHNOP_init_control, &init);

    while (rc == 0 && page->result[GOT] < TRIES) {
        rc = evtchn_op(EVTCHNOP_expand_array, &expand);
        page->result[GOT] += rc == 0;
    }
    page->result[THEN] = rc;
    page->result[AGAIN] = page->result[AGAIN_WANTED] = 0;
}

static long map_shared(unsigned space, uint64_t index, uint64_t gfn)
{
    struct xen_add_to_physmap map = { .domid = DOMID_SELF, .space = space, .idx = index, .gpfn = gfn };

    return memory_op(XENMEM_add_to_physmap, &map);
}

void take_grant_frames(struct child_page *page)
{
    uint64_t gfn = FAR_AWAY >> PAGE_SHIFT;
    long rc;

    while ((rc = map_shared(XENMAPSPACE_grant_table, (uint64_t)page->result[GOT], gfn)) == 0)
        page->result[GOT]++;
    page->result[THEN] = rc;
    page->result[AGAIN] = map_shared(XENMAPSPACE_grant_table, 0, gfn);
    page->result[AGAIN_WANTED] = 0;
}

static long map_own(uint64_t gfn, domid_t self, grant_handle_t *handle)
{
    struct gnttab_map_grant_ref op = { .host_addr = gfn << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = 8, .dom = self };
    long rc = grant_op(GNTTABOP_map_grant_ref, &op, 1);

    *handle = op.handle;
    return rc ? rc : op.status;
}

void take_maptrack(struct child_page *page)
{
    static uint8_t granted[PAGE_SIZE] PAGE_ALIGNED;
    struct grant_entry_v1 *table = (struct grant_entry_v1 *)FAR_AWAY;
    struct gnttab_unmap_grant_ref unmap = { 0 };
    uint64_t gfn = (FAR_AWAY >> PAGE_SHIFT) + 1;
    grant_handle_t handle;
    long rc = map_shared(XENMAPSPACE_grant_table, 0, FAR_AWAY >> PAGE_SHIFT);

    table[8].domid = page->domid;
    table[8].frame = (uint32_t)((uint64_t)granted >> PAGE_SHIFT);
    table[8].flags = GTF_permit_access;
    while (rc == 0 && page->result[GOT] < TRIES && (rc = map_own(gfn, page->domid, &handle)) == 0) {
        unmap.handle = handle;
        unmap.host_addr = gfn++ << PAGE_SHIFT;
        page->result[GOT]++;
    }
    page->result[THEN] = rc;
    grant_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
    page->result[AGAIN] = unmap.status ? unmap.status : map_own(gfn, page->domid, &handle);
    page->result[AGAIN_WANTED] = 0;
}

void take_watchdogs(struct child_page *page)
{
    struct sched_watchdog op = { .timeout = 1000 };
    long rc;

    while ((rc = sched_op(SCHEDOP_watchdog, &op)) > 0 && page->result[GOT] < TRIES)
        page->result[GOT]++;
    page->result[THEN] = rc;
    op = (struct sched_watchdog){ .id = 1 };
    rc = sched_op(SCHEDOP_watchdog, &op);
    op = (struct sched_watchdog){ .timeout = 1000 };
    page->result[AGAIN] = rc ? rc : sched_op(SCHEDOP_watchdog, &op);
    page->result[AGAIN_WANTED] = 1;
    for (uint32_t id = 1; id <= 2; id++) {
        op = (struct sched_watchdog){ .id = id };
        sched_op(SCHEDOP_watchdog, &op);
    }
}

/* One page for each gigabyte: each wants tables of its own. */
void take_tables(struct child_page *page)
{
    uint64_t gfn = FAR_AWAY >> PAGE_SHIFT;
    long rc;

    while ((rc = map_shared(XENMAPSPACE_grant_table, 0, gfn)) == 0 && page->result[GOT] < TRIES) {
        page->result[GOT]++;
        gfn += 1UL << 9;
    }
    page->result[THEN] = rc;
    page->result[AGAIN] = map_shared(XENMAPSPACE_grant_table, 0, (FAR_AWAY >> PAGE_SHIFT) + 1);
    page->result[AGAIN_WANTED] = 0;
}

static long populate(uint64_t gfn)
{
    xen_pfn_t list = gfn;
    struct xen_memory_reservation op = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(op.extent_start, &list);
    return memory_op(XENMEM_populate_physmap, &op);
}

static long give_back(uint64_t gfn)
{
    xen_pfn_t list = gfn;
    struct xen_memory_reservation op = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(op.extent_start, &list);
    return memory_op(XENMEM_decrease_reservation, &op);
}

void take_memory(struct child_page *page)
{
    uint64_t gfn = FAR_AWAY >> PAGE_SHIFT;
    long rc;

    while ((rc = populate(gfn)) == 1 && page->result[GOT] < TRIES) {
        page->result[GOT]++;
        gfn++;
    }
    page->result[THEN] = rc;
    page->result[AGAIN] = give_back(gfn - 1) == 1 ? populate(gfn - 1) : -1;
    page->result[AGAIN_WANTED] = 1;
}

/* Lines, and what makes the hypervisor warn. */
void flood_console(struct child_page *page)
{
    uint64_t begin = counter_now();

    for (unsigned i = 0; counter_now() - begin < FLOOD_MS * TICKS_PER_MS; i++) {
        print("noise %u\n", i);
        if (i % 8 == 0)
            probe_load(0x22000000UL + i, 4, NULL);
        page->result[GOT]++;
    }
    page->result[THEN] = page->result[AGAIN] = page->result[AGAIN_WANTED] = 0;
}
