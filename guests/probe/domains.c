/* SPDX-License-Identifier: Apache-2.0 */
/* What a domain costs to make and to have, and granted pages. */

#include "guests/probe/probe.h"

#define ROUNDS 8
#define EMPTY_DOMAINS 16
#define GRANT_BATCH 16
#define GRANT_ROUNDS 8
#define BIG_GUEST_MIB 256
#define LIBXL_POOL_BYTES 0x280000
#define PAGES_PER_MIB 256

static void keep_least(uint64_t *least, uint64_t start)
{
    uint64_t ticks = counter_now() - start;

    if (ticks < *least)
        *least = ticks;
}

static long set_vcpus(domid_t id, unsigned max)
{
    struct xen_domctl op = { 0 };

    op.u.max_vcpus.max = max;
    return domctl(&op, XEN_DOMCTL_max_vcpus, id);
}

static long create_with_vcpu(void)
{
    long id = domain_create(1);

    if (id >= 0 && set_vcpus((domid_t)id, 1)) {
        domain_destroy((domid_t)id);
        return -1;
    }
    return id;
}

static void probe_life_cycle(void)
{
    uint64_t create = ~0UL, vcpus = ~0UL, destroy = ~0UL;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start = counter_now();
        long id = domain_create(1);

        keep_least(&create, start);
        if (id < 0) {
            print("NOTE createdomain: %ld\n", id);
            row_missing("createdomain", "createdomain failed");
            return;
        }
        start = counter_now();
        if (set_vcpus((domid_t)id, 1) == 0)
            keep_least(&vcpus, start);
        start = counter_now();
        if (domain_destroy((domid_t)id) == 0)
            keep_least(&destroy, start);
        domain_wait_gone((domid_t)id, 100 * TICKS_PER_MS);
    }
    row("createdomain", create * INSNS_PER_TICK);
    row("max_vcpus", vcpus * INSNS_PER_TICK);
    row("destroydomain", destroy * INSNS_PER_TICK);
}

static void probe_empty_domains(void)
{
    long ids[EMPTY_DOMAINS];
    unsigned made = 0;
    uint64_t before = settled_free_pages(), after;

    while (made < EMPTY_DOMAINS && (ids[made] = create_with_vcpu()) >= 0)
        made++;
    after = settled_free_pages();
    for (unsigned i = 0; i < made; i++)
        domain_destroy((domid_t)ids[i]);
    for (unsigned i = 0; i < made; i++)
        domain_wait_gone((domid_t)ids[i], 100 * TICKS_PER_MS);
    if (made < EMPTY_DOMAINS)
        row_missing("empty_domain_kib", "could not make the domains");
    else
        row("empty_domain_kib", ((before - after) * 4 + EMPTY_DOMAINS / 2) / EMPTY_DOMAINS);
    row_signed("empty_domain_pages_lost", (long)(before - settled_free_pages()));
}

static long populate_mib(domid_t id, unsigned mib)
{
    struct xen_domctl op = { 0 };
    xen_pfn_t gfn[BIG_GUEST_MIB / 2];
    struct xen_memory_reservation reservation = {
        .nr_extents = mib / 2,
        .extent_order = 9,
        .domid = id,
    };
    long rc;

    ASSERT(mib / 2 <= ARRAY_SIZE(gfn));
    op.u.max_mem.max_memkb = mib * 1024UL + 1024;
    rc = domctl(&op, XEN_DOMCTL_max_mem, id);
    if (rc)
        return rc;
    memset(&op, 0, sizeof(op));
    op.u.paging_mempool.size = LIBXL_POOL_BYTES;
    rc = domctl(&op, XEN_DOMCTL_set_paging_mempool_size, id);
    if (rc)
        return rc;
    for (unsigned i = 0; i < mib / 2; i++)
        gfn[i] = (CHILD_MEMORY_BASE >> PAGE_SHIFT) + ((xen_pfn_t)i << 9);
    set_xen_guest_handle(reservation.extent_start, gfn);
    rc = memory_op(XENMEM_populate_physmap, &reservation);
    return rc == (long)(mib / 2) ? 0 : rc < 0 ? rc : -XEN_ENOMEM;
}

/* Memory beside its RAM that a 256 MiB guest takes, with the p2m quota that libxl sets. */
static void probe_overhead(void)
{
    uint64_t before = settled_free_pages(), during, start, ticks;
    long id = create_with_vcpu();
    long rc;

    if (id < 0) {
        row_missing("guest_overhead_kib", "createdomain failed");
        return;
    }
    start = counter_now();
    rc = populate_mib((domid_t)id, BIG_GUEST_MIB);
    ticks = counter_now() - start;
    during = host_free_pages();
    if (rc == 0) {
        row("guest_overhead_kib", (before - during - BIG_GUEST_MIB * PAGES_PER_MIB) * 4);
        row("populate_256mib", ticks * INSNS_PER_TICK);
    } else {
        print("NOTE populate: %ld\n", rc);
        row_missing("guest_overhead_kib", "populate_physmap failed");
    }
    start = counter_now();
    domain_destroy((domid_t)id);
    row("destroy_256mib", (counter_now() - start) * INSNS_PER_TICK);
    domain_wait_gone((domid_t)id, 1000 * TICKS_PER_MS);
    row_signed("guest_pages_lost", (long)(before - settled_free_pages()));
}

