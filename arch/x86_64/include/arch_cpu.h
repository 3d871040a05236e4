/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block of each CPU, and what is read from it on every exit. A CPU runs on stacks of its own 64 KiB (layout.h), so its number is in
 * the stack pointer: FS and GS stay whose they are, the guest's too.
 */
#ifndef ARCH_CPU_INLINE_H
#define ARCH_CPU_INLINE_H

#include "layout.h"
#include "lib/compiler.h"
#include "lib/window_set.h"

#define CPU_BLOCK_SHIFT 8

struct vcpu;
struct cpu_block {
    struct vcpu *current;
    uint32_t id, apic_id;
    uint64_t online;            /* it has come up: published by release */
    uint32_t work;              /* atomic: lib/cpu_work.h */
    uint32_t nmi_asked, nmi_done;   /* atomic: cpu_interrupt_now */
    uint32_t halt;              /* atomic: at the next NMI, for good */
    struct window_set windows;  /* window.c */
} ALIGNED(1 << CPU_BLOCK_SHIFT);
_Static_assert(sizeof(struct cpu_block) == 1 << CPU_BLOCK_SHIFT, "this_cpu shifts");
extern struct cpu_block cpu_blocks[];

static inline unsigned cpu_id(void)
{
    uint64_t sp;

    /* Not volatile: the bits that are looked at never change, and code never moves between CPUs. */
    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (unsigned)(sp >> PERCPU_SHIFT) % MAX_CPUS;
}

static inline struct cpu_block *this_cpu(void)
{
    uint64_t sp;

    /* As cpu_id; the number goes to where it counts blocks by one shift. */
    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_block *)((char *)cpu_blocks + (sp >> (PERCPU_SHIFT - CPU_BLOCK_SHIFT) & (MAX_CPUS - 1) << CPU_BLOCK_SHIFT));
}

#include "arch/common/cpu_block.h"

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

#endif
