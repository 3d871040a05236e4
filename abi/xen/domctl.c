/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: the toolstack's calls on one domain; the table and what all have in common. (xen/domctl.h) */
#include "abi/xen/domctl.h"
#include "abi/xen/x86_64/calls.h"
#include "lib/print.h"

const struct subcall domctl_subcalls[] = {
    SUBCALL(XEN_DOMCTL_createdomain, CALLER_CONTROL, domctl_create),
    SUBCALL(XEN_DOMCTL_destroydomain, CALLER_CONTROL, domctl_destroy),
    SUBCALL(XEN_DOMCTL_pausedomain, CALLER_CONTROL, domctl_pause),
    SUBCALL(XEN_DOMCTL_unpausedomain, CALLER_CONTROL, domctl_unpause),
    SUBCALL(XEN_DOMCTL_getdomaininfo, CALLER_CONTROL, domctl_info),
    SUBCALL(XEN_DOMCTL_setvcpuaffinity, CALLER_CONTROL, domctl_set_affinity),
    SUBCALL_X86_64(XEN_DOMCTL_shadow_op, XEN_DOMCTL_shadow_op, CALLER_CONTROL, x86_shadow_op), /* only: the allocation */
    SUBCALL(XEN_DOMCTL_max_mem, CALLER_CONTROL, domctl_max_mem),
    SUBCALL(XEN_DOMCTL_setvcpucontext, CALLER_CONTROL, domctl_set_context), /* only: x86-64: general registers, of a vCPU that has had its state */
    SUBCALL(XEN_DOMCTL_getvcpucontext, CALLER_CONTROL, domctl_get_context),
    SUBCALL(XEN_DOMCTL_getvcpuinfo, CALLER_CONTROL, domctl_vcpu_info),
    SUBCALL(XEN_DOMCTL_max_vcpus, CALLER_CONTROL, domctl_max_vcpus),
    SUBCALL(XEN_DOMCTL_scheduler_op, CALLER_CONTROL, domctl_scheduler),
    SUBCALL(XEN_DOMCTL_setdomainhandle, CALLER_CONTROL, domctl_set_handle),
    SUBCALL(XEN_DOMCTL_setdebugging, CALLER_CONTROL, domctl_set_debugging),
    SUBCALL_ARM64(XEN_DOMCTL_irq_permission, CALLER_CONTROL, domctl_irq_permission),
    SUBCALL(XEN_DOMCTL_iomem_permission, CALLER_CONTROL, domctl_iomem_permission),
    SUBCALL_X86_64(XEN_DOMCTL_ioport_permission, XEN_DOMCTL_ioport_permission, CALLER_CONTROL, x86_ioport_permission), /* only: taking away */
    SUBCALL_MISSING(XEN_DOMCTL_hypercall_init, CALLER_CONTROL),
    SUBCALL(XEN_DOMCTL_settimeoffset, CALLER_CONTROL, domctl_set_time_offset),
    SUBCALL(XEN_DOMCTL_getvcpuaffinity, CALLER_CONTROL, domctl_get_affinity),
    SUBCALL_MISSING(XEN_DOMCTL_real_mode_area, CALLER_CONTROL),
    SUBCALL(XEN_DOMCTL_resumedomain, CALLER_CONTROL, domctl_resume),
    SUBCALL_X86_64(XEN_DOMCTL_sendtrigger, XEN_DOMCTL_sendtrigger, CALLER_CONTROL, x86_send_trigger), /* only: NMI */
    SUBCALL_MISSING(XEN_DOMCTL_subscribe, CALLER_CONTROL),
    SUBCALL_X86_64(XEN_DOMCTL_gethvmcontext, XEN_DOMCTL_gethvmcontext, CALLER_CONTROL, x86_get_hvm_context), /* only: vCPUs */
    SUBCALL_X86_64(XEN_DOMCTL_sethvmcontext, XEN_DOMCTL_sethvmcontext, CALLER_CONTROL, x86_set_hvm_context), /* only: before it runs */
    SUBCALL(XEN_DOMCTL_set_address_size, CALLER_CONTROL, domctl_set_address_size),
    SUBCALL(XEN_DOMCTL_get_address_size, CALLER_CONTROL, domctl_get_address_size),
    SUBCALL_ARM64(XEN_DOMCTL_assign_device, CALLER_CONTROL, domctl_assign_device),
    SUBCALL_ARM64(XEN_DOMCTL_bind_pt_irq, CALLER_CONTROL, domctl_bind_pt_irq),
    SUBCALL(XEN_DOMCTL_memory_mapping, CALLER_CONTROL, domctl_memory_mapping),
    SUBCALL_MISSING(XEN_DOMCTL_ioport_mapping, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_set_ext_vcpucontext, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_get_ext_vcpucontext, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_set_opt_feature, CALLER_CONTROL),
    SUBCALL_ARM64(XEN_DOMCTL_test_assign_device, CALLER_CONTROL, domctl_test_assign_device),
    SUBCALL_MISSING(XEN_DOMCTL_set_target, CALLER_CONTROL),
    SUBCALL_ARM64(XEN_DOMCTL_deassign_device, CALLER_CONTROL, domctl_deassign_device),
    SUBCALL_MISSING(XEN_DOMCTL_unbind_pt_irq, CALLER_CONTROL),
    SUBCALL_REFUSED(XEN_DOMCTL_get_device_group, CALLER_CONTROL, domctl_no_device_groups),
    SUBCALL_MISSING(XEN_DOMCTL_debug_op, CALLER_CONTROL),
    SUBCALL_X86_64(XEN_DOMCTL_gethvmcontext_partial, XEN_DOMCTL_gethvmcontext_partial, CALLER_CONTROL, x86_get_hvm_context_partial), /* only: vCPUs */
    SUBCALL_MISSING(XEN_DOMCTL_vm_event_op, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_mem_sharing_op, CALLER_CONTROL),
    SUBCALL_X86_64(XEN_DOMCTL_gettscinfo, XEN_DOMCTL_gettscinfo, CALLER_CONTROL, x86_get_tsc_info),
    SUBCALL_X86_64(XEN_DOMCTL_settscinfo, XEN_DOMCTL_settscinfo, CALLER_CONTROL, x86_set_tsc_info), /* only: default and native */
    SUBCALL_MISSING(XEN_DOMCTL_getpageframeinfo3, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_setvcpuextstate, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_getvcpuextstate, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_set_access_required, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_audit_p2m, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_set_virq_handler, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_set_broken_page_p2m, CALLER_CONTROL),
    SUBCALL(XEN_DOMCTL_setnodeaffinity, CALLER_CONTROL, domctl_set_node_affinity),
    SUBCALL(XEN_DOMCTL_getnodeaffinity, CALLER_CONTROL, domctl_get_node_affinity),
    SUBCALL_ARM64(XEN_DOMCTL_cacheflush, CALLER_CONTROL, domctl_cache_flush),
    SUBCALL_MISSING(XEN_DOMCTL_get_vcpu_msrs, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_set_vcpu_msrs, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_setvnumainfo, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_psr_cmt_op, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_monitor_op, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_psr_alloc, CALLER_CONTROL),
    SUBCALL_MISSING(XEN_DOMCTL_soft_reset, CALLER_CONTROL),
    SUBCALL_ARM64(XEN_DOMCTL_vuart_op, CALLER_CONTROL, domctl_vuart),
    SUBCALL_X86_64(XEN_DOMCTL_get_cpu_policy, XEN_DOMCTL_get_cpu_policy, CALLER_CONTROL, x86_get_policy),
    SUBCALL_X86_64(XEN_DOMCTL_set_cpu_policy, XEN_DOMCTL_set_cpu_policy, CALLER_CONTROL, x86_set_policy),
    SUBCALL_MISSING(XEN_DOMCTL_vmtrace_op, CALLER_CONTROL),
    SUBCALL(XEN_DOMCTL_get_paging_mempool_size, CALLER_CONTROL, domctl_get_mempool),
    SUBCALL(XEN_DOMCTL_set_paging_mempool_size, CALLER_CONTROL, domctl_set_mempool),
};
STATIC_ASSERT(ARRAY_SIZE(domctl_subcalls) == XEN_DOMCTL_set_paging_mempool_size + 1);

