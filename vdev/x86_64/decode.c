/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/decode.h"
#include "lib/assert.h"

/* How operands are written (APM volume 3, 1.4 and appendix A). */
enum form {
    MEMORY_REGISTER,            /* ModRM: to memory */
    REGISTER_MEMORY,            /* ModRM: to the register */
    MEMORY_CONSTANT,            /* ModRM with a part of the opcode, and a constant of the operand's width, at most 4 bytes */
    MEMORY_SHORT,               /* the same with a constant of one byte, sign-extended */
    OFFSET_TO_A,                /* the address itself; AL to RAX */
    OFFSET_FROM_A,
    EXTENDING,                  /* a byte or two into a wider register */
};

/* The opcode's bit 0 says whether operands are wider than a byte. The commonest first. */
static const struct row {
    uint8_t opcode, is_after_0f, extension, form, operation;
} rows[] = {
    { 0x88, 0, 0, MEMORY_REGISTER, X86_MOVE },
    { 0x8a, 0, 0, REGISTER_MEMORY, X86_MOVE },
    { 0xc6, 0, 0, MEMORY_CONSTANT, X86_MOVE },
    { 0xa0, 0, 0, OFFSET_TO_A, X86_MOVE },
    { 0xa2, 0, 0, OFFSET_FROM_A, X86_MOVE },
    { 0xb6, 1, 0, EXTENDING, X86_MOVE },
    { 0xbe, 1, 0, EXTENDING, X86_MOVE },
    { 0x86, 0, 0, MEMORY_REGISTER, X86_EXCHANGE },
    { 0x08, 0, 0, MEMORY_REGISTER, X86_OR },
    { 0x0a, 0, 0, REGISTER_MEMORY, X86_OR },
    { 0x20, 0, 0, MEMORY_REGISTER, X86_AND },
    { 0x22, 0, 0, REGISTER_MEMORY, X86_AND },
    { 0x30, 0, 0, MEMORY_REGISTER, X86_XOR },
    { 0x32, 0, 0, REGISTER_MEMORY, X86_XOR },
    { 0x38, 0, 0, MEMORY_REGISTER, X86_COMPARE },
    { 0x3a, 0, 0, REGISTER_MEMORY, X86_COMPARE },
    { 0x84, 0, 0, MEMORY_REGISTER, X86_TEST },
    { 0xf6, 0, 0, MEMORY_CONSTANT, X86_TEST },
    { 0xf6, 0, 1, MEMORY_CONSTANT, X86_TEST },          /* not in the manual; processors do it */
    { 0x80, 0, 1, MEMORY_CONSTANT, X86_OR },
    { 0x80, 0, 4, MEMORY_CONSTANT, X86_AND },
    { 0x80, 0, 6, MEMORY_CONSTANT, X86_XOR },
    { 0x80, 0, 7, MEMORY_CONSTANT, X86_COMPARE },
    { 0x82, 0, 1, MEMORY_SHORT, X86_OR },
    { 0x82, 0, 4, MEMORY_SHORT, X86_AND },
    { 0x82, 0, 6, MEMORY_SHORT, X86_XOR },
    { 0x82, 0, 7, MEMORY_SHORT, X86_COMPARE },
};

struct reader {
    const uint8_t *bytes;
    unsigned n, at;             /* the next one to look at */
    enum x86_code code;
    uint8_t rex;                /* 0: none */
    uint8_t modrm;
    bool operand_size, address_size, lock;
};

static bool next(struct reader *r, uint8_t *out)
{
    if (r->at >= r->n)
        return false;
    *out = r->bytes[r->at++];
    return true;
}

static bool pass(struct reader *r, unsigned n)
{
    r->at += n;
    return r->at <= r->n;
}

/* Prefixes; the last one may be REX (1.2), which means nothing anywhere else: such an instruction is left alone. */
static bool take_prefixes(struct reader *r, uint8_t *opcode)
{
    for (;;) {
        if (!next(r, opcode))
            return false;
        switch (*opcode) {
        case 0x66: r->operand_size = true; break;
        case 0x67: r->address_size = true; break;
        case 0xf0: r->lock = true; break;
        case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: break;
        default:
            if (r->code != X86_CODE_64 || (*opcode & 0xf0) != 0x40)
                return true;
            r->rex = *opcode;
            return next(r, opcode);
        }
    }
}

static unsigned address_bytes(const struct reader *r)
{
    static const uint8_t bytes[][2] = { [X86_CODE_16] = { 2, 4 }, [X86_CODE_32] = { 4, 2 }, [X86_CODE_64] = { 8, 4 } };

    return bytes[r->code][r->address_size];
}

