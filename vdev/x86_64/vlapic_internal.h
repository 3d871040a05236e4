/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the virtual local APIC share. */
#ifndef VDEV_X86_64_VLAPIC_INTERNAL_H
#define VDEV_X86_64_VLAPIC_INTERNAL_H

#include "core/domain.h"
#include "lib/atomic.h"
#include "vdev/x86_64/vlapic.h"

/* Registers by number: offset / 16 (AMD64 APM volume 2, 16.3.2). */
enum {
    REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_PPR = 0x0a, REG_EOI = 0x0b, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SPURIOUS = 0x0f,
    REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ERROR = 0x28, REG_LVT_CMCI = 0x2f, REG_ICR = 0x30, REG_ICR_HIGH = 0x31,
    REG_LVT_TIMER = 0x32, REG_LVT_ERROR = 0x37, REG_INITIAL = 0x38, REG_CURRENT = 0x39, REG_DIVIDE = 0x3e, REG_SELF_IPI = 0x3f
};
#define SPURIOUS_ENABLE BIT(8)

/* vlapic.c: the interrupt with this vector has ended: one that came as a level goes on to the IO-APIC. */
void vlapic_level_ends(struct vcpu *v, unsigned vector);

/* vlapic_page.c: what is taken next, -1: none; the end of the best in service, -1: there is none; a register of the page (false: it is none). */
int vlapic_page_highest(struct vcpu *v);
int vlapic_page_end(struct vlapic *l);
bool vlapic_page_read(const struct vlapic *l, unsigned reg, uint32_t *value);
void vlapic_page_set_priority(struct vlapic *l, uint32_t tpr);
/* Nothing is requested in it; these are in service. */
void vlapic_page_set(struct vlapic *l, const uint64_t in_service[4]);

/* The processor is told what has changed before v is entered again. Nothing to do where there is no page. */
static inline void vlapic_page_changed(struct vcpu *v)
{
    if (v->arch.lapic.page)
        (void)atomic_fetch_or(&v->arch.event_waits, (uint32_t)WAITS_APIC);
}

#endif
