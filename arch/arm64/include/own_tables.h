/* SPDX-License-Identifier: Apache-2.0 */
/* What arch/common/own_tables.c asks of the processor. */
#ifndef ARM64_OWN_TABLES_H
#define ARM64_OWN_TABLES_H

#include "layout.h"
#include "sysreg.h"

#define SELF_BASE ((uint64_t)SELF_SLOT << 39)
/* The addresses that are the hypervisor's. */
#define OWN_FIRST IMAGE_BASE
#define OWN_LAST (HEAP_END - 1)

static inline bool pte_is_table(uint64_t entry)
{
    return entry & PTE_TABLE;
}

/* Entries have become valid: the walker must see them before the next access (Arm ARM D8.2.6). */
static inline void own_tables_written(void)
{
    dsb(ishst);
    isb();
}

/* After entries were cleared: all CPUs forget [va, va + pages). */
static inline void own_tables_forget(uint64_t va, uint64_t pages)
{
    dsb(ishst);
    for (uint64_t i = 0; i < pages; i++)
        tlbi_arg(vae2is, (va >> PAGE_SHIFT) + i);
    dsb(ish);
    isb();
}

#endif
