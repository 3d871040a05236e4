/* SPDX-License-Identifier: Apache-2.0 */
/* hvm_op: the parameters of an x86 guest and how it is told of events. (xen/hvm/params.h, xen/hvm/hvm_op.h) */
#define ABI_X86_64 1
#include "abi/xen/params.h"
#include "abi/xen/public.h"
#include "abi/xen/x86_64/calls.h"

#define TYPE_SHIFT 56
#define VECTOR_FIRST 0x10       /* those below are exceptions' */
#define TIMER_MODES 4

const uint8_t x86_param_rights[HVM_NR_PARAMS] = {
    [HVM_PARAM_CALLBACK_IRQ] = PARAM_GUEST_SETS,
    [HVM_PARAM_STORE_PFN] = PARAM_GUEST_READS,
    [HVM_PARAM_STORE_EVTCHN] = PARAM_GUEST_READS,
    [HVM_PARAM_CONSOLE_PFN] = PARAM_GUEST_READS,
    [HVM_PARAM_CONSOLE_EVTCHN] = PARAM_GUEST_READS,
    [HVM_PARAM_IOREQ_PFN] = PARAM_TOOLSTACK,
    [HVM_PARAM_BUFIOREQ_PFN] = PARAM_TOOLSTACK,
    [HVM_PARAM_PAGING_RING_PFN] = PARAM_TOOLSTACK,
    [HVM_PARAM_MONITOR_RING_PFN] = PARAM_TOOLSTACK,
    [HVM_PARAM_SHARING_RING_PFN] = PARAM_TOOLSTACK,
    [HVM_PARAM_IDENT_PT] = PARAM_TOOLSTACK,
    [HVM_PARAM_TIMER_MODE] = PARAM_TOOLSTACK,
    [HVM_PARAM_NESTEDHVM] = PARAM_TOOLSTACK,
    [HVM_PARAM_ALTP2M] = PARAM_TOOLSTACK,
};

/* By a vector. A line of an interrupt controller, which a guest without one may name nevertheless, reaches nobody. */
static int set_callback(struct domain *d, uint64_t value)
{
    uint64_t type = value >> TYPE_SHIFT;
    uint8_t vector = type == HVM_PARAM_CALLBACK_TYPE_VECTOR ? (uint8_t)value : 0;

    if (type > HVM_PARAM_CALLBACK_TYPE_VECTOR || (type == HVM_PARAM_CALLBACK_TYPE_VECTOR && vector < VECTOR_FIRST))
        return -E_INVAL;
    WRITE_ONCE(d->arch.event_vector, vector);
    domain_layout_by_caller(d);
    return 0;
}

int x86_param_effect(struct domain *d, uint32_t index, uint64_t value)
{
    if (index == HVM_PARAM_CALLBACK_IRQ)
        return set_callback(d, value);
    if (index == HVM_PARAM_NESTEDHVM || index == HVM_PARAM_ALTP2M)
        return value ? -E_OPNOTSUPP : 0;
    return index == HVM_PARAM_TIMER_MODE && value >= TIMER_MODES ? -E_INVAL : 0;
}

/* For one of the caller's own vCPUs, instead of the domain's. What is pending already is raised anew. */
int64_t x86_set_upcall_vector(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_hvm_evtchn_upcall_vector in;
    struct vcpu *target;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (r)
        return r;
    if (in.vector < VECTOR_FIRST)
        return -E_INVAL;
    target = domain_vcpu(v->domain, in.vcpu);
    if (!target)
        return -E_NOENT;
    subcall_reached(HYPERCALL(__HYPERVISOR_hvm_op), HVMOP_set_evtchn_upcall_vector);
    WRITE_ONCE(target->arch.event_vector, in.vector);
    if (event_vcpu_pending(target))
        arch_vcpu_raise_upcall(target);
    return 0;
}
