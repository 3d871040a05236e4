/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: what createdomain says of an x86 domain. (xen/arch-x86/xen.h, struct xen_arch_domainconfig) */
#define ABI_X86_64 1
#include "abi/xen/domctl.h"

const unsigned x86_create_table_pages = 256;

/* What the hypervisor emulates for a PVH guest. */
#define EMULATED XEN_X86_EMU_LAPIC

int x86_create_check(const struct xen_arch_domainconfig *a)
{
    if (a->emulation_flags != EMULATED)
        return create_refuse("a guest with a device model (type = \"hvm\"; say \"pvh\"), with emulated devices of", a->emulation_flags, -E_INVAL);
    if (a->misc_flags)
        return create_refuse("a relaxed treatment of MSRs of", a->misc_flags, -E_INVAL);
    return 0;
}

void x86_create_decode(const struct xen_arch_domainconfig *a, struct domain_config *config UNUSED)
{
    ASSERT(a->emulation_flags == EMULATED);
}

/* dom0 has interrupt lines, and sees the configuration space of PCI. */
void x86_create_answer(const struct domain *d, struct xen_arch_domainconfig *a)
{
    a->emulation_flags = EMULATED | (d->is_control ? XEN_X86_EMU_IOAPIC | XEN_X86_EMU_VPCI : 0);
    a->misc_flags = 0;
}
