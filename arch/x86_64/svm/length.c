/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an intercepted instruction is, on a processor that does not say (no next RIP: AMD64 APM volume 2, 15.7.1). Its bytes are read
 * (opcodes.c). The same instruction of the same address space is not read again: a guest that changes the prefixes of one in place is led
 * astray by nobody but itself.
 */
#include "arch/x86_64/svm/opcodes.h"
#include "arch/x86_64/svm/svm.h"
#include "guest_walk.h"
#include "mem/guest_copy.h"

#define LONGEST 15

/* As data, which a 64-bit kernel may read what it executes as: shorter than the walk for an instruction, which is for all others. 0: so it is not. */
static unsigned look_quickly(struct vcpu *v, uint32_t exit_code)
{
    uint64_t rip = v->arch.regs.rip, n = MIN(PAGE_SIZE - rip % PAGE_SIZE, (uint64_t)LONGEST);
    uint8_t bytes[LONGEST];

    if (!svm_is_64bit(v) || svm_cpl(v) || copy_from_guest(v, bytes, GVA(rip), n) != COPY_OK)
        return 0;
    return svm_length_in(bytes, (unsigned)n, true, exit_code);
}

static unsigned look(struct vcpu *v, uint32_t exit_code)
{
    unsigned length = look_quickly(v, exit_code);
    uint8_t bytes[LONGEST];

    return length ? length : svm_length_in(bytes, x86_guest_fetch(v, v->arch.regs.rip, bytes, LONGEST), svm_is_64bit(v), exit_code);
}

static NOINLINE unsigned find_out(struct vcpu *v, struct svm_known *k, uint32_t exit_code)
{
    unsigned length = look(v, exit_code);

    ASSERT(length <= LONGEST);
    if (length)
        *k = (struct svm_known){ v->arch.regs.rip, vmcb_of(v)->cr3, exit_code, length };
    return length;
}

unsigned svm_instruction(const struct vcpu *v, const uint8_t **bytes)
{
    const struct vmcb *m = vmcb_of(v);

    *bytes = m->instruction;
    return svm_decodes ? m->fetched & 15 : 0;
}

HOT unsigned svm_instruction_length(struct vcpu *v, uint32_t exit_code)
{
    const struct vmcb *m = vmcb_of(v);
    uint64_t rip = v->arch.regs.rip;
    struct svm_known *k = &v->arch.svm.known[(rip ^ rip / SVM_KNOWN ^ m->cr3 / PAGE_SIZE) % SVM_KNOWN];

    if (m->next_rip > rip && m->next_rip - rip <= LONGEST)
        return (unsigned)(m->next_rip - rip);
    if (likely(k->rip == rip && k->exit_code == exit_code && k->cr3 == m->cr3))
        return (unsigned)k->length;
    return find_out(v, k, exit_code);
}
