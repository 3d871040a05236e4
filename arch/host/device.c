/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of simulated devices: the contract of arch/include/mmio.h. */
#include "arch/host/device_model.h"
#include "arch/host/internal.h"
#include "arch/include/mmio.h"
#include "lib/assert.h"

#define MODELS 8

static struct device_model models[MODELS];
static unsigned count;

void device_models_clear(void)
{
    count = 0;
}

void device_model_add(const struct device_model *m)
{
    PANIC_IF(count == MODELS, "too many simulated devices");
    models[count++] = *m;
}

volatile void *arch_boot_device(hpa_t base, uint64_t size)
{
    if (alloc_should_fail())
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        if (models[i].at.v != base.v)
            continue;
        PANIC_IF(size > models[i].size, "a device of %#llx bytes", (unsigned long long)size);
        return models[i].device;
    }
    return NULL;
}

static const struct device_model *model_at(volatile void *base, unsigned offset)
{
    for (unsigned i = 0; i < count; i++)
        if (base == models[i].device && offset < models[i].size)
            return &models[i];
    panic("%p is no device's", (void *)(uintptr_t)base);
}

uint32_t mmio_read32(volatile void *base, unsigned offset)
{
    const struct device_model *m = model_at(base, offset);

    arch_schedule_point();
    return m->read(m->device, offset);
}

void mmio_write32(volatile void *base, unsigned offset, uint32_t value)
{
    const struct device_model *m = model_at(base, offset);

    arch_schedule_point();
    m->write(m->device, offset, value);
}

void mmio_write64(volatile void *base, unsigned offset, uint64_t value)
{
    const struct device_model *m = model_at(base, offset);

    m->write_wide(m->device, offset, value);
}

void mmio_barrier(void)
{
    arch_schedule_point();
}
