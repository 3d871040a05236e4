/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry. The loader follows the arm64 Linux boot protocol (Linux Documentation/arm64/booting.rst): MMU off, x0 = device tree, we
 * lie at a multiple of 2 MiB; or UEFI started us by the PE header, and efi.c comes here with the same in hand, at any page. The page of .text.entry is the only code that ever runs at its physical address; everything in it is
 * position independent.
 */
#include "arch_cpu.h"
#include "layout.h"

#define PAGE_BYTES 4096

.macro address register, symbol
    adrp    \register, \symbol
    add     \register, \register, :lo12:\symbol
.endm

/* BTI J by its number: a hint that older assemblers and processors take as nothing. */
.macro bti_jump
    hint    #36
.endm

.macro constant register, value
    movz    \register, #(\value) & 0xffff
    movk    \register, #((\value) >> 16) & 0xffff, lsl #16
    .if (\value) >> 32
    movk    \register, #((\value) >> 32) & 0xffff, lsl #32
    .endif
.endm

.section .head.text, "ax"
.globl _start
_start:
    add     x13, x18, #22               /* code0: does nothing of use; its bytes begin with "MZ" */
    b       primary                     /* code1 */
    .quad   0                           /* text_offset */
    .quad   image_bytes                 /* image_size */
    .quad   0xa                         /* flags: little endian, 4 KiB pages, anywhere in memory */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   pe_header - _start

/*
 * The image as an EFI application (Microsoft's PE format specification, 3): the first page is its headers, of which some firmware loads no more, then one section of
 * code and constants and one of data, which is longer in memory than in the file. pe_*: vinci.lds.
 */
pe_header:
    .ascii  "PE\0\0"
    .short  0xaa64                      /* Machine: ARM64 */
    .short  2                           /* NumberOfSections */
    .long   0, 0, 0
    .short  pe_sections - pe_optional
    .short  0x206                       /* executable; no line numbers, no symbols */
pe_optional:
    .short  0x20b                       /* PE32+ */
    .byte   0, 0
    .long   pe_text_bytes, pe_data_file_bytes, 0
    .long   pe_entry
    .long   PAGE_BYTES                  /* BaseOfCode */
    .quad   0                           /* ImageBase */
    .long   PAGE_BYTES, 512             /* SectionAlignment, FileAlignment */
    .short  0, 0, 0, 0, 0, 0            /* versions */
    .long   0
    .long   image_bytes_low             /* SizeOfImage */
    .long   PAGE_BYTES                  /* SizeOfHeaders */
    .long   0
    .short  10                          /* Subsystem: EFI application */
    .short  0x100                       /* DllCharacteristics: data need not be executable */
    .quad   0, 0, 0, 0
    .long   0
    .long   6                           /* NumberOfRvaAndSizes, all empty */
    .quad   0, 0, 0, 0, 0, 0
pe_sections:
    .ascii  ".text\0\0\0"
    .long   pe_text_bytes, PAGE_BYTES, pe_text_bytes, PAGE_BYTES, 0, 0, 0
    .long   0x60000020                  /* code, executable, readable */
    .ascii  ".data\0\0\0"
    .long   pe_data_bytes, pe_data_at, pe_data_file_bytes, pe_data_at, 0, 0, 0
    .long   0xc0000040                  /* data, readable, writable */

.section .text.entry, "ax"

/* CPU 0. x19 = device tree, x20 = our physical address. */
.globl primary
primary:
    mov     x19, x0
    adrp    x20, _start
    adrp    x0, boot_stacks
    add     sp, x0, #BOOT_STACK_BYTES
    mov     x29, xzr

    /* Zero the tables that switch the MMU on; then nothing of them may be in a cache from before. */
    address x0, bss_start
    address x1, tables_end
    bl      zero_by_stores

    mrs     x0, CurrentEL
    cmp     x0, #2 << 2
    b.eq    2f
    mov     x1, x0
    mov     x0, x19
    bl      early_wrong_level           /* says so and stops */
