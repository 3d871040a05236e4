/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated processor keeps per domain and per vCPU: an Arm guest's registers, so that the Arm rooms (vdev/, abi/xen)
 * run on it unchanged, and the work that a test has given the guest. */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include "arch/include/arm64_registers.h"
#include "vdev/arm64/vgic.h"
#include "vdev/mmio.h"
#include "vdev/x86_64/platform.h"
#include "vdev/x86_64/vioapic.h"
#include "vdev/x86_64/vlapic.h"

struct host_action;
struct vpl011;
struct vbridge;
struct vpci;

struct arch_domain {
    struct mmio_space mmio;
    struct vgic_domain vgic;
    uint64_t counter_offset;
    uint32_t event_ppi;         /* PPI of the event-channel upcall */
    struct vpl011 *vuart;       /* its emulated UART, or NULL */
    uint8_t event_vector;       /* x86's upcall: kept, and nothing behind it */
    struct x86_domain x86;
    struct vioapic *vioapic;    /* a test's that asked for it; NULL: none */
    struct vpci *vpci;          /* the same */
    struct vbridge *vbridge;    /* its virtual PCI host bridge, or NULL */
    uint64_t virtual_offset;    /* guest virtual address = guest-physical address + this */
};

struct arch_vcpu {
    struct arm_registers regs;
    struct vgic_vcpu vgic;
    struct x86_vcpu_state x86_state;    /* what abi/xen/x86_64 sets and gets */
    uint8_t event_vector;
    struct x86_vcpu x86;
    struct vlapic lapic;        /* of a test that asked for it */
    uint32_t event_waits;       /* the same */
    uint8_t x86_fp[832];
    uint64_t x86_xcr0;
    uint64_t tsc_offset;
    uint32_t nmis;              /* atomic: that it was sent */
    bool repeat;                /* the hypercall instruction runs again when the vCPU does */
    unsigned faults;            /* exceptions injected into the guest */
    struct host_action *action; /* what its guest does when it runs; NULL: it waits for an interrupt */
};

#endif
