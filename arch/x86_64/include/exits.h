/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hypervisor does for a guest that was left, whichever extension left it: svm/ and vmx/ take the reason apart and call one of
 * these. v is current, its registers are stored; `length` is the instruction's, which they skip when it is done.
 */
#ifndef X86_EXITS_H
#define X86_EXITS_H

#include "lib/types.h"
#include "virt.h"

struct vcpu;

/* VMMCALL or VMCALL, VIRT_HYPERCALL_BYTES long, made by such code, which goes on behind it. Real mode's is a 32-bit kernel's. */
void exit_hypercall(struct vcpu *v, enum virt_code code);
/* One from 32-bit code: upcall_hypercall with its arguments (vcpu.c). */
void x86_narrow_hypercall(struct vcpu *v);
void exit_cpuid(struct vcpu *v, unsigned length);
void exit_msr(struct vcpu *v, bool is_write, unsigned length);
/* MOV between a general register and CR8, the task priority of the local APIC (AMD64 APM volume 2, 16.6.4). More than 15: #GP. */
void exit_cr8(struct vcpu *v, uint64_t *operand, bool is_write, unsigned length);
void exit_halt(struct vcpu *v, unsigned length);
void exit_xsetbv(struct vcpu *v, unsigned length);
/* Instructions that do nothing for a guest (WBINVD, INVD). */
void exit_nothing(struct vcpu *v, unsigned length);
void exit_pause(struct vcpu *v, unsigned length);
/* Performance counters and the like: #GP. A hardware task switch: the domain ends. */
void exit_not_allowed(struct vcpu *v);
void exit_task_switch(struct vcpu *v);
/* Instructions that a guest does not have: MONITOR, MWAIT, those of virtualisation; and what nobody expects. */
void exit_undefined(struct vcpu *v);
/* IN, OUT. String forms are not done for guests: #GP. */
struct port_access {
    uint16_t port;
    uint8_t size;               /* 1, 2, 4 */
    bool is_in, is_string;
    uint8_t length;
};
void exit_port(struct vcpu *v, const struct port_access *a);
/* No nested mapping allows it. `is_walk`: the guest's tables lie there, not the data. */
void exit_nested_fault(struct vcpu *v, gpa_t address, bool is_write, bool is_fetch, bool is_walk);
/* A physical interrupt waits. */
void exit_interrupt(struct vcpu *v);
/* A triple fault. */
void exit_shutdown(struct vcpu *v);
/* The end of each: whom to enter. */
struct vcpu *exit_done(struct vcpu *v);

#endif
