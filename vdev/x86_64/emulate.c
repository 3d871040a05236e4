/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions on registers of devices: taken apart by decode.c, done here. */
#include "vdev/x86_64/emulate.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "lib/string.h"
#include "mem/guest_copy.h"
#include "processor.h"
#include "vdev/x86_64/decode.h"
#include "virt.h"

#define SEGMENT_32BIT BIT(10)

static uint64_t get_register(struct vcpu *v, const struct x86_instruction *i)
{
    return *x86_register(&v->arch.regs, i->reg) >> (i->is_high_byte ? 8 : 0);
}

/* What a load brings, extended as the instruction says; narrow registers keep their other bits, those of 4 bytes do not. */
static void set_register(struct vcpu *v, const struct x86_instruction *i, uint64_t value)
{
    uint64_t *r = x86_register(&v->arch.regs, i->reg);
    unsigned unused = 64 - 8 * i->width, shift = i->is_high_byte ? 8 : 0;
    uint64_t mask = i->to_width >= 4 ? UINT64_MAX : ((UINT64_C(1) << 8 * i->to_width) - 1) << shift;

    value = i->is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value << unused >> unused;
    if (i->to_width == 4)
        value = (uint32_t)value;
    *r = (*r & ~mask) | (value << shift & mask);
}

/* The flags of a logical operation, or of a - b (APM volume 3, 1.3 and CMP); AF of the former is not defined. */
static void set_flags(struct vcpu *v, const struct x86_instruction *i, uint64_t a, uint64_t b, uint64_t result)
{
    uint64_t sign = BIT(8 * i->width - 1), flags = v->arch.regs.rflags & ~(uint64_t)RFLAGS_ARITHMETIC;

    if (i->operation == X86_COMPARE) {
        flags |= a < b ? RFLAGS_CF : 0;
        flags |= (a ^ b ^ result) & 0x10 ? RFLAGS_AF : 0;
        flags |= (a ^ b) & (a ^ result) & sign ? RFLAGS_OF : 0;
    }
    flags |= result ? 0 : RFLAGS_ZF;
    flags |= result & sign ? RFLAGS_SF : 0;
    flags |= __builtin_parity((unsigned)result & 0xff) ? 0 : RFLAGS_PF;
    v->arch.regs.rflags = flags;
}

static uint64_t combine(enum x86_operation operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case X86_OR: return a | b;
    case X86_XOR: return a ^ b;
    case X86_COMPARE: return a - b;
    default: return a & b;
    }
}

/* What has been loaded, with the other operand: what is stored then. */
static uint64_t combine_operands(struct vcpu *v, const struct x86_instruction *i, uint64_t memory, uint64_t other)
{
    uint64_t mask = UINT64_MAX >> (64 - 8 * i->width), a = i->to_memory ? memory : other, b = i->to_memory ? other : memory, result;

    ASSERT(i->operation != X86_MOVE);
    if (i->operation == X86_EXCHANGE) {
        set_register(v, i, memory);
        return other;
    }
    result = combine((enum x86_operation)i->operation, a & mask, b & mask) & mask;
    set_flags(v, i, a & mask, b & mask, result);
    if (!i->to_memory && i->operation != X86_COMPARE && i->operation != X86_TEST)
        set_register(v, i, result);
    return result;
}

static enum x86_code code_of(const struct vcpu *v)
{
    struct x86_segment code;

    if (likely(virt_is_64bit(v)))
        return X86_CODE_64;
    virt_get_segment(v, X86_CS, &code);
    return code.attributes & SEGMENT_32BIT ? X86_CODE_32 : X86_CODE_16;
}

/* As many bytes as there are: the instruction may end at the end of what is mapped. */
static enum copy_result fetch(struct vcpu *v, enum x86_code code, char *bytes, unsigned *have)
{
    uint64_t rip = v->arch.regs.rip, at = likely(code == X86_CODE_64) ? rip : virt_linear(v, X86_CS, rip), first = PAGE_SIZE - at % PAGE_SIZE;
    enum copy_result r;

