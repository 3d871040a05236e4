/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's general registers on x86-64. Those with the arguments of a hypercall come first, in their order (xen/arch-x86/xen-x86_64.h). The
 * guest's exit code stores by place: X86_REG_*. */
#ifndef ARCH_X86_REGISTERS_H
#define ARCH_X86_REGISTERS_H

#define X86_REG_RDI 0
#define X86_REG_RSI 8
#define X86_REG_RDX 16
#define X86_REG_R10 24
#define X86_REG_R8 32
#define X86_REG_R9 40
#define X86_REG_RAX 48
#define X86_REG_RCX 56
#define X86_REG_RBX 64
#define X86_REG_RSP 72
#define X86_REG_RBP 80
#define X86_REG_R11 88
#define X86_REG_R12 96
#define X86_REG_R13 104
#define X86_REG_R14 112
#define X86_REG_R15 120
#define X86_REG_RIP 128
#define X86_REG_RFLAGS 136

#ifndef __ASSEMBLER__
#include "lib/compiler.h"

struct x86_registers {
    union {
        struct { uint64_t rdi, rsi, rdx, r10, r8, r9, rax, rcx, rbx, rsp, rbp, r11, r12, r13, r14, r15; };
        uint64_t argument[6], place[16];
    };
    uint64_t rip, rflags;
};
_Static_assert(offsetof(struct x86_registers, r9) == X86_REG_R9, "places");
_Static_assert(offsetof(struct x86_registers, r15) == X86_REG_R15, "places");
_Static_assert(offsetof(struct x86_registers, rip) == X86_REG_RIP, "places");

/* By its number in an instruction (AMD64 APM volume 3, 1.4), below 16. */
static inline uint64_t *x86_register(struct x86_registers *r, unsigned number)
{
    static const uint8_t place[16] = {
        X86_REG_RAX / 8, X86_REG_RCX / 8, X86_REG_RDX / 8, X86_REG_RBX / 8, X86_REG_RSP / 8, X86_REG_RBP / 8, X86_REG_RSI / 8, X86_REG_RDI / 8,
        X86_REG_R8 / 8, X86_REG_R9 / 8, X86_REG_R10 / 8, X86_REG_R11 / 8, X86_REG_R12 / 8, X86_REG_R13 / 8, X86_REG_R14 / 8, X86_REG_R15 / 8,
    };

    return &r->place[place[array_index_nospec(number, 16)]];
}
#endif

#endif
