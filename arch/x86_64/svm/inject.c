/* SPDX-License-Identifier: Apache-2.0 */
/* Events that a guest is entered with (AMD64 APM volume 2, 15.20, 15.21). */
#include "arch/x86_64/svm/svm.h"
#include "processor.h"

#define CODE_SHIFT 32

static bool is_pending(const struct vmcb *m)
{
    return m->event & EVENT_VALID;
}

static bool is_double_fault(uint64_t pending, unsigned vector)
{
    return (pending & EVENT_VALID) && EVENT_TYPE(pending) == EVENT_EXCEPTION && x86_is_double_fault(pending & 0xff, vector);
}

void svm_inject_exception(struct vcpu *v, unsigned vector, int32_t error, uint64_t cr2)
{
    struct vmcb *m = vmcb_of(v);
    uint64_t event = vector | (uint64_t)EVENT_EXCEPTION << 8 | EVENT_VALID;

    ASSERT(vector < 32 && vector != VECTOR_NMI);
    if (is_pending(m) && EVENT_TYPE(m->event) == EVENT_EXCEPTION && (m->event & 0xff) == VECTOR_DF) {
        domain_crash(v->domain, "triple fault");
        return;
    }
    if (is_double_fault(m->event, vector)) {
        m->event = VECTOR_DF | (uint64_t)EVENT_EXCEPTION << 8 | EVENT_VALID | EVENT_HAS_CODE;
        return;
    }
    if (error >= 0)
        event |= EVENT_HAS_CODE | (uint64_t)(uint32_t)error << CODE_SHIFT;
    if (vector == VECTOR_PF)
        m->cr2 = cr2;
    m->event = event;
}

bool svm_interruptible(const struct vcpu *v)
{
    const struct vmcb *m = vmcb_of(v);

    return virt_interrupts_enabled(v) && !(m->interrupt_shadow & 1) && !is_pending(m);
}

void svm_close_window(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    m->v_intr &= ~(V_IRQ | V_INTR_PRIORITY | V_IGNORE_TPR);
    m->misc1 &= ~(uint32_t)MISC1_VINTR;
}

/* A virtual interrupt of the highest priority, which never comes: the processor exits where it would. */
static void open_window(struct vmcb *m)
{
    m->v_intr |= V_IRQ | V_INTR_PRIORITY | V_IGNORE_TPR;
    m->misc1 |= (uint32_t)MISC1_VINTR;
}

/* That processor does not know that a guest is in its handler of NMIs (15.20): until it has had its IRET there is no second one. Behind a shadow or
 * another event it comes when an interrupt could, or with the next exit. */
bool svm_inject_nmi(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    if (v->arch.svm.in_nmi)
        return false;
    if (is_pending(m) || (m->interrupt_shadow & 1)) {
        open_window(m);
        return false;
    }
    m->event = VECTOR_NMI | (uint64_t)EVENT_NMI << 8 | EVENT_VALID;
    v->arch.svm.in_nmi = true;
    m->misc1 |= (uint32_t)MISC1_IRET;
    return true;
}

/* IRET is still to be executed: the shadow keeps the next NMI off until it has been. */
void svm_iret_exit(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    ASSERT(v->arch.svm.in_nmi);
    v->arch.svm.in_nmi = false;
    m->misc1 &= ~(uint32_t)MISC1_IRET;
    m->interrupt_shadow |= 1;
}

bool svm_inject_interrupt(struct vcpu *v, unsigned vector)
{
    struct vmcb *m = vmcb_of(v);

    ASSERT(vector >= 16 && vector < VECTORS);
    if (svm_interruptible(v)) {
        m->event = vector | (uint64_t)EVENT_INTERRUPT << 8 | EVENT_VALID;
        if (unlikely(m->misc1 & MISC1_VINTR))
            svm_close_window(v);
        return true;
    }
    open_window(m);
    return false;
}

/* INT n, INT3 and INTO are executed again; everything else would be lost. */
void svm_take_back_event(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);
    uint64_t e = m->exit_int_info;
    unsigned vector = e & 0xff;
    bool is_instruction = EVENT_TYPE(e) == EVENT_SOFTWARE || (EVENT_TYPE(e) == EVENT_EXCEPTION && (vector == VECTOR_BP || vector == VECTOR_OF));

    ASSERT(e & EVENT_VALID);
    m->event = is_instruction ? 0 : e;
}
