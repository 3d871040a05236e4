/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world switch (AMD64 APM volume 2, 15.5.1, 15.17). VMRUN keeps what the hypervisor goes on with (RSP, RAX, control registers) in its
 * save area; VMSAVE and VMLOAD move the rest: FS, GS, TR, LDTR and the MSRs of system calls, the hypervisor's to a VMCB of this CPU.
 * Interrupts are open for the processor but held back by GIF: one that comes before the guest runs ends the guest at once. So does an NMI,
 * which is why the count of changes is compared behind CLGI (stage2_tlb.c).
 *
 *   stack: 0 struct vcpu *   8 the hypervisor's own VMCB, physical
 */
#include "arch/include/x86_registers.h"
#include "arch/x86_64/svm/svm.h"

/* Return addresses that the guest has trained are pushed out before the first RET (AMD, Software techniques for managing speculation, V2-3). */
.macro fill_return_buffer
.rept 32
    call 5f
    int3
5:
.endr
    addq $32 * 8, %rsp
.endm

.section .text.hot, "ax"
.globl svm_loop
.type svm_loop, @function
svm_loop:
    subq $8, %rsp
    pushq %rsi
    pushq %rdi
1:  clgi
    movq SVM_SPACE_CHANGES(%rdi), %rax
    movq (%rax), %rax
    cmpq %rax, SVM_ASID_CHANGES(%rdi)
    jne 3f
2:  movq SVM_VMCB_PA(%rdi), %rax
    movq X86_REG_RCX(%rdi), %rcx
    movq X86_REG_RDX(%rdi), %rdx
    movq X86_REG_RBX(%rdi), %rbx
    movq X86_REG_RBP(%rdi), %rbp
    movq X86_REG_RSI(%rdi), %rsi
    movq X86_REG_R(8)(%rdi), %r8
    movq X86_REG_R(9)(%rdi), %r9
    movq X86_REG_R(10)(%rdi), %r10
    movq X86_REG_R(11)(%rdi), %r11
    movq X86_REG_R(12)(%rdi), %r12
    movq X86_REG_R(13)(%rdi), %r13
    movq X86_REG_R(14)(%rdi), %r14
    movq X86_REG_R(15)(%rdi), %r15
    movq X86_REG_RDI(%rdi), %rdi
    sti
    vmload %rax
    vmrun %rax
    vmsave %rax
    movq 8(%rsp), %rax
    vmload %rax
    movq (%rsp), %rax
    movq %rdi, X86_REG_RDI(%rax)
    movq %rcx, X86_REG_RCX(%rax)
    movq %rdx, X86_REG_RDX(%rax)
    movq %rbx, X86_REG_RBX(%rax)
    movq %rbp, X86_REG_RBP(%rax)
    movq %rsi, X86_REG_RSI(%rax)
    movq %r8, X86_REG_R(8)(%rax)
    movq %r9, X86_REG_R(9)(%rax)
    movq %r10, X86_REG_R(10)(%rax)
    movq %r11, X86_REG_R(11)(%rax)
    movq %r12, X86_REG_R(12)(%rax)
    movq %r13, X86_REG_R(13)(%rax)
    movq %r14, X86_REG_R(14)(%rax)
    movq %r15, X86_REG_R(15)(%rax)
    /* No value of the guest's is left for speculation to use as an address. */
    movq %rax, %rdi
    xorl %ebx, %ebx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %ebp, %ebp
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    fill_return_buffer
    cli
    stgi
    call svm_exit
    movq %rax, (%rsp)
    movq %rax, %rdi
    jmp 1b
    /* Something was taken out of the nested tables since v got its ASID. */
3:  call svm_asid_renew
    movq (%rsp), %rdi
    jmp 2b
.size svm_loop, . - svm_loop

.section .note.GNU-stack, "", %progbits
