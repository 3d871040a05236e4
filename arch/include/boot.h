/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: how boot/ brings up a machine. Everything here is called on CPU 0, once, in about this order:
 *
 *   (entry code)                 paging on, image and this CPU's stack mapped, exception vectors set; then:
 *   boot_main(loader, image)     boot/'s; does not return
 *     boot_map(loader)           look at what the loader left
 *     (console)                  from here on arch_console_write is visible
 *     arch_boot_heap_map()       where the frame table will lie, before there is a frame allocator
 *     frame_table_init(), frame_add_free() ..., heap_init()
 *     arch_boot_frames_ready()   page tables come from frame_alloc from now on
 *     (interrupt controller, timer, console's interrupt)
 *     timer_cpu_init(), sched_init(), sched_cpu_up(0)
 *     arch_boot_secondaries()    the other CPUs; each runs upcall_leave(NULL) and idles or enters guests at once
 *     ... dom0 is built, through boot_map and mem/ ...
 *     arch_boot_run()            CPU 0 leaves boot for good
 *
 * What is in brackets is each processor's own: arm64_boot.h, x86_boot.h.
 * What no boot code uses later is not unmapped: the areas below are the hypervisor's for good.
 */
#ifndef ARCH_BOOT_H
#define ARCH_BOOT_H

#include "config.h"
#include "lib/types.h"

/* boot/<processor>/main.c: tables_pa is where the loader put what it has to tell (arm64: the device tree; x86-64: multiboot information),
 * `how` arm64's physical address of the image, x86-64's magic number of the loader's protocol. On this CPU's own stack (16 KiB). */
void boot_main(uint64_t tables_pa, uint64_t how) NORETURN;

/* Physical memory that the image uses (code, data, zeroed data and stacks): [start, end), whole pages. Never hand it over. */
void arch_boot_image(hpa_t *start, hpa_t *end);

/*
 * How UEFI started us: its memory map at the end of the boot services (descriptors of descriptor_size bytes, UEFI Specification 7.2),
 * in memory that is free once the map has been read, and the options it gave us. NULL when another loader did.
 */
struct boot_efi {
    hpa_t map;
    uint64_t map_size, descriptor_size;
    char command_line[512];
};
const struct boot_efi *arch_boot_efi(void);

/*
 * Map physical memory [pa, pa + size) readable, writable and cached, anywhere; any alignment. The address returned has pa's
 * offset. NULL when the area (BOOT_MAP_BYTES, in blocks of 2 MiB) is full. Works before
 * and after the frame allocator; CPU 0, no lock. The neighbourhood up to the 2 MiB boundaries becomes visible too: do not map
 * device registers.
 */
#define BOOT_MAP_BYTES (UINT64_C(1) << 30)
void *boot_map(hpa_t pa, uint64_t size) MUST_CHECK;
/* Take it away again: address and size as of boot_map. */
void boot_unmap(void *address, uint64_t size);
/* Write back and drop cached copies of what was written here (by boot_map address), to the point of coherency: for everything
 * a guest reads before it turns its caches on. */
void boot_clean(const void *address, uint64_t size);

/*
 * Map [base, base + size) in the heap region before frame_table_init: both multiples of 2 MiB, so that it takes blocks.
 * Returns the address (arch_heap_address of its first frame); the memory is not zeroed. Panics when the address does not fit
 * the heap region (above 128 TiB). The table pages that this needs come from a small reserve in the image.
 */
void *arch_boot_heap_map(hpa_t base, uint64_t size);
/* frame_alloc works. */
void arch_boot_frames_ready(void);

/*
 * Start the CPUs that the hardware knows by these numbers (arm64: MPIDR affinities, values of the cpu nodes' reg; x86-64: APIC ids), at
 * most MAX_CPUS - 1; CPU 0's own is skipped wherever it stands. They get numbers from 1 in this order. Returns how many CPUs are up in all; one that does not come within a
 * second is logged and left out. Each ends in timer_cpu_init(), sched_cpu_up(cpu), upcall_leave(NULL).
 */
unsigned arch_boot_secondaries(const uint64_t *hardware_ids, unsigned count);
/* The end of boot_main: empty stack, upcall_leave(NULL), enter the guest that it chooses. */
void arch_boot_run(void) NORETURN;

#endif
