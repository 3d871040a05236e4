/* SPDX-License-Identifier: Apache-2.0 */
/* Granted pages between a child that grants and us that map and copy: rights, errors, life. */

#include "guests/lib/hypercall.h"

#define FIRST_GFN ((CHILD_MEMORY_BASE >> PAGE_SHIFT) + 1024)
#define RW_REF 8
#define RO_REF 9
#define STRANGER_REF 10
#define FREE_REF 11
#define BADFRAME_REF 12

static struct child child;
static struct grant_entry_v1 *table;
static uint8_t buffer[PAGE_SIZE] PAGE_ALIGNED;

static void never_runs(struct child_page *page)
{
    (void)page;
}

static void set_entry(unsigned ref, domid_t domain, xen_pfn_t gfn, uint16_t flags)
{
    table[ref].domid = domain;
    table[ref].frame = (uint32_t)gfn;
    __atomic_store_n(&table[ref].flags, flags, __ATOMIC_SEQ_CST);
}

static bool setup(void)
{
    xen_pfn_t gfn = toolstack_free_gfn();
    struct xen_mem_acquire_resource acquire = { .type = XENMEM_resource_grant_table,
        .nr_frames = 1 };
    long rc = child_build(&child, 1, never_runs);

    check_eq("a domain that grants", rc, 0);
    if (rc)
        return false;
    acquire.domid = child.id;
    set_xen_guest_handle(acquire.frame_list, &gfn);
    rc = memory_op(XENMEM_acquire_resource, &acquire);
    check_eq("its grant table mapped", rc, 0);
    if (rc)
        return false;
    table = (struct grant_entry_v1 *)(gfn << PAGE_SHIFT);
    set_entry(RW_REF, 0, FIRST_GFN, GTF_permit_access);
    set_entry(RO_REF, 0, FIRST_GFN + 1, GTF_permit_access | GTF_readonly);
    set_entry(STRANGER_REF, 77, FIRST_GFN + 2, GTF_permit_access);
    set_entry(BADFRAME_REF, 0, 0xfffffff0, GTF_permit_access);
    return true;
}

static struct gnttab_map_grant_ref map(unsigned ref, unsigned flags, domid_t domain,
                                       xen_pfn_t gfn)
{
    struct gnttab_map_grant_ref op = { .host_addr = gfn << PAGE_SHIFT, .flags = flags,
        .ref = ref, .dom = domain };
    long rc = grant_op(GNTTABOP_map_grant_ref, &op, 1);

    if (rc)
        op.status = (int16_t)rc;
    return op;
}

static long unmap(xen_pfn_t gfn, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = gfn << PAGE_SHIFT, .handle = handle };
    long rc = grant_op(GNTTABOP_unmap_grant_ref, &op, 1);

    return rc ? rc : op.status;
}

static void test_map(void)
{
    xen_pfn_t gfn = toolstack_free_gfn();
    struct gnttab_map_grant_ref op = map(RW_REF, GNTMAP_host_map, child.id, gfn);
    volatile uint64_t *page = (volatile uint64_t *)(gfn << PAGE_SHIFT);
    uint64_t *theirs;

    check_eq("map", op.status, GNTST_okay);
    check_eq("the entry says reading and writing", table[RW_REF].flags & 0x1f,
             GTF_permit_access | GTF_reading | GTF_writing);
    page[5] = 0x5555aaaa;
    theirs = foreign_map(child.id, FIRST_GFN);
    check(theirs && theirs[5] == 0x5555aaaa, "the same page", "other content");
    foreign_unmap(theirs);
    check_eq("unmap by a wrong handle", unmap(gfn, op.handle + 1000), GNTST_bad_handle);
    check_eq("unmap", unmap(gfn, op.handle), GNTST_okay);
    check_eq("the entry is free of use", table[RW_REF].flags & 0x1f, GTF_permit_access);
    check(probe_load((uint64_t)page, 8, NULL) != 0, "nothing is mapped after", "readable");
    check(unmap(gfn, op.handle) < 0, "unmap twice", "accepted");
}

