/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of every guest: the arm64 Linux Image header, self-relocation, stage 1
 * on with an identity map, then guest_start(x0, x1, x2, x3) with the registers
 * the loader (or the parent domain) passed.
 */

    .section .head, "ax"
    .global _start
_start:
    b       entry
    .long   0
    .quad   0                           /* text_offset */
    .quad   __memory_end                /* image_size */
    .quad   0xa                         /* flags: 4 KiB pages, anywhere in memory */
    .quad   0
    .quad   0
    .quad   0
    .ascii  "ARM\x64"
    .long   0

    .text
entry:
    hint    #0x60                       /* mark 0 of the counting plugin: first instruction */
    mov     x19, x0
    mov     x20, x1
    mov     x21, x2
    mov     x22, x3
    msr     daifset, #0xf

    adrp    x0, __stack_top
    add     x0, x0, :lo12:__stack_top
    mov     sp, x0

    adrp    x0, __bss_start
    add     x0, x0, :lo12:__bss_start
    adrp    x1, __bss_end
    add     x1, x1, :lo12:__bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b
2:
    /* Only R_AARCH64_RELATIVE (1027) appears: where += base, value = base + addend. */
    adrp    x2, _start
    adrp    x0, __rela_start
    add     x0, x0, :lo12:__rela_start
    adrp    x1, __rela_end
    add     x1, x1, :lo12:__rela_end
3:  cmp     x0, x1
    b.hs    4f
    ldp     x3, x4, [x0], #16
    ldr     x5, [x0], #8
    cmp     w4, #1027
    b.ne    3b
    add     x5, x5, x2
    str     x5, [x2, x3]
    b       3b
4:
    bl      mmu_build_boot_map
    bl      mmu_enable
    adrp    x0, vectors
    add     x0, x0, :lo12:vectors
    msr     vbar_el1, x0
    isb
    mov     x0, x19
    mov     x1, x20
    mov     x2, x21
    mov     x3, x22
    bl      guest_start
5:  wfi
    b       5b

/*
 * mmu_enable(void): loads the translation registers that mmu_build_boot_map()
 * left in mmu_boot_regs (MAIR, TCR, TTBR0) and turns stage 1 and caches on.
 */
    .global mmu_enable
mmu_enable:
    adrp    x0, mmu_boot_regs
    add     x0, x0, :lo12:mmu_boot_regs
    ldp     x1, x2, [x0]
    ldr     x3, [x0, #16]
    msr     mair_el1, x1
    msr     tcr_el1, x2
    msr     ttbr0_el1, x3
    mov     x1, #(3 << 20)              /* CPACR.FPEN: no FP traps */
    msr     cpacr_el1, x1
    dsb     sy
    tlbi    vmalle1
    dsb     sy
    isb
    mrs     x0, sctlr_el1
    mov     x1, #0x1005                 /* M, C, I */
    orr     x0, x0, x1
    bic     x0, x0, #2                  /* no alignment checks */
    msr     sctlr_el1, x0
    isb
    ret

/*
 * Entry of a secondary vCPU by PSCI CPU_ON: x0 is the context id, the address
 * of a struct secondary { stack top, function, argument }.
 */
    .global secondary_entry
secondary_entry:
    msr     daifset, #0xf
    mov     x19, x0
    ldr     x1, [x19]
    mov     sp, x1
    bl      mmu_enable
    adrp    x0, vectors
    add     x0, x0, :lo12:vectors
    msr     vbar_el1, x0
    isb
    mov     x0, x19
    bl      secondary_start
6:  wfi
    b       6b
