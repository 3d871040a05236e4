/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying of much at once, through vector registers. A guest's values are in them, so those that are used are kept on the stack meanwhile;
 * that makes it safe wherever C code runs.
 */
.arch_extension fp
.arch_extension simd

/* 128 bytes at base + at: on the stack those that are kept. */
.macro four op, base, at
    \op     q0, q1, [\base, #\at]
    \op     q2, q3, [\base, #\at + 32]
    \op     q4, q5, [\base, #\at + 64]
    \op     q6, q7, [\base, #\at + 96]
.endm

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
    four    stp, sp, 0
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
    four    ldp, sp, 0
    add     sp, sp, #128
    ret
.size arch_copy_many, . - arch_copy_many

/*
 * void copy_lines_of_64(void *x0, const void *x1, uint64_t x2): x2 bytes, a multiple of 256 and not 0, from x1 to x0; each line of 64 bytes
 * is cleaned to the point of coherency. Four lines a turn: x0, x3, x4, x5.
 */
.globl copy_lines_of_64
.type copy_lines_of_64, %function
copy_lines_of_64:
    bti     c
    sub     sp, sp, #128
    four    stp, sp, 0
    add     x2, x0, x2
    add     x3, x0, #64
    add     x4, x0, #128
    add     x5, x0, #192
1:  four    ldp, x1, 0
    four    stp, x0, 0
    four    ldp, x1, 128
    four    stp, x0, 128
    dc      cvac, x0
    dc      cvac, x3
    dc      cvac, x4
    dc      cvac, x5
    add     x0, x0, #256
    add     x1, x1, #256
    add     x3, x3, #256
    add     x4, x4, #256
    add     x5, x5, #256
    cmp     x0, x2
    b.ne    1b
    four    ldp, sp, 0
    add     sp, sp, #128
    ret
.size copy_lines_of_64, . - copy_lines_of_64
