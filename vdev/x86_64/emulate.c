/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that move between a register, or a constant, and memory: what kernels use on registers of devices (AMD64 APM volume 3,
 * chapters 1 and 3, MOV, MOVZX, MOVSX). 64-bit and 32-bit code. Where memory is, the processor has said; of the instruction only its
 * length, its register and its width are needed.
 */
#include "vdev/x86_64/emulate.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "lib/string.h"
#include "mem/guest_copy.h"
#include "virt.h"

#define MAX_LENGTH 15

struct instruction {
    uint8_t bytes[MAX_LENGTH];
    uint8_t have, at;           /* bytes read; the next one to look at */
    uint8_t rex;                /* 0: none */
    uint8_t width;              /* of the memory operand, in bytes */
    uint8_t to_width;           /* of the register that is loaded */
    bool operand16, address32, is_wide, is_store, is_signed, has_constant;
    uint8_t reg;
    uint64_t constant;
};

static bool next(struct instruction *i, uint8_t *out)
{
    if (i->at >= i->have)
        return false;
    *out = i->bytes[i->at++];
    return true;
}

static bool skip(struct instruction *i, unsigned n)
{
    i->at = (uint8_t)(i->at + n);
    return i->at <= i->have;
}

/* Prefixes; the last one may be REX (1.2). */
static bool take_prefixes(struct instruction *i, uint8_t *opcode)
{
    for (;;) {
        if (!next(i, opcode))
            return false;
        switch (*opcode) {
        case 0x66: i->operand16 = true; break;
        case 0x67: i->address32 = true; break;
        case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: break;
        default:
            if (!i->is_wide || (*opcode & 0xf0) != 0x40)
                return true;
            i->rex = *opcode;
            return next(i, opcode);
        }
    }
}

/* ModRM, SIB and displacement (1.4): the register, and how long they are. Memory operands only, with addresses of 32 or 64 bits. */
static bool take_modrm(struct instruction *i)
{
    uint8_t modrm, sib, mode, rm;

    if (!next(i, &modrm))
        return false;
    mode = modrm >> 6;
    rm = modrm & 7;
    i->reg = (uint8_t)((modrm >> 3 & 7) | (i->rex & 4 ? 8 : 0));
    if (mode == 3)
        return false;
    if (rm == 4) {
        if (!next(i, &sib))
            return false;
        if (mode == 0 && (sib & 7) == 5)
            return skip(i, 4);
    }
    if (mode == 0 && rm == 5)
        return skip(i, 4);
    return skip(i, mode == 0 ? 0 : mode == 1 ? 1 : 4);
}

static uint8_t operand_width(const struct instruction *i)
{
    return i->rex & 8 ? 8 : i->operand16 ? 2 : 4;
}

static bool take_constant(struct instruction *i)
{
    unsigned n = MIN(i->width, (uint8_t)4);
    uint32_t value = 0;

    if (i->reg & 7)             /* the opcode's extension: others are not MOV */
        return false;
    for (unsigned k = 0; k < n; k++) {
        uint8_t byte;

        if (!next(i, &byte))
            return false;
        value |= (uint32_t)byte << 8 * k;
    }
    i->constant = i->width == 8 ? (uint64_t)(int64_t)(int32_t)value : value;
    i->has_constant = true;
    return true;
}

/* 0f b6, b7, be, bf: a byte or two into a wider register. */
static bool take_extending(struct instruction *i)
{
    uint8_t opcode;

    if (!next(i, &opcode) || (opcode & 0xf6) != 0xb6)
        return false;
    i->width = opcode & 1 ? 2 : 1;
    i->to_width = operand_width(i);
    i->is_signed = opcode & 8;
    return take_modrm(i);
}

static bool take_apart(struct instruction *i)
{
    uint8_t opcode;

    if (!take_prefixes(i, &opcode))
        return false;
    if (i->address32 && !i->is_wide)
        return false;
    if (opcode == 0x0f)
        return take_extending(i);
    i->width = i->to_width = opcode & 1 ? operand_width(i) : 1;
    switch (opcode) {
    case 0x88: case 0x89:
        i->is_store = true;
        return take_modrm(i);
    case 0x8a: case 0x8b:
        return take_modrm(i);
    case 0xc6: case 0xc7:
        i->is_store = true;
        return take_modrm(i) && take_constant(i);
    case 0xa0: case 0xa1: case 0xa2: case 0xa3:
        i->is_store = opcode & 2;
        return skip(i, i->is_wide && !i->address32 ? 8 : 4);
    default:
        return false;
    }
}

/* Without REX the byte registers 4 to 7 are AH, CH, DH, BH (1.4.3). */
static bool is_high_byte(const struct instruction *i)
{
    return i->to_width == 1 && !i->rex && i->reg >= 4;
}

static uint64_t get_register(const struct vcpu *v, const struct instruction *i)
{
    if (is_high_byte(i))
        return v->arch.regs.r[i->reg - 4] >> 8;
    return v->arch.regs.r[i->reg];
}

static void set_register(struct vcpu *v, const struct instruction *i, uint64_t value)
{
    uint64_t *r = &v->arch.regs.r[is_high_byte(i) ? i->reg - 4 : i->reg];
    unsigned unused = 64 - 8 * i->width, shift = is_high_byte(i) ? 8 : 0;
    uint64_t mask = i->to_width >= 4 ? UINT64_MAX : ((UINT64_C(1) << 8 * i->to_width) - 1) << shift;

    value = i->is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value << unused >> unused;
    if (i->to_width == 4)
        value = (uint32_t)value;
    *r = (*r & ~mask) | (value << shift & mask);
}

/* As many bytes as there are: the instruction may end at the end of what is mapped. */
static enum copy_result fetch(struct vcpu *v, struct instruction *i)
{
    uint64_t at = virt_linear(v, X86_CS, v->arch.regs.rip), first = MIN(PAGE_SIZE - at % PAGE_SIZE, (uint64_t)MAX_LENGTH);
    enum copy_result r = copy_from_guest(v, i->bytes, GVA(at), first);

    if (r != COPY_OK)
        return r;
    i->have = (uint8_t)first;
    if (first < MAX_LENGTH && copy_from_guest(v, i->bytes + first, GVA(at + first), MAX_LENGTH - first) == COPY_OK)
        i->have = MAX_LENGTH;
    return COPY_OK;
}

bool emulate_access(struct vcpu *v, gpa_t address, bool is_write)
{
    struct instruction i = { .is_wide = virt_is_64bit(v) };
    enum copy_result r = fetch(v, &i);
    uint64_t value = 0;

    if (r == COPY_RETRY)
        return true;
    if (r != COPY_OK || !take_apart(&i) || i.is_store != is_write)
        return false;
    if (i.is_store)
        value = (i.has_constant ? i.constant : get_register(v, &i)) & (UINT64_MAX >> (64 - 8 * i.width));
    if (!upcall_mmio(v, address, i.width, i.is_store, &value))
        return false;
    if (!i.is_store)
        set_register(v, &i, value);
    virt_skip(v, i.at);
    return true;
}
