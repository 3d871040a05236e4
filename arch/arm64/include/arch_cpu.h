/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block that TPIDR_EL2 of each CPU points at, and what is read from it on every exit. vectors.S and head.S use the offsets.
 */
#ifndef ARCH_CPU_INLINE_H
#define ARCH_CPU_INLINE_H

#define CPU_BLOCK_STACK 0
#define CPU_BLOCK_EMERGENCY 8
#define CPU_BLOCK_CURRENT 16
#define CPU_BLOCK_ID 24
#define CPU_BLOCK_SCRATCH 48
#define CPU_BLOCK_ENTRY 64

/* The tag of a hypercall's HVC (xen/arch-arm.h, XEN_HYPERCALL_TAG). */
#define HVC_XEN 0xea1

#ifndef __ASSEMBLER__
#include "lib/compiler.h"
#include "lib/window_set.h"

struct vcpu;
struct cpu_block {
    uint64_t stack;             /* where a trap from a guest starts */
    uint64_t emergency_stack;   /* where a fault of the hypervisor itself starts */
    struct vcpu *current;
    uint32_t id;
    uint32_t spare;
    uint64_t mpidr;             /* affinity fields only */
    uint64_t online;            /* it has come up: published by release */
    uint64_t scratch[2];        /* of the vector of the hypervisor's own faults */
    uint64_t entry_parameter;   /* of the guard at entry: speculation.h */
    uint32_t work;              /* atomic: lib/cpu_work.h */
    struct window_set windows;  /* window.c */
} ALIGNED(64);
extern struct cpu_block cpu_blocks[];

static inline struct cpu_block *this_cpu(void)
{
    struct cpu_block *b;

    /* Not volatile: it never changes on one CPU, and code never moves between CPUs. */
    __asm__("mrs %0, tpidr_el2" : "=r"(b));
    return b;
}

static inline unsigned cpu_id(void)
{
    return this_cpu()->id;
}

#include "arch/common/cpu_block.h"

static inline void cpu_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}
#endif

#endif
