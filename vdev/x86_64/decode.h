/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that access a device's register, taken apart: between memory and a general register or a constant, what compilers make of a
 * volatile word (AMD64 APM volume 3, chapters 1 and 3: MOV, MOVZX, MOVSX, XCHG, AND, OR, XOR, CMP, TEST). Where memory is, the processor
 * has said; addresses are passed over. No state: a function of bytes.
 */
#ifndef VDEV_X86_64_DECODE_H
#define VDEV_X86_64_DECODE_H

#include "lib/types.h"

#define X86_LONGEST_INSTRUCTION 15

/* Addresses and operands that an instruction has without prefixes. */
enum x86_code { X86_CODE_16, X86_CODE_32, X86_CODE_64 };

enum x86_operation { X86_MOVE, X86_EXCHANGE, X86_OR, X86_AND, X86_XOR, X86_COMPARE, X86_TEST };

struct x86_instruction {
    uint8_t length;             /* in bytes */
    uint8_t operation;          /* enum x86_operation */
    uint8_t width;              /* of the memory operand, in bytes */
    uint8_t to_width;           /* of the register: wider than memory where a load extends */
    uint8_t reg;                /* number of the general register, if there is no constant */
    bool is_high_byte;          /* AH, CH, DH, BH: reg is 0 to 3 */
    bool is_signed;             /* a load extends the sign */
    bool to_memory;             /* memory is the first operand, the one that changes */
    bool has_constant;
    uint64_t constant;          /* extended to width */
};

/* The instruction that begins at bytes[0], of which n are known. False: it is none of these, has no operand in memory, a prefix that belongs to
 * other instructions (REP; LOCK where the processor does not take it), or does not end within n or 15 bytes. */
bool x86_take_apart(const uint8_t *bytes, unsigned n, enum x86_code code, struct x86_instruction *out);

/* Does it load from memory, does it store to it? XCHG and such do both. */
static inline bool x86_loads(const struct x86_instruction *i)
{
    return i->operation != X86_MOVE || !i->to_memory;
}
static inline bool x86_stores(const struct x86_instruction *i)
{
    return i->to_memory && i->operation != X86_COMPARE && i->operation != X86_TEST;
}

#endif
