/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL1 exception vectors. `vectors` saves everything and calls C. `vectors_fast`
 * and `vectors_fast_timer` are for measuring: an interrupt is acknowledged,
 * ended and counted in x28 (reserved by the measuring loop), nothing else.
 */

    .macro  save_frame
    sub     sp, sp, #288
    stp     x0, x1, [sp, #0]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x0, elr_el1
    mrs     x1, spsr_el1
    stp     x30, x0, [sp, #240]
    str     x1, [sp, #256]
    .endm

    .macro  entry_to, kind
    .balign 0x80
    save_frame
    mov     x0, sp
    mov     x1, #\kind
    b       exception_common
    .endm

    .text
exception_common:
    bl      exception_entry
    ldp     x30, x0, [sp, #240]
    ldr     x1, [sp, #256]
    msr     elr_el1, x0
    msr     spsr_el1, x1
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldp     x0, x1, [sp], #288
    eret

    .balign 0x800
    .global vectors
vectors:
    .irp    kind, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    entry_to \kind
    .endr

    .macro  fast_slots, extra:vararg
    entry_to 0
    entry_to 1
    entry_to 2
    entry_to 3
    entry_to 4
    .balign 0x80
    str     x0, [sp, #-16]!
    mrs     x0, S3_0_C12_C12_0          /* ICC_IAR1_EL1 */
    \extra
    msr     S3_0_C12_C12_1, x0          /* ICC_EOIR1_EL1 */
    add     x28, x28, #1
    ldr     x0, [sp], #16
    eret
    .irp    kind, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    entry_to \kind
    .endr
    .endm

    .balign 0x800
    .global vectors_fast
vectors_fast:
    fast_slots nop

    .balign 0x800
    .global vectors_fast_timer
vectors_fast_timer:
    fast_slots msr cntv_ctl_el0, xzr