static void test_map_errors(void)
{
    xen_pfn_t gfn = toolstack_free_gfn();

    check_eq("map of a free entry", map(FREE_REF, GNTMAP_host_map, child.id, gfn).status,
             GNTST_general_error);
    check_eq("map beyond the table", map(100000, GNTMAP_host_map, child.id, gfn).status,
             GNTST_bad_gntref);
    check_eq("map of what is granted to another",
             map(STRANGER_REF, GNTMAP_host_map, child.id, gfn).status, GNTST_general_error);
    check_eq("map from no domain", map(RW_REF, GNTMAP_host_map, 12345, gfn).status,
             GNTST_bad_domain);
    check_eq("map without a purpose", map(RW_REF, 0, child.id, gfn).status, GNTST_bad_gntref);
    check_eq("writable map of a read-only grant",
             map(RO_REF, GNTMAP_host_map, child.id, gfn).status, GNTST_general_error);
    check(map(BADFRAME_REF, GNTMAP_host_map, child.id, gfn).status < 0, "map of no frame",
          "accepted");
    check_eq("nothing stays in the entry", table[BADFRAME_REF].flags & 0x1f, GTF_permit_access);
}

static void test_readonly(void)
{
    xen_pfn_t gfn = toolstack_free_gfn();
    struct gnttab_map_grant_ref op =
        map(RO_REF, GNTMAP_host_map | GNTMAP_readonly, child.id, gfn);

    check_eq("read-only map", op.status, GNTST_okay);
    check_eq("the entry says reading", table[RO_REF].flags & (GTF_reading | GTF_writing),
             GTF_reading);
    check_eq("readable", (long)probe_load(gfn << PAGE_SHIFT, 8, NULL), 0);
    check_eq("unmapped", unmap(gfn, op.handle), GNTST_okay);
}

static void test_twice(void)
{
    xen_pfn_t a = toolstack_free_gfn(), b = toolstack_free_gfn();
    struct gnttab_map_grant_ref first = map(RW_REF, GNTMAP_host_map, child.id, a);
    struct gnttab_map_grant_ref second = map(RW_REF, GNTMAP_host_map, child.id, b);

    check(first.status == 0 && second.status == 0, "mapped twice", "%d %d", first.status,
          second.status);
    *(volatile uint64_t *)(a << PAGE_SHIFT) = 77;
    check_eq("one page at two places", (long)*(volatile uint64_t *)(b << PAGE_SHIFT), 77);
    check_eq("first unmapped", unmap(a, first.handle), GNTST_okay);
    check(table[RW_REF].flags & GTF_writing, "still in use", "flags %x", table[RW_REF].flags);
    check_eq("second unmapped", unmap(b, second.handle), GNTST_okay);
    check(!(table[RW_REF].flags & GTF_writing), "not in use any more", "flags %x",
          table[RW_REF].flags);
}

static long copy(unsigned ref, unsigned offset, unsigned length, bool to_them, unsigned ours)
{
    struct gnttab_copy op = { .len = (uint16_t)length,
        .flags = to_them ? GNTCOPY_dest_gref : GNTCOPY_source_gref };
    struct gnttab_copy_ptr *them = to_them ? &op.dest : &op.source;
    struct gnttab_copy_ptr *us = to_them ? &op.source : &op.dest;
    long rc;

    them->u.ref = ref;
    them->domid = child.id;
    them->offset = (uint16_t)offset;
    us->u.gmfn = (uint64_t)buffer >> PAGE_SHIFT;
    us->domid = DOMID_SELF;
    us->offset = (uint16_t)ours;
    rc = grant_op(GNTTABOP_copy, &op, 1);
    return rc ? rc : op.status;
}

/* Much goes in blocks, whose edges these lengths are at. */
static void test_copy_lengths(const uint8_t *theirs)
{
    static const uint16_t lengths[] = { 1, 15, 64, 255, 256, 257, 383, 384, 385, 511, 512, 513, 639, 640, 641, 1500, 4000, 4090 };
    unsigned wrong = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        unsigned n = lengths[i], ours = 1 + i % 3;

        memset(buffer, 0, PAGE_SIZE);
        if (copy(RW_REF, 5 - i % 5, n, false, ours) != GNTST_okay || memcmp(buffer + ours, theirs + 5 - i % 5, n) ||
            buffer[ours - 1] || buffer[ours + n])
            wrong = n;
    }
    check(!wrong, "copies of all lengths", "%u bytes", wrong);
}

