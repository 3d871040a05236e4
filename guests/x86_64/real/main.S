/* SPDX-License-Identifier: Apache-2.0 */
/* An exception in real mode, where it has no error code, with a vector table that is too short for it: the end of this guest and of no other. */
#define CODE32 0x18
#define CR0_PG 0x80000000
#define CR0_PE 1
#define NO_SUCH_MSR 0x1234

.text
.globl guest_main
guest_main:
    lidt no_table
    pushq $CODE32
    pushq $protected
    lretq
.code32
protected:
    movl %cr0, %eax
    andl $~CR0_PG, %eax
    movl %eax, %cr0
    andl $~CR0_PE, %eax
    movl %eax, %cr0
    movl $NO_SUCH_MSR, %ecx
    rdmsr
    ud2

.section .rodata
no_table:
    .word 0
    .quad 0

.section .note.GNU-stack, "", %progbits
