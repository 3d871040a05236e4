/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sysctl share. */
#ifndef ABI_XEN_SYSCTL_H
#define ABI_XEN_SYSCTL_H

#include "abi/xen/domctl.h"

#define FAMILY_SYSCTL HYPERCALL(__HYPERVISOR_sysctl)

struct sysctl_call {
    struct xen_sysctl op;
    bool copy_back;         /* the structure holds results for the guest */
    const uint64_t *args;   /* of the hypercall: [1] and on hold what a call needs that comes back */
};

#define SYSCTL_HANDLER(name) int64_t name(struct vcpu *v, const uint64_t args[6], void *op)
/* sysctl_host.c */
SYSCTL_HANDLER(sysctl_physinfo);
SYSCTL_HANDLER(sysctl_cpu_topology);
SYSCTL_HANDLER(sysctl_numa);
SYSCTL_HANDLER(sysctl_cpu_info);
SYSCTL_HANDLER(sysctl_avail_heap);
/* sysctl_sched.c */
SYSCTL_HANDLER(sysctl_sched_id);
SYSCTL_HANDLER(sysctl_cpupool);
SYSCTL_HANDLER(sysctl_scheduler);
/* sysctl_console.c */
SYSCTL_HANDLER(sysctl_read_console);
SYSCTL_HANDLER(sysctl_debug_keys);

/* What physinfo says of one processor's features (host.c in its directory). */
void arm64_physinfo(struct xen_sysctl_physinfo *p);
void x86_physinfo(struct xen_sysctl_physinfo *p);

#endif
