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
#include "arch/x86_64/world_switch.h"

.section .text.hot, "ax"
.globl svm_loop, svm_behind_vmrun
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
    load_guest_registers
    sti
    vmload %rax
    vmrun %rax
svm_behind_vmrun:
    vmsave %rax
    movq 8(%rsp), %rax
    vmload %rax
    movq (%rsp), %rax
    movq %rdi, X86_REG_RDI(%rax)
    store_guest_registers %rax
    movq %rax, %rdi
    forget_guest
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
