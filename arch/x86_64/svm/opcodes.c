/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86_64/svm/opcodes.h"

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

/* Prefixes, then the opcode that the exit code stands for. */
unsigned svm_length_in(const uint8_t *bytes, unsigned n, bool is_64bit, uint32_t exit_code)
{
    unsigned at = 0;

    while (at < n && is_prefix(bytes[at], is_64bit))
        at++;
    for (unsigned i = 0; i < ARRAY_SIZE(opcodes); i++) {
        if (matches(&opcodes[i], exit_code, bytes + at, n - at))
            return at + opcodes[i].length;
    }
    return 0;
}