    if (likely(first >= X86_LONGEST_INSTRUCTION)) {
        *have = X86_LONGEST_INSTRUCTION;
        return copy_from_guest(v, bytes, GVA(at), X86_LONGEST_INSTRUCTION);
    }
    r = copy_from_guest(v, bytes, GVA(at), first);
    if (r != COPY_OK)
        return r;
    *have = (unsigned)first;
    if (copy_from_guest(v, bytes + first, GVA(at + first), X86_LONGEST_INSTRUCTION - first) == COPY_OK)
        *have = X86_LONGEST_INSTRUCTION;
    return COPY_OK;
}

/* NULL: it is none that is done here. A kernel's drivers have few that reach registers, and execute them again and again. */
static const struct x86_instruction *look_up(struct vcpu *v, enum x86_code code, const uint64_t bytes[2], unsigned have)
{
    uint64_t rip = v->arch.regs.rip;
    struct x86_taken_apart *t = &v->arch.x86.taken_apart[(rip ^ rip / X86_TAKEN_APART) % X86_TAKEN_APART];

    ASSERT(have && have <= X86_LONGEST_INSTRUCTION);
    if (unlikely(t->bytes[0] != bytes[0]) || unlikely(t->bytes[1] != bytes[1]) || unlikely(t->have != have) || unlikely(t->code != code)) {
        t->have = 0;
        if (!x86_take_apart((const uint8_t *)bytes, have, code, &t->instruction))
            return NULL;
        t->bytes[0] = bytes[0], t->bytes[1] = bytes[1];
        t->have = (uint8_t)have, t->code = (uint8_t)code;
    }
    return &t->instruction;
}

/* By what the processor has read of it, or, where it does not say or that was not all, by what is there now. */
static enum copy_result take_apart(struct vcpu *v, const struct x86_instruction **i)
{
    enum x86_code code = code_of(v);
    uint64_t bytes[2] = { 0, 0 };
    const uint8_t *read;
    unsigned have = virt_instruction(v, &read);
    enum copy_result r;

    ASSERT(have <= X86_LONGEST_INSTRUCTION);
    if (have) {
        memcpy(bytes, read, have);
        *i = look_up(v, code, bytes, have);
        if (*i)
            return COPY_OK;
    }
    bytes[0] = bytes[1] = 0;
    r = fetch(v, code, (char *)bytes, &have);
    *i = r == COPY_OK ? look_up(v, code, bytes, have) : NULL;
    return r;
}

/* Which of its two accesses the processor tells of one that loads and stores is the processor's matter. */
static bool is_of_kind(const struct x86_instruction *i, bool is_write)
{
    return is_write ? x86_stores(i) : x86_loads(i);
}

/* One that computes with what it loads, and may store the result. False: nothing has changed. */
static NOINLINE bool compute(struct vcpu *v, const struct x86_instruction *i, gpa_t address, uint64_t other)
{
    struct x86_registers before = v->arch.regs;
    uint64_t memory = 0;

    if (!upcall_mmio(v, address, i->width, false, &memory))
        return false;
    other = combine_operands(v, i, memory, other) & UINT64_MAX >> (64 - 8 * i->width);
    if (!x86_stores(i) || upcall_mmio(v, address, i->width, true, &other))
        return true;
    v->arch.regs = before;
    return false;
}

/* The same. */
static bool execute(struct vcpu *v, const struct x86_instruction *i, gpa_t address)
{
    uint64_t value = i->has_constant ? i->constant : get_register(v, i);

    if (i->operation != X86_MOVE)
        return compute(v, i, address, value);
    if (i->to_memory) {
        value &= UINT64_MAX >> (64 - 8 * i->width);
        return upcall_mmio(v, address, i->width, true, &value);
    }
    value = 0;
    if (!upcall_mmio(v, address, i->width, false, &value))
        return false;
    set_register(v, i, value);
    return true;
}

bool emulate_access(struct vcpu *v, gpa_t address, bool is_write)
{
    const struct x86_instruction *i;
    enum copy_result r = take_apart(v, &i);

    if (r == COPY_RETRY)
        return true;
    if (!i || !is_of_kind(i, is_write) || !execute(v, i, address))
        return false;
    virt_skip(v, i->length);
    return true;
}
