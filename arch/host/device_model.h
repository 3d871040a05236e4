/* SPDX-License-Identifier: Apache-2.0 */
/* Between the simulated devices that the hypervisor itself drives: how arch/include/mmio.h finds them. */
#ifndef ARCH_HOST_DEVICE_MODEL_H
#define ARCH_HOST_DEVICE_MODEL_H

#include "arch/host/internal.h"

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

/* A frame is handed out anew: panics when it is one of the `pages` from `first` on that a device has in a valid entry of a cache. */
static inline void device_model_check_unused(mfn_t mfn, bool is_cached, uint64_t first, uint64_t pages)
{
    PANIC_IF(is_cached && first <= mfn.v && mfn.v < first + pages, "frame %#llx is handed out anew while a device can still reach it",
             (unsigned long long)mfn.v);
}

#endif
