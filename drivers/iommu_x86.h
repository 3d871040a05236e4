/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is common to the IOMMUs of x86-64 (AMD-Vi, VT-d), which all use the same way: a space is of a stage-2 table, whose twins
 * (mem/stage2.h) are tables of four levels in the unit's format. A twin has the domain's own memory and the frames granted to it; devices'
 * registers and other domains' memory that it looks at are not for its devices.
 *
 * All units of a board are of one kind.
 */
#ifndef DRIVERS_IOMMU_X86_H
#define DRIVERS_IOMMU_X86_H

#include "drivers/iommu.h"
#include "lib/spinlock.h"
#include "mem/stage2.h"

#define X86_IOMMU_UNITS 8
/* Numbers of spaces, from 1: what the units know a space by. */
#define X86_IOMMU_SPACES 256

struct iommu_space {
    uint16_t domain, tag;
    hpa_t root;                         /* the root table's twin */
    struct stage2 *stage2;
    uint32_t units;                     /* atomic: bitmap of units that have streams of it */
    uint32_t streams[X86_IOMMU_UNITS];  /* counted; each under its unit's lock */
};

/* A kind of unit. Functions with a unit hold none of its locks when they are called. */
struct iommu_kind {
    const char *name;
    /* Entries of twins, 0 where nothing is; level as in arch/include/stage2.h: a leaf's is 1 to 3; a table's entry's 0 to 2. */
    uint64_t (*leaf)(mfn_t mfn, bool write, unsigned level);
    uint64_t (*table)(mfn_t table, unsigned level);
    uint8_t leaf_level;                 /* leaves have this level, or higher ones; 0: any that a leaf has */
    bool keeps_absent;                  /* a unit may keep that nothing was mapped */
    /* As iommu_attach and iommu_detach; the unit exists. */
    int (*attach)(struct iommu_space *p, const struct iommu_streams *streams);
    void (*detach)(struct iommu_space *p, const struct iommu_streams *streams);
    /* The unit forgets what it knows of `count` pages of p from gfn on, before it returns. */
    void (*forget)(unsigned unit, const struct iommu_space *p, uint64_t gfn, uint64_t count);
};

/* log2 of the fewest pages, aligned to as many, that have these `count` (not 0) from gfn on in them. */
static inline unsigned iommu_x86_order(uint64_t gfn, uint64_t count)
{
    uint64_t differing = gfn ^ (gfn + count - 1);

    return differing ? 64 - (unsigned)__builtin_clzll(differing) : 0;
}

/* Boot: `units` of this kind are driven, and refuse every access. Before any space is made. */
void iommu_x86_use(const struct iommu_kind *kind, unsigned units);
/* Boot: firmware has told devices of this memory, and they may go on using it at its own address where it is a domain's S2_DEVICE. */
void iommu_x86_allow(uint64_t base, uint64_t size);
/* The space that units know by this number; NULL: none. For what is printed of faults. */
const struct iommu_space *iommu_x86_space(unsigned tag);

#endif
