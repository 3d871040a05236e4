/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual local APIC whose interrupts the processor delivers (Intel SDM volume 3, 30.1, 30.2, 30.4): it takes them from the page by itself, and does
 * there what the guest writes to EOI, TPR and SELF_IPI. Everything in the page may be what the guest likes, who hurts itself alone. irr of struct
 * vlapic is what other CPUs have raised since, as everywhere; it goes into the page where v is about to be entered.
 */
#include "arch/include/x86_vcpu.h"
#include "lib/assert.h"
#include "vdev/x86_64/vlapic_internal.h"

#define BITS_PER_REGISTER 32
#define WORDS_PER_REGISTER 4            /* of the page: 16 bytes */
#define REGISTERS_OF_BITS 8
#define CLASS(priority) ((priority) & 0xf0)
#define IN_SERVICE_SHIFT 8

/* The processor, with v on no other CPU, and this hypervisor take turns: no two of them at once. */
static uint32_t *word(const struct vlapic *l, unsigned reg)
{
    ASSERT(l->page && reg <= REG_SELF_IPI);
    return l->page + WORDS_PER_REGISTER * reg;
}

static int highest(const struct vlapic *l, unsigned first)
{
    for (unsigned i = REGISTERS_OF_BITS; i-- > 0;) {
        uint32_t bits = READ_ONCE(*word(l, first + i));

        if (bits)
            return (int)(i * BITS_PER_REGISTER + 31 - (unsigned)__builtin_clz(bits));
    }
    return -1;
}

static uint32_t processor_priority(const struct vlapic *l)
{
    int in_service = highest(l, REG_ISR);
    uint32_t tpr = READ_ONCE(*word(l, REG_TPR)) & 0xff, service_class = in_service < 0 ? 0 : CLASS((uint32_t)in_service);

    return CLASS(tpr) >= service_class ? tpr : service_class;
}

static bool is_switched_on(const struct vlapic *l)
{
    return l->spurious & SPURIOUS_ENABLE;
}

/* Taken out first, or seen later: who sets a bit of irr asks for a look at it then. */
static void take_requests(struct vlapic *l)
{
    for (unsigned i = 0; i < ARRAY_SIZE(l->irr); i++) {
        uint64_t bits = atomic_load(&l->irr[i]);

        if (!bits)
            continue;
        (void)atomic_fetch_and(&l->irr[i], ~bits);
        *word(l, REG_IRR + 2 * i) |= (uint32_t)bits;
        *word(l, REG_IRR + 2 * i + 1) |= (uint32_t)(bits >> 32);
    }
}

uint16_t vlapic_to_page(struct vcpu *v)
{
    struct vlapic *l = &v->arch.lapic;
    int requested = -1, in_service;

    (void)atomic_fetch_and(&v->arch.event_waits, ~(uint32_t)WAITS_APIC);
    /* One that is switched off keeps what it has. */
    if (is_switched_on(l)) {
        take_requests(l);
        requested = highest(l, REG_IRR);
    }
    in_service = highest(l, REG_ISR);
    return (uint16_t)(MAX(requested, 0) | MAX(in_service, 0) << IN_SERVICE_SHIFT);
}

int vlapic_page_highest(struct vcpu *v)
{
    const struct vlapic *l = &v->arch.lapic;
    int vector = highest(l, REG_IRR);

    if (!is_switched_on(l))
        return -1;
    for (int i = 3; i >= 0 && vector < 64 * (i + 1); i--) {
        uint64_t bits = atomic_load(&l->irr[i]);

        if (bits)
            vector = MAX(vector, i * 64 + 63 - __builtin_clzll(bits));
    }
    return vector >= 0 && CLASS((uint32_t)vector) > CLASS(processor_priority(l)) ? vector : -1;
}

int vlapic_page_end(struct vlapic *l)
{
    int vector = highest(l, REG_ISR);

    if (vector >= 0)
        *word(l, REG_ISR + (unsigned)vector / BITS_PER_REGISTER) &= ~(UINT32_C(1) << (unsigned)vector % BITS_PER_REGISTER);
    return vector;
}

void vlapic_ended(struct vcpu *v, unsigned vector)
{
    ASSERT(vector < 256 && v->arch.lapic.page);
    vlapic_level_ends(v, vector);
}

bool vlapic_page_read(const struct vlapic *l, unsigned reg, uint32_t *value)
{
    unsigned n = reg - REG_IRR;

    if (reg == REG_TPR)
        *value = READ_ONCE(*word(l, reg)) & 0xff;
    else if (reg == REG_PPR)
        *value = processor_priority(l);
    else if (reg >= REG_ISR && reg < REG_ISR + REGISTERS_OF_BITS)
        *value = READ_ONCE(*word(l, reg));
    else if (n < REGISTERS_OF_BITS)
        *value = READ_ONCE(*word(l, reg)) | (uint32_t)(atomic_load(&l->irr[n / 2]) >> (n % 2 ? 32 : 0));
    else
        return false;
    return true;
}

void vlapic_page_set_priority(struct vlapic *l, uint32_t tpr)
{
    ASSERT(tpr < 256);
    WRITE_ONCE(*word(l, REG_TPR), tpr);
    WRITE_ONCE(*word(l, REG_PPR), processor_priority(l));
}

void vlapic_page_set(struct vlapic *l, const uint64_t in_service[4])
{
    for (unsigned i = 0; i < REGISTERS_OF_BITS; i++) {
        *word(l, REG_IRR + i) = 0;
        *word(l, REG_ISR + i) = (uint32_t)(in_service[i / 2] >> (i % 2 ? 32 : 0));
    }
    WRITE_ONCE(*word(l, REG_PPR), processor_priority(l));
}

void vlapic_use_page(struct vcpu *v, void *page)
{
    v->arch.lapic.page = page;
}
