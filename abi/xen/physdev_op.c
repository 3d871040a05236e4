/* SPDX-License-Identifier: Apache-2.0 */
/* physdev_op: on x86-64 dom0 tells which PCI devices it has found. None are given away: all else answers -ENOSYS, and so does all of it on arm64,
 * where Linux registers its devices nevertheless and goes on. (xen/physdev.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "abi/xen/x86_64/calls.h"

const struct subcall physdev_subcalls[] = {
    SUBCALL_MISSING(PHYSDEVOP_IRQ_UNMASK_NOTIFY, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_irq_status_query, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_set_iopl, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_set_iobitmap, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_apic_read, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_apic_write, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_alloc_irq_vector, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_free_irq_vector, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_eoi, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_map_pirq, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_unmap_pirq, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_manage_pci_add, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_manage_pci_remove, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_pirq_eoi_gmfn_v1, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_restore_msi, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_manage_pci_add_ext, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_setup_gsi, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_get_free_pirq, CALLER_CONTROL),
    SUBCALL_X86_64(PHYSDEVOP_pci_mmcfg_reserved, PHYSDEVOP_pci_mmcfg_reserved, CALLER_CONTROL, x86_pci_mmcfg_reserved),
    SUBCALL_X86_64(PHYSDEVOP_pci_device_add, PHYSDEVOP_pci_device_add, CALLER_CONTROL, x86_pci_device_add),
    SUBCALL_X86_64(PHYSDEVOP_pci_device_remove, PHYSDEVOP_pci_device_remove, CALLER_CONTROL, x86_pci_device_remove),
    SUBCALL_MISSING(PHYSDEVOP_restore_msi_ext, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_pirq_eoi_gmfn_v2, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_dbgp_op, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_prepare_msix, CALLER_CONTROL),
    SUBCALL_MISSING(PHYSDEVOP_release_msix, CALLER_CONTROL),
};
STATIC_ASSERT(ARRAY_SIZE(physdev_subcalls) == PHYSDEVOP_release_msix + 1);

int64_t hypercall_physdev_op(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, HYPERCALL(__HYPERVISOR_physdev_op), (uint32_t)args[0], args, NULL);
}
