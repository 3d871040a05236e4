/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 64-bit code that clears PAE and then paging. A processor has an exception for it, which nobody handles here; where it lets it, as QEMU's does,
 * the code goes on in 4 MiB of 32-bit tables that lie in what 64-bit addresses do not use of the topmost table. The end of this guest alone.
 */
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define CR4_PSE 0x10
#define LARGE 22
#define LARGE_PAGE 0x83

.text
.globl guest_main
guest_main:
    lidt no_table
    leaq guest_main(%rip), %rsi
    shrq $LARGE, %rsi
    movl %esi, %eax
    shll $LARGE, %eax
    orl $LARGE_PAGE, %eax
    movl %eax, table4(, %rsi, 4)
    movl $~CR0_PG, %ebx
    movq %cr0, %rcx
    andq %rbx, %rcx
    movq %cr4, %rax
    andq $~CR4_PAE, %rax
    orq $CR4_PSE, %rax
    movq %rax, %cr4
    movq %rcx, %cr0
    xorl %eax, %eax
    cpuid
    ud2

.section .rodata
no_table:
    .word 0
    .quad 0

.section .note.GNU-stack, "", %progbits
