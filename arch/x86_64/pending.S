/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the contract that this processor does not have yet, so that what is there links and runs: calling one is a panic with its
 * name. A definition elsewhere takes the place of the one here. */

.macro PENDING name:vararg
.irp function, \name
.section .text.pending.\function, "ax"
.weak \function
\function:
    leaq .Lname_\function(%rip), %rdi
    call x86_pending
.section .rodata.pending, "a"
.Lname_\function: .asciz "\function"
.endr
.endm

PENDING vlapic_init, vlapic_destroy, vlapic_reset, vlapic_highest, vlapic_accept, vlapic_raise, cpuid_answer, msr_read, msr_write, emulate_access
PENDING devices_stop, devices_retire, devices_free, devices_reset_some, devices_reset_vcpu
PENDING vlapic_msr_read, vlapic_msr_write, vcpu_context_set, vcpu_context_get
PENDING arch_vcpu_raise_upcall, arch_irq_deliver, arch_irq_route, arch_irq_unroute_all, arch_domain_init, arch_domain_destroy, arch_vcpu_retire

.section .note.GNU-stack, "", %progbits
