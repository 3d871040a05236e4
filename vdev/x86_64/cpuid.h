/* SPDX-License-Identifier: Apache-2.0 */
/* What CPUID answers to a guest. */
#ifndef VDEV_X86_64_CPUID_H
#define VDEV_X86_64_CPUID_H

#include "lib/types.h"

struct vcpu;

/* EAX, EBX, ECX, EDX of a leaf and subleaf, as v's domain's policy and v's own state have them. */
/* The same without a copy: true until v's next answer. */
const uint32_t *cpuid_kept_answer(struct vcpu *v, uint32_t leaf, uint32_t subleaf);
void cpuid_answer(struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

#endif
