/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry by multiboot 1 (Multiboot Specification 0.6.96, 3.2) or multiboot2 (Multiboot2 Specification 2.0, 3.3; on UEFI when its boot
 * services are over): 32-bit protected mode, no paging, eax = magic, ebx = the loader's tables.
 * The image is where its header says; the way to C:
 *
 *   start32   CPUID says long mode -> boot_root: the first GiB at 0 and at IMAGE_DELTA -> long mode
 *   start64   at the address linked at -> x86_early builds the real tables -> leave_boot_root
 */
#include "config.h"
#include "layout.h"
#include "msr_numbers.h"
#include "processor.h"

#define PHYS(x) ((x) - IMAGE_DELTA)
#define MULTIBOOT_MAGIC 0x1badb002
/* Modules on page boundaries, a map of memory, and where to load (the header's address fields). */
#define MULTIBOOT_FLAGS 0x00010003
#define MULTIBOOT2_MAGIC 0xe85250d6
#define MULTIBOOT2_SIZE (multiboot2_end - multiboot2_header)
#define PTE_EARLY_TABLE 0x3
#define PTE_EARLY_BLOCK 0x83

.section .head.text, "ax"
.code32
.balign 8
multiboot_header:
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
    .long PHYS(multiboot_header)
    .long PHYS(image_start)
    .long PHYS(data_end)
    .long PHYS(image_end)
    .long PHYS(start32)

/* Tags: their type, their size, what they say; eight bytes aligned. */
.balign 8
multiboot2_header:
    .long MULTIBOOT2_MAGIC, 0, MULTIBOOT2_SIZE, -(MULTIBOOT2_MAGIC + MULTIBOOT2_SIZE)
    .long 2, 24                 /* where to load */
    .long PHYS(multiboot2_header), PHYS(image_start), PHYS(data_end), PHYS(image_end)
    .long 3, 12, PHYS(start32)  /* the entry */
    .balign 8
    .long 6, 8                  /* modules on page boundaries */
    .long 0, 8
multiboot2_end:

.globl start32
start32:
    cli
    cld
    movl %eax, %ebp             /* the magic, */
    movl %ebx, %edi             /* the loader's tables */
    movl $PHYS(boot_stacks + 6 * 4096), %esp
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    movl $PHYS(text_no_long_mode), %esi
    btl $29, %edx
    jnc say_and_stop
    movl $PHYS(text_no_nx), %esi
    btl $20, %edx
    jnc say_and_stop

    /* boot_root: the first GiB, in blocks, twice. */
    movl $PHYS(boot_l1) + PTE_EARLY_TABLE, PHYS(boot_root)
    movl $PHYS(boot_l1_high) + PTE_EARLY_TABLE, PHYS(boot_root + 511 * 8)
    movl $PHYS(boot_l2) + PTE_EARLY_TABLE, PHYS(boot_l1)
    movl $PHYS(boot_l2) + PTE_EARLY_TABLE, PHYS(boot_l1_high + IMAGE_SLOT * 8)
    movl $PTE_EARLY_BLOCK, %eax
    xorl %ecx, %ecx
1:  movl %eax, PHYS(boot_l2)(, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $512, %ecx
    jne 1b

    call long_mode
    ljmp $GDT_CODE, $PHYS(start64)

/* Paging by boot_root, in compatibility mode. Leaves ebx, ebp, edi. */
.globl long_mode
long_mode:
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYS(boot_root), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $(EFER_LME | EFER_NXE), %eax
    wrmsr
    movl $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
    movl %eax, %cr0
    lgdt PHYS(gdt_pointer32)
    ret

no_long_mode:
    movl $PHYS(text_no_long_mode), %esi
/* Say it on the first serial line, whose speed is as it is, and stand still. */
say_and_stop:
1:  movw $0x3fd, %dx
2:  inb %dx, %al
    testb $0x20, %al
    jz 2b
    movw $0x3f8, %dx
    movb (%esi), %al
    incl %esi
    testb %al, %al
    jz 3f
    outb %al, %dx
    jmp 1b
3:  hlt
    jmp 3b

text_no_long_mode:
    .asciz "\r\nVinci: this processor has no 64-bit mode\r\n"
text_no_nx:
    .asciz "\r\nVinci: this processor cannot forbid execution (NX), or its BIOS switch 'execute disable' is off\r\n"

.code64
start64:
    movabsq $1f, %rax
    jmp *%rax
1:  movw $GDT_DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    lgdt gdt_pointer(%rip)
    leaq boot_stacks + 6 * 4096(%rip), %rsp
    xorl %r12d, %r12d
    movl %edi, %r12d            /* the loader's tables */
    movl %ebp, %r13d            /* the magic */
    xorl %ebp, %ebp
    call x86_early
    movabsq $hyp_root - IMAGE_DELTA, %rax
    movq %rax, %cr3
    movabsq $PERCPU_STACK_TOP(0), %rsp
    movq %r12, %rdi
    movq %r13, %rsi
    call x86_start
    ud2

/*
 * Other CPUs. The trampoline is copied below 1 MiB and begins in real mode at its first byte (Intel SDM volume 3, 8.4.4); then the same way
 * as CPU 0, to the stack that secondary_stack names.
 */
.section .rodata
.code16
.globl trampoline, trampoline_end
trampoline:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl trampoline_gdt - trampoline
    movl $(CR0_ET | CR0_PE), %eax
    movl %eax, %cr0
    ljmpl $GDT_CODE32, $PHYS(secondary32)
.balign 4
trampoline_gdt:
    .word gdt_end - gdt - 1
    .long PHYS(gdt)
trampoline_end:

.section .head.text, "ax"
.code32
secondary32:
    movw $GDT_DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $PHYS(secondary_scratch_end), %esp
    call long_mode
    ljmp $GDT_CODE, $PHYS(secondary64)
.code64
secondary64:
    movabsq $1f, %rax
    jmp *%rax
1:  lgdt gdt_pointer(%rip)
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    movq secondary_stack(%rip), %rsp
    movabsq $hyp_root - IMAGE_DELTA, %rax
    movq %rax, %cr3
    xorl %ebp, %ebp
    call x86_secondary_start
    ud2

.section .text
/* run_on_empty_stack(f, top): no return. */
.globl run_on_empty_stack
run_on_empty_stack:
    movq %rsi, %rsp
    xorl %ebp, %ebp
    call *%rdi
    ud2

.section .rodata
.balign 8
gdt_pointer32:
    .word gdt_end - gdt - 1
    .long PHYS(gdt)
.balign 8
.globl gdt_pointer
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

/* 64-bit code, data, 32-bit code, and the task segments of all CPUs, which idt.c fills in (APM volume 2, 4.8). */
.section .data
.balign 16
.globl gdt
gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00cf9b000000ffff
    .fill 2 * MAX_CPUS, 8, 0
gdt_end:

.section .bss, "aw", @nobits
.balign 16
.skip 64
secondary_scratch_end:

.section .bss.tables, "aw", @nobits
.balign 4096
.globl boot_root
boot_root:  .skip 4096
boot_l1:    .skip 4096
boot_l1_high: .skip 4096
boot_l2:    .skip 4096

.section .note.GNU-stack, "", %progbits
