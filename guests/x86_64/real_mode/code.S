/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What start code does in real mode, by a processor that INIT and STARTUP have begun: copied to a page below 1 MiB, where its data and stack are,
 * too. Each step leaves its result in the next of the words at `real_results`; the last one says that all is done.
 */
#define EFER 0xc0000080
#define NO_MSR 0x4711
#define VECTORS_ELSEWHERE 0xa00
#define RESULTS 0x800
#define STACK 0xff0
#define KEPT_PORT 0x40

.macro result register
    movl \register, (%di)
    addw $4, %di
.endm

.section .rodata
.globl real_begin, real_end, real_nmi, real_software, real_skip, real_elsewhere
.code16
real_begin:
    cli
    movw %cs, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $STACK, %sp
    movw $RESULTS, %di
    xorl %esi, %esi

    /* 0: CR0, of which PE and PG are clear */
    movl %cr0, %eax
    andl $0x80000001, %eax
    result %eax
    /* 1, 2: INT n and INT3 count */
    int $0x21
    result %esi
    int3
    result %esi
    /* 3: an undefined instruction, 4: an MSR that is not there, after which the handler goes on behind them */
    ud2
    result %esi
    movl $NO_MSR, %ecx
    rdmsr
    result %esi
    /* 5: MSRs */
    movl $EFER, %ecx
    rdmsr
    andl $0x500, %eax
    wrmsr
    result %eax
    /* 6: RFLAGS.IF, by STI, CLI, POPF */
    sti
    pushfw
    cli
    pushfw
    popw %ax
    popw %bx
    pushw %bx
    popfw
    pushfw
    cli
    popw %cx
    andl $0x200, %eax
    andl $0x200, %ebx
    andl $0x200, %ecx
    shrl $1, %ebx
    orl %ebx, %eax
    shrl $2, %ecx
    orl %ecx, %eax
    result %eax
    /* 7: other vectors, with a table of its own by a 32-bit operand and back by a 16-bit one */
    lidtl (vectors_elsewhere - real_begin)
    int $0x21
    lidtw (vectors_usual - real_begin)
    int $0x21
    result %esi
    /* 8: CR4, 9: CR3 */
    movl %cr4, %eax
    orl $0x200, %eax
    movl %eax, %cr4
    movl %cr4, %eax
    andl $0x220, %eax
    result %eax
    movl $0x123000, %eax
    movl %eax, %cr3
    movl %cr3, %eax
    result %eax
    /* 10: CR0.TS, by MOV, CLTS and LMSW */
    movl %cr0, %eax
    orl $8, %eax
    movl %eax, %cr0
    movl %cr0, %ebx
    clts
    movl %cr0, %ecx
    movw $8, %ax
    lmsw %ax
    movl %cr0, %edx
    clts
    andl $8, %ebx
    andl $8, %ecx
    andl $8, %edx
    shll $8, %ecx
    shll $4, %edx
    orl %ecx, %ebx
    orl %edx, %ebx
    result %ebx
    /* 11: a port, 12: what makes caches empty goes by */
    movb $0, %al
    inb $KEPT_PORT, %al
    movzbl %al, %eax
    result %eax
    wbinvd
    invd
    movl $12, %eax
    result %eax
    /* 13: CPUID knows its own vendor: some letters */
    pushl %edi
    xorl %eax, %eax
    cpuid
    popl %edi
    testl %ebx, %ebx
    setnz %al
    movzbl %al, %eax
    result %eax
    /* 14: protected mode and back, the segments as they were */
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    jmp 1f
1:  movl %cr0, %ebx
    movl %cr0, %eax
    andl $~1, %eax
    movl %eax, %cr0
    ljmpw $0x900, $(2f - real_begin)
2:  movl %cr0, %ecx
    andl $1, %ebx
    andl $1, %ecx
    shll $1, %ecx
    orl %ecx, %ebx
    result %ebx
    /* 15: the other processor may send its NMI */
    movl $1, (RESULTS + 17 * 4)
    movl $0x100000, %ecx
    /* Left at each turn: Bochs does not leave a guest with interrupts off for one of the host's. */
3:  inb $KEPT_PORT, %al
    cmpl $0, (RESULTS + 18 * 4)
    jne 4f
    decl %ecx
    jnz 3b
4:  movl (RESULTS + 18 * 4), %eax
    result %eax
    movl $0xd07e, (RESULTS + 19 * 4)
5:  cli
    hlt
    jmp 5b

real_software:
    addl $0x100, %esi
    iretw
real_elsewhere:
    addl $0x10000, %esi
    iretw
    /* Behind an instruction of two bytes */
real_skip:
    pushw %bp
    movw %sp, %bp
    addw $2, 2(%bp)
    popw %bp
    addl $1, %esi
    iretw
real_nmi:
    addl $1, (RESULTS + 18 * 4)
    iretw
.balign 4
vectors_elsewhere:
    .word 0x3ff
    .long 0x9000 + VECTORS_ELSEWHERE
vectors_usual:
    .word 0x3ff
    .long 0xff000000
real_end:

.section .note.GNU-stack, "", %progbits
