/* SPDX-License-Identifier: Apache-2.0 */
/* Shared interrupts that are the hypervisor's own, of devices that it drives. */
#include "arch/include/mmio.h"
#include "arch/include/arm64_vgic_hw.h"
#include "gic_internal.h"
#include "lib/assert.h"
#include "lib/error.h"

#define OWN_IRQS 16

static struct own_irq {
    unsigned irq;
    void (*handle)(void *arg);
    void *arg;
} own[OWN_IRQS];
static unsigned own_count;

static const struct own_irq *own_find(unsigned irq)
{
    for (unsigned i = 0; i < own_count; i++)
        if (own[i].irq == irq)
            return &own[i];
    return NULL;
}

bool arch_irq_is_own(unsigned irq)
{
    return irq == gic.console_irq || own_find(irq);
}

int arch_boot_device_interrupt(unsigned irq, bool edge, void (*handle)(void *arg), void *arg)
{
    ASSERT(cpu_id() == 0 && handle);
    if (irq < 32 || irq >= 32 + gic.spis)
        return -E_INVAL;
    if (own_count == OWN_IRQS || arch_irq_is_own(irq))
        return -E_BUSY;
    own[own_count++] = (struct own_irq){ irq, handle, arg };
    arch_irq_set_edge(irq, edge);
    arch_irq_enable(irq, true);
    return 0;
}

bool gic_handle_own(unsigned irq)
{
    const struct own_irq *o = own_find(irq);

    if (!o)
        return false;
    o->handle(o->arg);
    arch_irq_deactivate(irq);
    return true;
}
