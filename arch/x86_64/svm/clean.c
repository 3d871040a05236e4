/* SPDX-License-Identifier: Apache-2.0 */
/* Checked builds look whether what the processor is told about a VMCB's groups is true (AMD64 APM volume 2, 15.15.3), on processors that do not ask, too. */
#include "arch/x86_64/svm/svm.h"
#include "lib/string.h"

#define FIELD(group, name) { group, offsetof(struct vmcb, name), sizeof(((struct vmcb *)0)->name) }

static const struct {
    uint32_t group, offset, size;
} fields[] = {
    FIELD(CLEAN_INTERCEPTS, cr_reads), FIELD(CLEAN_INTERCEPTS, cr_writes), FIELD(CLEAN_INTERCEPTS, dr_reads), FIELD(CLEAN_INTERCEPTS, dr_writes),
    FIELD(CLEAN_INTERCEPTS, exceptions), FIELD(CLEAN_INTERCEPTS, misc1), FIELD(CLEAN_INTERCEPTS, misc2), FIELD(CLEAN_INTERCEPTS, tsc_offset),
    FIELD(CLEAN_INTERCEPTS, pause_threshold), FIELD(CLEAN_INTERCEPTS, pause_count),
    FIELD(CLEAN_MAPS, iopm), FIELD(CLEAN_MAPS, msrpm), FIELD(CLEAN_ASID, asid), FIELD(CLEAN_INTERRUPT, v_intr),
    FIELD(CLEAN_NESTED, nested_enable), FIELD(CLEAN_NESTED, nested_cr3), FIELD(CLEAN_NESTED, pat),
    FIELD(CLEAN_CONTROL, cr0), FIELD(CLEAN_CONTROL, cr3), FIELD(CLEAN_CONTROL, cr4), FIELD(CLEAN_CONTROL, efer),
    FIELD(CLEAN_DEBUG, dr6), FIELD(CLEAN_DEBUG, dr7), FIELD(CLEAN_TABLES, gdtr), FIELD(CLEAN_TABLES, idtr),
    FIELD(CLEAN_SEGMENTS, es), FIELD(CLEAN_SEGMENTS, cs), FIELD(CLEAN_SEGMENTS, ss), FIELD(CLEAN_SEGMENTS, ds), FIELD(CLEAN_SEGMENTS, cpl),
    FIELD(CLEAN_CR2, cr2), FIELD(CLEAN_LAST_BRANCH, debugctl), FIELD(CLEAN_LAST_BRANCH, lbr_enable),
};

void svm_clean_note(struct vcpu *v)
{
    memcpy(v->arch.svm.exited, vmcb_of(v), sizeof(struct vmcb));
}

void svm_clean_check(const struct vcpu *v)
{
    const uint8_t *is = (const uint8_t *)vmcb_of(v), *was = (const uint8_t *)v->arch.svm.exited;

    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        if (vmcb_of(v)->clean & fields[i].group)
            PANIC_IF(memcmp(is + fields[i].offset, was + fields[i].offset, fields[i].size), "d%uv%u: VMCB, offset %#x was written, but is called clean",
                     v->domain->id.v, v->id, fields[i].offset);
    }
}
