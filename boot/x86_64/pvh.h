/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building dom0 as a PVH domain whose memory is mapped one to one. Boot, CPU 0.
 *
 *   0 .. 640 KiB          dom0's: its kernel starts other vCPUs from there and looks there for room for its shared page
 *   1 MiB .. 16 MiB       the hypervisor's, but for the pages that hold dom0's modules
 *   16 MiB ..             dom0's, as much as it is to have: its kernel is not relocatable and wants to be at 16 MiB
 *   its last pages        the unpacker, what it is started with, ACPI tables
 *
 * Modules stay where the loader put them. dom0 begins in the unpacker (guests/x86_64/unpack), which moves them out of the kernel's way.
 */
#ifndef BOOT_X86_64_PVH_H
#define BOOT_X86_64_PVH_H

#include "boot/x86_64/loader_info.h"
#include "lib/acpi.h"

struct domain;

#define PVH_MAP_ENTRIES 320
#define PVH_START_SIZE UINT64_C(0x4000)    /* start_info, modules, map, command line */
#define PVH_ACPI_SIZE UINT64_C(0x2000)

struct pvh_layout {
    struct range_list ram;                  /* whole pages */
    struct memory_range unpacker, start, acpi;      /* in it */
    struct memory_entry map[PVH_MAP_ENTRIES];      /* what dom0 is told of the machine's memory, in address order */
    unsigned map_count;
};

/*
 * Choose dom0's memory out of `usable` (RAM that nobody needs; modules are still part of it). unpacker_size: memory that the unpacker takes.
 * 0, or -E_INVAL / -E_NOMEM after one line in the log that says what is wrong.
 */
int pvh_plan(struct pvh_layout *l, const struct boot_info *b, const struct range_list *usable, uint64_t unpacker_size) MUST_CHECK;
/* Fill l->map: the firmware's, where RAM that is not dom0's is reserved, so that no address of it is used for anything else. */
int pvh_plan_map(struct pvh_layout *l, const struct memory_entry *host, unsigned count) MUST_CHECK;

/* Memory that the unpacker takes. */
uint64_t pvh_unpacker_size(void);
/* Make dom0 and let it run. The frames of l->ram are in no allocator yet. 0, or an error that has been said. */
int pvh_build(const struct boot_info *b, const struct pvh_layout *l) MUST_CHECK;

/* Is this what dom0's kernel can be: a bzImage or a 64-bit ELF file of x86? NULL, or what is wrong with its first `size` bytes. */
const char *pvh_kernel_fault(const void *file, uint64_t size);

/*
 * ACPI tables of dom0's own, to lie at `at`: RSDP first, an XSDT of the host's tables but for those of processors, interrupts, IOMMUs,
 * NUMA and HPET, and a MADT with `vcpus` processors, whose UID is the vCPU's number, and the host's IO-APICs. How many bytes; 0: no room.
 */
uint32_t pvh_write_acpi(void *buffer, uint32_t size, uint64_t at, const struct acpi_tables *host, const struct acpi_madt *madt,
                         unsigned vcpus) MUST_CHECK;

/* hvm_start_info (xen/arch-x86/hvm/start_info.h) and what it points to, to lie at l->start. rsdp 0: there are no tables. False: no room. */
bool pvh_write_start(void *buffer, const struct pvh_layout *l, const struct module_list *modules, uint64_t rsdp) MUST_CHECK;

#endif
