/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices may reach of memory. Provided by the board's IOMMU driver (smmuv3*.c; iommu_x86.c with amdvi*.c, vtd*.c); without one iommu_is_present()
 * is false and nothing else here is called.
 *
 * A device is known by its streams: numbers that its accesses carry to one of the board's IOMMUs. A stream belongs to at most one
 * space, and the accesses of one that belongs to none are refused. A space is either
 *
 *   of a stage-2 table   a device's addresses are guest-physical addresses of the domain: it sees what the domain sees. The IOMMU
 *                        walks the table itself, or, where it cannot, a twin that lies behind each table (mem/stage2.h)
 *   an identity          for a domain that tells its devices host addresses (dma_identity, core/domain.h): a device's addresses are the host's. Its own memory is mapped for
 *                        good, as its frames are never anybody else's; others' frames as long as it has them mapped by grant
 *
 * Locks: LOCK_IOMMU_SPACE, then LOCK_IOMMU; callers hold none after LOCK_P2M.
 */
#ifndef DRIVERS_IOMMU_H
#define DRIVERS_IOMMU_H

#include "arch/include/stage2.h"

struct iommu_space;

/* `count` streams from `first` on of one IOMMU of the board (numbers as in the order of the device tree). */
struct iommu_streams {
    uint32_t unit, first, count;
};

bool iommu_is_present(void);

/* A space without streams for the domain of that number; s: its stage-2 table, in which nothing is mapped yet, or NULL: an
 * identity. -E_NOMEM, -E_NOSPC: too many. */
int iommu_space_create(uint16_t domain, struct stage2 *s, struct iommu_space **out) MUST_CHECK;
/* It has no streams; of a stage-2 table: that is gone, or will not be changed any more. NULL is allowed. */
void iommu_space_destroy(struct iommu_space *p);

/* Give streams to a space. -E_BUSY: one of them belongs to a space, -E_INVAL: there is no such stream, -E_NOMEM; then nothing is changed. */
int iommu_attach(struct iommu_space *p, const struct iommu_streams *streams) MUST_CHECK;
/* Take them away again: their accesses are refused from the return on. Those that are not p's stay as they are. */
void iommu_detach(struct iommu_space *p, const struct iommu_streams *streams);
bool iommu_has_streams(const struct iommu_space *p);

/* Identity: the domain's own memory, whole pages, for good. -E_NOMEM. */
int iommu_map_own(struct iommu_space *p, mfn_t first, uint64_t count) MUST_CHECK;
/* Identity: a page of registers that the domain's devices may write to, for good. -E_NOMEM, -E_BUSY: there is memory of the domain. */
int iommu_map_doorbell(struct iommu_space *p, mfn_t page) MUST_CHECK;
/* Identity: one more use of a frame of somebody else's, which the caller holds a reference to until it is put. -E_NOMEM. */
struct iommu_use {
    mfn_t mfn;
    bool write;
};
int iommu_use(struct iommu_space *p, struct iommu_use u) MUST_CHECK;
/* Uses that end; when it returns no device reaches a frame that has no use left. n <= IOMMU_BATCH. */
#define IOMMU_BATCH 16
void iommu_unuse(struct iommu_space *p, const struct iommu_use *u, unsigned n);

/* For mem/stage2: an entry of this level as its twin has it. */
uint64_t iommu_twin(s2_entry e, unsigned level);
/* Devices forget what they know of `count` pages from gfn on, before it returns. The p2m lock is held. */
void iommu_forget(struct iommu_space *p, gfn_t gfn, uint64_t count);

#endif
