/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_VCPU_H
#define ARCH_X86_VCPU_H

/* flags of a struct vcpu_start: in real mode at pc, a page's first byte, as after INIT and STARTUP (Intel SDM volume 3, 8.4.4). 0: as a PVH
 * kernel is started. */
#define X86_START_REAL_MODE 1

struct vcpu;
/* v takes an NMI as soon as it can: one, however often it is asked for until then. Any CPU, any lock of an earlier class held; wakes and kicks. */
void x86_vcpu_raise_nmi(struct vcpu *v);

#endif
