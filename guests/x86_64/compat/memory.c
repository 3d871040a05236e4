/* SPDX-License-Identifier: Apache-2.0 */
/* memory_op. */
#include "compat.h"

#define EXTENTS 20      /* more than one run does */
#define FIRST 8         /* of pages[], which come and go */

static void test_reservations(void)
{
    xen_pfn_t list[EXTENTS];
    struct { struct xen_memory_reservation r; uint32_t behind; } op = { .behind = 0x12345678 };
    unsigned command;
    bool zero = true;
    long back;

    for (unsigned i = 0; i < EXTENTS; i++) {
        list[i] = gfn_of(pages[FIRST + i]);
        pages[FIRST + i][17] = 1;
    }
    set_xen_guest_handle(op.r.extent_start, list);
    op.r.nr_extents = EXTENTS;
    op.r.domid = DOMID_SELF;
    check_equal("pages go", call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &op, 0), EXTENTS);
    back = call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &op, 0);
    /* What a continued call has noted there is beyond the command, and stays, as in the reference's. */
    command = left[0] % 64;
    check_equal("pages come back", back, EXTENTS);
    for (unsigned i = 0; i < EXTENTS; i++)
        zero = zero && pages[FIRST + i][17] == 0;
    check("they are new ones", zero && op.behind == 0x12345678);
    check("the command is as it was", command == XENMEM_populate_physmap);
    op.r.nr_extents = 0xffffffff;
    check_equal("more than a long tells", call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &op, 0), 0);
}

static void test_physmap(void)
{
    struct xen_add_to_physmap op = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = gfn_of(shared) };
    struct xen_remove_from_physmap out = { .domid = DOMID_SELF, .gpfn = gfn_of(pages[1]) };
    xen_pfn_t back = gfn_of(pages[1]);
    struct xen_memory_reservation in = { .nr_extents = 1, .domid = DOMID_SELF };

    memset(shared, 0xee, PAGE);
    check_equal("shared_info is mapped", call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &op, 0), 0);
    check("the wall clock is where it is for 32 bits", shared->wc_version % 2 == 0 && shared->wc_version && shared->arch.wc_sec_hi == 0);
    check_equal("a page is removed", call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &out, 0), 0);
    set_xen_guest_handle(in.extent_start, &back);
    check_equal("and is back", call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &in, 0), 1);
    op.gpfn = 0xffffffff;
    check("a page that no guest has", call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &op, 0) < 0);
}

/* Both lists have 4-byte entries; the errors too, as ever. */
static void test_batch(void)
{
    xen_ulong_t index[3] = { 0, 1, 1000 };
    xen_pfn_t gfn[3] = { gfn_of(pages[2]), gfn_of(pages[3]), gfn_of(pages[4]) };
    int error[3] = { 1, 1, 1 };
    struct gnttab_query_size size = { .dom = DOMID_SELF };
    struct xen_add_to_physmap_batch op = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .size = 3 };

    check_equal("query_size", call(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, &size, 1), 0);
    check("it has frames", size.status == GNTST_okay && size.nr_frames >= 1 && size.max_nr_frames < 1000);
    set_xen_guest_handle(op.idxs, index);
    set_xen_guest_handle(op.gpfns, gfn);
    set_xen_guest_handle(op.errs, error);
    check_equal("a batch", call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, &op, 0), 0);
    check("its errors", error[0] == 0 && error[1] == 0 && error[2] == -22);
}

static void test_map(void)
{
    struct { uint64_t address, size; uint32_t type; } __attribute__((packed)) entries[8] = { { .type = 0 } };
    struct { struct xen_memory_map m; uint32_t behind; } op = { .m.nr_entries = 8, .behind = 0x12345678 };

    set_xen_guest_handle(op.m.buffer, entries);
    check_equal("the map of memory", call(__HYPERVISOR_memory_op, XENMEM_memory_map, &op, 0), 0);
    check("begins with memory", op.m.nr_entries >= 2 && op.m.nr_entries <= 8 && entries[0].type == 1 && op.behind == 0x12345678);
}

void test_memory(void)
{
    domid_t self = DOMID_SELF;

    check("reservation", call(__HYPERVISOR_memory_op, XENMEM_current_reservation, &self, 0) > 1000);
    check("highest frame", call(__HYPERVISOR_memory_op, XENMEM_maximum_gpfn, &self, 0) > 0x1000);
    test_reservations();
    test_physmap();
    test_batch();
    test_map();
}
