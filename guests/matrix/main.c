/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every size of stage 1 mapping over every kind of stage 2 mapping, with every
 * kind of access: by load, store, fetch, atomic, and through the hypervisor's
 * own look at guest memory (a hypercall's result).
 *
 *            stage 2   RAM of ours, foreign frame, granted rw, granted ro, hole, device hole
 *   stage 1  4 KiB
 *            2 MiB
 *            1 GiB
 */

#include "guests/lib/hypercall.h"

#define VALUE 0x0123456789abcdefUL
#define STAGE2_HOLE 0x3f00000000UL
#define RET_INSN 0xd65f03c0u

struct backing {
    const char *name;
    uint64_t pa; /* guest-physical, page aligned */
    bool readable, writable;
    bool ours; /* a frame of this domain: the reference refuses hypercall pointers to others */
};

/*
 * Xen 4.17 resumes the guest at an access that stage 2 denies by permission
 * (rather than by a missing mapping), for ever: what would hang is left out there.
 */
static bool on_reference;
static struct backing backings[6];
static unsigned backing_count;
static uint8_t ram_page[PAGE_SIZE] PAGE_ALIGNED;

static void never_runs(struct child_page *page)
{
    (void)page;
}

static void add(const char *name, uint64_t pa, bool readable, bool writable)
{
    ASSERT(backing_count < ARRAY_SIZE(backings));
    backings[backing_count] = (struct backing){ .name = name, .pa = pa, .readable = readable,
        .writable = writable, .ours = !backing_count };
    backing_count++;
}

/* The virtual address of pa when one stage 1 entry of this level covers it. */
static uint64_t map_at(uint64_t pa, unsigned level, unsigned flags)
{
    uint64_t size = 1UL << (39 - 9 * level);
    uint64_t va = WINDOW_BASE + ((uint64_t)level << 32);

    mmu_map(va, pa & ~(size - 1), level, flags);
    return va + (pa & (size - 1));
}

static void unmap_at(unsigned level)
{
    mmu_unmap(WINDOW_BASE + ((uint64_t)level << 32), level);
}

static void say(bool ok, const char *backing, unsigned level, const char *what, uint64_t detail)
{
    static const char *const sizes[] = { "", "1G", "2M", "4K" };
    char name[128];
    const char *parts[] = { backing, " ", sizes[level], " ", what };
    size_t at = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        memcpy(name + at, parts[i], strlen(parts[i]) + 1);
        at += strlen(parts[i]);
    }
    check(ok, name, "detail %lx", detail);
}

static bool is_abort(uint64_t esr)
{
    return ESR_EC(esr) == EC_DABT_SAME || ESR_EC(esr) == EC_IABT_SAME;
}

static void test_plain(const struct backing *b, unsigned level, uint64_t va)
{
    uint64_t value = 0, esr;

    if (b->writable || !b->readable || !on_reference) {
        esr = probe_store(va, 8, VALUE);
        say(b->writable ? !esr : is_abort(esr), b->name, level, "store", esr);
    }
    esr = probe_load(va, 8, &value);
    say(b->readable ? !esr : is_abort(esr), b->name, level, "load", esr);
    if (b->writable)
        say(value == VALUE, b->name, level, "value", value);
    esr = probe_load(va + 3, 4, &value);
    say(b->readable ? !esr : is_abort(esr), b->name, level, "unaligned load", esr);
}

static void test_atomic(const struct backing *b, unsigned level, uint64_t va)
{
    uint64_t old = 0, esr;
    unsigned status = 1;

    esr = PROBE("ldxr %0, [%1]", : "=r"(old) : "r"(va) : "memory");
    say(b->readable ? !esr : is_abort(esr), b->name, level, "load exclusive", esr);
    if (!b->writable)
        return;
    for (unsigned i = 0; i < 100 && status; i++)
        asm volatile("ldxr %0, [%2]\n add %0, %0, #1\n stxr %w1, %0, [%2]"
                     : "=&r"(old), "=&r"(status)
                     : "r"(va)
                     : "memory");
    say(!status && *(volatile uint64_t *)va == VALUE + 1, b->name, level, "atomic add",
        *(volatile uint64_t *)va);
}

/*
 * The hypervisor writes there for us, by a walk of both stages. Pointers into
 * frames of another domain may be refused whatever the mapping allows.
 */
