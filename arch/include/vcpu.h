/* SPDX-License-Identifier: Apache-2.0 */
/* Contract: the processor state of a vCPU and of a domain. struct arch_vcpu and struct arch_domain are each
 * architecture's own (arch_types.h) and embedded in core's structures. */
#ifndef ARCH_VCPU_H
#define ARCH_VCPU_H

#include "lib/types.h"

struct vcpu;
struct domain;

/* State of a vCPU at its start, in architecture-neutral words; what an ABI layer or PSCI hands down. */
struct vcpu_start {
    uint64_t pc, context;       /* entry point; first argument register */
    uint64_t flags;             /* processor mode, 0 = the usual one (arm64: EL1h or supervisor mode, all masked) */
    uint64_t control;           /* system control register (arm64: SCTLR_EL1), 0 = reset value */
    uint64_t table0, table1, table_control; /* TTBR0, TTBR1, TCR */
};

/* Set up / tear down what the processor layer keeps per domain or vCPU (interrupt controller state included).
 * Under domain control. 0, -E_NOMEM or -E_INVAL; on failure nothing is left. Destroy accepts a half-made object. */
int arch_domain_init(struct domain *d) MUST_CHECK;
void arch_domain_destroy(struct domain *d);
int arch_vcpu_init(struct vcpu *v) MUST_CHECK;
void arch_vcpu_destroy(struct vcpu *v);
/* v never runs again: nothing of its processor fires any more once every CPU has passed a quiescent point. Before destroy. */
void arch_vcpu_retire(struct vcpu *v);

/* Can a domain be told to have a 32-bit kernel, by domain_is_narrow (ID_AA64PFR0_EL1.EL1; not on x86-64, where kernels start so)? */
bool arch_has_narrow_guests(void);
/* Put the vCPU, which does not run, into reset state of its domain's width and give it this start. */
void arch_vcpu_reset(struct vcpu *v, const struct vcpu_start *start);

/* The registers in the order of the ABI's vcpu_guest_context live in abi/xen's arch file; it uses struct arch_vcpu. */

/* Leave `prev` (NULL: nothing to save) and load `next` (NULL: nothing, the CPU will idle): system registers, FP, timers,
 * interrupt controller, stage-2 root. Interrupts masked. */
void arch_vcpu_switch(struct vcpu *prev, struct vcpu *next);
/* Last step before entering a vCPU (list registers flushed) and first after it trapped (synced). */
void arch_vcpu_flush(struct vcpu *v);
void arch_vcpu_sync(struct vcpu *v);

/* Argument n (0..5) of the hypercall that the current vCPU makes; and changing it before a continuation. */
uint64_t arch_hypercall_arg(const struct vcpu *v, unsigned n);
void arch_hypercall_set_arg(struct vcpu *v, unsigned n, uint64_t value);
/* Store the result; or arrange that the guest executes the hypercall instruction again when it next runs. */
void arch_hypercall_result(struct vcpu *v, int64_t result);
void arch_hypercall_repeat(struct vcpu *v);

/* Raise the event-channel upcall of v (arm: the PPI of its domain). Any CPU; takes the interrupt controller's lock;
 * wakes v (vcpu_wake) when it was blocked and kicks its CPU when it runs. An edge: once per 0->1 of upcall_pending. */
void arch_vcpu_raise_upcall(struct vcpu *v);
/* Is there an interrupt for v (pending, enabled, and not masked in the way that WFI or HLT cares), or an upcall (event_vcpu_pending) that its
 * interrupt controller does not know of? For what waits and polls. */
bool arch_vcpu_has_interrupt(struct vcpu *v);
/* Inject the architecture's exception for an undefined instruction / a bad address into current vCPU v. */
void arch_inject_undefined(struct vcpu *v);
void arch_inject_bad_address(struct vcpu *v, uint64_t address, bool is_instruction);
/* Where v is, for logs: program counter. */
uint64_t arch_vcpu_pc(const struct vcpu *v);
void arch_vcpu_print(const struct vcpu *v);

/* Device interrupts that a domain owns (dom0): route physical irq to d as virtual irq of the same number. On x86-64 that is the line's
 * number in ACPI; delivered is the vector at which it, or a message, arrived. */
int arch_irq_route(struct domain *d, unsigned irq) MUST_CHECK;
void arch_irq_unroute_all(struct domain *d);
/* upcall_interrupt's other half: deliver a routed physical interrupt. False: not routed. */
bool arch_irq_deliver(unsigned irq);

#endif
