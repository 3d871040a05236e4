/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entered as a PVH kernel is: 32-bit protected mode without paging, flat segments, ebx = start_info, nothing else known. The image may lie
 * anywhere below 4 GiB; its address comes from a call whose stack is the start_info's first word, a known constant that is put back.
 *
 *   start32 (offset 0; at offset 8 the size in memory) -> long mode, the first 4 GiB at their physical addresses -> unpack(start_info) -> start_kernel: back to where we came from
 */
#include "../lib/pvh_note.h"

#define LINKED_AT 0x100000
#define BEGIN_AT 12                 /* the jump and the size are in front */
#define START_MAGIC 0x336ec578
#define CODE64 0x08
#define CODE32 0x10
#define DATA 0x18
#define CR0_PG 0x80000000
#define CR0_NEEDED 0x00000033       /* PE, MP, ET, NE; EM clear */
#define CR4_NEEDED 0x00000620       /* PAE, OSFXSR, OSXMMEXCPT */
#define EFER 0xc0000080
#define EFER_LME 0x100
#define FS_BASE 0xc0000100
#define TABLE 0x3
#define BLOCK 0x83

pvh_note LINKED_AT

.section .head.jump, "ax"
.code32
.globl start32
start32:
    jmp begin
    .balign 8

.section .head.text, "ax"           /* behind the size in memory: unpack.lds */
begin:
    cli
    cld
    cmpl $START_MAGIC, (%ebx)
    jne stop32
    leal 4(%ebx), %esp
    call 1f
1:  popl %ebp
    subl $(1b - begin), %ebp        /* where `begin` is */
    movl $START_MAGIC, (%ebx)

    /* Tables: one of level 4, one of level 3, four of level 2 with blocks of 2 MiB. */
    leal (tables - begin)(%ebp), %edi
    leal (0x1000 + TABLE)(%edi), %eax
    movl %eax, (%edi)
    leal (0x2000 + TABLE)(%edi), %eax
    movl $4, %ecx
    leal 0x1000(%edi), %edx
2:  movl %eax, (%edx)
    addl $0x1000, %eax
    addl $8, %edx
    loop 2b
    movl $BLOCK, %eax
    movl $(4 * 512), %ecx
    leal 0x2000(%edi), %edx
3:  movl %eax, (%edx)
    addl $0x200000, %eax
    addl $8, %edx
    loop 3b

    leal (gdt - begin)(%ebp), %eax
    movl %eax, (gdt_pointer + 2 - begin)(%ebp)
    lgdt (gdt_pointer - begin)(%ebp)
    movl $CR4_NEEDED, %eax
    movl %eax, %cr4
    movl %edi, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $(CR0_PG | CR0_NEEDED), %eax
    movl %eax, %cr0
    leal (stack_top - begin)(%ebp), %esp
    leal (start64 - begin)(%ebp), %eax
    pushl $CODE64
    pushl %eax
    lret

stop32:
    hlt
    jmp stop32

.code64
start64:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    leaq stack_top(%rip), %rsp
    movl %ebx, %ebx
    movl %ebp, %ebp

    /* The libraries look for their stack guard behind fs. */
    leaq thread_area(%rip), %rax
    movq %rax, %rdx
    shrq $32, %rdx
    movl $FS_BASE, %ecx
    wrmsr

    /* Move addresses in data to where the image is. */
    movq %rbp, %rcx
    subq $(LINKED_AT + BEGIN_AT), %rcx
    leaq relocations_start(%rip), %rsi
    leaq relocations_end(%rip), %rdi
4:  cmpq %rdi, %rsi
    jae 5f
    movq (%rsi), %rdx
    movq 16(%rsi), %rax
    addq %rcx, %rax
    movq %rax, (%rdx, %rcx)
    addq $24, %rsi
    jmp 4b
5:  movq %rbx, %rdi
    xorl %ebp, %ebp
    call unpack
    ud2

/* start_kernel(entry, start_info): no return. */
.globl start_kernel
start_kernel:
    movl %edi, %edi
    movl %esi, %ebx
    leaq leave32(%rip), %rax
    pushq $CODE32
    pushq %rax
    lretq

.code32
leave32:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    movl $0x11, %eax                /* PE, ET: no paging */
    movl %eax, %cr0
    movl $EFER, %ecx
    rdmsr
    andl $~EFER_LME, %eax
    wrmsr
    xorl %eax, %eax
    movl %eax, %cr4
    jmp *%edi

.section .data
.balign 16
gdt:
    .quad 0
    .quad 0x00af9b000000ffff        /* 64-bit code */
    .quad 0x00cf9b000000ffff        /* 32-bit code */
    .quad 0x00cf93000000ffff        /* data */
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long 0

.section .bss
.balign 4096
tables:
    .skip 6 * 4096
.skip 32768
.balign 16
stack_top:
thread_area:
    .skip 64
.globl hypercall_page
.balign 4096
hypercall_page:
    .skip 4096
