/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk behind an IOMMU is told to reach memory that is not its owner's. As dom0: another domain's page, before it is granted, while
 * it is, and after. In a partition that owns the disk ("partition"): host memory that is not the partition's, after its ITS was asked
 * for messages of a foreign device; then
 * it may crash ("crash") and do the same in its next life.
 */
#include "guests/dma_attack/victim.h"

static uint8_t buffer[PAGE_SIZE] PAGE_ALIGNED;

static void test_own_memory(void)
{
    check(disk_start(), "the disk goes the IOMMU's way", "no such feature, or no start");
    check(disk_move((uint64_t)buffer, SECTOR_GIVEN, true) && is_given(buffer), "a sector read into our memory", "wrong content");
    memset(buffer, 0x3c, SECTOR);
    check(disk_move((uint64_t)buffer, SECTOR_OURS, false), "a sector written from our memory", "it says no");
    memset(buffer, 0, SECTOR);
    check(disk_move((uint64_t)buffer, SECTOR_OURS, true) && buffer[0] == 0x3c && buffer[SECTOR - 1] == 0x3c,
          "and read back", "wrong content");
}

static void never_runs(struct child_page *page)
{
    (void)page;
}

static bool make_victim(void)
{
    long rc = victim_make(never_runs);

    check_eq("a domain that is attacked", rc, 0);
    return !rc;
}

static struct gnttab_map_grant_ref map(unsigned ref, unsigned flags)
{
    struct gnttab_map_grant_ref op;

    check_eq("a grant mapped", victim_map(&op, ref, flags), GNTST_okay);
    return op;
}

static void unmap(const struct gnttab_map_grant_ref *mapped)
{
    check_eq("and unmapped", victim_unmap(mapped), GNTST_okay);
}

static void test_victim(void)
{
    volatile uint64_t *page = foreign_map(victim.id, VICTIM_GFN);
    struct gnttab_map_grant_ref writable = map(RW_REF, 0), second, read_only;
    uint64_t at = writable.dev_bus_addr;

    check(page != NULL, "we see the page", "no mapping");
    if (!page)
        return;
    check(disk_reaches(at, page) && is_given((volatile uint8_t *)page), "granted: the disk reaches it", "untouched");
    second = map(RW_REF, 0);
    unmap(&writable);
    check(disk_reaches(at, page), "granted twice, unmapped once: it still does", "untouched");
    unmap(&second);
    check(!disk_reaches(at, page), "unmapped: it does not", "it was written to");
    read_only = map(RO_REF, GNTMAP_readonly);
    check(!disk_reaches(at, page), "granted for reading: it is not written to", "it was");
    check(disk_start() && disk_move(at, SECTOR_OURS, false), "but read from", "it says no");
    unmap(&read_only);
    check(!disk_reaches(at, page), "after that it is out of reach again", "it was written to");
    foreign_unmap((void *)(uintptr_t)page);
    check_eq("the attacked domain goes", domain_destroy(victim.id), 0);
}

/* Where the attacked host memory is says the command line of the test: below it is nothing of ours. */
#define HOST_MEMORY 0x60000000UL

#define ITS_CTLR 0x00
#define ITS_CBASER 0x80
#define ITS_CWRITER 0x88
#define ITS_CREADR 0x90
#define FOREIGN_DEVICE 0x10000UL        /* no msi-map of the board has it */

static volatile uint64_t *its_register(uint64_t its, unsigned offset)
{
    return (volatile uint64_t *)(its + offset);
}

/* Messages of a device that is somebody else's are asked for: MAPD. */
static void ask_for_foreign_messages(const void *fdt)
{
    unsigned node = fdt_find(fdt, "compatible", "arm,gic-v3-its"), length;
    const uint32_t *reg = node ? fdt_prop(fdt, node, "reg", &length) : NULL;
    uint64_t its = reg ? fdt_u64(reg, 0) : 0, *command = (uint64_t *)buffer;

    if (!its)
        return;
    memset(buffer, 0, sizeof(buffer));
    command[0] = 0x08 | FOREIGN_DEVICE << 32;
    command[1] = 4;
    command[2] = 1UL << 63;
    dsb();
    *its_register(its, ITS_CBASER) = 1UL << 63 | (uint64_t)buffer;
    *(volatile uint32_t *)(its + ITS_CTLR) = 1;
    *its_register(its, ITS_CWRITER) = 32;
    check_eq("the ITS goes on behind a foreign device", (long)*its_register(its, ITS_CREADR), 32);
}

static void attack_from_partition(const void *fdt, bool crash)
{
    ask_for_foreign_messages(fdt);
    disk_start();
    print("the disk is told to write to 0x%lx\n", HOST_MEMORY);
    disk_move(HOST_MEMORY, SECTOR_GIVEN, true);
    test_own_memory();
    test_summary();
    if (crash)
        guest_shutdown(SHUTDOWN_crash);
    for (;;)
        wfi();
}

void guest_main(const void *fdt)
{
    if (!disk_find(fdt)) {
        check(false, "a virtio disk", "none");
        test_done();
    }
    if (fdt_option(fdt, "partition"))
        attack_from_partition(fdt, fdt_option(fdt, "crash"));
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    test_own_memory();
    if (make_victim())
        test_victim();
    test_done();
}
