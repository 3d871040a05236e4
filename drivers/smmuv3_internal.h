/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the SMMUv3 driver: registers, structures in memory and their pictures (IHI 0070, chapters 3 to 6). */
#ifndef DRIVERS_SMMUV3_INTERNAL_H
#define DRIVERS_SMMUV3_INTERNAL_H

#include "arch/include/mapping.h"
#include "arch/include/mmio.h"
#include "drivers/iommu.h"
#include "drivers/iommu_storm.h"
#include "drivers/smmuv3.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/spinlock.h"
#include "mem/heap.h"

/* -- registers (6.3) -- */
#define SMMU_BYTES 0x20000
#define IDR0 0x000
#define IDR1 0x004
#define IDR5 0x014
#define CR0 0x020
#define CR0ACK 0x024
#define CR1 0x028
#define CR2 0x02c
#define GBPA 0x044
#define IRQ_CTRL 0x050
#define IRQ_CTRLACK 0x054
#define GERROR 0x060
#define GERRORN 0x064
#define STRTAB_BASE 0x080
#define STRTAB_BASE_CFG 0x088
#define CMDQ_BASE 0x090
#define CMDQ_PROD 0x098
#define CMDQ_CONS 0x09c
#define EVENTQ_BASE 0x0a0
#define EVENTQ_PROD 0x100a8
#define EVENTQ_CONS 0x100ac

#define IDR0_STAGE2 BIT(0)
#define IDR0_STAGE1 BIT(1)
#define IDR0_AARCH64 BIT(3)
#define IDR0_COHERENT BIT(4)
#define IDR0_BIG_ENDIAN_ONLY 3          /* TTENDIAN, 22:21: 0 mixed, 2 little, 3 big */
#define IDR0_TWO_LEVELS (UINT32_C(3) << 27)
#define IDR1_PRESET (UINT32_C(3) << 29) /* tables or queues at fixed places */
#define IDR5_GRANULE_4K BIT(4)
#define CR0_SMMUEN BIT(0)
#define CR0_EVENTQEN BIT(2)
#define CR0_CMDQEN BIT(3)
/* Tables and queues: inner shareable, write-back. */
#define CR1_CACHED 0xd75
/* Unknown stream numbers are reported; broadcast TLB maintenance of the CPUs is not listened to. */
#define CR2_REPORT_UNKNOWN BIT(1)
#define CR2_PRIVATE_TLB BIT(2)
#define GBPA_ABORT BIT(20)
#define GBPA_UPDATE BIT(31)
#define IRQ_GERROR BIT(0)
#define IRQ_EVENTQ BIT(2)
#define BASE_ALLOCATE BIT(62)

/* -- commands (4.1): two words; the opcode is the lowest byte -- */
#define CMD_CFGI_STE 0x03
#define CMD_CFGI_ALL 0x04
#define CMD_TLBI_NH_ASID 0x11
#define CMD_TLBI_NH_VA 0x12
#define CMD_TLBI_S12_VMALL 0x28
#define CMD_TLBI_S2_IPA 0x2a
#define CMD_TLBI_NSNH_ALL 0x30
#define CMD_SYNC 0x46
struct smmu_command { uint64_t word[2]; };

/* -- events (7.3): four words -- */
#define EVENT_WORDS 4
#define EVENT_READ BIT(35)              /* of word 1 */

/*
 * Stream table (3.3): two levels, 256 streams to a group. A group that belongs to one space as a whole (a PCI bus) uses the space's
 * own table of 256 like entries; others have one for themselves.
 *
 *   level1[stream >> 8] --> table of 256 entries of 64 bytes --> context descriptor --> stage-1 tables
 *                                                           \-> stage-2 tables
 */
#define GROUP_BITS 8
#define GROUP_STREAMS BIT(GROUP_BITS)
#define GROUP_ORDER 2                   /* pages of a table: 16 KiB */
#define STE_WORDS 8
#define STE_VALID BIT(0)                /* alone: every access is refused, and none reported */
#define SMMU_STREAM_BITS 20             /* most that are used of a unit's */

