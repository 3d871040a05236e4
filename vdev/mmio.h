/* SPDX-License-Identifier: Apache-2.0 */
/* Emulated device registers: regions of a domain's physical space with handlers, looked up on a stage-2 fault. */
#ifndef VDEV_MMIO_H
#define VDEV_MMIO_H

#include "lib/types.h"

struct vcpu;
struct domain;

struct mmio_region {
    gpa_t base;
    uint64_t size;
    /* offset is from base, size 1, 2, 4 or 8 and offset is aligned to it. False: bad access, the guest gets an
     * exception. */
    bool (*read)(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t *value);
    bool (*write)(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t value);
    uint64_t data;
};

#define MMIO_REGIONS 8
struct mmio_space {
    struct mmio_region regions[MMIO_REGIONS];
    unsigned count;
    const struct mmio_region *rest; /* what is in none of them, from 0 on; NULL: nothing answers there */
};

/* Before the domain runs. -E_NOSPC, -E_INVAL (overlap). */
int mmio_add(struct mmio_space *s, const struct mmio_region *r) MUST_CHECK;

#endif
