/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the VT-d driver: registers, structures in memory and their pictures (VT-d 4.1, chapters 6, 9 and 11). */
#ifndef DRIVERS_VTD_INTERNAL_H
#define DRIVERS_VTD_INTERNAL_H

#include "arch/include/mapping.h"
#include "arch/include/mmio.h"
#include "drivers/iommu_storm.h"
#include "drivers/iommu_x86.h"
#include "drivers/vtd.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/spinlock.h"
#include "mem/heap.h"

/* -- registers (11.4) -- */
#define VTD_CAP 0x08
#define VTD_ECAP 0x10
#define VTD_GCMD 0x18
#define VTD_GSTS 0x1c
#define VTD_RTADDR 0x20
#define VTD_FSTS 0x34
#define VTD_FECTL 0x38
#define VTD_FEDATA 0x3c
#define VTD_FEADDR 0x40
#define VTD_FEUADDR 0x44
#define VTD_PMEN 0x64
#define VTD_IQT 0x88
#define VTD_IQA 0x90
#define VTD_IRTA 0xb8

#define CAP_DOMAINS(cap) (UINT32_C(1) << (4 + 2 * ((cap) & 7)))
#define CAP_WRITE_BUFFER BIT(4)         /* it wants to be told to empty it */
#define CAP_PROTECTED (BIT(5) | BIT(6))
#define CAP_CACHING_MODE BIT(7)         /* it may keep that nothing was there */
#define CAP_LEVELS_3 BIT(9)
#define CAP_LEVELS_4 BIT(10)
#define CAP_FAULTS_AT(cap) ((unsigned)((cap) >> 24 & 0x3ff) * 16)
#define CAP_BLOCKS_2M BIT(34)
#define CAP_BLOCKS_1G BIT(35)
#define CAP_PAGE_SELECTIVE BIT(39)
#define CAP_FAULTS(cap) ((unsigned)((cap) >> 40 & 0xff) + 1)
#define CAP_PAGES(cap) ((unsigned)((cap) >> 48 & 0x3f))     /* log2 of the most that one descriptor names */
#define CAP_DRAINS(cap) ((cap) >> 54 & 3)   /* writes, reads: as the descriptor has them */
#define ECAP_COHERENT BIT(0)
#define ECAP_QUEUE BIT(1)
#define ECAP_INTERRUPTS BIT(3)
#define ECAP_X2APICS BIT(4)
#define ECAP_SNOOP BIT(7)

#define GCMD_TRANSLATE BIT(31)
#define GCMD_ROOT BIT(30)
#define GCMD_WRITE_BUFFER BIT(27)
#define GCMD_QUEUE BIT(26)
#define GCMD_REMAP_INTERRUPTS BIT(25)
#define GCMD_INTERRUPT_TABLE BIT(24)
#define GCMD_COMPATIBLE BIT(23)
/* What of the status is to be repeated in the next command: the others start something. */
#define GCMD_KEPT (BIT(31) | BIT(28) | BIT(26) | BIT(25) | BIT(23))

#define FSTS_OVERFLOW BIT(0)
#define FSTS_PENDING BIT(1)
#define FSTS_QUEUE_ERROR BIT(4)
#define FSTS_FIRST(status) ((status) >> 8 & 0xff)
/* Those that are cleared by writing them. */
#define FSTS_ERRORS (BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6))
#define FECTL_MASK BIT(31)
#define PMEN_ENABLE BIT(31)
#define PMEN_STATUS BIT(0)

/* A fault (11.4.14): two words of 64 bits. */
#define FAULT_BYTES 16
#define FAULT_THERE BIT(31)             /* of the last 32 bits */

/* -- descriptors of the invalidation queue (6.5.2), 128 bits -- */
struct vtd_descriptor { uint64_t low, high; };
#define DESCRIPTOR_CONTEXT_ALL (UINT64_C(1) | UINT64_C(1) << 4)
#define DESCRIPTOR_TLB_ALL (UINT64_C(2) | UINT64_C(1) << 4)
#define DESCRIPTOR_TLB_SPACE (UINT64_C(2) | UINT64_C(2) << 4)
#define DESCRIPTOR_TLB_PAGE (UINT64_C(2) | UINT64_C(3) << 4)
#define DESCRIPTOR_INTERRUPTS_ALL UINT64_C(4)
#define DESCRIPTOR_INTERRUPT (UINT64_C(4) | UINT64_C(1) << 4)
#define DESCRIPTOR_WAIT (UINT64_C(5) | UINT64_C(1) << 5)

/*
 * From a device's number to a page (9.1, 9.3, 9.8): 256 buses, 256 functions of each, and a twin of the stage-2 table.
 *
 *   root[bus] --> context[device, function] --> root table's twin --> ... --> page
 *   16 bytes      16 bytes: number of the space, levels
 *
 * A bus that is one space's as a whole has that space's page of 256 like entries, others have a page for themselves. Whose a function is
 * stands in its entry: the number of its space, 0: nobody's.
 */
