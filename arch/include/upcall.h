/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that go up: from a trap or an interrupt taken by the processor layer into the rooms above. The names
 * are the table; each has one definition, in the room named.
 */
#ifndef ARCH_UPCALL_H
#define ARCH_UPCALL_H

#include "lib/types.h"

struct vcpu;

/* abi/xen: the current vCPU executed a hypercall with this number; arguments by arch_hypercall_arg(), the result
 * has been stored by arch_hypercall_result() (or the call arranged to be run again) on return. */
void upcall_hypercall(struct vcpu *v, uint64_t number);

/* vdev: access to guest-physical space that no mapping allows. On a read the value goes to *value. False when
 * nothing answers there (the processor then gives the guest its exception for a bad address). */
bool upcall_mmio(struct vcpu *v, gpa_t address, unsigned size, bool is_write, uint64_t *value);

/* core: a physical interrupt that the processor layer does not handle itself (not: kick, hypervisor timer). */
void upcall_interrupt(unsigned irq);

/* core/time: the deadline set by arch_timer_set_deadline has passed. */
void upcall_timer(void);

/* core: the last thing before a guest is entered. Runs deferred work, passes the quiescent point, chooses the next
 * vCPU (sched/), idles when there is none, switches to it when it is another (arch_vcpu_switch), delivers pending
 * upcalls. Returns the vCPU to enter, with no lock held. `v` is the vCPU that trapped, or NULL on a fresh CPU. */
struct vcpu *upcall_leave(struct vcpu *v);
/* core: the short way out, for most traps: nobody asked this CPU for anything, so v, which trapped, may be entered again. False:
 * nothing has been done, upcall_leave is to be called. */
bool upcall_reenter(struct vcpu *v);

#endif
