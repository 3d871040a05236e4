/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of domctl share: one call, decoded as far as all sub-calls have it in common. */
#ifndef ABI_XEN_DOMCTL_H
#define ABI_XEN_DOMCTL_H

#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"

#define FAMILY_DOMCTL HYPERCALL(__HYPERVISOR_domctl)

struct domctl_call {
    struct xen_domctl op;
    struct domain *d;       /* the domain named; NULL for createdomain, and getdomaininfo when there is none */
    bool copy_back;         /* the structure holds results for the guest */
};

/* What getdomaininfo and getdomaininfolist tell of a domain. */
void domain_info(const struct domain *d, struct xen_domctl_getdomaininfo *info);

/* Read a bitmap of the guest's: what lies beyond `bits` is left out, what it is short of is 0. */
int read_bitmap(struct vcpu *v, const struct xenctl_bitmap *from, uint64_t *map, unsigned bits);
/* Write one: what the guest's has more than `bits` becomes 0. */
int write_bitmap(struct vcpu *v, const struct xenctl_bitmap *to, const uint64_t *map, unsigned bits);

/* Call `function` for the registers of `target` with its domain held, no vCPU of it on a CPU; under its lock, so that the width of its kernel
 * stays. Its result, or -E_RESTART while one of its vCPUs is still on a CPU. The domain remains held, for more of them, until it is let go. */
int domctl_while_held(struct vcpu *target, void *state, int (*function)(struct vcpu *target, void *state)) MUST_CHECK;
void domctl_let_go(struct domain *d);
/* Both at once, for a single one. */
int domctl_with_held(struct vcpu *target, void *state, int (*function)(struct vcpu *target, void *state)) MUST_CHECK;

/* The guest's CPU registers in the ABI's structure. Set: -E_INVAL when it describes no state that a 64-bit guest can be in. */
int vcpu_context_set(struct vcpu *v, const struct vcpu_guest_context *c);
void vcpu_context_get(const struct vcpu *v, struct vcpu_guest_context *c);

/* One line for whoever wonders why a domain could not be made; returns `error`. */
int create_refuse(const char *what, uint64_t value, int error);
/* One processor's part of createdomain (create.c in its directory): pages of stage-2 tables that a new domain may use until the
 * toolstack says how many; is the configuration one that can be had (the error, or 0); take it over; say what the domain has. */
#define CREATE_ARCH(arch)                                                                                   \
    extern const unsigned arch##_create_table_pages;                                                        \
    int arch##_create_check(const struct xen_arch_domainconfig *a);                                         \
    void arch##_create_decode(const struct xen_arch_domainconfig *a, struct domain_config *config);         \
    void arch##_create_answer(const struct domain *d, struct xen_arch_domainconfig *a)
CREATE_ARCH(arm64);
CREATE_ARCH(x86);

/* Handlers, by the file that has them. */
#define DOMCTL_HANDLER(name) int64_t name(struct vcpu *v, const uint64_t args[6], void *op)
/* domctl_life.c */
DOMCTL_HANDLER(domctl_create);
DOMCTL_HANDLER(domctl_destroy);
DOMCTL_HANDLER(domctl_pause);
DOMCTL_HANDLER(domctl_unpause);
DOMCTL_HANDLER(domctl_info);
DOMCTL_HANDLER(domctl_resume);
DOMCTL_HANDLER(domctl_set_time_offset);
DOMCTL_HANDLER(domctl_set_handle);
DOMCTL_HANDLER(domctl_set_debugging);
/* domctl_vcpu.c */
DOMCTL_HANDLER(domctl_max_vcpus);
DOMCTL_HANDLER(domctl_set_context);
DOMCTL_HANDLER(domctl_get_context);
DOMCTL_HANDLER(domctl_vcpu_info);
DOMCTL_HANDLER(domctl_set_affinity);
DOMCTL_HANDLER(domctl_get_affinity);
DOMCTL_HANDLER(domctl_set_node_affinity);
DOMCTL_HANDLER(domctl_get_node_affinity);
/* domctl_sched.c */
DOMCTL_HANDLER(domctl_scheduler);
/* domctl_memory.c */
DOMCTL_HANDLER(domctl_max_mem);
DOMCTL_HANDLER(domctl_set_address_size);
DOMCTL_HANDLER(domctl_get_address_size);
DOMCTL_HANDLER(domctl_cache_flush);
DOMCTL_HANDLER(domctl_set_mempool);
DOMCTL_HANDLER(domctl_get_mempool);
/* domctl_device.c */
DOMCTL_HANDLER(domctl_iomem_permission);
DOMCTL_HANDLER(domctl_memory_mapping);
DOMCTL_HANDLER(domctl_no_device_groups);
DOMCTL_HANDLER(domctl_vuart);

/* domctl_assign.c */
DOMCTL_HANDLER(domctl_assign_device);
DOMCTL_HANDLER(domctl_deassign_device);
DOMCTL_HANDLER(domctl_test_assign_device);
DOMCTL_HANDLER(domctl_bind_pt_irq);
DOMCTL_HANDLER(domctl_irq_permission);

#endif
