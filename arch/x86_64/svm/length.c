/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an intercepted instruction is, on a processor that does not say (no next RIP: AMD64 APM volume 2, 15.7.1). Its bytes are read:
 * prefixes, then the opcode that the exit code stands for. The same instruction of the same address space is not read again: a guest that
 * changes the prefixes of one in place is led astray by nobody but itself.
 */
#include "arch/x86_64/svm/svm.h"
#include "guest_walk.h"

#define LONGEST 15

static const struct opcode {
    uint16_t exit_code;
    uint8_t length, bytes[3];
} opcodes[] = {
    { SVM_EXIT_CPUID, 2, { 0x0f, 0xa2 } }, { SVM_EXIT_HLT, 1, { 0xf4 } },
    { SVM_EXIT_MSR, 2, { 0x0f, 0x32 } }, { SVM_EXIT_MSR, 2, { 0x0f, 0x30 } }, { SVM_EXIT_PAUSE, 1, { 0x90 } },
    { SVM_EXIT_XSETBV, 3, { 0x0f, 0x01, 0xd1 } }, { SVM_EXIT_INVD, 2, { 0x0f, 0x08 } }, { SVM_EXIT_WBINVD, 2, { 0x0f, 0x09 } },
    { SVM_EXIT_WBINVD, 2, { 0x0f, 0x08 } },     /* QEMU tells INVD so */
};

static bool is_prefix(uint8_t byte, bool wide)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

    for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++) {
        if (prefixes[i] == byte)
            return true;
    }
    return wide && (byte & 0xf0) == 0x40;
}

static bool matches(const struct opcode *o, uint32_t exit_code, const uint8_t *bytes, unsigned n)
{
    if (o->exit_code != exit_code || n < o->length)
        return false;
    for (unsigned i = 0; i < o->length; i++) {
        if (o->bytes[i] != bytes[i])
            return false;
    }
    return true;
}

static unsigned look(struct vcpu *v, uint32_t exit_code)
{
    uint8_t bytes[LONGEST];
    unsigned n = x86_guest_fetch(v, v->arch.regs.rip, bytes, LONGEST), at = 0;

    while (at < n && is_prefix(bytes[at], svm_is_64bit(v)))
        at++;
    for (unsigned i = 0; i < ARRAY_SIZE(opcodes); i++) {
        if (matches(&opcodes[i], exit_code, bytes + at, n - at))
            return at + opcodes[i].length;
    }
    return 0;
}

static NOINLINE unsigned find_out(struct vcpu *v, struct svm_known *k, uint32_t exit_code)
{
    unsigned length = look(v, exit_code);

    ASSERT(length <= LONGEST);
    if (length)
        *k = (struct svm_known){ v->arch.regs.rip, vmcb_of(v)->cr3, exit_code, (uint8_t)length };
    return length;
}

unsigned svm_instruction_length(struct vcpu *v, uint32_t exit_code)
{
    const struct vmcb *m = vmcb_of(v);
    uint64_t rip = v->arch.regs.rip;
    struct svm_known *k = &v->arch.svm.known[rip % SVM_KNOWN];

    if (m->next_rip > rip && m->next_rip - rip <= LONGEST)
        return (unsigned)(m->next_rip - rip);
    if (likely(k->rip == rip && k->exit_code == exit_code && k->cr3 == m->cr3))
        return k->length;
    return find_out(v, k, exit_code);
}