static void test_hypercall(const struct backing *b, unsigned level, uint64_t va)
{
    struct evtchn_status *argument = (struct evtchn_status *)(va + 128);
    long rc = hypercall5(__HYPERVISOR_xen_version, XENVER_get_features, va + 64, 0, 0, 0);
    bool refused = rc == -XEN_EFAULT;

    say((rc == 0 && b->writable) || (refused && !b->ours), b->name, level, "hypercall result",
        (uint64_t)rc);
    if (!b->writable)
        return;
    argument->dom = DOMID_SELF;
    argument->port = 0;
    rc = evtchn_op(EVTCHNOP_status, argument);
    refused = rc == -XEN_EFAULT;
    say(rc == 0 || (refused && !b->ours), b->name, level, "hypercall argument", (uint64_t)rc);
}

/*
 * A fetch from our own frame runs, one from a hole aborts. Foreign and granted
 * frames are not executable.
 */
static void test_fetch(const struct backing *b, unsigned level, uint64_t va)
{
    bool runs = b->readable && b->ours;
    uint64_t esr;

    if (b->readable && !b->ours && on_reference)
        return;
    if (b->writable) {
        *(volatile uint32_t *)(va + 512) = RET_INSN;
        asm volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" : : "r"(va + 512)
                     : "memory");
    }
    esr = probe_exec(va + 512);
    say(runs ? !esr : is_abort(esr), b->name, level, "fetch", esr);
}

/* Stage 1 denies what stage 2 would allow. */
static void test_stage1_denies(void)
{
    uint64_t va = map_at((uint64_t)ram_page, 3, MAP_NORMAL | MAP_READONLY | MAP_NOEXEC), esr;

    esr = probe_store(va, 8, 1);
    say(is_abort(esr) && ESR_DFSC(esr) == 0x0f, "stage 1 read-only", 3, "store", esr);
    esr = probe_exec(va + 512);
    say(is_abort(esr), "stage 1 no-execute", 3, "fetch", esr);
    esr = probe_load(va, 8, NULL);
    say(!esr, "stage 1 read-only", 3, "load", esr);
    unmap_at(3);
    esr = probe_load(va, 8, NULL);
    say(is_abort(esr) && ESR_DFSC(esr) == 0x07, "stage 1 unmapped", 3, "load", esr);
}

static void test_backing(const struct backing *b)
{
    for (unsigned level = 3; level >= 1; level--) {
        uint64_t va = map_at(b->pa, level, MAP_NORMAL);

        test_plain(b, level, va);
        test_atomic(b, level, va);
        test_hypercall(b, level, va);
        test_fetch(b, level, va);
        unmap_at(level);
    }
}

static xen_pfn_t grant_one(const struct child *child, unsigned flags, unsigned reference)
{
    struct gnttab_map_grant_ref map = { .flags = GNTMAP_host_map | flags, .dom = child->id,
        .ref = reference };
    xen_pfn_t gfn = toolstack_free_gfn();

    map.host_addr = gfn << PAGE_SHIFT;
    if (grant_op(GNTTABOP_map_grant_ref, &map, 1) || map.status)
        guest_panic("cannot map a grant: %d", map.status);
    return gfn;
}

static void add_child_pages(void)
{
    static struct child child;
    xen_pfn_t table_gfn = toolstack_free_gfn();
    struct grant_entry_v1 *table = (struct grant_entry_v1 *)(table_gfn << PAGE_SHIFT);
    struct xen_mem_acquire_resource acquire = { .type = XENMEM_resource_grant_table,
        .nr_frames = 1 };
    long rc = child_build(&child, 1, never_runs);

    check_eq("a domain to map from", rc, 0);
    if (rc)
        return;
    add("foreign", (uint64_t)foreign_map(child.id, (CHILD_MEMORY_BASE >> PAGE_SHIFT) + 1030),
        true, true);
    acquire.domid = child.id;
    set_xen_guest_handle(acquire.frame_list, &table_gfn);
    rc = memory_op(XENMEM_acquire_resource, &acquire);
    check_eq("its grant table", rc, 0);
    if (rc)
        return;
    for (unsigned i = 8; i < 10; i++) {
        table[i].domid = 0;
        table[i].frame = (uint32_t)(CHILD_MEMORY_BASE >> PAGE_SHIFT) + 1040 + i;
        __atomic_store_n(&table[i].flags, GTF_permit_access, __ATOMIC_SEQ_CST);
    }
    add("granted", grant_one(&child, 0, 8) << PAGE_SHIFT, true, true);
    add("granted read-only", grant_one(&child, GNTMAP_readonly, 9) << PAGE_SHIFT, true, false);
}

void guest_main(const void *fdt)
{
    on_reference = fdt_option(fdt, "reference");
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    add("ram", (uint64_t)ram_page, true, true);
    add_child_pages();
    add("hole", STAGE2_HOLE, false, false);
    add("freed page", toolstack_free_gfn() << PAGE_SHIFT, false, false);
    for (unsigned i = 0; i < backing_count; i++)
        test_backing(&backings[i]);
    test_stage1_denies();
    test_done();
}
