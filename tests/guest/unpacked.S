/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel for test_unpack.py: adds up DATA's words, says on the first serial line whether the sum is SUM, its command line, the words of
 * each module's first eight bytes, and stops. 32-bit, entered by its PVH note. */
#define COM1 0x3f8

.section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start

.section .text
.code32
start:
    movl $stack, %esp
    movl $data, %esi
    movl $((data_end - data) / 4), %ecx
    xorl %edi, %edi
1:  addl (%esi), %edi
    addl $4, %esi
    loop 1b
    movl $text_good, %esi
    cmpl $SUM, %edi
    je 2f
    movl $text_bad, %esi
2:  call say
    movl $zeros, %esi
    movl $1024, %ecx
3:  cmpb $0, (%esi)
    jne 4f
    incl %esi
    loop 3b
    movl $text_zero, %esi
    call say
4:  movl 24(%ebx), %esi             /* cmdline_paddr */
    call say
    movl 12(%ebx), %ebp             /* nr_modules */
    movl 16(%ebx), %edi             /* modlist_paddr */
5:  testl %ebp, %ebp
    jz 6f
    movl $text_module, %esi
    call say
    movl (%edi), %esi
    call say
    addl $32, %edi
    decl %ebp
    jmp 5b
6:  movl $text_end, %esi
    call say
7:  hlt
    jmp 7b

say:
    lodsb
    testb %al, %al
    jz 9f
    movw $COM1, %dx
    outb %al, %dx
    jmp say
9:  ret

.section .rodata
text_good:   .asciz "sum is right\n"
text_bad:    .asciz "sum is wrong\n"
text_zero:   .asciz "zeros are zero\n"
text_module: .asciz "\nmodule: "
text_end:    .asciz "\nend\n"
.balign 4
data:
    .incbin DATA
data_end:

.section .bss
zeros:
    .skip 4096
    .skip 256
stack:
