/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single PCI functions of a host bridge for a domain: a virtual host bridge whose configuration space (ECAM) has just these, under the
 * host's numbers of device and function.
 *
 *   configuration   reads pass, of writes those that concern the function alone: its BARs, command, MSI and MSI-X. What it would be moved,
 *                   reset, or given virtual functions or translations of its own by has no effect; extended configuration space is empty
 *   BARs            the host's are placed once, each in pages of its own (vbridge_host.c). The guest's are numbers of its own, which stage 2
 *                   follows while they lie in the virtual bridge's windows
 *   messages        the guest's own words: the function reaches the doorbell behind the IOMMU, and the ITS knows by its device's number whose
 *                   they are (vits.h). A pin (INTx) is on
 *                   if its line is the domain's, as functions share lines
 *   accesses        streams of the IOMMU and device's numbers of the ITS are those of one struct host_device for each function
 */
#ifndef VDEV_ARM64_VBRIDGE_H
#define VDEV_ARM64_VBRIDGE_H

#include "core/host_device.h"
#include "core/time.h"
#include "vdev/pci_function.h"

struct domain;

#define PCI_BRIDGE_WINDOWS 4
#define VBRIDGE_FUNCTIONS 16
#define VBRIDGE_WINDOWS 2
#define VBRIDGE_BARS 6

/* Requester numbers as an IOMMU or the ITS knows them (iommu-map, msi-map): `requester` is `first` of unit `unit`, and so on. */
struct pci_map {
    uint32_t requester, unit, first, count;
};

/* A host bridge of the host whose functions may be given one by one. */
struct pci_bridge {
    uint32_t base;                      /* arch_pci_read's number of its first function */
    struct { uint64_t bus, cpu, size, next; } windows[PCI_BRIDGE_WINDOWS];     /* next: bytes that are taken */
    unsigned window_count;
    struct pci_map streams[HOST_DEVICE_STREAMS], messages[HOST_DEVICE_STREAMS];
    unsigned stream_count, message_count;
    uint32_t stream_mask, message_mask; /* of requester numbers */
};

/* A function of it that has been given, for good. */
struct pci_host_function {
    uint32_t id;                        /* arch_pci_read's */
    struct pci_bar bar[PCI_BARS];       /* base: on the bus */
    uint64_t cpu[VBRIDGE_BARS];            /* where processors see it */
    uint8_t pin;                        /* 1 to 4; 0: none */
    uint8_t flags[VBRIDGE_BARS];           /* the low bits of its register */
    uint8_t msi, msix, express;         /* capabilities; 0: none */
    bool is_wide, has_masks;            /* of MSI */
    nsec_t ready;                       /* a reset is over */
};

/*
 * The function of that number (device 7:3, function 2:0) of the host's bridge; the first time its BARs are placed and it is told to do nothing.
 * Under domain control, CPU 0. -E_NOENT: there is none; -E_INVAL: a bridge, or another kind that has no BARs; -E_NOSPC: no room in the
 * bridge's windows; -E_BUSY: somebody has the bridge as a whole; -E_NODEV: its configuration space is out of reach; -E_NOMEM.
 */
int vbridge_host_function(struct host_device *bridge, unsigned number, struct host_device **out) MUST_CHECK;

/* Where the guest finds its virtual bridge: configuration space, and the windows that BARs may lie in, which are not over its memory. */
struct vbridge_place {
    uint64_t config, config_size;
    struct { uint64_t bus, guest, size; } windows[VBRIDGE_WINDOWS];
    unsigned window_count;
};

/* d, which has never run, gets a bridge without functions. -E_NOMEM, -E_NOSPC, -E_INVAL: something else is there. */
int vbridge_create(struct domain *d, const struct vbridge_place *place) MUST_CHECK;
/* One more function, which d owns (host_device_assign). has_line: its pin may be on, as d has its line. -E_NOSPC. */
int vbridge_add(struct domain *d, const struct host_device *function, bool has_line) MUST_CHECK;
/* As after power-on; no vCPU of d runs. Nothing where there is no bridge, as of vbridge_free: nobody refers to d any more. */
void vbridge_reset(struct domain *d);
void vbridge_free(struct domain *d);

#endif
