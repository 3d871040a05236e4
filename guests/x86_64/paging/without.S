/* SPDX-License-Identifier: Apache-2.0 */
/* From 64-bit code to where there is neither paging nor PAE, EFER.LME all the while, and back. What is seen there: struct seen of main.c. */
#define CODE64 0x08
#define CODE32 0x18
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_LME 0x100

.text
.globl without_pae, narrow_gp
without_pae:
    pushq %rbx
    pushq %rbp
    movq %rsp, kept_stack
    sidt kept_table
    pushq $CODE32
    pushq $narrow
    lretq
.code32
narrow:
    movl %cr0, %eax
    andl $~CR0_PG, %eax
    movl %eax, %cr0
    lidt narrow_table
    movl %cr4, %ebp
    movl %ebp, %eax
    andl $~CR4_PAE, %eax
    movl %eax, %cr4
    movl $EFER, %ecx
    rdmsr
    movl %eax, seen
    xorl %eax, %eax
    cpuid
    movl $EFER, %ecx
    rdmsr
    andl $~EFER_LME, %eax
    wrmsr
    rdmsr
    movl %eax, seen + 4
    orl $EFER_LME, %eax
    wrmsr
    rdmsr
    movl %eax, seen + 8
    movl %cr4, %eax
    movl %eax, seen + 12
    movl %cr0, %eax
    orl $CR0_PG, %eax
    movl %eax, %cr0
    movl %cr0, %eax
    movl %eax, seen + 16
    movl %ebp, %cr4
    movl $EFER, %ecx
    rdmsr
    movl %eax, seen + 20
    movl %cr0, %eax
    orl $CR0_PG, %eax
    movl %eax, %cr0
    ljmp $CODE64, $wide
/* Of the MOV to CR0, which is three bytes. */
narrow_gp:
    incl seen + 24
    addl $4, %esp
    addl $3, (%esp)
    iret
.code64
wide:
    lidt kept_table
    movq kept_stack, %rsp
    popq %rbp
    popq %rbx
    ret

.bss
.balign 8
kept_stack: .quad 0
kept_table: .skip 10

.section .note.GNU-stack, "", %progbits
