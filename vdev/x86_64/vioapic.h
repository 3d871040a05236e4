/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual IO-APIC of a domain (Intel 82093AA, 3). */
#ifndef VDEV_X86_64_VIOAPIC_H
#define VDEV_X86_64_VIOAPIC_H

#include "lib/spinlock.h"
#include "lib/types.h"

struct domain;
struct vcpu;

#define VIOAPIC_LINES 24
#define VIOAPIC_ADDRESS UINT64_C(0xfec00000)

struct vioapic {
    spinlock_t lock;            /* LOCK_VGIC */
    uint64_t entry[VIOAPIC_LINES];
    uint32_t level;             /* bit n: line n is high */
    uint8_t select, id;
};

/* d gets one, and its place in guest-physical space. -E_NOMEM. */
int vioapic_init(struct domain *d) MUST_CHECK;
void vioapic_free(struct domain *d);
/* No line of the host's reaches it any more. */
void vioapic_stop(struct domain *d);
void vioapic_reset(struct domain *d);
bool vioapic_mmio(struct domain *d, uint64_t offset, unsigned size, bool is_write, uint64_t *value);
/* A line's level changes. Any CPU. */
void vioapic_set_irq(struct domain *d, unsigned gsi, bool level);
/* A vCPU has ended an interrupt that came as a level. */
void vioapic_eoi(struct domain *d, unsigned vector);

#endif
