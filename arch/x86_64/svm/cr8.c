/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CR8, the task priority of the local APIC (AMD64 APM volume 2, 16.6.4; volume 3, MOV CRn): always 0f 20 (read) or 0f 22 (write) with a
 * byte that names the general register, of which a REX prefix has bit 3. Guests that use it are few, so what they write is the APIC's at once
 * and nothing is kept in the VMCB.
 */
#include "arch/x86_64/svm/svm.h"
#include "exits.h"
#include "guest_walk.h"
#include "processor.h"

#define LONGEST 15
#define TWO_BYTES 0x0f
#define READ 0x20
#define WRITE 0x22
#define REX(byte) (((byte) & 0xf0) == 0x40)
#define REX_B 1

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

void svm_cr8_exit(struct vcpu *v)
{
    const struct vmcb *m = vmcb_of(v);
    uint8_t bytes[LONGEST];
    unsigned n, i = 0, rex = 0, reg;

    if (is_decoded(m, v->arch.regs.rip)) {
        exit_cr8(v, &v->arch.regs.r[m->exit_info1 & 15], m->exit_code == SVM_EXIT_CR8_WRITE, (unsigned)(m->next_rip - v->arch.regs.rip));
        return;
    }
    n = x86_guest_fetch(v, v->arch.regs.rip, bytes, LONGEST);
    while (i < n && is_prefix(bytes[i])) {
        rex = REX(bytes[i]) ? bytes[i] : 0;
        i++;
    }
    /* Somebody has changed it meanwhile. */
    if (i + 3 > n || bytes[i] != TWO_BYTES || (bytes[i + 1] != READ && bytes[i + 1] != WRITE)) {
        arch_inject_undefined(v);
        return;
    }
    ASSERT(i + 3 <= LONGEST);
    reg = (bytes[i + 2] & 7) | (rex & REX_B ? 8 : 0);
    exit_cr8(v, &v->arch.regs.r[array_index_nospec(reg, 16)], bytes[i + 1] == WRITE, i + 3);
}
