/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entered as a PVH kernel is (32-bit protected mode, no paging, ebx = start_info): the first 4 GiB at their physical addresses, long mode,
 * exceptions to trap() in exception.c, then guest_main(start_info).
 */
#include "pvh_note.h"

#define CODE64 0x08
#define DATA 0x10
#define CR0_VALUE 0x80010033        /* PG, WP, PE, MP, ET, NE */
#define CR4_VALUE 0x000006a0        /* PAE, PGE, OSFXSR, OSXMMEXCPT */
#define EFER 0xc0000080
#define EFER_VALUE 0x901            /* SCE, LME, NXE */
#define TABLE 0x7
#define BLOCK 0x87

pvh_note start32

.section .head.text, "ax"
.code32
.globl start32
start32:
    cli
    cld
    movl $stack_top, %esp
    movl %ebx, %ebp
    xorl %eax, %eax
    cpuid
    cmpl $0x756e6547, %ebx      /* "Genu", of Intel */
    sete use_vmcall
    movl $(table3 + TABLE), %eax
    movl %eax, table4
    movl $(table2 + TABLE), %eax
    movl $4, %ecx
    movl $table3, %edx
1:  movl %eax, (%edx)
    addl $0x1000, %eax
    addl $8, %edx
    loop 1b
    movl $BLOCK, %eax
    movl $(4 * 512), %ecx
    movl $table2, %edx
2:  movl %eax, (%edx)
    addl $0x200000, %eax
    addl $8, %edx
    loop 2b
    lgdt gdt_pointer
    movl $CR4_VALUE, %eax
    movl %eax, %cr4
    movl $table4, %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $EFER_VALUE, %eax
    wrmsr
    movl $CR0_VALUE, %eax
    movl %eax, %cr0
    ljmp $CODE64, $start64

.code64
start64:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    movl %ebp, %edi
    movq $stack_top, %rsp
    xorl %ebp, %ebp
    call guest_main
stop:
    cli
    hlt
    jmp stop

.bss
.globl use_vmcall
use_vmcall: .byte 0

.text
/* vector_stubs: 16 bytes for each of 256. */
.balign 16
.globl vector_stubs
vector_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp trap_entry
    .set vector, vector + 1
.endr

trap_entry:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    call trap
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq

.section .rodata
.balign 8
.globl gdt, table4
gdt:
    .quad 0
    .quad 0x00af9b000000ffff        /* 64-bit code */
    .quad 0x00cf93000000ffff        /* data */
    .quad 0x00cf9b000000ffff        /* 32-bit code */
gdt_pointer:
    .word . - gdt - 1
    .long gdt

.bss
.balign 4096
table4: .skip 4096
.globl table3
table3: .skip 4096
table2: .skip 4 * 4096
    .skip 16384
.balign 16
stack_top:

.section .note.GNU-stack, "", %progbits
