/* SPDX-License-Identifier: Apache-2.0 */
/* What the unpacker takes for a kernel, seen from outside; whether it has a PVH entry only the unpacker can see. */
#include "boot/x86_64/pvh.h"
#include "lib/string.h"

#define HEADER_AT 0x1f1             /* Linux: Documentation/x86/boot.rst */
#define BOOT_FLAG_AT 0x1fe
#define HEADER_MAGIC_AT 0x202
#define VERSION_AT 0x206
#define XLOADFLAGS_AT 0x236
#define VERSION_PAYLOAD 0x208       /* from here on the header says where the payload is */
#define VERSION_XLOADFLAGS 0x20c
#define KERNEL_64 1
#define ELF_MACHINE_AT 18
#define MACHINE_X86_64 62
#define ELF_CLASS_64 2

static uint16_t half_at(const uint8_t *file, unsigned offset)
{
    return (uint16_t)(file[offset] | file[offset + 1] << 8);
}

static const char *elf_fault(const uint8_t *file)
{
    if (file[4] != ELF_CLASS_64)
        return "it is a 32-bit ELF file";
    return half_at(file, ELF_MACHINE_AT) == MACHINE_X86_64 ? NULL : "it is an ELF file of another architecture";
}

const char *pvh_kernel_fault(const void *file, uint64_t size)
{
    const uint8_t *p = file;

    if (size >= ELF_MACHINE_AT + 2 && memcmp(p, "\177ELF", 4) == 0)
        return elf_fault(p);
    if (size < XLOADFLAGS_AT + 2)
        return "it is too short";
    if (half_at(p, BOOT_FLAG_AT) != 0xaa55 || memcmp(p + HEADER_MAGIC_AT, "HdrS", 4) != 0)
        return "it is neither a Linux bzImage nor an ELF file";
    if (half_at(p, VERSION_AT) < VERSION_PAYLOAD)
        return "it is a Linux from before 2.6.24";
    if (half_at(p, VERSION_AT) >= VERSION_XLOADFLAGS && !(half_at(p, XLOADFLAGS_AT) & KERNEL_64))
        return "it is a 32-bit Linux";
    return NULL;
}
