/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's general registers on x86-64. The first sixteen stand in the order of the instruction encoding (AMD64 APM volume 3, 1.4),
 * so that a decoder's register number is an index of r. The guest's exit code stores by place: X86_REG_*. */
#ifndef ARCH_X86_REGISTERS_H
#define ARCH_X86_REGISTERS_H

#define X86_REG_RAX 0
#define X86_REG_RCX 8
#define X86_REG_RDX 16
#define X86_REG_RBX 24
#define X86_REG_RSP 32
#define X86_REG_RBP 40
#define X86_REG_RSI 48
#define X86_REG_RDI 56
#define X86_REG_R(n) (8 * (n))          /* r8 to r15 */
#define X86_REG_RIP 128
#define X86_REG_RFLAGS 136

#ifndef __ASSEMBLER__
#include "lib/compiler.h"

struct x86_registers {
    union {
        struct { uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15; };
        uint64_t r[16];
    };
    uint64_t rip, rflags;
};
_Static_assert(offsetof(struct x86_registers, rdi) == X86_REG_RDI, "places");
_Static_assert(offsetof(struct x86_registers, r15) == X86_REG_R(15), "places");
_Static_assert(offsetof(struct x86_registers, rip) == X86_REG_RIP, "places");
#endif

#endif