struct stream_group {
    uint64_t *table;                    /* for itself, NULL: none */
    struct iommu_space *shared;         /* or the space whose table it uses */
    struct iommu_space **owner;         /* with `table`: 256 of them */
};

struct smmu_queue {
    uint64_t *entry;
    unsigned bits;                      /* log2 of its entries */
    uint32_t index;                     /* producer of commands, consumer of events, with the wrap bit */
};

struct smmu {
    volatile void *base;
    spinlock_t lock;                    /* LOCK_IOMMU: commands and streams */
    unsigned number;
    bool has_stage2;
    unsigned output_bits, stream_bits;
    uint32_t irqs;                      /* enabled sources */
    struct smmu_queue commands, events;
    uint64_t *level1;                   /* NULL: one group, whose table is the stream table */
    struct stream_group *group;
    uint32_t groups;
    struct iommu_storm storm;
};
extern struct smmu smmu_units[SMMU_UNITS];
extern unsigned smmu_count;

#define SPACES 256
struct iommu_space {
    spinlock_t lock;                    /* LOCK_IOMMU_SPACE: the identity's tables */
    uint16_t domain, tag;               /* tag: ASID or VMID, never 0 */
    bool stage2;                        /* the IOMMU walks the stage-2 table itself */
    bool identity;
    uint32_t units;                     /* bitmap of units that have streams of it; under those units' locks, read without */
    uint32_t streams[SMMU_UNITS];       /* counted; each under its unit's lock */
    uint64_t ste[STE_WORDS];            /* what each of its streams has */
    uint64_t *context;                  /* page with its context descriptor */
    uint64_t *root;                     /* page: level 0 of stage 1 */
    uint64_t *group_table[SMMU_UNITS];  /* of 256 like entries, made when a unit first wants it */
};

/* Stage-1 descriptor of a page or block (level 1..3) of memory or of registers. */
uint64_t smmu_leaf(mfn_t mfn, bool write, bool device, unsigned level);
#define LEAF_VALID BIT(0)
#define LEAF_TABLE_OR_PAGE BIT(1)
#define LEAF_FRAME UINT64_C(0x0000fffffffff000)

/* A structure in memory: its address for the SMMU. */
static inline uint64_t smmu_address(const void *p)
{
    return mfn_to_hpa(arch_heap_frame(p)).v + ((uintptr_t)p & ~PAGE_MASK);
}

/* NULL is allowed. */
static inline void smmu_free_pages(void *p, unsigned order)
{
    if (p)
        heap_free_pages(p, order);
}

/* smmuv3_queue.c */
int smmu_queues_init(struct smmu *u, uint32_t idr1) MUST_CHECK;
/* Put commands into the queue and wait until the unit has done all of them. n <= SMMU_COMMANDS; u's lock is held. */
#define SMMU_COMMANDS 32
void smmu_command(struct smmu *u, const struct smmu_command *c, unsigned n);
/* Wait until the bits of a register are `value`; -E_IO: not in time. Boot. */
int smmu_wait(struct smmu *u, unsigned offset, uint32_t mask, uint32_t value) MUST_CHECK;
/* Write a control register and wait until it has taken effect. Boot. */
int smmu_control(struct smmu *u, unsigned control, unsigned acknowledge, uint32_t value) MUST_CHECK;
/* Handlers of a unit's interrupts. */
void smmu_take_events(void *unit);
void smmu_take_error(void *unit);

/* smmuv3_stream.c */
int smmu_streams_init(struct smmu *u, uint32_t idr0, uint32_t idr1) MUST_CHECK;
/* It is refused without a word, as one that is nobody's is with one, until it is given to a space anew. False: no memory to say so in.
 * u's lock is held. */
bool smmu_stream_cut(struct smmu *u, uint32_t stream) MUST_CHECK;
/* Whose stream it is, NULL: nobody's. u's lock is held. */
struct iommu_space *smmu_stream_owner(const struct smmu *u, uint32_t stream);

/* smmuv3_space.c: nothing of the space is cached by the unit any more. u's lock is held. */
void smmu_forget_space(struct smmu *u, const struct iommu_space *p);

#endif
