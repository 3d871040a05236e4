/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spinlocks with a place in the lock order. The hypervisor runs with interrupts masked, so there is one kind. Who comes first gets
 * it, in no order: where CPUs are threads of a busy host, handing a lock to a waiter that is not running would stop everybody.
 * Checked builds panic when a CPU takes a lock whose class is not after those it holds, or twice the same class
 * other than by spin_lock_pair. See docs/architecture.md, "Lock order".
 */
#ifndef LIB_SPINLOCK_H
#define LIB_SPINLOCK_H

#include "lib/atomic.h"
#include "lib/assert.h"

enum lock_class {
    LOCK_DOMAIN_CONTROL,    /* create, destroy, pause, vCPU set-up of one domain */
    LOCK_VITS,              /* the virtual ITS of one domain, or what it sees of PCI's configuration space */
    LOCK_P2M,               /* one stage-2 table */
    LOCK_GRANT_TABLE,
    LOCK_MAPTRACK,
    LOCK_EVENT_TABLE,       /* growth and allocation of a domain's ports */
    LOCK_CHANNEL,           /* one event channel */
    LOCK_EVENT_QUEUE,       /* one FIFO queue */
    LOCK_VUART,             /* the emulated UART of one domain */
    LOCK_VGIC,
    LOCK_POOLS,             /* CPU pools: which CPUs and domains belong to which */
    LOCK_RUNQUEUE,
    LOCK_TIMER,
    LOCK_IOMMU_SPACE,       /* one identity's tables (drivers/iommu.h) */
    LOCK_IOMMU,             /* one IOMMU's queue and streams */
    LOCK_ITS,               /* the host's ITS, or IO-APICs */
    LOCK_ARENA,
    LOCK_HEAP,
    LOCK_FRAMES,
    LOCK_HYP_TABLES,        /* the hypervisor's own page tables */
    LOCK_VMID,
    LOCK_CONSOLE,
    LOCK_CLASSES
};

typedef struct {
    uint32_t taken;         /* atomic: 0 or 1 */
    uint8_t class;
    uint16_t held_by;       /* cpu + 1 while held, for checks */
} spinlock_t;

#define SPINLOCK(class_) ((spinlock_t){ .class = (class_) })

void spin_lock_init(spinlock_t *lock, enum lock_class class);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
bool spin_trylock(spinlock_t *lock);
/* Two locks of one class, in the order of their addresses; a == b takes it once. */
void spin_lock_pair(spinlock_t *a, spinlock_t *b);
void spin_unlock_pair(spinlock_t *a, spinlock_t *b);
/* Does this CPU hold the lock? For ASSERT. */
bool spin_is_held(const spinlock_t *lock);
/* Panic unless this CPU holds no lock at all; called before a guest is entered. */
void spin_assert_none_held(void);

#endif
