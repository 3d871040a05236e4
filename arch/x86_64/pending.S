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




PENDING virt_vcpu_init, virt_vcpu_destroy, virt_vcpu_reset, virt_load, virt_save, virt_run, virt_inject_exception, virt_inject_interrupt
PENDING virt_interruptible, virt_interrupts_enabled, virt_get_segment, virt_set_segment, virt_get_control_registers
PENDING virt_set_control_registers, virt_cpl, virt_is_64bit, virt_get_msr, virt_set_msr, virt_set_tsc_offset, virt_skip, virt_init_cpu
PENDING arch_guest_translate, arch_guest_frame
PENDING vlapic_init, vlapic_destroy, vlapic_reset, vlapic_highest, vlapic_accept, vlapic_raise, cpuid_answer, msr_read, msr_write, emulate_access
PENDING devices_stop, devices_retire, devices_free, devices_reset_some, devices_reset_vcpu
PENDING arch_vcpu_raise_upcall, arch_irq_deliver, arch_irq_route, arch_irq_unroute_all, arch_domain_init, arch_domain_destroy, arch_vcpu_retire

.section .note.GNU-stack, "", %progbits
