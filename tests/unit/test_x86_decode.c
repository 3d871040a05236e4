/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vdev/x86_64/decode.c and arch/x86_64/svm/opcodes.c against Capstone, on random byte strings that are mostly nearly right: what is taken apart
 * is that instruction, with that length and those operands, and what Capstone knows as one of them is taken apart.
 *
 *   VINCI_DECODE_MILLIONS=n     so many million strings (make fuzz-decode)
 */
#include <capstone/capstone.h>
#include "arch/x86_64/svm/opcodes.h"
#include "tests/unit/unit.h"
#include "vdev/x86_64/decode.h"
#include <stdlib.h>
#include <string.h>

#define LENGTH 18

static csh handles[3];
static cs_insn *insn;
static uint64_t state;

static uint64_t chance(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint8_t one_of(const uint8_t *set, unsigned n)
{
    return set[(chance() >> 32) % n];
}

/* Prefixes, an opcode that is ours or next to one, and anything behind it. */
static void make_string(uint8_t *s)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0xf0, 0x2e, 0x65, 0x40, 0x41, 0x44, 0x48, 0x4c, 0x4f, 0xf2, 0xf3, 0x66 };
    static const uint8_t opcodes[] = { 0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0xa0, 0xa1, 0xa2, 0xa3, 0x86, 0x87, 0x08, 0x09, 0x0a, 0x0b, 0x20, 0x21, 0x22,
        0x23, 0x30, 0x31, 0x32, 0x33, 0x38, 0x39, 0x3a, 0x3b, 0x84, 0x85, 0xf6, 0xf7, 0x80, 0x81, 0x82, 0x83, 0x8c, 0x8e, 0x63, 0xa4, 0x0f, 0x0f, 0x0f };
    static const uint8_t after_0f[] = { 0xb6, 0xb7, 0xbe, 0xbf, 0xb6, 0xb7, 0xbe, 0xbf, 0xb5, 0xb8, 0xc3, 0x01, 0xa2, 0x30, 0x32, 0x08, 0x09 };
    unsigned at = 0, count = (unsigned)(chance() >> 62);

    for (unsigned i = 0; i < LENGTH; i += 8) {
        uint64_t r = chance();

        memcpy(s + i, &r, MIN((size_t)8, (size_t)LENGTH - i));
    }
    if (!(chance() >> 60))
        return;
    if (!(chance() >> 58))
        count = (unsigned)(chance() >> 60);
    while (count--)
        s[at++] = one_of(prefixes, sizeof(prefixes));
    if (!(chance() >> 60))
        return;
    s[at] = one_of(opcodes, sizeof(opcodes));
    if (s[at++] == 0x0f)
        s[at++] = one_of(after_0f, sizeof(after_0f));
}

static bool disassemble(enum x86_code code, const uint8_t *bytes, size_t n)
{
    const uint8_t *at = bytes;
    uint64_t address = 0x1000;

    return cs_disasm_iter(handles[code], &at, &n, &address, insn);
}

static int operation_of(unsigned id)
{
    switch (id) {
    case X86_INS_MOV: case X86_INS_MOVABS: case X86_INS_MOVZX: case X86_INS_MOVSX: return X86_MOVE;
    case X86_INS_XCHG: return X86_EXCHANGE;
    case X86_INS_OR: return X86_OR;
    case X86_INS_AND: return X86_AND;
    case X86_INS_XOR: return X86_XOR;
    case X86_INS_CMP: return X86_COMPARE;
    case X86_INS_TEST: return X86_TEST;
    default: return -1;
    }
}

/* General registers, by Capstone's numbers of them. */
static struct {
    uint8_t number, width;      /* width 0: another register */
    bool is_high;
} registers[X86_REG_ENDING];

