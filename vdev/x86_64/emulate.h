/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses to registers of emulated devices by instructions that the processor does not take apart for us. */
#ifndef VDEV_X86_64_EMULATE_H
#define VDEV_X86_64_EMULATE_H

#include "lib/types.h"

struct vcpu;

/* The instruction at the program counter of v, current, accesses `address`: done, and skipped, if a device of v's domain is there
 * (upcall_mmio) and it is one that can be taken apart; true also when it is to be executed again. False: nothing has been done. */
bool emulate_access(struct vcpu *v, gpa_t address, bool is_write) MUST_CHECK;

#endif
