/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world switch (Intel SDM volume 3, 27.3, 28.5). The VMCS holds what the hypervisor goes on with: RSP is where it was, RIP is
 * vmx_exit_entry. Interrupts are masked here, and one that waits ends the guest at once. An NMI comes here: one that comes between the look at
 * the count of changes (stage2_tlb.c) and the entry goes on at vmx_look_again (idt.c), because it may be about that count.
 *
 *   stack: 0 struct vcpu *
 */
#include "arch/include/x86_registers.h"
#include "arch/x86_64/vmx/vmx.h"

#define HOST_RSP 0x6c14

/* Return addresses that the guest has trained are pushed out before the first RET. */
.macro fill_return_buffer
    movl $16, %ecx
5:  call 7f
6:  pause
    lfence
    jmp 6b
7:  call 9f
8:  pause
    lfence
    jmp 8b
9:  decl %ecx
    jnz 5b
    addq $16 * 2 * 8, %rsp
.endm

.section .text.hot, "ax"
.globl vmx_loop, vmx_exit_entry, vmx_look, vmx_look_end, vmx_look_again
.type vmx_loop, @function
vmx_loop:
    pushq %rdi
    movl $HOST_RSP, %eax
    vmwrite %rsp, %rax
vmx_look:
    movq VMX_SPACE_CHANGES(%rdi), %rax
    movq (%rax), %rax
    cmpq %rax, VMX_SEEN_CHANGES(%rdi)
    jne 3f
    cmpb $0, VMX_LAUNCHED(%rdi)
    movq X86_REG_RAX(%rdi), %rax
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
    je 2f
    vmresume
    jmp 4f
2:  vmlaunch
vmx_look_end:
4:  movq (%rsp), %rdi
    call vmx_refused

vmx_exit_entry:
    pushq %rdi
    movq 8(%rsp), %rdi
    movq %rax, X86_REG_RAX(%rdi)
    popq X86_REG_RDI(%rdi)
    movq %rcx, X86_REG_RCX(%rdi)
    movq %rdx, X86_REG_RDX(%rdi)
    movq %rbx, X86_REG_RBX(%rdi)
    movq %rbp, X86_REG_RBP(%rdi)
    movq %rsi, X86_REG_RSI(%rdi)
    movq %r8, X86_REG_R(8)(%rdi)
    movq %r9, X86_REG_R(9)(%rdi)
    movq %r10, X86_REG_R(10)(%rdi)
    movq %r11, X86_REG_R(11)(%rdi)
    movq %r12, X86_REG_R(12)(%rdi)
    movq %r13, X86_REG_R(13)(%rdi)
    movq %r14, X86_REG_R(14)(%rdi)
    movq %r15, X86_REG_R(15)(%rdi)
    movb $1, VMX_LAUNCHED(%rdi)
    /* No value of the guest's is left for speculation to use as an address. */
    xorl %eax, %eax
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
    call vmx_exit
    movq %rax, (%rsp)
    movq %rax, %rdi
    /* Another vCPU's VMCS may be current now. */
    movl $HOST_RSP, %eax
    vmwrite %rsp, %rax
    jmp vmx_look
    /* Something was taken out of the nested tables since v looked. */
3:  call vmx_forget_space
vmx_look_again:
    movq (%rsp), %rdi
    jmp vmx_look
.size vmx_loop, . - vmx_loop

.section .note.GNU-stack, "", %progbits
