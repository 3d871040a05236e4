/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying of much at once, through vector registers. A guest's values are in them, so those that are used are kept on the stack meanwhile;
 * that makes it safe wherever C code runs.
 */
.arch_extension fp
.arch_extension simd

/* 128 bytes from x1 on to x0 on; both move on. */
.macro copy_block
    ldp     q2, q3, [x1, #32]
    ldp     q4, q5, [x1, #64]
    ldp     q6, q7, [x1, #96]
    ldp     q0, q1, [x1], #128
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    stp     q0, q1, [x0], #128
.endm

.section .text.copy, "ax"
/* void arch_copy_many(void *x0, const void *x1, size_t x2) */
.globl arch_copy_many
.type arch_copy_many, %function
arch_copy_many:
    bti     c
    cmp     x2, #256
    b.lo    memcpy
    sub     sp, sp, #128
    stp     q0, q1, [sp, #0]
    stp     q2, q3, [sp, #32]
    stp     q4, q5, [sp, #64]
    stp     q6, q7, [sp, #96]
    sub     x2, x2, #128
    add     x3, x0, x2              /* where the last block goes, which may overlap what is copied already */
    add     x4, x1, x2
    sub     x5, x3, #128
1:  copy_block
    copy_block
    cmp     x0, x5
    b.lo    1b
    cmp     x0, x3
    b.hs    2f
    copy_block
2:  mov     x0, x3
    mov     x1, x4
    copy_block
    ldp     q0, q1, [sp, #0]
    ldp     q2, q3, [sp, #32]
    ldp     q4, q5, [sp, #64]
    ldp     q6, q7, [sp, #96]
    add     sp, sp, #128
    ret
.size arch_copy_many, . - arch_copy_many
