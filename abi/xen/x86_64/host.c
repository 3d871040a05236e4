/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl and platform_op: what tools and dom0 ask of the host's processors and firmware on x86. (xen/sysctl.h, xen/platform.h) */
#define ABI_X86_64 1
#include "abi/xen/sysctl.h"
#include "abi/xen/x86_64/calls.h"
#include "arch/include/pci.h"
#include "lib/string.h"
#include "vdev/x86_64/policy.h"

#define FAMILY_PLATFORM HYPERCALL(__HYPERVISOR_platform_op)
#define DEVICES_AT_ONCE 64u
#define NO_VENDOR 0xffff

void x86_physinfo(struct xen_sysctl_physinfo *p)
{
    uint32_t words[X86_FEATURE_WORDS];

    STATIC_ASSERT(ARRAY_SIZE(p->hw_cap) <= X86_FEATURE_WORDS);
    x86_features(words, cpuid_of_host);
    memcpy(p->hw_cap, words, sizeof(p->hw_cap));
}

/* What CPUID answers is emulated: there is nothing to level. */
int64_t x86_levelling_caps(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_get_cpu_levelling_caps);
    call->op.u.cpu_levelling_caps.caps = 0;
    call->copy_back = true;
    return 0;
}

static uint32_t node_of(const struct physdev_pci_device *dev)
{
    return dev->seg || arch_pci_read((uint16_t)(dev->bus << 8 | dev->devfn), 0, 2) == NO_VENDOR ? XEN_INVALID_DEV : 0;
}

/* There is one node. The caller comes again for what one call leaves. */
int64_t x86_pci_topology(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_pcitopoinfo *in = &call->op.u.pcitopoinfo;

    if (!guest_address(in->devs) || !guest_address(in->nodes))
        return -E_INVAL;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_pcitopoinfo);
    in->num_devs = MIN(in->num_devs, DEVICES_AT_ONCE);
    for (uint32_t i = 0; i < in->num_devs; i++) {
        struct physdev_pci_device dev;
        uint32_t node;
        int r = read_guest(v, &dev, guest_address(in->devs) + i * sizeof(dev), sizeof(dev));

        node = r ? 0 : node_of(&dev);
        if (!r)
            r = write_guest(v, guest_address(in->nodes) + i * sizeof(node), &node, sizeof(node));
        if (r)
            return r;
    }
    call->copy_back = true;
    return 0;
}

/* Nobody has asked a BIOS for disks or displays before it was left for good. */
int64_t x86_firmware_info(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    const struct xen_platform_op *in = op;
    uint32_t type = in->u.firmware_info.type;

    if (type != XEN_FW_DISK_INFO && type != XEN_FW_DISK_MBR_SIGNATURE && type != XEN_FW_VBEDDC_INFO)
        return -E_OPNOTSUPP;
    subcall_reached(FAMILY_PLATFORM, XENPF_firmware_info);
    return -E_SRCH;
}

int64_t x86_cpu_info(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct xen_platform_op *out = op;
    struct xenpf_pcpuinfo *info = &out->u.pcpu_info;
    uint32_t cpu = info->xen_cpuid;

    if (cpu >= cpu_count())
        return -E_INVAL;
    subcall_reached(FAMILY_PLATFORM, XENPF_get_cpuinfo);
    info->max_present = cpu_count() - 1;
    info->flags = cpu_is_online(cpu) ? XEN_PCPU_FLAGS_ONLINE : XEN_PCPU_FLAGS_INVALID;
    info->apic_id = info->acpi_id = cpu;
    return write_guest(v, args[0], out, sizeof(*out));
}
