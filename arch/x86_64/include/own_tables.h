/* SPDX-License-Identifier: Apache-2.0 */
/* What arch/common/own_tables.c asks of the processor. */
#ifndef X86_OWN_TABLES_H
#define X86_OWN_TABLES_H

#include "layout.h"
#include "processor.h"
#include "tlb.h"

#define SELF_BASE (UINT64_C(0xffff) << 48 | (uint64_t)SELF_SLOT << 39)
/* The addresses that are the hypervisor's. */
#define OWN_FIRST HEAP_BASE
#define OWN_LAST UINT64_MAX

static inline bool pte_is_table(uint64_t entry)
{
    return !(entry & PTE_BLOCK);
}

/* Entries have become valid: what was not present is not cached (AMD64 APM volume 2, 5.5.2). */
static inline void own_tables_written(void)
{
    __asm__ volatile("" ::: "memory");
}

/* After entries were cleared: all CPUs forget [va, va + pages). */
static inline void own_tables_forget(uint64_t va, uint64_t pages)
{
    tlb_forget_own(va, pages);
}

#endif
