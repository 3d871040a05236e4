/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions to EL2 (Arm ARM D1.4.2).
 *
 * While a guest runs, SP_EL2 points at its struct vcpu, which begins with the registers: storing needs no scratch register.
 * The C handler gets that pointer, runs on this CPU's stack, and returns the vCPU to enter next: control flow is a value.
 *
 *   guest -> vector: save to SP -> SP = cpu_block.stack -+- hypercall, interrupt -> arm64_trap_*(vcpu) -> vcpu -> enter_again -> ERET
 *                                                        |                                 +-> NULL -> arm64_leave -+
 *                                                        +- any other -> arm64_trap_*(vcpu) -> vcpu -> enter_guest -+-> ERET
 *
 * Hypercalls and interrupts look at no register of the guest above x17. C code gives x19 to x28 back as it found them, so
 * the short way stores and loads only the others. They are stored before anything that may choose another vCPU, or that a
 * handler of other traps may name. ELR_EL2 and SPSR_EL2 still hold what they did: EL2 takes no exception that it survives.
 */
#include "arch_cpu.h"

#define VCPU_X29 232
#define VCPU_PC 256
/* Syndromes: HVC (class 0x16, 32 bits long) with the tag of a hypercall (xen/arch-arm.h), and with 0, of a firmware call. */
#define ESR_HVC_UPPER 0x5a00

