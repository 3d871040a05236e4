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

PENDING vcpu_context_set, vcpu_context_get

.section .note.GNU-stack, "", %progbits
