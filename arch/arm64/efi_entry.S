/* SPDX-License-Identifier: Apache-2.0 */
/* The way from UEFI, which runs with the MMU on and memory one to one, to the entry of the boot protocol (head.S). */

.section .text.efi, "ax"

/* int (handle, system table): where the PE header points. */
.globl efi_entry
efi_entry:
    hint    #38                         /* BTI JC: the firmware calls us */
    b       efi_main

/* x0 = device tree. What runs with the MMU off must not find stale memory: all of the image goes to the point of coherency. */
.globl efi_leave
efi_leave:
    msr     daifset, #0xf
    adrp    x1, _start
    adrp    x2, image_end
    mrs     x3, ctr_el0
    ubfx    x3, x3, #16, #4             /* DminLine: log2 of words */
    mov     x4, #4
    lsl     x4, x4, x3
1:  dc      civac, x1
    add     x1, x1, x4
    cmp     x1, x2
    b.lo    1b
    dsb     sy
    mrs     x1, sctlr_el2
    bic     x1, x1, #1 << 0             /* M */
    bic     x1, x1, #1 << 2             /* C */
    bic     x1, x1, #1 << 12            /* I */
    msr     sctlr_el2, x1
    isb
    ic      iallu
    dsb     sy
    isb
    b       primary
