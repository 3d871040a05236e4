/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor does for each of the 256 vectors while the hypervisor runs: registers on the stack that the IDT chose, C, and back. */

#define STUB_BYTES 16

/* vector_stubs: one of STUB_BYTES for each vector: an error code if the processor gives none (APM volume 2, 8.2), the vector. */
.section .text
.balign STUB_BYTES
.globl vector_stubs
vector_stubs:
.set vector, 0
.rept 256
    .balign STUB_BYTES
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp own_trap
    .set vector, vector + 1
.endr

own_trap:
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
    xorl %ebp, %ebp
    call x86_own_trap
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

.section .note.GNU-stack, "", %progbits
