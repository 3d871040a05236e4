/* SPDX-License-Identifier: Apache-2.0 */
/* Entered as a PVH kernel is, and stays in 32-bit protected mode: flat segments of its own, an exception's number to trap(), then guest_main(). */
#include "../lib/pvh_note.h"

#define CODE32 0x08
#define DATA 0x10
#define EXCEPTIONS 32

pvh_note start32

.section .head.text, "ax"
.globl start32
start32:
    cli
    cld
    movl $stack_top, %esp
    xorl %ebp, %ebp
    xorl %eax, %eax
    cpuid
    cmpl $0x756e6547, %ebx      /* "Genu", of Intel */
    sete use_vmcall
    lgdt gdt_pointer
    ljmp $CODE32, $1f
1:  movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    call guest_main
1:  cli
    hlt
    jmp 1b

.text
/* One entry for each exception: those without an error code get one. */
.globl exception_entries
.balign 16
exception_entries:
.set n, 0
.rept EXCEPTIONS
    .balign 16
    .if (n == 8) || (n >= 10 && n <= 14) || (n == 17)
    .else
    pushl $0
    .endif
    pushl $n
    jmp trapped
    .set n, n + 1
.endr

trapped:
    call trap
1:  cli
    hlt
    jmp 1b

/* The event channels' vector: count it, and end it at the local APIC in the shorter form that only 32-bit kernels use. */
.globl upcall_entry
upcall_entry:
    pushl %eax
    incl upcalls
    xorl %eax, %eax
    movl %eax, 0xfee000b0
    popl %eax
    iret

/* long call_narrow(number, a, b, c, d, e): by the instruction; call_by_page: by the stub of the hypercall page. */
.globl call_narrow, call_by_page
.macro begin_call               /* the number and three arguments in their registers */
    pushl %ebx
    pushl %esi
    pushl %edi
    movl 16(%esp), %eax
    movl 20(%esp), %ebx
    movl 24(%esp), %ecx
    movl 28(%esp), %edx
.endm
.macro end_call
    popl %edi
    popl %esi
    popl %ebx
    ret
.endm

call_narrow:
    begin_call
    movl 32(%esp), %esi
    movl 36(%esp), %edi
    cmpb $0, use_vmcall
    jne 1f
    vmmcall
    jmp 2f
1:  vmcall
2:  movl %ebx, left
    movl %ecx, left + 4
    movl %edx, left + 8
    movl %esi, left + 12
    movl %edi, left + 16
    end_call

call_by_page:
    begin_call
    shll $5, %eax
    addl $hypercall_page, %eax
    call *%eax
    end_call

.data
.globl use_vmcall
use_vmcall:
    .byte 0
.balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word 3 * 8 - 1
    .long gdt

.bss
.globl left, upcalls
.balign 4096
.globl hypercall_page
hypercall_page:
    .skip 4096
left:
    .skip 20
upcalls:
    .skip 4
    .skip 16384
.balign 16
stack_top:

.section .note.GNU-stack, "", %progbits
