/* SPDX-License-Identifier: Apache-2.0 */
/* storm_execute(regs, code, compat): the code, with registers loaded from regs; an exception in it comes back to storm_executed as well. */
#define CODE64 0x08
#define DATA 0x10
#define CODE32 0x18

.text
.globl storm_execute, storm_executed
storm_execute:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, kept_stack
    movq %cr0, %rax
    movq %rax, kept_cr0
    movq %cr4, %rax
    movq %rax, kept_cr4
    movq %cr3, %rax
    movq %rax, kept_cr3
    testl %edx, %edx
    jz 1f
    pushq $CODE32
    jmp 2f
1:  pushq $CODE64
2:  pushq %rsi
    movq %rdi, %r15
    movq 0(%r15), %rax
    movq 8(%r15), %rcx
    movq 16(%r15), %rdx
    movq 24(%r15), %rbx
    movq %rbx, %r11
    movq 48(%r15), %rsi
    movq 56(%r15), %rdi
    movq 64(%r15), %r8
    movq 72(%r15), %r9
    lretq
storm_executed:
    movq kept_stack, %rsp
    movl $DATA, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movq kept_cr4, %rax
    movq %rax, %cr4
    movq kept_cr3, %rax
    movq %rax, %cr3
    movq kept_cr0, %rax
    movq %rax, %cr0
    movl $0x400, %eax
    movq %rax, %dr7
    cld
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

/* A vCPU that is started by a hypercall: down at once, and again whenever it is brought up. */
.globl storm_sleep
storm_sleep:
    cli
    hlt
    jmp storm_sleep

/* What a third vCPU does in real mode, copied below 1 MiB at a page's start: slots of 16 bytes, one odd instruction each. Any exception goes on with
 * the next slot; the last one sleeps. */
.section .rodata
.globl real_begin, real_skip, real_end
.code16
#define SLOT .balign 16, 0x90
real_begin:
    cli
    movw %cs, %ax
    movw %ax, %ss
    movw %ax, %ds
    movw $0x7f0, %sp
    lidt real_table - real_begin
    SLOT
    jmp 1f
real_table:
    .word 0x3ff, 0xd800, 6          /* at 0x800 of the page (instructions.c) */
    SLOT
1:
    .byte 0x66, 0x67, 0x0f, 0xa2
    SLOT
    .byte 0xf2, 0x0f, 0x32
    SLOT
    .byte 0x66, 0x2e, 0x0f, 0x30
    SLOT
    .byte 0x0f, 0x01, 0xd9
    SLOT
    .byte 0x0f, 0x01, 0xc1
    SLOT
    .byte 0x0f, 0x01, 0xd1
    SLOT
    .byte 0x0f, 0x01, 0xd8
    SLOT
    inw $0x40, %ax
    SLOT
    outl %eax, $0x43
    SLOT
    insb
    SLOT
    rep outsw
    SLOT
    wbinvd
    SLOT
    invd
    SLOT
    .byte 0x66, 0xf3, 0x90
    SLOT
    ud2
    SLOT
    int3
    SLOT
    .byte 0x67, 0x66, 0x8b, 0x05, 0x20, 0x00, 0xe0, 0xfe     /* beyond the segment's limit */
    SLOT
    monitor
    SLOT
    .byte 0x66, 0x67, 0x66, 0x67, 0x66, 0x67, 0x66, 0x67, 0x66, 0x67, 0x66, 0x67, 0x66, 0x0f, 0xa2
    SLOT
    movl %cr0, %eax
    movl %eax, %cr0
    SLOT
4:  hlt
    jmp 4b
    SLOT
real_skip:
    popw %ax
    andw $0xfff0, %ax
    addw $16, %ax
    pushw %ax
    iretw
real_end:

.bss
.balign 8
kept_stack: .skip 8
kept_cr0: .skip 8
kept_cr3: .skip 8
kept_cr4: .skip 8

.section .note.GNU-stack, "", %progbits
