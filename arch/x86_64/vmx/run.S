/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world switch (Intel SDM volume 3, 27.3, 28.5). The VMCS holds what the hypervisor goes on with: RSP is where it was, RIP is
 * vmx_exit_entry. Interrupts are masked here, and one that waits ends the guest at once. An NMI comes here: one that comes between the look at
 * the count of changes (stage2_tlb.c) and the entry goes on at vmx_look_again (idt.c), because it may be about that count.
 *
 *   stack: 0 struct vcpu *   8 unused: the stack is VMX_LOOP_STACK, in every VMCS that this CPU has loaded
 */
#include "arch/include/x86_registers.h"
#include "arch/x86_64/vmx/vmx.h"
#include "arch/x86_64/world_switch.h"

.section .text.hot, "ax"
.globl vmx_loop, vmx_exit_entry, vmx_look, vmx_look_end, vmx_look_again
.type vmx_loop, @function
vmx_loop:
    movq %rsi, %rsp
    movq %rdi, (%rsp)
vmx_look:
    movq VMX_SPACE_CHANGES(%rdi), %rax
    movq (%rax), %rax
    cmpq %rax, VMX_SEEN_CHANGES(%rdi)
    jne 3f
    cmpb $0, VMX_LAUNCHED(%rdi)
    movq X86_REG_RAX(%rdi), %rax
    load_guest_registers
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
    store_guest_registers %rdi
    movb $1, VMX_LAUNCHED(%rdi)
    xorl %eax, %eax
    forget_guest
    call vmx_exit
    movq %rax, (%rsp)
    movq %rax, %rdi
    jmp vmx_look
    /* Something was taken out of the nested tables since v looked. */
3:  call vmx_forget_space
vmx_look_again:
    movq (%rsp), %rdi
    jmp vmx_look
.size vmx_loop, . - vmx_loop

.section .note.GNU-stack, "", %progbits
