/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMIDs: the numbers by which TLBs tell address spaces apart. There may be more spaces than numbers.
 *
 * A VMID belongs to a space for one generation. When all are used a new generation begins: everything is invalidated, and the spaces
 * that are loaded on some CPU at that moment keep theirs. A CPU that loads a space and a CPU that begins a generation may not miss
 * each other (tests/proof/vmid.pml):
 *
 *   load:   loaded[cpu] = s;        barrier;  is s's generation current?   no: take the lock
 *   begin:  generation = next;      barrier;  keep the VMID of every loaded[] space
 */
#ifndef MEM_VMID_H
#define MEM_VMID_H

#include "arch/include/stage2.h"
#include "lib/atomic.h"

#define VMID_BITS 16

/* Boot: numbers 1 .. count - 1 may be given out, count at most 65,536; 0 is that of no guest. Nothing is loaded. */
void vmid_init(unsigned count);

/* s (NULL: none) is what this CPU runs from now on; interrupts masked. True when s got its VMID just now. LOCK_VMID is taken. */
bool vmid_load(struct arch_stage2 *s);
/* What this CPU runs. */
struct arch_stage2 *vmid_loaded(void);
/* No CPU runs s from now on; all that did stand still (the simulated processor's do). */
void vmid_unload(const struct arch_stage2 *s);

/* s ends: no CPU has it loaded, and no TLB knows anything of it. */
void vmid_release(struct arch_stage2 *s);

extern uint64_t vmid_generation;

/* Has s a VMID of this generation? If not, nothing of it is in any TLB. */
static inline bool vmid_is_current(const struct arch_stage2 *s)
{
    return atomic_load(&s->vmid_generation) >> VMID_BITS == atomic_load(&vmid_generation);
}

/* The same for who has changed s: a generation that is just beginning has begun when this returns, so what it forgets is forgotten. After
 * a full barrier behind the change. LOCK_VMID is taken. */
bool vmid_is_current_now(const struct arch_stage2 *s);

static inline uint16_t vmid_of(const struct arch_stage2 *s)
{
    return (uint16_t)atomic_load(&s->vmid_generation);
}

#endif
