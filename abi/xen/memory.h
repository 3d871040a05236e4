/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of memory_op share. Progress of a long sub-call is kept in the command's bits from 6 up. */
#ifndef ABI_XEN_MEMORY_H
#define ABI_XEN_MEMORY_H

#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"

#define FAMILY_MEMORY HYPERCALL(__HYPERVISOR_memory_op)
#define MEMORY_EXTENT_SHIFT 6
#define MEMORY_CMD_MASK ((UINT64_C(1) << MEMORY_EXTENT_SHIFT) - 1)

/* Where the call stands, from its first argument. */
static inline uint64_t memory_progress(const uint64_t args[6])
{
    return args[0] >> MEMORY_EXTENT_SHIFT;
}

/* Save the place and ask to be run again. */
static inline int64_t memory_continue(struct vcpu *v, uint64_t cmd, uint64_t done)
{
    hypercall_set_arg(v, 0, cmd | done << MEMORY_EXTENT_SHIFT);
    return -E_RESTART;
}

/* target_domain() for what adds to its space: a dying domain is gone already. */
static inline struct domain *memory_target(struct vcpu *v, uint16_t id, int *error)
{
    struct domain *d = target_domain(v, id, error);

    if (d && atomic_load(&d->life) != DOMAIN_ALIVE) {
        *error = -E_SRCH;
        return NULL;
    }
    return d;
}

int64_t memory_populate(struct vcpu *v, const uint64_t args[6], void *op);
int64_t memory_decrease(struct vcpu *v, const uint64_t args[6], void *op);
int64_t memory_exchange(struct vcpu *v, const uint64_t args[6], void *op);
int64_t memory_add_to_physmap(struct vcpu *v, const uint64_t args[6], void *op);
int64_t memory_add_to_physmap_batch(struct vcpu *v, const uint64_t args[6], void *op);
int64_t memory_remove_from_physmap(struct vcpu *v, const uint64_t args[6], void *op);
int64_t memory_acquire_resource(struct vcpu *v, const uint64_t args[6], void *op);

#endif
