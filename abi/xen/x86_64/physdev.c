/* SPDX-License-Identifier: Apache-2.0 */
/* physdev_op: what dom0 tells of PCI. Messages and lines it sets up by the devices' own registers, which are filtered. (xen/physdev.h) */
#define ABI_X86_64 1
#include "abi/xen/public.h"
#include "abi/xen/x86_64/calls.h"
#include "vdev/x86_64/vpci.h"

#define FAMILY HYPERCALL(__HYPERVISOR_physdev_op)

/* Both structures begin with where the function is; of the longer one so much has to be there. */
static int64_t told(struct vcpu *v, uint64_t from, size_t size, uint32_t subcall, int (*tell)(struct domain *d, uint16_t function))
{
    struct physdev_pci_device_add a;
    int r = read_guest(v, &a, from, size);

    STATIC_ASSERT(offsetof(struct physdev_pci_device_add, devfn) == offsetof(struct physdev_pci_device, devfn));
    ASSERT(size <= sizeof(a));
    if (r)
        return r;
    subcall_reached(FAMILY, subcall);
    return a.seg ? -E_NODEV : tell(v->domain, (uint16_t)(a.bus << 8 | a.devfn));
}

/* What it says of virtual functions and of nodes of memory is not asked for. */
int64_t x86_pci_device_add(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return told(v, args[1], offsetof(struct physdev_pci_device_add, optarr), PHYSDEVOP_pci_device_add, vpci_device_add);
}

int64_t x86_pci_device_remove(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return told(v, args[1], sizeof(struct physdev_pci_device), PHYSDEVOP_pci_device_remove, vpci_device_remove);
}

/* The windows are known from ACPI. */
int64_t x86_pci_mmcfg_reserved(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct physdev_pci_mmcfg_reserved a;
    int r = read_guest(v, &a, args[1], sizeof(a));

    if (r)
        return r;
    if (a.segment || a.start_bus > a.end_bus || (a.flags & ~(uint32_t)XEN_PCI_MMCFG_RESERVED))
        return -E_INVAL;
    subcall_reached(FAMILY, PHYSDEVOP_pci_mmcfg_reserved);
    return vpci_has_window(a.address, a.start_bus, a.end_bus) ? 0 : -E_NODEV;
}
