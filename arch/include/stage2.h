/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: the format of stage-2 (nested) page tables and their TLB. mem/stage2.c walks; here is what an entry
 * looks like. A table is one frame of 512 entries of 64 bits, in the heap region; level 0 covers 512 GiB an entry,
 * level 3 4 KiB. The root may be several consecutive frames.
 */
#ifndef ARCH_STAGE2_H
#define ARCH_STAGE2_H

#include "config.h"
#include "lib/types.h"

/*
 * What a guest-physical page is. The type is kept in the entry's software bits.
 * NEEDS_WORK entries are not present but not empty: copying answers COPY_RETRY and a fault resolves (nothing makes
 * such entries yet except tests; forks, lazy zeroing and dirty logging will).
 */
enum s2_type {
    S2_EMPTY,
    S2_RAM,             /* the domain's own frame, read write execute */
    S2_RAM_RO,          /* the domain's own frame, read execute */
    S2_SHARED,          /* a hypervisor page shown to the guest (shared_info, grant table): read write */
    S2_GRANT_RW,        /* another domain's frame, mapped by grant */
    S2_GRANT_RO,
    S2_FOREIGN_RW,      /* another domain's frame, mapped by a toolstack */
    S2_FOREIGN_RO,
    S2_DEVICE,          /* host device registers: not a frame of memory, no reference */
    S2_NEEDS_WORK,
    S2_DOORBELL,        /* where the domain's devices write messages: theirs alone, to processors it is not present */
    S2_TYPES
};

struct stage2_geometry {
    unsigned root_level;    /* 0 or 1 */
    unsigned root_order;    /* log2 of the number of root frames */
    unsigned address_bits;  /* of guest-physical space */
    unsigned leaf_level;    /* the first whose entries may be leaves of what is present: 1 (or 0), or 2 where blocks of 1 GiB are not known */
};
/* What this processor wants; constant after boot. */
const struct stage2_geometry *arch_stage2_geometry(void);

typedef uint64_t s2_entry;

/* Make a leaf (level 1, 2 or 3), a link to a table; look into one. mfn of a NEEDS_WORK leaf is any cookie < 2^36. */
s2_entry arch_s2_leaf(mfn_t mfn, enum s2_type type, unsigned level);
s2_entry arch_s2_table(mfn_t table);
/* Fill a table that is not linked yet with such leaves, each `step` frames on. */
void arch_s2_fill(s2_entry *table, mfn_t first, uint64_t step, enum s2_type type, unsigned level);
bool arch_s2_is_table(s2_entry e, unsigned level);
bool arch_s2_is_present(s2_entry e);        /* a table or a leaf that the hardware walks */
enum s2_type arch_s2_type(s2_entry e);      /* S2_EMPTY for 0 */
mfn_t arch_s2_frame(s2_entry e);
/* Store one entry so that the hardware walker sees it whole. Changing a present entry to another present one must go
 * through 0 and an invalidation (break before make, Arm ARM D8.14.1); the simulated processor checks. */
void arch_s2_write(s2_entry *slot, s2_entry e);
s2_entry arch_s2_read(const s2_entry *slot);

struct stage2;
struct vcpu;
/* The hardware identity of an address space: root and VMID/ASID (mem/vmid.h). */
struct arch_stage2 {
    hpa_t root;
    union {
        uint64_t vmid_generation;   /* mem/vmid.h: generation in the high bits, VMID in the low 16; 0 = none */
        uint64_t changes;           /* x86-64, where each CPU numbers vCPUs by itself: how often something was taken out, + 1 */
    };
};
void arch_stage2_init(struct arch_stage2 *s, hpa_t root);
void arch_stage2_release(struct arch_stage2 *s);
/*
 * Invalidate, on all CPUs, what was cached of `count` pages from gfn (count > 512: everything) of this space: stage
 * 2 by address, barrier, combined entries of the VMID, barrier. Completes before it returns. A block is covered by naming any
 * one page in it, so removing a single 2 MiB or 1 GiB leaf asks for count 1.
 */
void arch_stage2_invalidate(struct arch_stage2 *s, gfn_t gfn, uint64_t count);

/* All of every space, on all CPUs. Completes before it returns. For mem/vmid.h. */
void arch_stage2_invalidate_all(void);

/* How translating a guest's virtual address ended. */
enum translate_result { TRANSLATE_OK, TRANSLATE_FAULT };
/* Stage 1 of the current vCPU: virtual to guest-physical, checking that it may be read (written) with the guest kernel's
 * rights. Uses the processor's own translation and falls back to reading the guest's tables. */
enum translate_result arch_guest_translate(struct vcpu *v, gva_t address, bool write, gpa_t *out);

/*
 * Both stages in one step, by the processor: the frame behind a virtual address of the current vCPU that its kernel may read
 * (write). Quick; false may mean no more than "ask arch_guest_translate". The p2m lock of v's domain is held, which is what
 * keeps the answer true: who unmaps invalidates the TLB before letting go of it. The frame is one of memory, never a device's.
 */
bool arch_guest_frame(struct vcpu *v, gva_t address, bool write, mfn_t *out);

#endif
