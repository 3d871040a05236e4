/* SPDX-License-Identifier: Apache-2.0 */
/* The vector registers of a guest; C code of the hypervisor uses none. What borrows some gives them back. */
.arch_extension fp
.arch_extension simd

.macro each_pair op
    \op     q0, q1, [x0, #0]
    \op     q2, q3, [x0, #32]
    \op     q4, q5, [x0, #64]
    \op     q6, q7, [x0, #96]
    \op     q8, q9, [x0, #128]
    \op     q10, q11, [x0, #160]
    \op     q12, q13, [x0, #192]
    \op     q14, q15, [x0, #224]
    \op     q16, q17, [x0, #256]
    \op     q18, q19, [x0, #288]
    \op     q20, q21, [x0, #320]
    \op     q22, q23, [x0, #352]
    \op     q24, q25, [x0, #384]
    \op     q26, q27, [x0, #416]
    \op     q28, q29, [x0, #448]
    \op     q30, q31, [x0, #480]
.endm

.section .text.fpsimd, "ax"
/* void fpsimd_save(uint64_t *x0), void fpsimd_load(const uint64_t *x0): 512 bytes, aligned to 16. */
.globl fpsimd_save
.type fpsimd_save, %function
fpsimd_save:
    each_pair stp
    ret
.size fpsimd_save, . - fpsimd_save

.globl fpsimd_load
.type fpsimd_load, %function
fpsimd_load:
    each_pair ldp
    ret
.size fpsimd_load, . - fpsimd_load

.macro borrow op
    \op     q0, q1, [sp, #0]
    \op     q2, q3, [sp, #32]
    \op     q4, q5, [sp, #64]
    \op     q6, q7, [sp, #96]
.endm

.macro four op, base, at
    \op     q0, q1, [\base, #\at]
    \op     q2, q3, [\base, #\at + 32]
    \op     q4, q5, [\base, #\at + 64]
    \op     q6, q7, [\base, #\at + 96]
.endm

/*
 * void copy_lines_of_64(void *x0, const void *x1, uint64_t x2): x2 bytes, a multiple of 256 and not 0, from x1 to x0; each line of 64 bytes
 * is cleaned to the point of coherency. Four lines a turn: x0, x3, x4, x5.
 */
.globl copy_lines_of_64
.type copy_lines_of_64, %function
copy_lines_of_64:
    sub     sp, sp, #128
    borrow  stp
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
    borrow  ldp
    add     sp, sp, #128
    ret
.size copy_lines_of_64, . - copy_lines_of_64