.macro save_guest
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
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    stp     x29, x30, [sp, #VCPU_X29]
    stp     x2, x3, [sp, #VCPU_PC]
    mrs     x2, tpidr_el2
    mov     x0, sp
    ldr     x2, [x2, #CPU_BLOCK_STACK]
    mov     x29, xzr                    /* the call chain ends here */
    mov     sp, x2
.endm

/* What save_guest leaves out, of the vCPU in x0. */
.macro save_rest
    stp     x20, x21, [x0, #160]
    stp     x22, x23, [x0, #176]
    stp     x24, x25, [x0, #192]
    stp     x26, x27, [x0, #208]
    str     x28, [x0, #224]
.endm

/* From a guest: at most 32 instructions. */
.macro sync_vector
    .balign 128
    save_guest
    mrs     x1, esr_el2
    mov     w2, #HVC_XEN
    movk    w2, #ESR_HVC_UPPER, lsl #16
    cmp     w1, w2
    b.ne    other_trap
    bl      arm64_trap_hypercall
    cbnz    x0, enter_again
    b       leave
.endm

.macro irq_vector
    .balign 128
    save_guest
    bl      arm64_trap_irq
    cbnz    x0, enter_again
    b       leave
.endm

/* All are stored: the registers of AArch32's modes lie in x16 to x30. */
.macro aarch32_vector
    .balign 128
    save_guest
    save_rest
    bl      arm64_trap_sync_aarch32
    b       enter_guest
.endm

.macro serror_vector
    .balign 128
    save_guest
    save_rest
    bl      arm64_trap_serror
    b       enter_guest
.endm

/* Of the hypervisor itself: always the end, so guest registers serve as scratch. */
.macro own_vector kind
    .balign 128
    msr     tpidrro_el0, x1
    mov     x1, #\kind
    b       own_exception
.endm

/* The same for cores whose branch prediction a guest can train (speculation.h): x0 and x1 are saved as save_guest does first,
 * the guard runs, and the plain vector goes on behind its own first instruction. */
.macro guarded_vector guard, number
    .balign 128
    stp     x0, x1, [sp, #0]
    \guard
    b       vectors + 0x400 + \number * 128 + 4
.endm

.macro guard_loop
    mrs     x0, tpidr_el2
    ldr     x0, [x0, #CPU_BLOCK_ENTRY]
1:  b       2f
2:  subs    x0, x0, #1
    b.ne    1b
    dsb     nsh
    isb
.endm

.macro guard_clrbhb
    hint    #22                         /* CLRBHB */
    isb
.endm

.macro guard_firmware
    stp     x2, x3, [sp, #16]           /* SMCCC 1.1 leaves x4 and up alone */
    mrs     x0, tpidr_el2
    ldr     x0, [x0, #CPU_BLOCK_ENTRY]
    smc     #0
    ldp     x2, x3, [sp, #16]
.endm

.macro guarded_vectors name, guard
.balign 2048
.globl \name
\name:
    own_vectors
    guarded_vector \guard, 0
    guarded_vector \guard, 1
    guarded_vector \guard, 2
    guarded_vector \guard, 3
    guarded_vector \guard, 4
    guarded_vector \guard, 5
    guarded_vector \guard, 6
    guarded_vector \guard, 7
    .balign 128
.endm

.macro own_vectors
    own_vector 0                        /* current level, SP_EL0: never used */
    own_vector 1
    own_vector 2
    own_vector 3
    own_vector 4                        /* current level, SP_EL2 */
    own_vector 5
    own_vector 6
    own_vector 7
.endm

.section .text.hot, "ax"
.balign 2048
.globl vectors
vectors:
    own_vectors
    sync_vector                         /* lower level, AArch64 */
    irq_vector
    irq_vector
    serror_vector
    aarch32_vector                      /* lower level, AArch32 */
    irq_vector
    irq_vector
    serror_vector
    .balign 128

guarded_vectors vectors_loop, guard_loop
guarded_vectors vectors_clrbhb, guard_clrbhb
guarded_vectors vectors_firmware, guard_firmware

.macro load_and_return
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp, #0]
    eret
    /* Nothing after it is speculated (straight-line speculation). */
    dsb     nsh
    isb
.endm

/* x0 = the vCPU, x1 = syndrome. */
.type other_trap, %function
other_trap:
    mov     w2, #ESR_HVC_UPPER << 16
    cmp     w1, w2
    b.ne    1f
    bl      arm64_trap_smccc
    cbnz    x0, enter_again
    b       leave
1:  save_rest
    bl      arm64_trap_sync
    b       enter_guest
.size other_trap, . - other_trap

/* The short way did not end in the same vCPU at once. */
.type leave, %function
leave:
    mrs     x0, tpidr_el2
    ldr     x0, [x0, #CPU_BLOCK_CURRENT]
    save_rest
    bl      upcall_leave
    b       enter_guest
.size leave, . - leave

/* The vCPU in x0, which trapped, goes on; x20 to x28 hold its values, and ELR_EL2 and SPSR_EL2 where it goes on. */
.type enter_again, %function
enter_again:
    mov     sp, x0
    ldp     x29, x30, [sp, #VCPU_X29]
    ldp     x18, x19, [sp, #144]
    load_and_return
.size enter_again, . - enter_again

/* void enter_guest(struct vcpu *x0): does not return. */
.globl enter_guest
.type enter_guest, %function
enter_guest:
    ldp     x2, x3, [x0, #VCPU_PC]
    mov     sp, x0
    msr     elr_el2, x2
    msr     spsr_el2, x3
    ldp     x29, x30, [sp, #VCPU_X29]
    ldp     x27, x28, [sp, #216]
    ldp     x25, x26, [sp, #200]
    ldp     x23, x24, [sp, #184]
    ldp     x21, x22, [sp, #168]
    ldp     x19, x20, [sp, #152]
    ldr     x18, [sp, #144]
    load_and_return
.size enter_guest, . - enter_guest

/* x1 = which vector, x1's value is in TPIDRRO_EL0. Onto the emergency stack: the cause may be a stack that overflowed. */
.type own_exception, %function
own_exception:
    msr     tpidr_el1, x0
    mrs     x0, tpidr_el2
    stp     x2, x3, [x0, #CPU_BLOCK_SCRATCH]
    mov     x2, sp
    ldr     x3, [x0, #CPU_BLOCK_EMERGENCY]
    sub     x3, x3, #288
    mov     sp, x3
    str     x2, [sp, #248]              /* SP as it was */
    ldp     x2, x3, [x0, #CPU_BLOCK_SCRATCH]
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
    str     x30, [sp, #240]
    mrs     x2, tpidr_el1
    mrs     x3, tpidrro_el0
    stp     x2, x3, [sp, #0]
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    stp     x2, x3, [sp, #256]
    mov     x0, sp
    mov     x29, xzr
    bl      arm64_own_exception
    b       .
.size own_exception, . - own_exception

/* void run_on_empty_stack(void (*f)(void), stack top): CPU 0 leaves boot_main's frames behind. Does not return. */
.globl run_on_empty_stack
.type run_on_empty_stack, %function
run_on_empty_stack:
    mov     sp, x1
    mov     x29, xzr
    mov     x30, xzr
    mov     x16, x0
    br      x16                         /* x16: may land where a call may */
.size run_on_empty_stack, . - run_on_empty_stack
