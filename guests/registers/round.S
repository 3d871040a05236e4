/* SPDX-License-Identifier: Apache-2.0 */
/*
 * void registers_KIND(const struct state *x0, struct state *x1): fills every register from x0, traps (or is
 * interrupted), and stores every register to x1.
 */
#define STATE_Q 256
#define SAVED 176
#define SAVED_OUT 160

    .arch_extension fp
    .arch_extension simd

    .macro  each_q op, base, offset
    \op     q0, q1, [\base, #\offset]
    \op     q2, q3, [\base, #\offset + 32]
    \op     q4, q5, [\base, #\offset + 64]
    \op     q6, q7, [\base, #\offset + 96]
    \op     q8, q9, [\base, #\offset + 128]
    \op     q10, q11, [\base, #\offset + 160]
    \op     q12, q13, [\base, #\offset + 192]
    \op     q14, q15, [\base, #\offset + 224]
    \op     q16, q17, [\base, #\offset + 256]
    \op     q18, q19, [\base, #\offset + 288]
    \op     q20, q21, [\base, #\offset + 320]
    \op     q22, q23, [\base, #\offset + 352]
    \op     q24, q25, [\base, #\offset + 384]
    \op     q26, q27, [\base, #\offset + 416]
    \op     q28, q29, [\base, #\offset + 448]
    \op     q30, q31, [\base, #\offset + 480]
    .endm

/* All but x0 and x1. */
    .macro  each_x op, base
    \op     x2, x3, [\base, #16]
    \op     x4, x5, [\base, #32]
    \op     x6, x7, [\base, #48]
    \op     x8, x9, [\base, #64]
    \op     x10, x11, [\base, #80]
    \op     x12, x13, [\base, #96]
    \op     x14, x15, [\base, #112]
    \op     x16, x17, [\base, #128]
    \op     x18, x19, [\base, #144]
    \op     x20, x21, [\base, #160]
    \op     x22, x23, [\base, #176]
    \op     x24, x25, [\base, #192]
    \op     x26, x27, [\base, #208]
    \op     x28, x29, [\base, #224]
    .endm

    .text
/* The out pointer is on the stack, x0 and x1 are at the bottom of a second frame there. */
finish:
    ldr     x0, [sp, #256 + SAVED_OUT]
    add     x1, x0, #STATE_Q
    each_q  stp, x1, 0
    mov     x1, sp
    mov     x2, #256 / 8
1:  ldr     x3, [x1], #8
    str     x3, [x0], #8
    subs    x2, x2, #1
    b.ne    1b
    add     sp, sp, #256
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    ldp     x29, x30, [sp], #SAVED
    ret

    .macro  start
    stp     x29, x30, [sp, #-SAVED]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    str     x1, [sp, #SAVED_OUT]
    add     x1, x0, #STATE_Q
    each_q  ldp, x1, 0
    each_x  ldp, x0
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    .endm

    .macro  end
    sub     sp, sp, #256
    stp     x0, x1, [sp]
    each_x  stp, sp
    str     x30, [sp, #240]
    b       finish
    .endm

    .globl  registers_hypercall
registers_hypercall:
    start
    hvc     #0xea1
    end

    .globl  registers_firmware
registers_firmware:
    start
    hvc     #0
    end

    .globl  registers_sysreg
registers_sysreg:
    start
    mrs     x21, id_aa64pfr0_el1
    end

    .globl  registers_mmio
registers_mmio:
    start
    ldr     w25, [x26]
    end

    .globl  registers_spin
registers_spin:
    start
1:  subs    x19, x19, #1
    b.ne    1b
    end