static uint8_t operand_bytes(const struct reader *r)
{
    if (r->rex & 8)
        return 8;
    return (r->code == X86_CODE_16) != r->operand_size ? 2 : 4;
}

/* ModRM, SIB and displacement (1.4, and 1.4.1's table for 16-bit addresses). */
static bool take_modrm(struct reader *r)
{
    uint8_t sib, mode, rm;

    if (!next(r, &r->modrm))
        return false;
    mode = r->modrm >> 6;
    rm = r->modrm & 7;
    if (mode == 3)
        return false;
    if (address_bytes(r) == 2)
        return pass(r, mode == 0 ? (rm == 6 ? 2 : 0) : mode);
    if (rm == 4) {
        if (!next(r, &sib))
            return false;
        rm = sib & 7;
    }
    if (mode == 0)
        return pass(r, rm == 5 ? 4 : 0);
    return pass(r, mode == 1 ? 1 : 4);
}

static bool take_constant(struct reader *r, unsigned n, struct x86_instruction *i)
{
    uint64_t value = 0;
    unsigned unused = 64 - 8 * n;

    ASSERT(n >= 1 && n <= 4);
    for (unsigned k = 0; k < n; k++) {
        uint8_t byte;

        if (!next(r, &byte))
            return false;
        value |= (uint64_t)byte << 8 * k;
    }
    value = (uint64_t)((int64_t)(value << unused) >> unused);
    i->has_constant = true;
    i->constant = value & (UINT64_MAX >> (64 - 8 * i->width));
    return true;
}

/* The row of an opcode; of those that share one, the row that ModRM's middle bits choose. */
static const struct row *find(const struct reader *r, uint8_t opcode, bool is_after_0f)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];

        if (row->opcode != (opcode & 0xfe) || row->is_after_0f != is_after_0f)
            continue;
        if (row->form != MEMORY_CONSTANT && row->form != MEMORY_SHORT)
            return row;
        if (r->at < r->n && row->extension == (r->bytes[r->at] >> 3 & 7))
            return row;
    }
    return NULL;
}

static void take_register(const struct reader *r, struct x86_instruction *i)
{
    i->reg = (uint8_t)((r->modrm >> 3 & 7) | (r->rex & 4 ? 8 : 0));
    /* Without REX the byte registers 4 to 7 are AH, CH, DH, BH (1.4.3). */
    if (i->to_width == 1 && !r->rex && i->reg >= 4) {
        i->is_high_byte = true;
        i->reg -= 4;
    }
}

static bool take_operands(struct reader *r, const struct row *row, uint8_t opcode, struct x86_instruction *i)
{
    i->operation = row->operation;
    i->to_memory = row->form != REGISTER_MEMORY && row->form != OFFSET_TO_A && row->form != EXTENDING;
    i->width = i->to_width = opcode & 1 ? operand_bytes(r) : 1;
    if (row->form == OFFSET_TO_A || row->form == OFFSET_FROM_A)
        return pass(r, address_bytes(r));
    if (!take_modrm(r))
        return false;
    if (row->form == MEMORY_SHORT)
        return (opcode & 1) && take_constant(r, 1, i);
    if (row->form == MEMORY_CONSTANT)
        return take_constant(r, MIN(i->width, (uint8_t)4), i);
    if (row->form == EXTENDING) {
        i->width = opcode & 1 ? 2 : 1;
        i->to_width = operand_bytes(r);
        i->is_signed = opcode & 8;
    }
    take_register(r, i);
    return true;
}

bool x86_take_apart(const uint8_t *bytes, unsigned n, enum x86_code code, struct x86_instruction *out)
{
    struct reader r = { .bytes = bytes, .n = MIN(n, (unsigned)X86_LONGEST_INSTRUCTION), .code = code };
    const struct row *row;
    uint8_t opcode;
    bool is_after_0f;

    *out = (struct x86_instruction){ 0 };
    if (!take_prefixes(&r, &opcode))
        return false;
    is_after_0f = opcode == 0x0f;
    if (is_after_0f && !next(&r, &opcode))
        return false;
    row = find(&r, opcode, is_after_0f);
    if (!row || !take_operands(&r, row, opcode, out))
        return false;
    ASSERT(r.at <= r.n);
    out->length = (uint8_t)r.at;
    /* LOCK is for what loads and stores (1.2.5); the processor took no other. */
    return !r.lock || (x86_loads(out) && x86_stores(out));
}
