/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: what createdomain says of an Arm domain. (xen/arch-arm.h, struct xen_arch_domainconfig) */
#include "abi/xen/domctl.h"
#include "arch/include/arm64_vcpu.h"

/* The most that the virtual interrupt controller takes, in its steps of 32. */
#define SHARED_IRQS_MAX 960

const unsigned arm64_create_table_pages = 16;

static uint8_t gic_version(void)
{
    return arch_vgic_version() == 2 ? XEN_DOMCTL_CONFIG_GIC_V2 : XEN_DOMCTL_CONFIG_GIC_V3;
}

int arm64_create_check(const struct xen_arch_domainconfig *a)
{
    if (a->gic_version != XEN_DOMCTL_CONFIG_GIC_NATIVE && a->gic_version != gic_version())
        return create_refuse("interrupt controller", a->gic_version, -E_NODEV);
    if (a->tee_type != XEN_DOMCTL_CONFIG_TEE_NONE)
        return create_refuse("trusted environment", a->tee_type, -E_INVAL);
    if (a->nr_spis > SHARED_IRQS_MAX)
        return create_refuse("a number of shared interrupts of", a->nr_spis, -E_INVAL);
    return 0;
}

void arm64_create_decode(const struct xen_arch_domainconfig *a, struct domain_config *config)
{
    config->shared_irqs = a->nr_spis;
}

void arm64_create_answer(const struct domain *d UNUSED, struct xen_arch_domainconfig *a)
{
    a->gic_version = gic_version();
    a->clock_frequency = 0;
}
