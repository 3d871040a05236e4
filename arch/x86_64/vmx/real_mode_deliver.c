/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts and exceptions of real mode (Intel SDM volume 3, 21.1.4), and its instructions that virtual-8086 mode refuses (21.2.2). */
#include "arch/x86_64/vmx/unpaged.h"
#include "exits.h"
#include "guest_walk.h"
#include "mem/guest_copy.h"

#define LONGEST 15
#define FRAME_WORDS 3

/* -- through the interrupt vector table -- */

static bool read_vector(const struct vcpu *v, unsigned vector, uint16_t entry[2])
{
    struct x86_segment table;

    real_mode_get_segment(v, X86_IDTR, &table);
    return vector * 4 + 3 <= table.limit &&
           copy_from_gpa(&v->domain->stage2, entry, GPA((uint32_t)(table.base + vector * 4)), 4) == COPY_OK;
}

/* A stack that wraps within the frame is a fault that has no frame either. */
static bool push_frame(struct vcpu *v, uint16_t code)
{
    const uint16_t frame[FRAME_WORDS] = { (uint16_t)v->arch.regs.rip, code, (uint16_t)(v->arch.regs.rflags & ~(uint64_t)RFLAGS_IOPL) };
    uint16_t top = (uint16_t)v->arch.regs.rsp, at = (uint16_t)(top - sizeof(frame));

    if (at > top && top)
        return false;
    if (copy_to_gpa(&v->domain->stage2, GPA(virt_linear(v, X86_SS, at)), frame, sizeof(frame)) != COPY_OK)
        return false;
    v->arch.regs.rsp = (v->arch.regs.rsp & ~UINT64_C(0xffff)) | at;
    return true;
}

void real_mode_deliver(struct vcpu *v, unsigned vector)
{
    struct x86_segment code;
    uint16_t entry[2];

    ASSERT(v == cpu_current_vcpu() && v->arch.vmx.is_real && vector < VECTORS);
    real_mode_get_segment(v, X86_CS, &code);
    if (!read_vector(v, vector, entry) || !push_frame(v, code.selector)) {
        domain_crash(v->domain, "an interrupt or exception in real mode that cannot be delivered");
        return;
    }
    code.selector = entry[1];
    code.base = (uint64_t)entry[1] << 4;
    real_mode_set_segment(v, X86_CS, &code);
    v->arch.regs.rip = entry[0];
    v->arch.regs.rflags &= ~(uint64_t)(RFLAGS_IF | RFLAGS_TF | RFLAGS_AC | RFLAGS_RF);
    vmwrite(VMCS_SHADOW, vmread(VMCS_SHADOW) & ~(uint64_t)(SHADOW_STI | SHADOW_MOV_SS));
}

/* -- instructions -- */

struct instruction {
    uint8_t bytes[LONGEST];
    unsigned known, at;                 /* bytes that could be read; that were looked at */
    bool is_wide, has_wide_address;     /* prefixes 66, 67 */
    enum x86_segment_name segment;      /* of an operand in memory */
    bool has_segment;                   /* a prefix says so */
};

static uint8_t next(struct instruction *i)
{
    return i->at < i->known ? i->bytes[i->at++] : (i->at = LONGEST + 1, 0);
}

static uint32_t next_of(struct instruction *i, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned n = 0; n < bytes; n++)
        value |= (uint32_t)next(i) << 8 * n;
    return value;
}

static bool take_prefix(struct instruction *i, uint8_t byte)
{
    static const struct { uint8_t byte, segment; } segments[] = {
        { 0x26, X86_ES }, { 0x2e, X86_CS }, { 0x36, X86_SS }, { 0x3e, X86_DS }, { 0x64, X86_FS }, { 0x65, X86_GS },
    };

    for (unsigned n = 0; n < ARRAY_SIZE(segments); n++) {
        if (byte == segments[n].byte) {
            i->segment = (enum x86_segment_name)segments[n].segment;
            i->has_segment = true;
            return true;
        }
    }
    i->is_wide |= byte == 0x66;
    i->has_wide_address |= byte == 0x67;
    return byte == 0x66 || byte == 0x67;
}

/* 16-bit addresses: two registers of BX 3, BP 5, SI 6, DI 7, and a displacement (volume 2, table 2-1). */
static uint32_t address_16(struct vcpu *v, struct instruction *i, unsigned mod, unsigned rm)
{
    static const uint8_t base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 }, index[4] = { 6, 7, 6, 7 };
    struct x86_registers *r = &v->arch.regs;
    uint32_t sum;

    if (mod == 0 && rm == 6)
        return next_of(i, 2);
    if (!i->has_segment && (rm == 2 || rm == 3 || rm == 6))
        i->segment = X86_SS;
    sum = (uint32_t)*x86_register(r, base[rm]);
    if (rm < 4)
        sum += (uint32_t)*x86_register(r, index[rm]);
    if (mod == 1)
        sum += (uint32_t)(int32_t)(int8_t)next(i);
    else if (mod == 2)
        sum += next_of(i, 2);
    return (uint16_t)sum;
}

/* 32-bit addresses without an index (table 2-2); with one there is no instruction of start code here. */
static bool address_32(struct vcpu *v, struct instruction *i, unsigned mod, unsigned rm, uint32_t *out)
{
    if (rm == 4)
        return false;
    if (mod == 0 && rm == 5) {
        *out = next_of(i, 4);
        return true;
    }
    if (!i->has_segment && rm == 5)
        i->segment = X86_SS;
    *out = (uint32_t)*x86_register(&v->arch.regs, rm);
    *out += mod == 1 ? (uint32_t)(int32_t)(int8_t)next(i) : mod == 2 ? next_of(i, 4) : 0;
    return true;
}

