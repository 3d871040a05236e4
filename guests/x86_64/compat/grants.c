/* SPDX-License-Identifier: Apache-2.0 */
/* grant_table_op: the table, and copies, whose elements have 24 bytes. pages[2] is the table's first frame: memory.c. */
#include "compat.h"

#define COPIES 20       /* of one list; more than one run does */

static void test_table(void)
{
    xen_pfn_t frames[3] = { 0, 0, 0x12345678 };
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 2 };
    struct gnttab_get_status_frames status = { .dom = DOMID_SELF, .nr_frames = 1 };
    struct gnttab_set_version version = { .version = 1 };

    set_xen_guest_handle(setup.frame_list, frames);
    check_equal("set_version", call(__HYPERVISOR_grant_table_op, GNTTABOP_set_version, &version, 1), 0);
    check_equal("setup_table", call(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &setup, 1), 0);
    check("its list has entries of a long", setup.status == GNTST_okay && frames[1] == ~0ul && frames[2] == 0x12345678);
    check_equal("get_status_frames", call(__HYPERVISOR_grant_table_op, GNTTABOP_get_status_frames, &status, 1), 0);
    check("there are none", status.status == GNTST_general_error);
}

static void test_copies(void)
{
    struct grant_entry_v1 *table = (struct grant_entry_v1 *)pages[2];
    static struct gnttab_copy op[COPIES];
    bool good = true;

    table[8].domid = 0;
    table[8].frame = gfn_of(pages[40]);
    table[8].flags = GTF_permit_access;
    for (unsigned i = 0; i < COPIES; i++) {
        pages[40][i * 16] = (char)(i + 1);
        op[i] = (struct gnttab_copy){ .source = { .u.ref = 8, .domid = 0, .offset = (uint16_t)(i * 16) },
                                      .dest = { .u.gmfn = gfn_of(pages[41]), .domid = DOMID_SELF, .offset = (uint16_t)(i * 8) },
                                      .len = 8, .flags = GNTCOPY_source_gref, .status = 1 };
    }
    op[COPIES - 1].source.u.ref = 9;
    check_equal("copies", call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, op, COPIES), 0);
    for (unsigned i = 0; i < COPIES - 1; i++)
        good = good && op[i].status == GNTST_okay && pages[41][i * 8] == (char)(i + 1) && op[i].dest.u.gmfn == gfn_of(pages[41]);
    check("each has copied, with its status", good);
    check("but the last", op[COPIES - 1].status < 0 && pages[41][(COPIES - 1) * 8] == 0);
    check_equal("a list that is not there", call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (void *)0xfffff000, 1), -14);
}

void test_grants(void)
{
    test_table();
    test_copies();
}
