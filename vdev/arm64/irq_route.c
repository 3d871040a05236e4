/* SPDX-License-Identifier: Apache-2.0 */
/* Physical interrupts that belong to a domain, under the same number there. Only shared ones can be given away. */
#include "arch/include/vcpu.h"
#include "arch/include/arm64_vgic_hw.h"
#include "core/domain.h"
#include "lib/error.h"
#include "vdev/arm64/vgic_internal.h"

#define SPI_FIRST 32

struct domain *irq_owners[VGIC_MAX_IRQS];

/* The owner is there before the interrupt can be enabled; without one its delivery would find nobody. */
int arch_irq_route(struct domain *d, unsigned irq)
{
    struct domain *nobody = NULL;
    int error;

    if (irq < SPI_FIRST || irq >= SPI_FIRST + arch_irq_spi_count() || irq >= VGIC_MAX_IRQS)
        return -E_INVAL;
    irq = (unsigned)array_index_nospec(irq, VGIC_MAX_IRQS);
    if (!atomic_compare_exchange(&irq_owners[irq], &nobody, d))
        return nobody == d ? 0 : -E_BUSY;
    error = vgic_route_hw(d, irq);
    if (error)
        atomic_store(&irq_owners[irq], NULL);
    return error;
}

/* They are somebody else's to have once they are off and ended: not before. */
void arch_irq_unroute_all(struct domain *d)
{
    if (!d->arch.vgic.has_hw)
        return;
    vgic_unroute_all(d);
    for (unsigned irq = SPI_FIRST; irq < VGIC_MAX_IRQS; irq++) {
        struct domain *owner = d;

        atomic_compare_exchange(&irq_owners[irq], &owner, NULL);
    }
}

bool arch_irq_deliver(unsigned irq)
{
    struct domain *d = irq < VGIC_MAX_IRQS ? atomic_load(&irq_owners[irq]) : NULL;
    struct vcpu *v = d ? domain_vcpu(d, 0) : NULL;

    if (!v)
        return false;
    if (unlikely(!vgic_inject_hw(v, irq, irq)))
        arch_irq_deactivate(irq);       /* the domain has just lost it */
    return true;
}
