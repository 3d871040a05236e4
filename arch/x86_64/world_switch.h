/* SPDX-License-Identifier: Apache-2.0 */
/* Assembler macros that both world switches are made of: svm/run.S, vmx/run.S. RAX and RSP are moved by each in its own way. */
#ifndef X86_WORLD_SWITCH_H
#define X86_WORLD_SWITCH_H

#include "arch/include/x86_registers.h"

/* rdi: struct vcpu; its own register comes last. */
.macro load_guest_registers
    movq X86_REG_RCX(%rdi), %rcx
    movq X86_REG_RDX(%rdi), %rdx
    movq X86_REG_RBX(%rdi), %rbx
    movq X86_REG_RBP(%rdi), %rbp
    movq X86_REG_RSI(%rdi), %rsi
    movq X86_REG_R8(%rdi), %r8
    movq X86_REG_R9(%rdi), %r9
    movq X86_REG_R10(%rdi), %r10
    movq X86_REG_R11(%rdi), %r11
    movq X86_REG_R12(%rdi), %r12
    movq X86_REG_R13(%rdi), %r13
    movq X86_REG_R14(%rdi), %r14
    movq X86_REG_R15(%rdi), %r15
    movq X86_REG_RDI(%rdi), %rdi
.endm

/* All of them but rax, rdi and rsp. */
.macro store_guest_registers vcpu
    movq %rcx, X86_REG_RCX(\vcpu)
    movq %rdx, X86_REG_RDX(\vcpu)
    movq %rbx, X86_REG_RBX(\vcpu)
    movq %rbp, X86_REG_RBP(\vcpu)
    movq %rsi, X86_REG_RSI(\vcpu)
    movq %r8, X86_REG_R8(\vcpu)
    movq %r9, X86_REG_R9(\vcpu)
    movq %r10, X86_REG_R10(\vcpu)
    movq %r11, X86_REG_R11(\vcpu)
    movq %r12, X86_REG_R12(\vcpu)
    movq %r13, X86_REG_R13(\vcpu)
    movq %r14, X86_REG_R14(\vcpu)
    movq %r15, X86_REG_R15(\vcpu)
.endm

/* Return addresses that the guest has trained are pushed out before the first RET (AMD, Software techniques for managing speculation, V2-3). */
.macro fill_return_buffer
.rept 32
    call 5f
    int3
5:
.endr
    addq $32 * 8, %rsp
.endm

/* No value of the guest's is left for speculation to use as an address, nor a place to return to. rdi is kept; rax is the hypervisor's. */
.macro forget_guest
    xorl %ebx, %ebx
    xorl %ecx, %ecx
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
.endm

#endif
