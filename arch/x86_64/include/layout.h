/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's own address space: 48 bits, four levels of tables (AMD64 APM volume 2, 5.3). Level 0 is the root, whose
 * entries cover 512 GiB, as the contract counts.
 *
 *   0xffff_ffff_ffff_ffff  +---------------------------------------------------------------+
 *                          | image      text RX, constants R, data RW                      |  slot 511, gigabyte 510
 *   0xffff_ffff_8000_0000  +---------------------------------------------------------------+
 *                          | per CPU    stacks; a scrub block of 2 MiB each; windows; copy |             gigabyte 3
 *                          | arena      ARENA_SLOTS pages                                  |             gigabyte 2
 *                          | devices    registers of APICs, HPET                           |             gigabyte 1
 *                          | boot map   1 GiB, blocks of 2 MiB                             |             gigabyte 0
 *   0xffff_ff80_0000_0000  +---------------------------------------------------------------+
 *                          | the tables themselves (the root's entry 510 is the root)      |  slot 510
 *   0xffff_ff00_0000_0000  +---------------------------------------------------------------+
 *                          | heap: physical address + HEAP_BASE, mapped frame by frame     |  slots 256..509
 *   0xffff_8000_0000_0000  +---------------------------------------------------------------+
 *                          | nothing                                                       |
 *   0                      +---------------------------------------------------------------+
 *
 * The image lies where its loader put it, IMAGE_DELTA below its address. Until early.c's tables are in use, and while another CPU comes
 * up, there is another root that shows the first GiB of memory at its physical address too.
 */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#define SELF_SLOT 510
#define HEAP_BASE 0xffff800000000000
#define HEAP_END 0xffffff0000000000
#define BOOT_MAP_BASE 0xffffff8000000000
#define DEVICE_BASE 0xffffff8040000000
#define DEVICE_END 0xffffff8042000000       /* 32 MiB */
#define ARENA_BASE 0xffffff8080000000
#define PERCPU_BASE 0xffffff80c0000000
#define IMAGE_DELTA 0xffffffff80000000
#define IMAGE_SLOT 510                      /* in the table of slot 511 */

/*
 * Per CPU, 16 pages: every stack has nothing mapped below it.
 *   0 guard | 1-2 emergency stack | 3 guard | 4-7 stack | 8 guard | 9-10 stack of NMIs | 12 a device | 13-14 scrubbing, copying | others none
 */
#define PERCPU_SHIFT 16
#define PERCPU_EMERGENCY_PAGE 1
#define PERCPU_EMERGENCY_PAGES 2
#define PERCPU_STACK_PAGE 4
#define PERCPU_STACK_PAGES 4
#define PERCPU_NMI_PAGE 9
#define PERCPU_NMI_PAGES 2
#define PERCPU_DEVICE_PAGE 12       /* a device's registers that are looked at */
#define PERCPU_SCRUB_PAGE 13        /* and what frames are copied from */
#define PERCPU_COPY_PAGE 14         /* and to */
#define PERCPU_STACK_PAGES_ALL PERCPU_EMERGENCY_PAGE, PERCPU_EMERGENCY_PAGE + 1, \
    PERCPU_STACK_PAGE, PERCPU_STACK_PAGE + 1, PERCPU_STACK_PAGE + 2, PERCPU_STACK_PAGE + 3, PERCPU_NMI_PAGE, PERCPU_NMI_PAGE + 1
#define PERCPU_PAGE(cpu, page) (PERCPU_BASE + ((cpu) << PERCPU_SHIFT) + (page) * 4096)
#define PERCPU_STACK_TOP(cpu) PERCPU_PAGE(cpu, 8)
#define PERCPU_EMERGENCY_TOP(cpu) PERCPU_PAGE(cpu, 3)
#define PERCPU_NMI_TOP(cpu) PERCPU_PAGE(cpu, 11)
/* Behind the MAX_CPUS * 64 KiB above, which are 2 MiB. */
#define SCRUB_BLOCK(cpu) (PERCPU_BASE + 0x200000 * (1 + (uint64_t)(cpu)))
/* Behind those: WINDOWS pages for each CPU. */
#define WINDOW_TABLE_SLOT (1 + MAX_CPUS)
#define WINDOW_ADDRESS(cpu, n) (PERCPU_BASE + 0x200000 * WINDOW_TABLE_SLOT + (((uint64_t)(cpu) * WINDOWS + (n)) << 12))

/* Pages of stack that the image brings for CPU 0: emergency, stack, NMI. */
#define BOOT_STACK_PAGES 8
/* Tables of pages for the image: it ends below this many times 2 MiB of physical memory. */
#define IMAGE_TABLES 4

/* Segments: the same table for all CPUs; a task segment takes two entries. */
#define GDT_CODE 0x08
#define GDT_DATA 0x10
#define GDT_CODE32 0x18
#define GDT_TSS(cpu) (0x20 + 16 * (cpu))

#ifndef __ASSEMBLER__
#include "config.h"
#include "lib/types.h"

/* Entries (APM volume 2, 5.3.3, 5.4). What is reached through slot 510 is read and written as a page: a table's entry carries a page's
 * rights too. Accessed and dirty are set beforehand. */
#define PTE_VALID BIT(0)
#define PTE_WRITABLE BIT(1)
#define PTE_UNCACHED (BIT(3) | BIT(4))
#define PTE_BLOCK BIT(7)
#define PTE_NEVER_EXECUTE BIT(63)
#define PTE_USED (PTE_VALID | BIT(5) | BIT(6))
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)
#define PTE_PAGE_TEXT PTE_USED
#define PTE_PAGE_CONST (PTE_USED | PTE_NEVER_EXECUTE)
#define PTE_PAGE_DATA (PTE_USED | PTE_WRITABLE | PTE_NEVER_EXECUTE)
#define PTE_PAGE_DEVICE (PTE_PAGE_DATA | PTE_UNCACHED)
#define PTE_BLOCK_DATA (PTE_PAGE_DATA | PTE_BLOCK)
/* Execution is allowed by all tables on the way and forbidden by the last. */
#define PTE_NEXT_TABLE (PTE_VALID | BIT(5) | PTE_WRITABLE)

typedef uint64_t hyp_table[512] ALIGNED(4096);

/* By early.c. */
extern hyp_table hyp_root, hyp_high, hyp_percpu_l2, hyp_percpu_l3, hyp_device_l2, hyp_arena_l2, hyp_boot_map, hyp_window_l3;
/* head.S: the root with the first GiB. */
extern hyp_table boot_root;

/* vinci.lds */
extern char image_start[], text_end[], constants_end[], data_end[], bss_start[], bss_end[], image_end[], boot_stacks[];

/* Of something in the image. */
static inline uint64_t physical_of(const void *p)
{
    return (uint64_t)p - IMAGE_DELTA;
}

/* This CPU's windows, which none of its code holds, show nothing any more (window.c): another domain is about to run. */
void windows_close(void);
/* Map a CPU's stacks from newly allocated frames. -E_NOMEM. Boot. */
int map_cpu_stacks(unsigned cpu) MUST_CHECK;
hpa_t image_physical(void);
#endif

#endif
