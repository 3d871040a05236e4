/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the AMD-Vi driver: registers, structures in memory and their pictures (48882, chapters 2 and 3). */
#ifndef DRIVERS_AMDVI_INTERNAL_H
#define DRIVERS_AMDVI_INTERNAL_H

#include "arch/include/mapping.h"
#include "arch/include/mmio.h"
#include "drivers/amdvi.h"
#include "drivers/iommu_storm.h"
#include "drivers/iommu_x86.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/print.h"
#include "mem/heap.h"

/* -- registers (3.4) -- */
#define DEVICE_TABLE 0x00
#define COMMAND_BASE 0x08
#define EVENT_BASE 0x10
#define CONTROL 0x18
#define EXCLUSION_BASE 0x20
#define EXTENDED_FEATURE 0x30
#define COMMAND_HEAD 0x2000
#define COMMAND_TAIL 0x2008
#define EVENT_HEAD 0x2010
#define EVENT_TAIL 0x2018
#define STATUS 0x2020

#define CONTROL_ENABLE BIT(0)
#define CONTROL_TUNNEL BIT(1)
#define CONTROL_EVENTS BIT(2)
#define CONTROL_EVENT_INTERRUPT BIT(3)
#define CONTROL_PASS_POSTED BIT(8)
#define CONTROL_PASS_RESPONSES BIT(9)
#define CONTROL_COHERENT BIT(10)
#define CONTROL_ISOCHRONOUS BIT(11)
#define CONTROL_COMMANDS BIT(12)
#define STATUS_OVERFLOW BIT(0)
#define STATUS_INTERRUPTS (BIT(1) | BIT(2))     /* of events, of waits */
#define FEATURE_INVALIDATE_ALL BIT(6)
#define CAPABILITY_KEEPS_ABSENT BIT(26)         /* NpCache */
#define RING_256 (UINT64_C(8) << 56)            /* entries, as the base registers say it */
#define RING_BYTES 4096u

/* -- commands (2.4): two words; the number is in bits 63:60 of the first -- */
#define COMMAND(n) ((uint64_t)(n) << 60)
#define WAIT COMMAND(1)
#define WAIT_STORE BIT(0)
#define FORGET_DEVICE COMMAND(2)
#define FORGET_PAGES COMMAND(3)
#define FORGET_INTERRUPTS COMMAND(5)
#define FORGET_ALL COMMAND(8)
#define PAGES_MANY BIT(0)                       /* the zero above the ones in the address says how many */
#define PAGES_TABLES_TOO BIT(1)
struct amdvi_command { uint64_t word[2]; };

/* -- the device table (2.2.2.1): four words a device -- */
#define DEVICE_WORDS 4
#define DEVICE_BYTES 32u
#define DEVICE_VALID BIT(0)
#define DEVICE_TRANSLATED BIT(1)
#define DEVICE_LEVELS(n) ((uint64_t)(n) << 9)
/* Of word 2: a table of interrupts of 256 entries, by which alone they come. */
#define DEVICE_REMAPPED (BIT(0) | UINT64_C(2) << 60)
#define DEVICE_ROUTES_256 (UINT64_C(8) << 1)
#define ENTRY_PRESENT BIT(0)
#define ENTRY_LEVEL(n) ((uint64_t)(n) << 9)
#define ENTRY_COHERENT BIT(60)
#define ENTRY_READ BIT(61)
#define ENTRY_WRITE BIT(62)
/* Nothing is reached; nobody's. */
#define DEVICE_REFUSED (DEVICE_VALID | DEVICE_TRANSLATED)
#define DEVICE_TAG UINT64_C(0xffff)             /* of word 1 */
#define DEVICE_QUIET BIT(34)                    /* of word 1: its faults are not reported */

struct amdvi_unit {
    volatile void *base;
    spinlock_t lock;                    /* LOCK_IOMMU: commands and the device table */
    unsigned number;
    uint16_t function;
    uint32_t last_device;
    bool forgets_all;                   /* by one command */
    uint64_t control;
    uint64_t *devices, *commands, *events;
    uint32_t device_order;              /* pages of the table */
    uint32_t command_tail, event_head;
    uint64_t *answer, asked;            /* where the unit writes that it has come to a wait: the last's number */
    struct iommu_storm storm;
};
extern struct amdvi_unit amdvi_units[X86_IOMMU_UNITS];

/* A structure in memory: its address for the unit. */
static inline uint64_t amdvi_address(const void *p)
{
    return mfn_to_hpa(arch_heap_frame(p)).v + ((uintptr_t)p & ~PAGE_MASK);
}

/* amdvi_queue.c */
/* Put commands into the ring and wait until the unit has done all. n <= AMDVI_COMMANDS; u's lock is held. */
#define AMDVI_COMMANDS 64
void amdvi_command(struct amdvi_unit *u, const struct amdvi_command *c, unsigned n);
/* Its message: what devices did that was refused. */
void amdvi_take_events(void *unit);

/* amdvi_table.c */
extern const struct iommu_kind amdvi_kind, amdvi_kind_keeps_absent;
/* Every device's entry refuses, with what firmware says of it. */
void amdvi_fill_table(struct amdvi_unit *u, const struct acpi_amd_iommu *from);
/* It is refused without a word until it is given to a space anew. False: the unit has no such device. u's lock is held. */
bool amdvi_cut(struct amdvi_unit *u, uint32_t device) MUST_CHECK;
/* The unit forgets everything. u's lock is held. */
void amdvi_forget_everything(struct amdvi_unit *u);

#endif
