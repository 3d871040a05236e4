/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that a guest is entered with (AMD64 APM volume 2, 15.20, 15.21). QEMU 7.2 delivers an interrupt that it was told to inject once more, and
 * wherever the guest is by then, interrupts off or not, if it has to stop before the next exit or exception. There an interrupt is given as a
 * virtual one (15.21.4), which the processor takes at once, as none is given while the guest does not let interrupts in. Bochs does not take that.
 */
#include "arch/x86_64/svm/svm.h"
#include "processor.h"

#define CODE_SHIFT 32

static bool is_pending(const struct vmcb *m)
{
    return m->event & EVENT_VALID;
}

/* An interrupt that the processor has not taken yet: a device's came first, or delivering it has faulted. */
static bool is_given(const struct vmcb *m)
{
    return (m->v_intr & V_IRQ) && !(m->misc1 & MISC1_VINTR);
}

static void give(struct vmcb *m, unsigned vector)
{
    m->v_intr = V_INTR_MASKING | V_IRQ | V_INTR_PRIORITY | V_IGNORE_TPR | (uint64_t)vector << V_INTR_VECTOR_SHIFT;
    m->misc1 &= ~(uint32_t)MISC1_VINTR;
    svm_written(m, CLEAN_INTERRUPT | CLEAN_INTERCEPTS);
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
    if (vector == VECTOR_PF) {
        m->cr2 = cr2;
        svm_written(m, CLEAN_CR2);
    }
    m->event = event;
}

static bool lets_in(const struct vcpu *v)
{
    const struct vmcb *m = vmcb_of(v);

    return virt_interrupts_enabled(v) && !(m->interrupt_shadow & 1) && !is_pending(m);
}

bool svm_interruptible(const struct vcpu *v)
{
    return lets_in(v) && !is_given(vmcb_of(v));
}

void svm_close_window(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    m->v_intr &= ~(V_IRQ | V_INTR_PRIORITY | V_IGNORE_TPR);
    m->misc1 &= ~(uint32_t)MISC1_VINTR;
    svm_written(m, CLEAN_INTERRUPT | CLEAN_INTERCEPTS);
}

/* A virtual interrupt of the highest priority, which never comes: the processor exits where it would. There is one only: behind one that is given
 * what waits is looked at with the next exit. */
static void open_window(struct vmcb *m)
{
    if (is_given(m))
        return;
    m->v_intr |= V_IRQ | V_INTR_PRIORITY | V_IGNORE_TPR;
    m->misc1 |= (uint32_t)MISC1_VINTR;
    svm_written(m, CLEAN_INTERRUPT | CLEAN_INTERCEPTS);
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
    svm_written(m, CLEAN_INTERCEPTS);
    return true;
}

/* IRET is still to be executed: the shadow keeps the next NMI off until it has been. */
void svm_iret_exit(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    ASSERT(v->arch.svm.in_nmi);
    v->arch.svm.in_nmi = false;
    m->misc1 &= ~(uint32_t)MISC1_IRET;
    svm_written(m, CLEAN_INTERCEPTS);
    m->interrupt_shadow |= 1;
}

/* The one that was given becomes an event, to be followed by a window. */
static void make_room(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    if (!is_given(m) || !lets_in(v))
        return;
    m->event = (m->v_intr >> V_INTR_VECTOR_SHIFT & 0xff) | (uint64_t)EVENT_INTERRUPT << 8 | EVENT_VALID;
    svm_close_window(v);
}

bool svm_inject_interrupt(struct vcpu *v, unsigned vector)
{
    struct vmcb *m = vmcb_of(v);

    ASSERT(vector >= 16 && vector < VECTORS);
    if (!svm_interruptible(v)) {
        make_room(v);
        open_window(m);
        return false;
    }
    if (svm_is_qemu) {
        give(m, vector);
        return true;
    }
    m->event = vector | (uint64_t)EVENT_INTERRUPT << 8 | EVENT_VALID;
    if (unlikely(m->misc1 & MISC1_VINTR))
        svm_close_window(v);
    return true;
}

/* INT n, INT3 and INTO are executed again; everything else would be lost. QEMU leaves an interrupt given and calls it an exception. */
void svm_take_back_event(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);
    uint64_t e = m->exit_int_info;
    unsigned vector = e & 0xff;
    bool is_instruction = EVENT_TYPE(e) == EVENT_SOFTWARE || (EVENT_TYPE(e) == EVENT_EXCEPTION && (vector == VECTOR_BP || vector == VECTOR_OF));

    ASSERT(e & EVENT_VALID);
    if (is_given(m) && vector == (m->v_intr >> V_INTR_VECTOR_SHIFT & 0xff))
        return;
    if (EVENT_TYPE(e) == EVENT_INTERRUPT && svm_is_qemu)
        give(m, vector);
    else
        m->event = is_instruction ? 0 : e;
}