static void name_registers(void)
{
    static const char *const names[4][16] = {
        { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b" },
        { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w" },
        { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d" },
        { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" },
    };
    static const char *const high[] = { "ah", "ch", "dh", "bh" };

    for (unsigned reg = 1; reg < X86_REG_ENDING; reg++) {
        const char *name = cs_reg_name(handles[X86_CODE_64], reg);

        for (unsigned w = 0; name && w < 4; w++) {
            for (unsigned i = 0; i < 16; i++) {
                if (!strcmp(names[w][i], name))
                    registers[reg].number = (uint8_t)i, registers[reg].width = (uint8_t)(1 << w);
                if (i < 4 && !strcmp(high[i], name))
                    registers[reg].number = (uint8_t)i, registers[reg].width = 1, registers[reg].is_high = true;
            }
        }
    }
}

static bool has_rep(void)
{
    return insn->detail->x86.prefix[0] == 0xf2 || insn->detail->x86.prefix[0] == 0xf3;
}

/* What Capstone has found, in our words. False: none of ours. */
static bool expected(struct x86_instruction *e)
{
    const cs_x86 *x = &insn->detail->x86;
    const cs_x86_op *first = &x->operands[0], *second = &x->operands[1], *memory, *other;
    int operation = operation_of(insn->id);

    *e = (struct x86_instruction){ .length = (uint8_t)insn->size };
    if (operation < 0 || x->op_count != 2 || (first->type == X86_OP_MEM) == (second->type == X86_OP_MEM))
        return false;
    e->operation = (uint8_t)operation;
    e->to_memory = first->type == X86_OP_MEM;
    memory = e->to_memory ? first : second;
    other = e->to_memory ? second : first;
    e->width = e->to_width = memory->size;
    if (other->type == X86_OP_IMM) {
        e->has_constant = true;
        e->constant = (uint64_t)other->imm & (UINT64_MAX >> (64 - 8 * e->width));
        return true;
    }
    if (!registers[other->reg].width)
        return false;
    e->reg = registers[other->reg].number;
    e->to_width = registers[other->reg].width;
    e->is_high_byte = registers[other->reg].is_high;
    e->is_signed = insn->id == X86_INS_MOVSX;
    return true;
}

static void show(const char *what, enum x86_code code, const uint8_t *s)
{
    print_message("%s, code %u:", what, code);
    for (unsigned i = 0; i < LENGTH; i++)
        print_message(" %02x", s[i]);
    print_message("  (%s %s, %u bytes)\n", insn->mnemonic, insn->op_str, insn->size);
    fail();
}

static bool is_prefix(uint8_t b)
{
    static const uint8_t set[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

    return memchr(set, b, sizeof(set));
}

/* What we leave alone on purpose: REP, LOCK where a processor takes none, REX before another prefix, and the alias 82 of 80. */
static bool is_left_alone(enum x86_code code, const uint8_t *s, const struct x86_instruction *e)
{
    unsigned at = 0;
    bool rex = false, rep = has_rep(), takes_lock = x86_loads(e) && x86_stores(e);

    for (;; at++) {
        bool is_rex = code == X86_CODE_64 && (s[at] & 0xf0) == 0x40;

        if (rex && (is_rex || is_prefix(s[at])))
            return true;
        if (!is_rex && !is_prefix(s[at]))
            return rep || s[at] == 0x82;
        rep |= s[at] == 0xf2 || s[at] == 0xf3 || (s[at] == 0xf0 && !takes_lock);
        rex = is_rex;
    }
}

static unsigned taken, refused;

static void compare(enum x86_code code, const uint8_t *s)
{
    struct x86_instruction i, e;
    bool known = disassemble(code, s, LENGTH), ours = x86_take_apart(s, LENGTH, code, &i);

    if (!ours) {
        refused++;
        if (known && expected(&e) && !is_left_alone(code, s, &e))
            show("not taken apart", code, s);
        return;
    }
    taken++;
    if (!known || !expected(&e))
        show("not one of them", code, s);
    if (memcmp(&i, &e, offsetof(struct x86_instruction, has_constant) + 1) != 0 || i.constant != e.constant)
        show("taken apart differently", code, s);
    for (unsigned n = 0; n < i.length; n += 1 + (chance() >> 62)) {
        if (x86_take_apart(s, n, code, &e))
            show("taken apart without its end", code, s);
    }
}

static unsigned millions(void)
{
    const char *text = getenv("VINCI_DECODE_MILLIONS");

    return text ? (unsigned)atoi(text) : 2;
}

static void seed(void)
{
    const char *text = getenv("VINCI_SEED");

    state = UINT64_C(0x9e3779b97f4a7c15) * (text ? strtoull(text, NULL, 0) + 1 : 1);
}

static void random_strings(void **unused UNUSED)
{
    uint64_t count = millions() * UINT64_C(1000000);
    uint8_t s[LENGTH];

    seed();
    taken = refused = 0;
    for (uint64_t n = 0; n < count; n++) {
        make_string(s);
        compare((enum x86_code)((chance() >> 32) % 3), s);
    }
    print_message("%llu strings, %u taken apart, %u refused\n", (unsigned long long)count, taken, refused);
    assert_true(taken > count / 5);
}

/* -- the lengths of intercepted instructions -- */

static uint32_t exit_of(void)
{
    switch (insn->id) {
    case X86_INS_CPUID: return SVM_EXIT_CPUID;
    case X86_INS_HLT: return SVM_EXIT_HLT;
    case X86_INS_RDMSR: case X86_INS_WRMSR: return SVM_EXIT_MSR;
    case X86_INS_PAUSE: return SVM_EXIT_PAUSE;
    case X86_INS_XSETBV: return SVM_EXIT_XSETBV;
    case X86_INS_INVD: return SVM_EXIT_INVD;
    case X86_INS_WBINVD: return SVM_EXIT_WBINVD;
    default: return 0;
    }
}

static void lengths_of_intercepted_instructions(void **unused UNUSED)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x40, 0x48, 0x4f, 0x41 };
    static const uint8_t opcodes[][3] = { { 0x0f, 0xa2 }, { 0xf4 }, { 0x0f, 0x32 }, { 0x0f, 0x30 }, { 0x90 }, { 0x0f, 0x01, 0xd1 }, { 0x0f, 0x08 },
        { 0x0f, 0x09 } };
    uint64_t count = millions() * UINT64_C(250000), compared = 0;
    uint8_t s[LENGTH];

    seed();
    for (uint64_t n = 0; n < count; n++) {
        enum x86_code code = (enum x86_code)((chance() >> 32) % 3);
        unsigned at = 0, length;

        make_string(s);
        for (unsigned k = chance() >> 61; k; k--)
            s[at++] = one_of(prefixes, sizeof(prefixes));
        memcpy(s + at, opcodes[chance() >> 61], 3);
        if (!disassemble(code, s, LENGTH) || !exit_of())
            continue;
        length = svm_length_in(s, X86_LONGEST_INSTRUCTION, code == X86_CODE_64, exit_of());
        if (length != insn->size)
            show("another length", code, s);
        if (svm_length_in(s, insn->size - 1u, code == X86_CODE_64, exit_of()))
            show("a length without its end", code, s);
        compared++;
    }
    print_message("%llu lengths\n", (unsigned long long)compared);
    assert_true(compared > count / 10);
}

static int open_capstone(void **unused UNUSED)
{
    static const cs_mode modes[] = { CS_MODE_16, CS_MODE_32, CS_MODE_64 };

    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        if (cs_open(CS_ARCH_X86, modes[i], &handles[i]) != CS_ERR_OK || cs_option(handles[i], CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK)
            return -1;
    }
    name_registers();
    insn = cs_malloc(handles[0]);
    return insn ? 0 : -1;
}

static int close_capstone(void **unused UNUSED)
{
    cs_free(insn, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(handles); i++)
        cs_close(&handles[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_strings),
        cmocka_unit_test(lengths_of_intercepted_instructions),
    };

    return cmocka_run_group_tests(tests, open_capstone, close_capstone);
}
