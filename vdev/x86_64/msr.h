/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's model-specific registers that are not the processor's own matter (arch/x86_64/include/virt.h: virt_get_msr). */
#ifndef VDEV_X86_64_MSR_H
#define VDEV_X86_64_MSR_H

#include "lib/types.h"

struct vcpu;

/* v current. False: the guest gets #GP. */
bool msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
bool msr_write(struct vcpu *v, uint32_t msr, uint64_t value);

#endif