void probe_domains(void)
{
    probe_life_cycle();
    probe_empty_domains();
    probe_overhead();
}

static void never_runs(struct child_page *page)
{
    (void)page;
}

/* Grants GRANT_BATCH pages of the child to us, by writing its grant table for it. */
static bool grant_from(const struct child *child)
{
    xen_pfn_t gfn = toolstack_free_gfn();
    struct grant_entry_v1 *table = (struct grant_entry_v1 *)(gfn << PAGE_SHIFT);
    struct xen_mem_acquire_resource acquire = {
        .domid = child->id,
        .type = XENMEM_resource_grant_table,
        .id = XENMEM_resource_grant_table_id_shared,
        .nr_frames = 1,
    };
    long rc;

    set_xen_guest_handle(acquire.frame_list, &gfn);
    rc = memory_op(XENMEM_acquire_resource, &acquire);
    if (rc) {
        print("NOTE acquire_resource: %ld\n", rc);
        return false;
    }
    for (unsigned i = 0; i < GRANT_BATCH; i++) {
        table[8 + i].domid = 0;
        table[8 + i].frame = (uint32_t)(CHILD_MEMORY_BASE >> PAGE_SHIFT) + 1024 + i;
        __atomic_store_n(&table[8 + i].flags, GTF_permit_access, __ATOMIC_SEQ_CST);
    }
    return true;
}

static uint64_t time_grant_op(unsigned cmd, void *ops, unsigned count)
{
    uint64_t start = counter_now();
    long rc = grant_op(cmd, ops, count);

    return rc ? ~0UL : counter_now() - start;
}

static void probe_map_unmap(const struct child *child, const xen_pfn_t *gfn, unsigned count,
                            const char *map_row, const char *unmap_row)
{
    static struct gnttab_map_grant_ref map[GRANT_BATCH];
    static struct gnttab_unmap_grant_ref unmap[GRANT_BATCH];
    uint64_t best_map = ~0UL, best_unmap = ~0UL;

    for (unsigned round = 0; round < GRANT_ROUNDS; round++) {
        uint64_t ticks;

        for (unsigned i = 0; i < count; i++)
            map[i] = (struct gnttab_map_grant_ref){ .host_addr = gfn[i] << PAGE_SHIFT,
                .flags = GNTMAP_host_map, .ref = 8 + i, .dom = child->id };
        ticks = time_grant_op(GNTTABOP_map_grant_ref, map, count);
        if (map[count - 1].status) {
            print("NOTE %s: status %d\n", map_row, map[count - 1].status);
            row_missing(map_row, "a page was not mapped");
            return;
        }
        best_map = ticks < best_map ? ticks : best_map;
        for (unsigned i = 0; i < count; i++)
            unmap[i] = (struct gnttab_unmap_grant_ref){ .host_addr = gfn[i] << PAGE_SHIFT,
                .handle = map[i].handle };
        ticks = time_grant_op(GNTTABOP_unmap_grant_ref, unmap, count);
        best_unmap = ticks < best_unmap ? ticks : best_unmap;
        ASSERT(unmap[count - 1].status == 0);
    }
    row(map_row, per_operation(best_map, 0, count));
    row(unmap_row, per_operation(best_unmap, 0, count));
}

static void probe_copy(const struct child *child, unsigned count, const char *name)
{
    static struct gnttab_copy copy[GRANT_BATCH];
    static uint8_t buffer[PAGE_SIZE] PAGE_ALIGNED;
    uint64_t best = ~0UL;

    for (unsigned round = 0; round < GRANT_ROUNDS; round++) {
        uint64_t ticks;

        for (unsigned i = 0; i < count; i++) {
            copy[i] = (struct gnttab_copy){ .len = PAGE_SIZE, .flags = GNTCOPY_source_gref };
            copy[i].source.u.ref = 8 + i;
            copy[i].source.domid = child->id;
            copy[i].dest.u.gmfn = (uint64_t)buffer >> PAGE_SHIFT;
            copy[i].dest.domid = DOMID_SELF;
        }
        ticks = time_grant_op(GNTTABOP_copy, copy, count);
        if (copy[count - 1].status) {
            print("NOTE %s: status %d\n", name, copy[count - 1].status);
            row_missing(name, "a page was not copied");
            return;
        }
        best = ticks < best ? ticks : best;
    }
    row(name, per_operation(best, 0, count));
}

void probe_grants(void)
{
    struct child child = { 0 };
    xen_pfn_t gfn[GRANT_BATCH];
    long rc = child_build(&child, 1, never_runs);

    if (rc || !grant_from(&child)) {
        print("NOTE grants: %ld\n", rc);
        row_missing("grant_map", "no domain that grants");
        return;
    }
    for (unsigned i = 0; i < GRANT_BATCH; i++)
        gfn[i] = toolstack_free_gfn();
    probe_map_unmap(&child, gfn, 1, "grant_map_single", "grant_unmap_single");
    probe_map_unmap(&child, gfn, GRANT_BATCH, "grant_map", "grant_unmap");
    probe_copy(&child, 1, "grant_copy_single");
    probe_copy(&child, GRANT_BATCH, "grant_copy");
    domain_destroy(child.id);
}
