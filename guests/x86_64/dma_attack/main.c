/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As dom0, behind an IOMMU or not: its disk is told to reach dom0's memory, another domain's page before it is granted, while it is and after,
 * and memory that dom0 sees but that is not for devices. Addresses are dom0's own. The board's disk holds i * 7 at byte i.
 */
#include "guests/dma_attack/victim.h"

/* Bus 0 of QEMU's q35. */
#define MMCONFIG 0xb0000000ul
#define PCI_COMMAND 4
#define COMMAND_MEMORY_AND_MASTER 6
/* Between QEMU's largest memory below 4 GiB and its PCI windows nothing is. */
#define HOLE 0xa0000000ul
#define HOLE_SIZE (16ul << 20)
#define START_INFO_COMMAND_LINE 24
#define IO_APIC 0xfec00000ul
/* Of a board with 512 MiB, 128 of them dom0's from 16 MiB on: free. */
#define FREE_MEMORY 0x18000000ul

static uint8_t buffer[PAGE_SIZE] PAGE_ALIGNED, given_up[PAGE_SIZE] PAGE_ALIGNED;

static bool find_disk(void)
{
    for (unsigned device = 0; device < 32; device++) {
        volatile uint8_t *config = (volatile uint8_t *)(MMCONFIG + (device << 15));

        if (*(volatile uint32_t *)config != DISK_ID)
            continue;
        *(volatile uint16_t *)(config + PCI_COMMAND) = COMMAND_MEMORY_AND_MASTER;
        return disk_use(config, 0, 0);
    }
    return false;
}

static void test_own_memory(void)
{
    check("the disk goes the IOMMU's way", disk_start());
    check("a sector is read into our memory", disk_move((uint64_t)buffer, SECTOR_GIVEN, true) && is_given(buffer));
    memset(buffer, 0x3c, SECTOR);
    check("a sector is written from our memory", disk_move((uint64_t)buffer, SECTOR_OURS, false));
    memset(buffer, 0, SECTOR);
    check("and read back", disk_move((uint64_t)buffer, SECTOR_OURS, true) && buffer[0] == 0x3c && buffer[SECTOR - 1] == 0x3c);
}

static bool make_victim(void)
{
    long rc = victim_make(NULL);

    check_equal("a domain that is attacked", (uint64_t)rc, 0);
    return !rc;
}

static void unmap(const struct gnttab_map_grant_ref *mapped)
{
    check_equal("a grant is unmapped", (uint64_t)victim_unmap(mapped), GNTST_okay);
}

static void test_victim(void)
{
    volatile uint64_t *page = foreign_map(victim.id, VICTIM_GFN);
    struct gnttab_map_grant_ref writable, read_only;

    check("we see the page", page != NULL);
    check_equal("a grant is mapped", (uint64_t)victim_map(&writable, RW_REF, 0), GNTST_okay);
    check("granted: the disk reaches it", disk_reaches(writable.host_addr, page) && is_given((volatile uint8_t *)page));
    unmap(&writable);
    check("unmapped: it does not", !disk_reaches(writable.host_addr, page));
    check_equal("it is granted for reading", (uint64_t)victim_map(&read_only, RO_REF, GNTMAP_readonly), GNTST_okay);
    check("granted for reading: it is not written to", !disk_reaches(read_only.host_addr, page));
    check("but read from", disk_start() && disk_move(read_only.host_addr, SECTOR_OURS, false));
    unmap(&read_only);
    check("that the toolstack sees it makes it nobody's device's", !disk_reaches((uint64_t)page, page));
    foreign_unmap((void *)(uintptr_t)page);
    check_equal("the attacked domain goes", (uint64_t)domain_destroy(victim.id), 0);
}

/* A page that was ours: afterwards nothing is there. */
static void give_up(void *p)
{
    xen_pfn_t gfn = (uint64_t)p >> PAGE_SHIFT;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, &gfn);
    check_equal("a page is given up", (uint64_t)memory_op(XENMEM_decrease_reservation, &r), 1);
}

/* The log says whether it was refused: the disk does not. */
static void attack(const char *what, uint64_t at)
{
    say("the disk is told to write to %s, 0x%lx\n", what, (unsigned long)at);
    disk_start();
    disk_move(at, SECTOR_GIVEN, true);
}

static void test_others(void)
{
    attack("memory that is nobody's", FREE_MEMORY);
    attack("the IO-APIC", IO_APIC);
    give_up(given_up);
    attack("a page that was given up", (uint64_t)given_up);
    test_own_memory();
}

static bool has_word(const char *line, const char *word)
{
    for (; *line; line++) {
        size_t n = 0;

        while (word[n] && line[n] == word[n])
            n++;
        if (!word[n])
            return true;
    }
    return false;
}

/* "refused": there is no IOMMU, and the command line does not say that it does not matter. */
_Noreturn void guest_main(const void *start_info)
{
    const char *line = *(const char *const *)((const char *)start_info + START_INFO_COMMAND_LINE);
    struct gnttab_map_grant_ref any;

    exceptions_start();
    counter_calibrate();
    toolstack_use(HOLE, HOLE_SIZE);
    check("there is a disk", find_disk());
    test_own_memory();
    if (make_victim() && has_word(line, "refused"))
        check_equal("a grant is not mapped", (uint64_t)victim_map(&any, RW_REF, 0), (uint64_t)GNTST_permission_denied);
    else
        test_victim(), test_others();
    done();
}
