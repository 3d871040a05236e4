/* SPDX-License-Identifier: Apache-2.0 */
/* What arm64 keeps per domain and per vCPU; embedded in core's structures. */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include "vdev/arm64/vgic.h"
#include "vdev/mmio.h"

struct vbridge;
struct vpl011;

struct arch_domain {
    struct mmio_space mmio;
    struct vgic_domain vgic;
    uint64_t counter_offset;    /* CNTVOFF_EL2 */
    uint32_t event_ppi;         /* PPI of the event-channel upcall */
    struct vpl011 *vuart;       /* its emulated UART, or NULL */
    struct vbridge *vbridge;    /* its virtual PCI host bridge, or NULL */
};

/* The trap entry stores to x, pc, psr by their place: vectors.S uses the offsets. x20 to x28 are stored only where a handler
 * may name them or another vCPU may come next. */
struct arch_vcpu {
    uint64_t x[31];
    uint64_t sp_el0;                    /* this and what follows psr is saved at a switch */
    uint64_t pc, psr;
    uint64_t sp_el1, elr_el1, spsr_el1, sctlr_el1, cpacr_el1, tcr_el1, ttbr0_el1, ttbr1_el1, mair_el1, amair_el1;
    uint64_t esr_el1, far_el1, afsr0_el1, afsr1_el1, vbar_el1, contextidr_el1, tpidr_el0, tpidr_el1, tpidrro_el0;
    uint64_t par_el1, actlr_el1, csselr_el1, mdscr_el1, cntkctl_el1;
    uint64_t dacr32_el2, ifsr32_el2, fpexc32_el2;                   /* 32-bit kernels only */
    uint32_t spsr_fiq, spsr_irq, spsr_und, spsr_abt;
    uint64_t cntv_ctl, cntv_cval;       /* virtual timer, live in hardware while it runs */
    uint64_t cntp_ctl, cntp_cval;       /* physical timer, emulated */
    uint64_t hcr_el2, vmpidr;
    uint64_t fp[64] ALIGNED(16);        /* q0..q31 */
    uint32_t fpsr, fpcr;
    struct vgic_vcpu vgic;
    void *timers;                       /* wake-up timers: see vcpu_timer.c */
};

/* The hypercall's arguments are x0..x5 of the trapped vCPU: read where they lie. */
#define ARCH_HYPERCALL_ARGS(v) ((v)->arch.x)

#endif
