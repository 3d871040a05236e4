/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF file's segments and its note XEN_ELFNOTE_PHYS32_ENTRY. The file is the guest's own: what is wrong is said, nobody else suffers. */
#include "unpack.h"
#include <elf.h>

#define NOTE_PHYS32_ENTRY 18
#define NAME "Xen"

static const Elf64_Ehdr *header(struct range file)
{
    const Elf64_Ehdr *e = (void *)file.base;

    if (file.size < sizeof(*e) || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 || e->e_ident[EI_CLASS] != ELFCLASS64)
        stop("the kernel is neither a bzImage nor a 64-bit ELF file");
    if (e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > file.size || e->e_phnum > (file.size - e->e_phoff) / sizeof(Elf64_Phdr))
        stop("the kernel's ELF headers are damaged");
    return e;
}

/* Segment n, if it is of that type; inside the file. */
static const Elf64_Phdr *segment(struct range file, unsigned n, uint32_t type)
{
    const Elf64_Ehdr *e = header(file);
    const Elf64_Phdr *p = (const Elf64_Phdr *)(file.base + e->e_phoff) + n;

    if (p->p_type != type)
        return NULL;
    if (p->p_offset > file.size || p->p_filesz > file.size - p->p_offset || p->p_filesz > p->p_memsz || p->p_memsz > UINT32_MAX ||
        p->p_paddr > UINT32_MAX - p->p_memsz)
        stop("a segment of the kernel goes over its file or over 4 GiB");
    return p;
}

static uint64_t round_note(uint64_t n)
{
    return (n + 3) & ~UINT64_C(3);
}

/* The entry that one segment of notes names; 0: it names none. */
static uint64_t entry_in(struct range notes)
{
    while (notes.size >= sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *n = (void *)notes.base;
        uint64_t name = round_note(n->n_namesz), value = round_note(n->n_descsz), whole = sizeof(*n) + name + value;

        if (whole > notes.size)
            return 0;
        if (n->n_type == NOTE_PHYS32_ENTRY && n->n_namesz == sizeof(NAME) && memcmp(n + 1, NAME, sizeof(NAME)) == 0 && n->n_descsz >= 4) {
            uint32_t entry;

            memcpy(&entry, (uint8_t *)(n + 1) + name, sizeof(entry));
            return entry;
        }
        notes = (struct range){ notes.base + whole, notes.size - whole };
    }
    return 0;
}

struct kernel kernel_read(struct range file)
{
    struct kernel k = { .place = { 0, 0 } };
    uint64_t low = UINT64_MAX, high = 0;

    for (unsigned i = 0; i < header(file)->e_phnum; i++) {
        const Elf64_Phdr *load = segment(file, i, PT_LOAD), *notes = segment(file, i, PT_NOTE);

        if (load && load->p_memsz) {
            low = load->p_paddr < low ? load->p_paddr : low;
            high = load->p_paddr + load->p_memsz > high ? load->p_paddr + load->p_memsz : high;
        }
        if (notes && !k.entry)
            k.entry = entry_in((struct range){ file.base + notes->p_offset, notes->p_filesz });
    }
    if (low >= high)
        stop("the kernel has nothing to load");
    k.place = (struct range){ low, high - low };
    if (k.entry < low || k.entry >= high)
        stop("the kernel has no PVH entry (note XEN_ELFNOTE_PHYS32_ENTRY; Linux: CONFIG_PVH)");
    return k;
}

void kernel_place(struct range file)
{
    for (unsigned i = 0; i < header(file)->e_phnum; i++) {
        const Elf64_Phdr *p = segment(file, i, PT_LOAD);

        if (!p)
            continue;
        memcpy((void *)p->p_paddr, (void *)(file.base + p->p_offset), p->p_filesz);
        memset((void *)(p->p_paddr + p->p_filesz), 0, p->p_memsz - p->p_filesz);
    }
}
