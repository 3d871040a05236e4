/* SPDX-License-Identifier: Apache-2.0 */
/* What x86-64 keeps per domain and per vCPU; embedded in core's structures. */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include "arch/include/x86_registers.h"
#include "lib/types.h"

struct arch_domain {
    uint8_t event_vector;       /* of the event-channel upcall; 0: none yet */
};

/* The exit code stores the registers by their place. */
struct arch_vcpu {
    struct x86_registers regs;
};

#endif
