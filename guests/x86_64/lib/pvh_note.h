/* SPDX-License-Identifier: Apache-2.0 */
/* Assembler: where a PVH kernel is entered, in 32-bit protected mode without paging (XEN_ELFNOTE_PHYS32_ENTRY). */
#ifndef X86_GUEST_PVH_NOTE_H
#define X86_GUEST_PVH_NOTE_H

.macro pvh_note entry
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long \entry
.endm

#endif
