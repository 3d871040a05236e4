/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of the host that access memory behind an IOMMU, or that the board's tree offers to domains other than dom0 ("xen,passthrough").
 * Each has at most one owner. The list is made at boot; single PCI functions come to it when they are given for the first time, and nothing
 * is taken out.
 */
#ifndef CORE_HOST_DEVICE_H
#define CORE_HOST_DEVICE_H

#include "drivers/iommu.h"
#include "lib/list.h"
#include "lib/types.h"

struct domain;
struct host_device;
struct pci_bridge;
struct pci_host_function;

#define HOST_DEVICE_STREAMS 4
#define HOST_DEVICE_RANGES 8
#define HOST_DEVICE_IRQS 16
#define HOST_DEVICE_NOBODY UINT32_C(0xffff)

/* A device that is quiet and works again in its own way. */
struct host_device_life {
    void (*stop)(struct host_device *h);        /* it begins no accesses */
    int (*start)(struct host_device *h);        /* its owner's next life begins. -E_RESTART: not yet */
};

struct host_device {
    struct list link;
    const char *path;                   /* in the host's tree */
    bool offered;                       /* not dom0's */
    struct iommu_streams streams[HOST_DEVICE_STREAMS];
    unsigned stream_count;              /* 0: it is behind no IOMMU */
    struct { uint32_t first, count; } messages[HOST_DEVICE_STREAMS];    /* its numbers at the host's ITS */
    unsigned message_count;             /* 0: it sends no messages, or there is no ITS */
    struct { uint64_t first, last; } frames[HOST_DEVICE_RANGES];    /* its registers and windows */
    unsigned range_count;
    uint16_t irqs[HOST_DEVICE_IRQS];    /* GIC numbers */
    unsigned irq_count;
    volatile void *config;              /* a PCI host bridge's configuration space of bus 0 (ECAM, 1 MiB); NULL: none, or it is dom0's */
    struct pci_bridge *bridge;          /* a PCI host bridge whose functions can be given one by one (vdev/arm64/vbridge.h); else NULL */
    bool is_shared;                     /* they are: it is nobody's as a whole */
    struct pci_host_function *function; /* one of them; else NULL */
    const struct host_device_life *life;    /* NULL: `config` says how */
    uint32_t owner;                     /* atomic: domain number or HOST_DEVICE_NOBODY */
};

/* A copy of *d, without owner, is in the list. CPU 0: boot, or (functions) under domain control. -E_NOMEM. */
int host_device_add(const struct host_device *d) MUST_CHECK;
/* NULL: there is none of that path. */
struct host_device *host_device_find(const char *path);
/* Boot: dom0 gets all that are not offered. Errors as of host_device_assign. */
int host_devices_assign_rest(struct domain *d) MUST_CHECK;

/*
 * Give a device to d: from now on it reaches d's memory. -E_BUSY: it is somebody's; -E_NODEV: it is behind no IOMMU (and `without_iommu`,
 * "xen,force-assign-without-iommu", is not given), or d was made without one; -E_NOMEM. Under domain control.
 */
int host_device_assign(struct domain *d, struct host_device *device, bool without_iommu) MUST_CHECK;
/* Take it away: it reaches nothing, and functions of PCI are told to ask for nothing (no bus mastering). -E_INVAL: it is not d's. */
int host_device_release(struct domain *d, struct host_device *device) MUST_CHECK;
/* All of d's are taken away (its end). */
void host_devices_release(struct domain *d);
/* While d starts anew: its devices reach nothing; and again what they did. -E_NOMEM, -E_RESTART (a device is not ready yet): unblock again. */
void host_devices_block(struct domain *d);
int host_devices_unblock(struct domain *d) MUST_CHECK;

/* Has d devices that send messages to the host's ITS? Does this device number belong to one of d's? */
bool host_devices_send(const struct domain *d);
bool host_device_sends_as(const struct domain *d, uint32_t device);

/* The last of the frames from `frame` on that belong to an offered device's registers, 0: frame is none of them. */
uint64_t host_device_offers(uint64_t frame);
bool host_device_offers_irq(unsigned irq);

#endif
