/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/dma_attack/victim.h"

#define MARK 0x7669637469ul

struct child victim;

long victim_make(void (*start)(struct child_page *page))
{
    xen_pfn_t gfn = toolstack_free_gfn();
    struct xen_mem_acquire_resource acquire = { .type = XENMEM_resource_grant_table, .nr_frames = 1 };
    struct grant_entry_v1 *table = (struct grant_entry_v1 *)(gfn << PAGE_SHIFT);
    long rc = child_build(&victim, 1, start);

    acquire.domid = victim.id;
    set_xen_guest_handle(acquire.frame_list, &gfn);
    rc = rc ? rc : memory_op(XENMEM_acquire_resource, &acquire);
    if (rc)
        return rc;
    table[RW_REF].domid = table[RO_REF].domid = 0;
    table[RW_REF].frame = table[RO_REF].frame = (uint32_t)VICTIM_GFN;
    table[RW_REF].flags = GTF_permit_access;
    table[RO_REF].flags = GTF_permit_access | GTF_readonly;
    return 0;
}

long victim_map(struct gnttab_map_grant_ref *op, unsigned ref, unsigned flags)
{
    long rc;

    *op = (struct gnttab_map_grant_ref){ .host_addr = toolstack_free_gfn() << PAGE_SHIFT, .flags = GNTMAP_host_map | flags, .ref = ref,
                                         .dom = victim.id };
    rc = grant_op(GNTTABOP_map_grant_ref, op, 1);
    return rc ? rc : op->status;
}

long victim_unmap(const struct gnttab_map_grant_ref *mapped)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = mapped->host_addr, .handle = mapped->handle };
    long rc = grant_op(GNTTABOP_unmap_grant_ref, &op, 1);

    return rc ? rc : op.status;
}

bool disk_reaches(uint64_t at, volatile uint64_t *page)
{
    *page = MARK;
    disk_start();
    disk_move(at, SECTOR_GIVEN, true);
    dsb();
    return *page != MARK;
}

bool is_given(const volatile uint8_t *p)
{
    for (unsigned i = 0; i < SECTOR; i++)
        if (p[i] != (uint8_t)(i * 7))
            return false;
    return true;
}
