/* SPDX-License-Identifier: Apache-2.0 */
/* The guest takes its image elsewhere: it links at zero and relocates itself, so that a copy begins like the first. */

#include "guests/hostile_storm/storm.h"

static void reserve(unsigned command, uint64_t at, unsigned count, unsigned order)
{
    static xen_pfn_t gfns[BLOCK_FRAMES];
    struct xen_memory_reservation op = { .nr_extents = count, .extent_order = order, .domid = DOMID_SELF };
    long rc;

    ASSERT(count <= BLOCK_FRAMES);
    for (unsigned i = 0; i < count; i++)
        gfns[i] = (at >> PAGE_SHIFT) + ((xen_pfn_t)i << order);
    set_xen_guest_handle(op.extent_start, gfns);
    rc = memory_op(command, &op);
    if (rc != (long)count)
        guest_panic("memory op %u at %lx: %ld of %u", command, at, rc, count);
}

void move_frames(uint64_t from, uint64_t to, unsigned blocks, bool as_frames)
{
    reserve(XENMEM_decrease_reservation, from, blocks, 9);
    if (as_frames)
        reserve(XENMEM_populate_physmap, to, blocks * BLOCK_FRAMES, 0);
    else
        reserve(XENMEM_populate_physmap, to, blocks, 9);
}

void storm_begin(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t entry) __attribute__((noreturn));
/* Stage 1 off, everything clean to the point of coherency, and off to the copy's entry. */
asm(".pushsection .text\n"
    ".global storm_begin\n"
    "storm_begin:\n"
    "    mrs x9, sctlr_el1\n"
    "    mov x10, #0x1005\n" /* M, C, I */
    "    bic x9, x9, x10\n"
    "    dsb sy\n"
    "    ic iallu\n"
    "    dsb sy\n"
    "    msr sctlr_el1, x9\n"
    "    isb\n"
    "    br x3\n"
    ".popsection\n");

void move_home(uint64_t x0, uint64_t x1, uint64_t x2)
{
    size_t bytes = (size_t)(__image_end - _start);

    if ((uint64_t)_start == HOME)
        return;
    move_frames((uint64_t)_start + HOME_BYTES / 2, HOME, HOME_BYTES / (BLOCK_FRAMES * PAGE_SIZE), false);
    memcpy((void *)HOME, _start, bytes);
    for (uint64_t at = HOME; at < HOME + HOME_BYTES; at += 64)
        asm volatile("dc civac, %0" : : "r"(at) : "memory");
    storm_begin(x0, x1, x2, HOME);
}
