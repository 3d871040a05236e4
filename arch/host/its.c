/* SPDX-License-Identifier: Apache-2.0 */
/* A host's ITS as its driver's contract (arch/include/arm64_its.h): what is mapped, and devices that ring its doorbell. */
#include <string.h>

#include "arch/host/its_model.h"
#include "arch/host/internal.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "vdev/arm64/vits.h"

#define MODEL_DEVICES 64
#define MODEL_EVENTS BIT(ITS_EVENT_BITS)

static struct {
    hpa_t base;
    bool started;
    struct model_device {
        const void *itt;                /* NULL: not mapped */
        uint32_t id;
        unsigned event_bits;
        struct { unsigned lpi, cpu; bool masked, pending; } event[MODEL_EVENTS];    /* lpi 0: not mapped */
    } device[MODEL_DEVICES];
} model;

static struct model_device *find(uint32_t id)
{
    for (unsigned i = 0; i < MODEL_DEVICES; i++)
        if (model.device[i].itt && model.device[i].id == id)
            return &model.device[i];
    return NULL;
}

static struct model_device *mapped(uint32_t id, uint32_t event)
{
    struct model_device *m = find(id);

    PANIC_IF(!m || event >> m->event_bits, "ITS: device %u has no event %u", id, event);
    return m;
}

void host_its_boot(void)
{
    memset(&model, 0, sizeof(model));
}

bool host_its_ring(uint32_t device, uint32_t event)
{
    struct model_device *m = find(device);

    if (!m || event >> m->event_bits || !m->event[event].lpi)
        return false;
    if (m->event[event].masked)
        return m->event[event].pending = true;
    return vits_deliver(m->event[event].lpi);
}

unsigned host_its_lpi(uint32_t device, uint32_t event)
{
    struct model_device *m = find(device);

    return m && !(event >> m->event_bits) ? m->event[event].lpi : 0;
}

unsigned host_its_devices(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MODEL_DEVICES; i++)
        n += model.device[i].itt != NULL;
    return n;
}

void arch_boot_its(hpa_t base)
{
    model.base = base;
}

hpa_t arch_its_base(void)
{
    return model.base;
}

bool arch_its_start(void)
{
    model.started = model.base.v != 0;
    return model.started;
}

int arch_its_map_device(uint32_t device, const void *itt, unsigned event_bits)
{
    PANIC_IF(!model.started || find(device) || !event_bits || event_bits > ITS_EVENT_BITS, "ITS: device %u", device);
    if (device >> 16)
        return -E_INVAL;
    if (alloc_should_fail())
        return -E_NOMEM;
    for (unsigned i = 0; i < MODEL_DEVICES; i++)
        if (!model.device[i].itt) {
            model.device[i] = (struct model_device){ .itt = itt, .id = device, .event_bits = event_bits };
            return 0;
        }
    panic("ITS: more than %u devices", MODEL_DEVICES);
}

void arch_its_unmap_device(uint32_t device)
{
    struct model_device *m = find(device);

    PANIC_IF(!m, "ITS: device %u is not mapped", device);
    m->itt = NULL;
}

void arch_its_map_event(uint32_t device, uint32_t event, unsigned lpi, unsigned cpu)
{
    struct model_device *m = mapped(device, event);

    PANIC_IF(m->event[event].lpi || lpi < LPI_FIRST || lpi >= LPI_FIRST + LPI_COUNT, "ITS: LPI %u", lpi);
    m->event[event].lpi = lpi;
    m->event[event].cpu = cpu;
    m->event[event].masked = m->event[event].pending = false;
}

void arch_its_move_event(uint32_t device, uint32_t event, unsigned cpu)
{
    struct model_device *m = mapped(device, event);

    PANIC_IF(!m->event[event].lpi, "ITS: event %u is not mapped", event);
    m->event[event].cpu = cpu;
}

void arch_its_unmap_event(uint32_t device, uint32_t event)
{
    struct model_device *m = mapped(device, event);

    PANIC_IF(!m->event[event].lpi, "ITS: event %u is not mapped", event);
    m->event[event].lpi = 0;
}

/* What was sent meanwhile comes by host_its_send_pending: here a lock is held. */
void arch_its_mask_event(uint32_t device, uint32_t event, unsigned lpi, bool masked)
{
    struct model_device *m = mapped(device, event);

    PANIC_IF(m->event[event].lpi != lpi, "ITS: event %u is not LPI %u", event, lpi);
    m->event[event].masked = masked;
}

bool host_its_is_masked(uint32_t device, uint32_t event)
{
    return mapped(device, event)->event[event].masked;
}

bool host_its_send_pending(uint32_t device, uint32_t event)
{
    struct model_device *m = mapped(device, event);

    if (m->event[event].masked || !m->event[event].pending)
        return false;
    m->event[event].pending = false;
    return vits_deliver(m->event[event].lpi);
}
