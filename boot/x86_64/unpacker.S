/* SPDX-License-Identifier: Apache-2.0 */
/* The unpacker (guests/x86_64/unpack), to be copied into dom0. */
.section .rodata.unpacker, "a"
.balign 16
.globl unpacker_image
unpacker_image:
    .incbin UNPACKER
.globl unpacker_image_end
unpacker_image_end:
