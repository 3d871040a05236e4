/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl: the toolstack's calls on the host; the table, and the list of domains. (xen/sysctl.h) */
#include "abi/xen/sysctl.h"
#include "abi/xen/x86_64/calls.h"
#include "lib/print.h"

/* Domains described between two runs. */
#define DOMAINS_PER_RUN 32

/* How far a list has come, in the arguments that sysctl does not use: entries written, and the next domain. */
static uint32_t list_written(const uint64_t args[6])
{
    return is_continued(args[1]) ? (uint32_t)args[1] : 0;
}

static int64_t list_continue(struct vcpu *v, uint32_t written, uint16_t next)
{
    hypercall_set_arg(v, 1, CONTINUED(written));
    hypercall_set_arg(v, 2, next);
    return -E_RESTART;
}

static int write_domain(struct vcpu *v, const struct domain *d, uint64_t buffer, uint32_t n)
{
    struct xen_domctl_getdomaininfo info;

    domain_info(d, &info);
    ASSERT(info.domain == d->id.v);
    return write_guest(v, buffer + (uint64_t)n * sizeof(info), &info, sizeof(info));
}

static int64_t op_domain_list(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_getdomaininfolist *in = &call->op.u.getdomaininfolist;
    uint32_t written = list_written(args), start = written;
    struct domain *d = domain_next(DOMID(written ? args[2] : in->first_domain));

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_getdomaininfolist);
    for (; d && written < in->max_domains; written++) {
        int r;

        if (written - start == DOMAINS_PER_RUN)
            return list_continue(v, written, d->id.v);
        r = write_domain(v, d, guest_address(in->buffer), written);
        if (r == -E_RESTART)
            return list_continue(v, written, d->id.v);
        if (r)
            return r;
        d = domain_next(DOMID(d->id.v + 1));
    }
    hypercall_set_arg(v, 1, 0);
    in->num_domains = written;
    call->copy_back = true;
    return 0;
}

/* Of a build that counts nothing. */
static int64_t op_coverage(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_coverage_op);
    return -E_OPNOTSUPP;
}

const struct subcall sysctl_subcalls[] = {
    SUBCALL(XEN_SYSCTL_readconsole, CALLER_CONTROL, sysctl_read_console),
    SUBCALL_MISSING(XEN_SYSCTL_tbuf_op, CALLER_CONTROL),
    SUBCALL(XEN_SYSCTL_physinfo, CALLER_CONTROL, sysctl_physinfo),
    SUBCALL(XEN_SYSCTL_sched_id, CALLER_CONTROL, sysctl_sched_id),
    SUBCALL_MISSING(XEN_SYSCTL_perfc_op, CALLER_CONTROL),
    SUBCALL(XEN_SYSCTL_getdomaininfolist, CALLER_CONTROL, op_domain_list),
    SUBCALL(XEN_SYSCTL_debug_keys, CALLER_CONTROL, sysctl_debug_keys),
    SUBCALL(XEN_SYSCTL_getcpuinfo, CALLER_CONTROL, sysctl_cpu_info),
    SUBCALL(XEN_SYSCTL_availheap, CALLER_CONTROL, sysctl_avail_heap),
    SUBCALL_MISSING(XEN_SYSCTL_get_pmstat, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_SYSCTL_cpu_hotplug, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_SYSCTL_pm_op, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_SYSCTL_page_offline_op, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_SYSCTL_lockprof_op, CALLER_CONTROL),
    SUBCALL(XEN_SYSCTL_cputopoinfo, CALLER_CONTROL, sysctl_cpu_topology),
    SUBCALL(XEN_SYSCTL_numainfo, CALLER_CONTROL, sysctl_numa),
    SUBCALL(XEN_SYSCTL_cpupool_op, CALLER_CONTROL, sysctl_cpupool),
    SUBCALL(XEN_SYSCTL_scheduler_op, CALLER_CONTROL, sysctl_scheduler),
    SUBCALL_REFUSED(XEN_SYSCTL_coverage_op, CALLER_CONTROL, op_coverage),
    SUBCALL_MISSING(XEN_SYSCTL_psr_cmt_op, CALLER_CONTROL),
    SUBCALL_X86_64(XEN_SYSCTL_pcitopoinfo, XEN_SYSCTL_pcitopoinfo, CALLER_CONTROL, x86_pci_topology),
    SUBCALL_MISSING(XEN_SYSCTL_psr_alloc, CALLER_CONTROL),
    SUBCALL_X86_64(XEN_SYSCTL_get_cpu_levelling_caps, XEN_SYSCTL_get_cpu_levelling_caps, CALLER_CONTROL, x86_levelling_caps),
    SUBCALL_X86_64(XEN_SYSCTL_get_cpu_featureset, XEN_SYSCTL_get_cpu_featureset, CALLER_CONTROL, x86_featureset),
    SUBCALL_MISSING(XEN_SYSCTL_livepatch_op, CALLER_CONTROL),
    SUBCALL_X86_64(XEN_SYSCTL_get_cpu_policy, XEN_SYSCTL_get_cpu_policy, CALLER_CONTROL, x86_host_policy),
};
STATIC_ASSERT(ARRAY_SIZE(sysctl_subcalls) == XEN_SYSCTL_get_cpu_policy + 1);

int64_t hypercall_sysctl(struct vcpu *v, const uint64_t args[6])
{
    struct sysctl_call call;
    uint64_t at = args[0];
    int64_t r = read_guest(v, &call.op, at, sizeof(call.op));

    if (r)
        return r;
    if (call.op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
        log_guest("d%u: sysctl of interface version 0x%x, this is 0x%x", v->domain->id.v, call.op.interface_version,
                  XEN_SYSCTL_INTERFACE_VERSION);
        return -E_ACCES;
    }
    call.copy_back = false;
    call.args = args;
    ASSERT(v->domain->is_control);
    r = subcall_dispatch(v, FAMILY_SYSCTL, call.op.cmd, args, &call);
    if (r >= 0 && call.copy_back && write_guest_result(v, at, &call.op, sizeof(call.op)))
        return -E_FAULT;
    return r;
}
