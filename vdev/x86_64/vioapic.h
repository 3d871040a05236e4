/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual IO-APICs of a domain (Intel 82093AA, 3): the host's, at their places, with the host's lines behind them. A line that the guest lets
 * through is open at the host's, to the CPU of the vCPU that it is for; one that came as a level is closed until the guest has ended it, so that
 * a device asks at most once for each end.
 */
#ifndef VDEV_X86_64_VIOAPIC_H
#define VDEV_X86_64_VIOAPIC_H

#include "lib/spinlock.h"
#include "lib/types.h"

struct domain;
struct vcpu;

#define VIOAPIC_CHIPS 4         /* of more that a host has, dom0 sees the first */
#define VIOAPIC_LINES 256       /* global system interrupts */

struct vioapic {
    spinlock_t lock;            /* LOCK_VGIC */
    unsigned chips;
    struct vioapic_chip {
        uint64_t address;
        uint32_t first, lines;
        uint8_t select, id;
    } chip[VIOAPIC_CHIPS];
    struct vioapic_line {
        uint64_t entry;
        uint8_t vector;         /* the host's; 0: none yet */
        bool is_routed, is_open;
        uint16_t cpu;           /* to which it is open */
    } line[VIOAPIC_LINES];
};

/* d gets the host's, and their places in guest-physical space. -E_NOMEM. */
int vioapic_init(struct domain *d) MUST_CHECK;
void vioapic_free(struct domain *d);
/* No line of the host's reaches it any more. */
void vioapic_stop(struct domain *d);
/* As after power-on; lines stay whose they are. */
void vioapic_reset(struct domain *d);
/* This line of the host's is d's. -E_INVAL: none of its IO-APICs has it; -E_PERM: it is the hypervisor's. */
int vioapic_route(struct domain *d, uint32_t gsi) MUST_CHECK;
bool vioapic_mmio(struct domain *d, unsigned chip, uint64_t offset, unsigned size, bool is_write, uint64_t *value);
/* It came. */
void vioapic_host_line(struct domain *d, uint32_t gsi);
/* A vCPU has ended an interrupt that came as a level. */
void vioapic_eoi(struct domain *d, unsigned vector);

#endif
