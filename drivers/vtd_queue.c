/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d: global commands, and the invalidation queue. (VT-d 4.1, 6.5, 11.4.4) */
#include "drivers/vtd_internal.h"

#define QUEUE_ENTRIES (PAGE_SIZE / sizeof(struct vtd_descriptor))
/* A unit that has not answered after so many looks will not. */
#define PATIENCE 10000000

STATIC_ASSERT(IS_ALIGNED(QUEUE_ENTRIES, 2));

int vtd_wait(const struct vtd *u, unsigned offset, uint32_t mask, uint32_t value)
{
    for (unsigned i = 0; (mmio_read32(u->base, offset) & mask) != value; i++) {
        if (i == PATIENCE)
            return -E_IO;
        cpu_relax();
    }
    return 0;
}

int vtd_global(const struct vtd *u, uint32_t bit, bool on)
{
    uint32_t kept = mmio_read32(u->base, VTD_GSTS) & (uint32_t)GCMD_KEPT;

    mmio_write32(u->base, VTD_GCMD, on ? kept | bit : kept & ~bit);
    return vtd_wait(u, VTD_GSTS, bit, on ? bit : 0);
}

/* Firmware may have used the queue; then it has taken its last answer. The unit writes its answers past no cache (6.5.2.8). */
int vtd_queue_init(struct vtd *u)
{
    int r = vtd_global(u, (uint32_t)GCMD_QUEUE, false);

    u->queue = heap_alloc_pages(0);
    u->answer = heap_alloc(sizeof(*u->answer));
    if (r || !u->queue || !u->answer)
        return r ? r : -E_NOMEM;
    mmio_barrier();
    mmio_write64(u->base, VTD_IQT, 0);
    mmio_write64(u->base, VTD_IQA, vtd_address(u->queue));
    return vtd_global(u, (uint32_t)GCMD_QUEUE, true);
}

static void put(struct vtd *u, struct vtd_descriptor d)
{
    ASSERT(u->tail < QUEUE_ENTRIES);
    u->queue[u->tail] = d;
    vtd_show(u, &u->queue[u->tail], sizeof(d));
    u->tail = (u->tail + 1) % QUEUE_ENTRIES;
}

int vtd_try_command(struct vtd *u, struct vtd_descriptor d)
{
    uint32_t sequence = ++u->sequence;

    ASSERT(spin_is_held(&u->lock));
    put(u, d);
    put(u, (struct vtd_descriptor){ DESCRIPTOR_WAIT | (uint64_t)sequence << 32, vtd_address(u->answer) });
    mmio_barrier();
    mmio_write64(u->base, VTD_IQT, u->tail * sizeof(d));
    for (unsigned i = 0; READ_ONCE(*u->answer) != sequence; i++) {
        if (i == PATIENCE || mmio_read32(u->base, VTD_FSTS) & FSTS_QUEUE_ERROR)
            return -E_IO;
        cpu_relax();
    }
    mmio_barrier();
    return 0;
}

/* Without an answer a device may still reach memory that is about to be somebody else's. */
void vtd_command(struct vtd *u, struct vtd_descriptor d)
{
    PANIC_IF(vtd_try_command(u, d), "VT-d %u does not answer: FSTS %#x, GSTS %#x", u->number, mmio_read32(u->base, VTD_FSTS),
             mmio_read32(u->base, VTD_GSTS));
}

void vtd_empty_write_buffer(const struct vtd *u)
{
    uint32_t kept;

    if (!(u->cap & CAP_WRITE_BUFFER))
        return;
    mmio_barrier();
    kept = mmio_read32(u->base, VTD_GSTS) & (uint32_t)GCMD_KEPT;
    mmio_write32(u->base, VTD_GCMD, kept | (uint32_t)GCMD_WRITE_BUFFER);
    PANIC_IF(vtd_wait(u, VTD_GSTS, (uint32_t)GCMD_WRITE_BUFFER, 0), "VT-d %u does not empty its write buffer", u->number);
}

void vtd_forget_streams(struct vtd *u)
{
    vtd_empty_write_buffer(u);
    vtd_command(u, (struct vtd_descriptor){ DESCRIPTOR_CONTEXT_ALL, 0 });
}

void vtd_forget_space(struct vtd *u, uint16_t tag)
{
    vtd_command(u, (struct vtd_descriptor){ DESCRIPTOR_TLB_SPACE | CAP_DRAINS(u->cap) << 6 | (uint64_t)tag << 16, 0 });
}