/* A debugger's calls, numbered far from the others; x86's. */
NOT_PROVIDED(XEN_DOMCTL_gdbsx_guestmemio);
NOT_PROVIDED(XEN_DOMCTL_gdbsx_pausevcpu);
NOT_PROVIDED(XEN_DOMCTL_gdbsx_unpausevcpu);
NOT_PROVIDED(XEN_DOMCTL_gdbsx_domstatus);

/* What may be done with a domain that is being destroyed: that, and looking. */
static const uint32_t for_the_dying[] = {
    XEN_DOMCTL_destroydomain, XEN_DOMCTL_getdomaininfo, XEN_DOMCTL_getvcpuinfo, XEN_DOMCTL_getvcpuaffinity,
};

static bool suits_the_dying(uint32_t cmd)
{
    for (unsigned i = 0; i < ARRAY_SIZE(for_the_dying); i++)
        if (for_the_dying[i] == cmd)
            return true;
    return false;
}

/* Every sub-call acts on an existing domain, except one that makes it and one that looks for the next. A domain found alive here
 * stays whole until the call ends. */
static int find_domain(struct domctl_call *call)
{
    uint32_t cmd = call->op.cmd;

    call->d = NULL;
    if (cmd == XEN_DOMCTL_createdomain)
        return 0;
    call->d = domain_find(DOMID(call->op.domain));
    if (!call->d)
        return cmd == XEN_DOMCTL_getdomaininfo ? 0 : -E_SRCH;
    return atomic_load(&call->d->life) == DOMAIN_ALIVE || suits_the_dying(cmd) ? 0 : -E_SRCH;
}

int64_t hypercall_domctl(struct vcpu *v, const uint64_t args[6])
{
    struct domctl_call call;
    uint64_t at = args[0];
    int64_t r = read_guest(v, &call.op, at, sizeof(call.op));

    if (r)
        return r;
    if (call.op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) {
        log_guest("d%u: domctl of interface version 0x%x, this is 0x%x", v->domain->id.v, call.op.interface_version,
                  XEN_DOMCTL_INTERFACE_VERSION);
        return -E_ACCES;
    }
    call.copy_back = false;
    r = find_domain(&call);
    if (r)
        return r;
    ASSERT(v->domain->is_control);
    r = subcall_dispatch(v, FAMILY_DOMCTL, call.op.cmd, args, &call);
    if (r >= 0 && call.copy_back && write_guest_result(v, at, &call.op, sizeof(call.op)))
        return -E_FAULT;
    return r;
}