static void test_copy(void)
{
    uint8_t *theirs = foreign_map(child.id, FIRST_GFN);

    ASSERT(theirs);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        theirs[i] = (uint8_t)(i * 7);
    check_eq("copy a page", copy(RW_REF, 0, PAGE_SIZE, false, 0), GNTST_okay);
    check(!memcmp(buffer, theirs, PAGE_SIZE), "the copy is right", "differs");
    memset(buffer, 0, PAGE_SIZE);
    check_eq("copy odd bytes", copy(RW_REF, 13, 101, false, 57), GNTST_okay);
    check(!memcmp(buffer + 57, theirs + 13, 101) && !buffer[56] && !buffer[158],
          "only those bytes", "differs");
    test_copy_lengths(theirs);
    memset(buffer, 0x5a, PAGE_SIZE);
    check_eq("copy to them", copy(RW_REF, 100, 50, true, 0), GNTST_okay);
    check(theirs[100] == 0x5a && theirs[149] == 0x5a && theirs[150] == (uint8_t)(150 * 7),
          "they have it", "differs");
    check_eq("copy of nothing", copy(RW_REF, 0, 0, false, 0), GNTST_okay);
    check_eq("copy across the page's end", copy(RW_REF, 4000, 200, false, 0), GNTST_bad_copy_arg);
    check_eq("copy across our page's end", copy(RW_REF, 0, 200, false, 4000),
             GNTST_bad_copy_arg);
    check_eq("copy to a read-only grant", copy(RO_REF, 0, 16, true, 0), GNTST_general_error);
    check_eq("copy from a read-only grant", copy(RO_REF, 0, 16, false, 0), GNTST_okay);
    check(copy(FREE_REF, 0, 16, false, 0) < 0, "copy from a free entry", "accepted");
    check(copy(STRANGER_REF, 0, 16, false, 0) < 0, "copy of what is granted to another",
          "accepted");
    foreign_unmap(theirs);
}

/* A batch goes on after an element that fails. */
static void test_batch(void)
{
    xen_pfn_t a = toolstack_free_gfn(), b = toolstack_free_gfn();
    struct gnttab_map_grant_ref ops[3] = {
        { .host_addr = a << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = RW_REF, .dom = child.id },
        { .host_addr = b << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = FREE_REF,
          .dom = child.id },
        { .host_addr = b << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = RW_REF, .dom = child.id },
    };

    check_eq("a batch", grant_op(GNTTABOP_map_grant_ref, ops, 3), 0);
    check(ops[0].status == 0 && ops[1].status < 0 && ops[2].status == 0,
          "its failing element fails alone", "%d %d %d", ops[0].status, ops[1].status,
          ops[2].status);
    check_eq("first of it unmapped", unmap(a, ops[0].handle), GNTST_okay);
    check_eq("last of it unmapped", unmap(b, ops[2].handle), GNTST_okay);
}

/* The granting domain is destroyed while we have its page mapped. */
static void test_destroyed_granter(void)
{
    xen_pfn_t gfn = toolstack_free_gfn();
    struct gnttab_map_grant_ref op = map(RW_REF, GNTMAP_host_map, child.id, gfn);
    volatile uint64_t *page = (volatile uint64_t *)(gfn << PAGE_SHIFT);

    check_eq("mapped before the end", op.status, GNTST_okay);
    page[9] = 4711;
    check_eq("destroyed", domain_destroy(child.id), 0);
    spin_ticks(5 * TICKS_PER_MS);
    check_eq("the page outlives it", (long)page[9], 4711);
    check(domain_flags(child.id) & XEN_DOMINF_dying, "it stays while we map", "gone");
    check_eq("unmap after the end", unmap(gfn, op.handle), GNTST_okay);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    if (setup()) {
        test_map();
        test_map_errors();
        test_readonly();
        test_twice();
        test_copy();
        test_batch();
        test_destroyed_granter();
    }
    test_done();
}
