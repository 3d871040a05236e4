/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual local APIC of a vCPU (AMD64 APM volume 2, 16). */
#ifndef VDEV_X86_64_VLAPIC_H
#define VDEV_X86_64_VLAPIC_H

#include "lib/types.h"

#include "core/time.h"

struct vcpu;
struct domain;

#define VLAPIC_ADDRESS UINT64_C(0xfee00000)
/* The id of a vCPU's, as everywhere in the ABI. */
#define VLAPIC_ID(vcpu) ((vcpu) * 2u)

/* Why v is looked at before it is entered, bits of its event_waits: the upcall with the domain's vector and an NMI, which the local APIC does not
 * know of; a bit of irr. */
enum { WAITS_EVENT = 1, WAITS_NMI = 2, WAITS_APIC = 4 };

struct vlapic {
    uint64_t irr[4], tmr[4];    /* atomic: bit n is vector n */
    uint64_t isr[4];
    uint64_t base, icr;
    uint32_t spurious;          /* atomic */
    uint32_t tpr, ldr, dfr, initial, divide;
    uint32_t lvt[6];            /* timer, thermal, performance, LINT0, LINT1, error */
    nsec_t started;             /* when the timer's count was `initial` */
    struct timer timer;
    /* TPR, PPR, ISR and IRR of one whose interrupts the processor delivers, where it looks for them: registers of 4 bytes, 16 apart. tpr and isr are
     * not used then, and irr holds what has come and is not in the page yet. NULL: the hypervisor delivers. */
    uint32_t *page;
};

int vlapic_init(struct vcpu *v) MUST_CHECK;
void vlapic_destroy(struct vcpu *v);
void vlapic_reset(struct vcpu *v);
/* An access to its page: offset in it, 4 bytes and aligned. False: none that a local APIC takes. */
bool vlapic_mmio(struct vcpu *v, uint64_t offset, unsigned size, bool is_write, uint64_t *value);
/* x2APIC's MSRs and APIC_BASE; the timer has no TSC_DEADLINE. False: #GP. */
bool vlapic_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
bool vlapic_msr_write(struct vcpu *v, uint32_t msr, uint64_t value);
/* An interrupt of a device for the vCPUs with this destination of 8 bits, for the first of them alone if `lowest`; vector 0: nothing is
 * raised. The first, or NULL where there is none. As vlapic_raise. */
struct vcpu *vlapic_deliver(struct domain *d, uint32_t to, bool logical, bool lowest, unsigned vector, bool level);
/* An interrupt for v, on any CPU, any lock of an earlier class held; wakes and kicks. */
void vlapic_raise(struct vcpu *v, unsigned vector, bool level);
/* The vector that v takes next, TPR and what is in service considered; -1: none. v current or not running. */
int vlapic_highest(struct vcpu *v);
/* It has been given to the processor: pending -> in service. */
void vlapic_accept(struct vcpu *v, unsigned vector);

/* vlapic_page.c: a local APIC whose interrupts the processor delivers (Intel SDM volume 3, chapter 30). The page is looked at only where v runs, or
 * by who keeps it from running. */
/* Before vlapic_init: the processor works with this page, which stays its owner's. */
void vlapic_use_page(struct vcpu *v, void *page);
/* What has come goes into the page, as far as the local APIC is switched on. Returns what the processor has to be told before it enters v: the
 * highest vector requested (7:0) and in service (15:8), 0 for none. */
uint16_t vlapic_to_page(struct vcpu *v);
/* The processor has ended the interrupt with this vector by itself. */
void vlapic_ended(struct vcpu *v, unsigned vector);
bool vlapic_is_x2(const struct vcpu *v);
/* Local APIC id: twice the vCPU's number, as everywhere in the ABI. Is v one of those that a message's destination means? */
uint32_t vlapic_id(const struct vcpu *v);
bool vlapic_is_target(const struct vcpu *v, uint32_t to, bool logical);

/* For a toolstack, while v does not run: APIC_BASE (set: false, none that v can have), what the timer divides by, and the registers as its page
 * shows them (ABI: xen/arch-x86/hvm/save.h, struct hvm_hw_lapic_regs); of a page that is set, what v cannot have is left out. */
bool vlapic_set_base(struct vcpu *v, uint64_t base) MUST_CHECK;
uint32_t vlapic_timer_divisor(const struct vcpu *v);
#define VLAPIC_PAGE_BYTES 1024
void vlapic_get_page(struct vcpu *v, uint8_t page[VLAPIC_PAGE_BYTES]);
void vlapic_set_page(struct vcpu *v, const uint8_t page[VLAPIC_PAGE_BYTES]);

/* vlapic_start.c: another vCPU of the domain has sent v INIT, or STARTUP with this vector. No lock held. */
void vlapic_init_signal(struct vcpu *v);
void vlapic_startup_signal(struct vcpu *v, unsigned vector);

#endif
