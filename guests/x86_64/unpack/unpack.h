/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader that runs in a PVH guest's own context, before its kernel. Module 0 of its start_info is a kernel: a Linux bzImage (compressed
 * with gzip, XZ, LZ4 or zstd) or an ELF file with a PVH entry; the other modules and the command line are for that kernel. What lies in its
 * only module behind a bzImage is that kernel's ramdisk: for loaders that know one module.
 *
 *   start_info -> memory.c: what is RAM, what is in use -> payload.c: the ELF file -> kernel.c: its segments, its entry -> the kernel
 *
 * Everything is below 4 GiB and at its physical address. There is nobody to return an error to: stop() says it and ends.
 */
#ifndef GUESTS_X86_64_UNPACK_H
#define GUESTS_X86_64_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <xen/arch-x86/hvm/start_info.h>

#define KIB UINT64_C(1024)
#define MIB UINT64_C(0x100000)

struct range {
    uint64_t base, size;
};

static inline bool overlaps(struct range a, struct range b)
{
    return a.size && b.size && a.base < b.base + b.size && b.base < a.base + a.size;
}

/* start.S: enter the kernel. */
_Noreturn void start_kernel(uint64_t entry, uint64_t start_info);

/* console.c: the hypervisor's console where there is one, else the first serial line. */
void console_start(void);
void say(const char *text);
void say_number(uint64_t n);
/* Says why and ends this domain as crashed. */
_Noreturn void stop(const char *why);
_Noreturn void stop_with(const char *why, uint64_t n);

/* memory.c: the RAM of the map, without what is in use. */
void memory_start(const struct hvm_start_info *s);
/* From now on nothing else is put here. */
void memory_keep(struct range r);
/* Is all of it RAM? */
bool memory_is_ram(struct range r);
/* `size` bytes of RAM that nobody uses, page aligned, from the top; in use from now on. Stops where there are none. */
void *memory_take(uint64_t size);
/* The same where a kernel can read it from its first instruction on: Linux maps its first GiB then. */
void *memory_take_low(uint64_t size);
#define LOW_END (UINT64_C(1) << 30)

/* payload.c: the kernel's ELF file, somewhere in memory. *rest is what of the module is behind a bzImage. */
struct range payload_find(struct range module, struct range *rest);

/* kernel.c: the memory that the segments of an ELF file take, and its PVH entry. */
struct kernel {
    struct range place;
    uint64_t entry;
};
struct kernel kernel_read(struct range file);
/* Put the segments there; `file` is not in the way. */
void kernel_place(struct range file);

#endif
