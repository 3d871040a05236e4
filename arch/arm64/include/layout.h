/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's own address space: 48 bits, one level-0 table (Arm ARM D8.2: 4 KiB granule, 512 GiB an entry).
 *
 *   0xffff_ffff_ffff  +---------------------------------------------------------------+
 *                     | heap: physical address + HEAP_BASE, mapped frame by frame     |  slots 256..511
 *   0x8000_0000_0000  +---------------------------------------------------------------+
 *                     | boot map   1 GiB, blocks of 2 MiB                             |  slot 255, gigabyte 4
 *                     | devices    registers of GIC and console                       |             gigabyte 3
 *                     | arena      ARENA_SLOTS pages                                  |             gigabyte 2
 *                     | per CPU    stacks; a scrub block of 2 MiB each; windows; copy |             gigabyte 1
 *                     | image      text RX, constants R, data RW                      |             gigabyte 0
 *   0x7f80_0000_0000  +---------------------------------------------------------------+
 *                     | the tables themselves (the root's entry 254 is the root)      |  slot 254
 *   0x7f00_0000_0000  +---------------------------------------------------------------+
 *                     | nothing                                                       |
 *   0                 +---------------------------------------------------------------+
 *
 * While the MMU is being switched on another root is used that has the entry code's page at its physical address too; so that
 * may not lie in slot 255 (127.5 TiB and up).
 */
#ifndef ARM64_LAYOUT_H
#define ARM64_LAYOUT_H

#define SELF_SLOT 254
#define IMAGE_BASE 0x7f8000000000
#define PERCPU_BASE 0x7f8040000000
#define ARENA_BASE 0x7f8080000000
#define DEVICE_BASE 0x7f80c0000000
#define DEVICE_END 0x7f80c2000000       /* 32 MiB */
#define BOOT_MAP_BASE 0x7f8100000000
#define HEAP_BASE 0x800000000000
#define HEAP_END 0x1000000000000

/*
 * Per CPU, 16 pages: every stack has nothing mapped below it.
 *   0 guard | 1-2 emergency stack | 3 guard | 4-7 stack | 8 guard | 13 scrub and cache maintenance | others none
 */
#define PERCPU_SHIFT 16
#define PERCPU_EMERGENCY_PAGE 1
#define PERCPU_EMERGENCY_PAGES 2
#define PERCPU_STACK_PAGE 4
#define PERCPU_STACK_PAGES 4
#define PERCPU_SCRUB_PAGE 13
#define PERCPU_STACK_PAGES_ALL PERCPU_EMERGENCY_PAGE, PERCPU_EMERGENCY_PAGE + 1, \
    PERCPU_STACK_PAGE, PERCPU_STACK_PAGE + 1, PERCPU_STACK_PAGE + 2, PERCPU_STACK_PAGE + 3
#define PERCPU_STACK_TOP(cpu) (PERCPU_BASE + ((cpu) << PERCPU_SHIFT) + 8 * 4096)
#define PERCPU_EMERGENCY_TOP(cpu) (PERCPU_BASE + ((cpu) << PERCPU_SHIFT) + 3 * 4096)
/* Behind the MAX_CPUS * 64 KiB above, which are 2 MiB. */
#define SCRUB_BLOCK(cpu) (PERCPU_BASE + 0x200000 * (1 + (uint64_t)(cpu)))
/* Behind those: WINDOWS pages for each CPU. */
#define WINDOW_TABLE_SLOT (1 + MAX_CPUS)
/* The next one: for each CPU COPY_WINDOW_PAGES pages that are copied from, then as many that are copied to. */
#define COPY_TABLE_SLOT (2 + MAX_CPUS)
#define COPY_WINDOW_PAGES 8
#define COPY_ADDRESS(cpu) (PERCPU_BASE + 0x200000 * COPY_TABLE_SLOT + (((uint64_t)(cpu) * 2 * COPY_WINDOW_PAGES) << 12))
#define WINDOW_ADDRESS(cpu, n) (PERCPU_BASE + 0x200000 * WINDOW_TABLE_SLOT + (((uint64_t)(cpu) * WINDOWS + (n)) << 12))

/* Pages of stack that the image brings for CPU 0: emergency first. */
#define BOOT_STACK_BYTES (6 * 4096)
/* Level-3 tables for the image: it may be this many times 2 MiB, zeroed data included. */
#define IMAGE_TABLES 2

/* Registers that are the same on every CPU. MAIR: 0 normal write-back, 1 device nGnRE. */
#define MAIR_VALUE 0x04ff
/* T0SZ 16, inner-shareable write-back walks, 4 KiB; PS (18:16) is added. */
#define TCR_VALUE 0x80803510
/* RES1 bits, I, SA, C, M, WXN: what is writable is never executable. */
#define SCTLR_RES1 0x30c50830
#define SCTLR_ON (SCTLR_RES1 | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19)

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* Stage-1 descriptors (Arm ARM D8.3). A table's descriptor carries a page's attributes too, where the walk ignores them, because
 * through slot 254 it is read as a page. Bit 6 is RES1 at EL2. */
#define PTE_VALID BIT(0)
#define PTE_TABLE BIT(1)                    /* with level 3: page */
#define PTE_DEVICE (BIT(2))                 /* attribute 1 */
#define PTE_READ_ONLY BIT(7)
#define PTE_GUARDED BIT(50)                 /* indirect branches must land on BTI; RES0 without FEAT_BTI */
#define PTE_NEVER_EXECUTE BIT(54)
#define PTE_COMMON (PTE_VALID | BIT(6) | UINT64_C(3) << 8 | BIT(10))
#define PTE_ADDRESS UINT64_C(0x0000fffffffff000)
#define PTE_DATA (PTE_COMMON | PTE_NEVER_EXECUTE)           /* block; | PTE_TABLE for a page */
#define PTE_BLOCK_DATA PTE_DATA
#define PTE_PAGE_DATA (PTE_DATA | PTE_TABLE)
#define PTE_PAGE_CONST (PTE_PAGE_DATA | PTE_READ_ONLY)
#define PTE_PAGE_TEXT (PTE_COMMON | PTE_TABLE | PTE_READ_ONLY)
#define PTE_PAGE_DEVICE (PTE_PAGE_DATA | PTE_DEVICE)
#define PTE_NEXT_TABLE PTE_PAGE_DATA

typedef uint64_t hyp_table[512] ALIGNED(4096);

/* By early.c, filled before the MMU is on. */
extern hyp_table hyp_root, hyp_boot_root, hyp_high, hyp_percpu_l2, hyp_percpu_l3, hyp_device_l2, hyp_arena_l2, hyp_boot_map, hyp_window_l3,
    hyp_copy_l3;

/* vinci.lds */
extern char image_start[], entry_start[], text_end[], constants_end[], data_end[], bss_start[], bss_end[], image_end[], boot_stacks[];

/* This CPU's windows, which none of its code holds, show nothing any more (window.c): another domain is about to run. */
void windows_close(void);
/* The own_tables.c functions that only arch/arm64 uses. */
/* Map device registers for good; the address has pa's offset. Boot. NULL: area full, or no memory for a table. */
volatile void *map_device(hpa_t pa, uint64_t size);
/* Map a CPU's stacks from newly allocated frames. -E_NOMEM. Boot. */
int map_cpu_stacks(unsigned cpu) MUST_CHECK;
hpa_t image_physical(void);
#endif

#endif
