/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOV to and from control registers (AMD64 APM volume 3, MOV CRn): 0f 20 (read) or 0f 22 (write) with a byte that names both registers, of which
 * a REX prefix has bit 3. CR8 is the task priority of the local APIC: guests that use it are few, so what they write is the APIC's at once and
 * nothing is kept in the VMCB.
 *
 * CR0 and CR4 are the guest's own, but on QEMU (7.2). Its processor does not find back to the hypervisor from a guest with EFER.LME but without
 * paging and PAE, and lets 64-bit code switch off both. There a vCPU has no LME in its VMCB while it has neither (state.c), and whatever
 * could bring it there exits: writes of CR0 that change more than TS and MP, and writes of CR4 while paging is off.
 */
#include "arch/x86_64/svm/svm.h"
#include "exits.h"
#include "guest_walk.h"
#include "processor.h"

#define LONGEST 15
#define TWO_BYTES 0x0f
#define READ 0x20
#define WRITE 0x22
#define GROUP_7 0x01            /* LMSW: the sixth of it; 16 bits, from a register here */
#define REX(byte) (((byte) & 0xf0) == 0x40)
#define REX_B 1
#define MACHINE_STATUS (CR0_PE | CR0_MP | CR0_EM | CR0_TS)
/* Of CR4, what is there without paging: not PCIDE, nor the extensions that no guest has (VMX, SMX). */
#define CR4_WITHOUT_PAGING UINT64_C(0x751fff)

/* What was taken apart: the general register, and how long the instruction is. */
struct moved {
    uint64_t *operand;
    unsigned length;
    bool is_write, is_status_word;
};

static bool is_prefix(uint8_t byte)
{
    return REX(byte) || byte == 0xf0 || byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || byte == 0x2e || byte == 0x36 ||
           byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65;
}

/* With decode assists bit 63 says that it was MOV, and the lowest bits with which register (15.8.1). */
static bool is_decoded(const struct vmcb *m, uint64_t rip)
{
    return svm_decodes && m->exit_info1 >> 63 && m->next_rip > rip && m->next_rip - rip <= LONGEST;
}

static bool is_machine_status(const uint8_t *bytes)
{
    return bytes[0] == TWO_BYTES && bytes[1] == GROUP_7 && (bytes[2] & 0xf8) == 0xf0;
}

/* What the instruction at RIP moves; false: none of these (somebody has changed it meanwhile), or LMSW from memory. */
static bool take_apart(struct vcpu *v, struct moved *out)
{
    uint8_t bytes[LONGEST];
    unsigned n = x86_guest_fetch(v, v->arch.regs.rip, bytes, LONGEST), i = 0, rex = 0, reg;

    while (i < n && is_prefix(bytes[i])) {
        rex = REX(bytes[i]) && svm_is_64bit(v) ? bytes[i] : 0;
        i++;
    }
    if (i + 3 > n)
        return false;
    out->is_status_word = is_machine_status(bytes + i);
    if (!out->is_status_word && (bytes[i] != TWO_BYTES || (bytes[i + 1] != READ && bytes[i + 1] != WRITE)))
        return false;
    ASSERT(i + 3 <= LONGEST);
    reg = (bytes[i + 2] & 7) | (rex & REX_B ? 8 : 0);
    out->operand = x86_register(&v->arch.regs, reg);
    out->length = i + 3;
    out->is_write = bytes[i + 1] != READ;
    return true;
}

static bool look(struct vcpu *v, struct moved *out)
{
    const struct vmcb *m = vmcb_of(v);

    if (!is_decoded(m, v->arch.regs.rip))
        return take_apart(v, out);
    *out = (struct moved){ x86_register(&v->arch.regs, m->exit_info1 & 15), (unsigned)(m->next_rip - v->arch.regs.rip),
                           m->exit_code != SVM_EXIT_CR8_READ, false };
    return true;
}

void svm_cr8_exit(struct vcpu *v)
{
    struct moved o;

    if (look(v, &o))
        exit_cr8(v, o.operand, o.is_write, o.length);
    else
        arch_inject_undefined(v);
}

/* Also of what was looked at: it may be another instruction by now, with nothing but its own guest misled. */
static uint64_t written(const struct vcpu *v, const struct moved *o)
{
    return svm_is_64bit(v) ? *o->operand : (uint32_t)*o->operand;
}

static void finish(struct vcpu *v, const struct x86_control_registers *c, unsigned length)
{
    svm_set_control_registers(v, c);
    svm_skip(v, length);
}

/* LMSW sets PE and does not clear it. */
void svm_cr0_exit(struct vcpu *v)
{
    struct x86_control_registers c;
    struct moved o;
    uint64_t value;

    if (!look(v, &o) || !o.is_write) {
        arch_inject_undefined(v);
        return;
    }
    svm_get_control_registers(v, &c);
    value = written(v, &o);
    if (o.is_status_word)
        value = (c.cr0 & ~(uint64_t)(MACHINE_STATUS & ~CR0_PE)) | (value & MACHINE_STATUS);
    if (x86_write_cr0(v, &c, value))
        finish(v, &c, o.length);
    else
        svm_inject_exception(v, VECTOR_GP, 0, 0);
}

void svm_cr4_exit(struct vcpu *v)
{
    struct x86_control_registers c;
    struct moved o;

    if (!look(v, &o) || !o.is_write || o.is_status_word) {
        arch_inject_undefined(v);
        return;
    }
    svm_get_control_registers(v, &c);
    ASSERT(!(c.cr0 & CR0_PG));
    c.cr4 = written(v, &o);
    if (c.cr4 & ~CR4_WITHOUT_PAGING)
        svm_inject_exception(v, VECTOR_GP, 0, 0);
    else
        finish(v, &c, o.length);
}