#define VTD_BUSES 256
#define VTD_STREAMS (UINT64_C(1) + VTD_LAST_STREAM)
#define ENTRY_PRESENT BIT(0)
#define CONTEXT_SILENT BIT(1)           /* its faults are not reported */
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)
struct vtd_context { uint64_t low, high; };

/* Second-level entries (9.8). */
#define SL_READ BIT(0)
#define SL_WRITE BIT(1)
#define SL_BLOCK BIT(7)
#define SL_SNOOP BIT(11)

struct vtd {
    volatile void *base;
    hpa_t at;
    spinlock_t lock;                    /* LOCK_IOMMU: queue and streams */
    unsigned number, levels;
    uint64_t cap, ecap, bytes;
    struct vtd_context *root;           /* the like format, without `high` */
    struct vtd_descriptor *queue;       /* a page */
    uint32_t tail, sequence;
    uint32_t *answer;                   /* where the unit writes the last sequence it has come to */
    uint64_t *nothing;                  /* a table in which nothing is mapped */
    struct iommu_storm storm;
    bool deaf;                          /* faults are not reported any more */
    struct {
        struct vtd_context *like;       /* page of like entries, NULL: none */
        uint64_t table;                 /* what they lead to */
    } space[X86_IOMMU_SPACES];          /* by tag */
};
extern struct vtd *vtd_units[X86_IOMMU_UNITS];
extern unsigned vtd_count;

static inline uint64_t vtd_read64(const struct vtd *u, unsigned offset)
{
    return mmio_read32(u->base, offset) | (uint64_t)mmio_read32(u->base, offset + 4) << 32;
}

/* A structure in memory: its address for the unit. */
static inline uint64_t vtd_address(const void *p)
{
    return mfn_to_hpa(arch_heap_frame(p)).v + ((uintptr_t)p & ~PAGE_MASK);
}

/* The unit that does not look into caches sees what is in [p, p + bytes), which lies within one page. */
static inline void vtd_show(const struct vtd *u, const void *p, unsigned bytes)
{
    if (!(u->ecap & ECAP_COHERENT))
        arch_frame_clean_range(arch_heap_frame(p), (unsigned)((uintptr_t)p & ~PAGE_MASK), bytes, true, false);
}

/* vtd_queue.c */
/* Wait until the bits of a register are `value`; -E_IO: not in time. */
int vtd_wait(const struct vtd *u, unsigned offset, uint32_t mask, uint32_t value) MUST_CHECK;
/* One bit of the global command, until it has taken effect. -E_IO. */
int vtd_global(const struct vtd *u, uint32_t bit, bool on) MUST_CHECK;
int vtd_queue_init(struct vtd *u) MUST_CHECK;
/* Put a descriptor into the queue and wait until the unit has done it. u's lock is held. */
void vtd_command(struct vtd *u, struct vtd_descriptor d);
/* The same for the start: -E_IO. */
int vtd_try_command(struct vtd *u, struct vtd_descriptor d) MUST_CHECK;
/* The unit forgets which stream is whose; and what it knows of a space. u's lock is held. */
void vtd_forget_streams(struct vtd *u);
void vtd_forget_space(struct vtd *u, uint16_t tag);
/* What was written to tables has left the way to memory. u's lock is held. */
void vtd_empty_write_buffer(const struct vtd *u);

/* vtd_space.c */
/* All units are known. */
void vtd_space_init(void);
uint64_t vtd_leaf(mfn_t mfn, bool write, unsigned level);
uint64_t vtd_table(mfn_t table, unsigned level);
void vtd_forget(unsigned unit, const struct iommu_space *p, uint64_t gfn, uint64_t count);
/* The unit sees everything that p has mapped. The p2m lock is held. */
void vtd_show_space(const struct vtd *u, const struct iommu_space *p);
/* Where the walk of the unit begins for p's streams. */
uint64_t vtd_first_table(const struct vtd *u, const struct iommu_space *p);

/* vtd_stream.c */
int vtd_streams_init(struct vtd *u) MUST_CHECK;
int vtd_attach(struct iommu_space *p, const struct iommu_streams *streams) MUST_CHECK;
void vtd_detach(struct iommu_space *p, const struct iommu_streams *streams);
/* p's streams lead to another table from now on. u's lock is held. */
void vtd_lead_to(struct vtd *u, const struct iommu_space *p, uint64_t table);
/* Its accesses are refused without a word until it is given to a space anew. False: no memory to say so in. u's lock is held. */
bool vtd_stream_cut(struct vtd *u, uint16_t stream) MUST_CHECK;
/* The number of the space that a stream belongs to, 0: nobody's. u's lock is held. */
uint16_t vtd_stream_owner(const struct vtd *u, uint16_t stream);

/* vtd_fault.c */
/* vector: of the message that a unit sends to CPU 0; below 0: there is none, faults are not reported. */
void vtd_faults_init(struct vtd *u, int vector);
/* The handler of that message: what faults there are, of all units, in bounded time. */
void vtd_take_faults(void *arg);

#endif