/* The operand in memory of a ModRM byte, `bytes` long. */
static bool read_operand(struct vcpu *v, struct instruction *i, uint8_t modrm, void *out, unsigned bytes)
{
    unsigned mod = modrm >> 6, rm = modrm & 7;
    uint32_t offset;

    if (!i->has_wide_address)
        offset = address_16(v, i, mod, rm);
    else if (!address_32(v, i, mod, rm, &offset))
        return false;
    return i->at <= LONGEST && offset <= UINT16_MAX - (bytes - 1) &&
           copy_from_gpa(&v->domain->stage2, out, GPA(virt_linear(v, i->segment, offset)), bytes) == COPY_OK;
}

/* LGDT and LIDT: with 16-bit operands the base has 24 bits. */
static bool load_table(struct vcpu *v, struct instruction *i, uint8_t modrm, enum x86_segment_name which)
{
    struct { uint16_t limit; uint32_t base; } PACKED operand;
    struct x86_segment table = { 0 };

    if (modrm >> 6 == 3 || !read_operand(v, i, modrm, &operand, sizeof(operand)))
        return false;
    table.limit = operand.limit;
    table.base = i->is_wide ? operand.base : operand.base & 0xffffff;
    real_mode_set_segment(v, which, &table);
    vmx_skip(v, i->at);
    return true;
}

static bool load_machine_status(struct vcpu *v, struct instruction *i, uint8_t modrm)
{
    uint16_t word = (uint16_t)*x86_register(&v->arch.regs, modrm & 7);

    if (modrm >> 6 != 3 && !read_operand(v, i, modrm, &word, sizeof(word)))
        return false;
    vmx_write_machine_status(v, word, i->at);
    return true;
}

static bool do_group_7(struct vcpu *v, struct instruction *i)
{
    uint8_t modrm = next(i);

    switch (modrm >> 3 & 7) {
    case 2:
        return load_table(v, i, modrm, X86_GDTR);
    case 3:
        return load_table(v, i, modrm, X86_IDTR);
    case 6:
        return load_machine_status(v, i, modrm);
    default:
        return false;
    }
}

static bool read_control(struct vcpu *v, unsigned which, uint64_t *operand)
{
    struct x86_control_registers c;

    vmx_get_control_registers(v, &c);
    if (which != 0 && which != 2 && which != 3 && which != 4)
        return false;
    *operand = (*operand & ~(uint64_t)UINT32_MAX) | (uint32_t)(which == 0 ? c.cr0 : which == 2 ? c.cr2 : which == 3 ? c.cr3 : c.cr4);
    return true;
}

static bool move_control(struct vcpu *v, struct instruction *i, bool is_read)
{
    uint8_t modrm = next(i);
    uint64_t *operand = x86_register(&v->arch.regs, modrm & 7), value = (uint32_t)*operand;
    unsigned which = modrm >> 3 & 7;

    if (is_read) {
        if (!read_control(v, which, operand))
            return false;
        vmx_skip(v, i->at);
    } else if (which == 0) {
        vmx_write_cr0(v, value, i->at);
    } else if (which == 2) {
        write_cr2(value);
        vmx_skip(v, i->at);
    } else if (which == 3) {
        unpaged_move_cr3(v, operand, false, i->at);
    } else if (which == 4) {
        unpaged_write_cr4(v, value, i->at);
    } else {
        return false;
    }
    return true;
}

static bool do_two_bytes(struct vcpu *v, struct instruction *i)
{
    switch (next(i)) {
    case 0x01:
        return do_group_7(v, i);
    case 0x06:          /* CLTS */
        vmwrite(VMCS_CR0, vmread(VMCS_CR0) & ~(uint64_t)CR0_TS);
        vmx_skip(v, i->at);
        return true;
    case 0x08:          /* INVD, WBINVD */
    case 0x09:
        exit_nothing(v, i->at);
        return true;
    case 0x20:
        return move_control(v, i, true);
    case 0x22:
        return move_control(v, i, false);
    case 0x30:
    case 0x32:
        exit_msr(v, i->bytes[i->at - 1] == 0x30, i->at);
        return true;
    default:
        return false;
    }
}

static void do_interrupt(struct vcpu *v, unsigned vector, unsigned length)
{
    v->arch.regs.rip = (uint16_t)(v->arch.regs.rip + length);
    real_mode_deliver(v, vector);
}

/* False: the guest's own general protection fault. */
static bool do_instruction(struct vcpu *v)
{
    struct instruction i = { .segment = X86_DS };
    uint8_t byte;

    i.known = x86_guest_fetch(v, (uint16_t)v->arch.regs.rip, i.bytes, LONGEST);
    do
        byte = next(&i);
    while (i.at <= LONGEST && take_prefix(&i, byte));
    if (i.at > LONGEST)
        return false;
    switch (byte) {
    case 0x0f:
        return do_two_bytes(v, &i);
    case 0xcd:
        byte = next(&i);
        if (i.at > LONGEST)
            return false;
        do_interrupt(v, byte, i.at);
        return true;
    case 0xf4:
        exit_halt(v, i.at);
        return true;
    default:
        return false;
    }
}

void real_mode_exception(struct vcpu *v, unsigned vector)
{
    ASSERT(v == cpu_current_vcpu() && v->arch.vmx.is_real);
    if (vector == VECTOR_BP || vector == VECTOR_OF)
        do_interrupt(v, vector, (unsigned)vmread(VMCS_INSTRUCTION_LENGTH) & 15);
    else if (vector != VECTOR_GP || !do_instruction(v))
        real_mode_deliver(v, vector);
}