2:  bl      early_build_tables
    dsb     sy
    address x0, bss_start
    address x1, tables_end
    bl      drop_cached
    address x0, boot_stacks
    address x1, image_end
    bl      drop_cached
    adr     x21, primary_mapped
    bl      enable_mmu                  /* returns at the linked address */
primary_mapped:
    bti_jump
    /* What else the image does not bring, 64 bytes at a time where the processor can. */
    address x0, tables_end
    address x1, bss_end
    mrs     x2, dczid_el0
    and     x2, x2, #0x1f               /* DZP clear, BS = log2 of words = 4 */
    cmp     x2, #4
    b.eq    1f
    bl      zero_by_stores
    b       2f
1:  .rept 4
    dc      zva, x0
    add     x0, x0, #64
    .endr
    cmp     x0, x1
    b.lo    1b
2:
    constant x0, PERCPU_STACK_TOP(0)
    mov     sp, x0
    address x0, cpu_blocks
    msr     tpidr_el2, x0
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x19
    mov     x1, x20
    b       arm64_start

/* Whole pages [x0, x1). */
zero_by_stores:
    .rept 4
    stp     xzr, xzr, [x0], #16
    .endr
    cmp     x0, x1
    b.lo    zero_by_stores
    ret

/* Drop what caches hold of [x0, x1). */
drop_cached:
    mrs     x2, ctr_el0
    ubfx    x2, x2, #16, #4             /* DminLine: log2 of words */
    mov     x3, #4
    lsl     x3, x3, x2
1:  dc      ivac, x0
    add     x0, x0, x3
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret

/* The other CPUs, started by PSCI at this physical address with x0 = the physical address of their cpu_block. */
.globl secondary_entry
secondary_entry:
    mov     x19, x0
    mrs     x0, CurrentEL
    cmp     x0, #2 << 2
    b.ne    stop
    adr     x21, secondary_mapped
    bl      enable_mmu
secondary_mapped:
    bti_jump
    /* The block by its linked address: same distance from cpu_blocks. */
    ldr     x0, [x19, #CPU_BLOCK_STACK]
    msr     tpidr_el2, x19
    mov     sp, x0
    mov     x29, xzr
    mov     x30, xzr
    b       arm64_secondary_start

stop:
    wfi
    b       stop

/*
 * Switch the MMU on and return to x21's linked address; x19, if it points into the image, becomes its linked address too.
 * Clobbers x0-x6, x21, x30. Two roots: the first has this page one to one, the second is for good.
 */
enable_mmu:
    msr     daifset, #0xf
    constant x0, MAIR_VALUE
    msr     mair_el2, x0
    constant x0, TCR_VALUE
    mrs     x1, id_aa64mmfr0_el1
    and     x1, x1, #0xf                /* PARange, at most 48 bits */
    mov     x2, #5
    cmp     x1, x2
    csel    x1, x1, x2, lo
    orr     x0, x0, x1, lsl #16
    msr     tcr_el2, x0
    adrp    x0, hyp_boot_root
    msr     ttbr0_el2, x0
    /* HCR_EL2.RW alone: no stage 2, E2H clear, until a guest is loaded. */
    constant x0, 0x80000000
    msr     hcr_el2, x0
    isb
    tlbi    alle2
    ic      iallu
    dsb     sy
    isb
    /* How far we lie from where we are linked. */
    adrp    x3, _start
    constant x4, IMAGE_BASE
    sub     x4, x4, x3
    adrp    x5, hyp_root
    adrp    x6, image_end
    constant x0, SCTLR_ON
    msr     sctlr_el2, x0
    isb
    adr     x1, 1f
    add     x1, x1, x4
    br      x1
1:  bti_jump
    msr     ttbr0_el2, x5
    isb
    tlbi    alle2
    dsb     nsh
    isb
    /* x19 within [image, image_end)? */
    cmp     x19, x3
    ccmp    x19, x6, #2, hs
    b.hs    2f
    add     x19, x19, x4
2:  address x0, vectors
    msr     vbar_el2, x0
    isb
    add     x21, x21, x4
    br      x21
