/* SPDX-License-Identifier: Apache-2.0 */
/* Where another processor begins: copied to a page below 1 MiB, in real mode; then as start.S. */
#define CODE64 0x08
#define DATA 0x10
#define CODE32 0x18
#define CR0_VALUE 0x80010033
#define CR4_VALUE 0x000006a0
#define EFER 0xc0000080
#define EFER_VALUE 0x901

.section .rodata
.globl ap_begin, ap_end
.code16
ap_begin:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl (ap_gdt_pointer - ap_begin)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $CODE32, $ap32
.balign 4
ap_gdt_pointer:
    .word 4 * 8 - 1
    .long gdt
ap_end:

.text
.code32
ap32:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
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
    ljmp $CODE64, $ap64
.code64
ap64:
    movq $ap_stack_top, %rsp
    xorl %ebp, %ebp
    call ap_main
1:  cli
    hlt
    jmp 1b

.bss
    .skip 8192
.balign 16
ap_stack_top:

.section .note.GNU-stack, "", %progbits
