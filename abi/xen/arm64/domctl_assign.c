/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: devices of the host that access memory, and their interrupts, for a guest (xl's dtdev= and irqs=). (xen/domctl.h) */
#include "abi/xen/domctl.h"
#include "arch/include/mmio.h"
#include "core/host_device.h"

#define PATH_SIZE 256
#define SPI_FIRST 32
#define SPI_LAST 1019

/* The device that the call names by its path in the host's tree: -E_OPNOTSUPP (a single PCI function), -E_2BIG, -E_FAULT, -E_NODEV. */
static int find_device(struct vcpu *v, const struct xen_domctl_assign_device *in, struct host_device **out)
{
    char path[PATH_SIZE];
    uint32_t size = in->u.dt.size;

    if (in->dev != XEN_DOMCTL_DEV_DT || in->flags)
        return -E_OPNOTSUPP;
    if (size >= sizeof(path))
        return -E_2BIG;
    if (read_guest(v, path, guest_address(in->u.dt.path), size))
        return -E_FAULT;
    path[size] = '\0';
    *out = host_device_find(path);
    return *out ? 0 : -E_NODEV;
}

int64_t domctl_assign_device(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct host_device *h;
    struct domain_locked l;
    int r = find_device(v, &call->op.u.assign_device, &h);

    if (!r && call->d == v->domain)
        r = -E_INVAL;           /* what it has is what it was built with */
    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_assign_device);
    l = domain_lock(call->d);
    r = atomic_load(&call->d->life) == DOMAIN_ALIVE ? host_device_assign(call->d, h, false) : -E_SRCH;
    domain_unlock(l);
    return r;
}

int64_t domctl_deassign_device(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct host_device *h;
    struct domain_locked l;
    int r = find_device(v, &call->op.u.assign_device, &h);

    if (!r && call->d == v->domain)
        r = -E_INVAL;
    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_deassign_device);
    l = domain_lock(call->d);
    r = host_device_release(call->d, h);
    domain_unlock(l);
    return r;
}

/* Could it be assigned now? */
int64_t domctl_test_assign_device(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct host_device *h;
    int r = find_device(v, &((struct domctl_call *)op)->op.u.assign_device, &h);

    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_test_assign_device);
    if (!h->stream_count)
        return -E_NODEV;
    return atomic_load(&h->owner) == HOST_DEVICE_NOBODY ? 0 : -E_BUSY;
}

static int check_irq(const struct vcpu *v, const struct domctl_call *call, uint32_t irq)
{
    if (call->d == v->domain || irq < SPI_FIRST || irq > SPI_LAST)
        return -E_INVAL;
    return arch_irq_is_own(irq) ? -E_PERM : 0;
}

/* Guests see a shared interrupt under its own number. It is nobody's: dom0's tree has its device as xen,passthrough. */
int64_t domctl_bind_pt_irq(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_bind_pt_irq *in = &call->op.u.bind_pt_irq;
    uint32_t irq = in->machine_irq;
    int r = in->irq_type == PT_IRQ_TYPE_SPI ? check_irq(v, call, irq) : -E_OPNOTSUPP;

    if (!r && in->u.spi.spi != irq)
        r = -E_INVAL;
    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_bind_pt_irq);
    return arch_irq_route(call->d, irq);
}

/* Nothing is kept: binding asks whether the caller may, not whether the guest may, and a guest has no way to pass an interrupt on. */
int64_t domctl_irq_permission(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_irq_permission *in = &call->op.u.irq_permission;
    uint32_t irq = in->pirq;
    int r = check_irq(v, call, irq);

    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_irq_permission);
    return 0;
}
