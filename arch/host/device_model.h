/* SPDX-License-Identifier: Apache-2.0 */
/* Between the simulated devices that the hypervisor itself drives: how arch/include/mmio.h finds them. */
#ifndef ARCH_HOST_DEVICE_MODEL_H
#define ARCH_HOST_DEVICE_MODEL_H

#include "lib/types.h"

struct device_model {
    hpa_t at;
    uint64_t size;
    void *device;               /* what the functions are called with; each place of its `size` bytes stands for a register, and is not touched */
    uint32_t (*read)(void *device, unsigned offset);
    void (*write)(void *device, unsigned offset, uint32_t value);
    void (*write_wide)(void *device, unsigned offset, uint64_t value);
};

void device_models_clear(void);
void device_model_add(const struct device_model *m);

#endif
