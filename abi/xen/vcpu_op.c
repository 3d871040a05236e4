/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu_op: what a guest registers for its vCPUs. On Arm only the two registrations exist, the rest is PSCI's. (xen/vcpu.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "abi/xen/x86_64/calls.h"

#define FAMILY_VCPU HYPERCALL(__HYPERVISOR_vcpu_op)

/* By the vCPU itself or for one that is down. */
static int64_t op_register_info(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct vcpu *target = op;
    struct vcpu_register_vcpu_info in;
    int r = read_guest(v, &in, args[2], sizeof(in));

    if (r)
        return r;
    if (in.offset > PAGE_SIZE - sizeof(struct vcpu_info))
        return -E_NXIO;
    if (!gfn_is_valid(in.mfn))
        return -E_INVAL;
    subcall_reached(FAMILY_VCPU, VCPUOP_register_vcpu_info);
    return vcpu_register_info(target, GFN(in.mfn), in.offset);
}

/* The address is a virtual one and means something in the caller's own address space alone. */
static int64_t op_register_runstate(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct vcpu *target = op;
    struct vcpu_register_runstate_memory_area in;
    int r = read_guest(v, &in, args[2], sizeof(in));

    if (r)
        return r;
    if (target != v)
        return -E_INVAL;
    subcall_reached(FAMILY_VCPU, VCPUOP_register_runstate_memory_area);
    /* Of a pointer that is the shorter one the rest is whatever was there. */
    return vcpu_register_runstate(v, GVA(vcpu_call_is_narrow(v) ? (uint32_t)in.addr.p : in.addr.p));
}

const struct subcall vcpu_subcalls[] = {
    SUBCALL_X86_64(VCPUOP_initialise, VCPUOP_initialise, CALLER_ANY, x86_vcpu_initialise),
    SUBCALL_X86_64(VCPUOP_up, VCPUOP_up, CALLER_ANY, x86_vcpu_up),
    SUBCALL_X86_64(VCPUOP_down, VCPUOP_down, CALLER_ANY, x86_vcpu_down),
    SUBCALL_X86_64(VCPUOP_is_up, VCPUOP_is_up, CALLER_ANY, x86_vcpu_is_up),
    SUBCALL_X86_64(VCPUOP_get_runstate_info, VCPUOP_get_runstate_info, CALLER_ANY, x86_vcpu_runstate),
    SUBCALL(VCPUOP_register_runstate_memory_area, CALLER_ANY, op_register_runstate),
    SUBCALL_X86_64(VCPUOP_set_periodic_timer, VCPUOP_set_periodic_timer, CALLER_ANY, x86_vcpu_set_periodic),
    SUBCALL_X86_64(VCPUOP_stop_periodic_timer, VCPUOP_stop_periodic_timer, CALLER_ANY, x86_vcpu_stop_periodic),
    SUBCALL_X86_64(VCPUOP_set_singleshot_timer, VCPUOP_set_singleshot_timer, CALLER_ANY, x86_vcpu_set_singleshot),
    SUBCALL_X86_64(VCPUOP_stop_singleshot_timer, VCPUOP_stop_singleshot_timer, CALLER_ANY, x86_vcpu_stop_singleshot),
    SUBCALL(VCPUOP_register_vcpu_info, CALLER_ANY, op_register_info),
    SUBCALL_MISSING(VCPUOP_send_nmi, CALLER_ANY),
    SUBCALL_MISSING(VCPUOP_get_physid, CALLER_ANY),
    SUBCALL_MISSING(VCPUOP_register_vcpu_time_memory_area, CALLER_ANY),
};
STATIC_ASSERT(ARRAY_SIZE(vcpu_subcalls) == VCPUOP_register_vcpu_time_memory_area + 1);

int64_t hypercall_vcpu_op(struct vcpu *v, const uint64_t args[6])
{
    struct vcpu *target = domain_vcpu(v->domain, (uint32_t)args[1]);

    if (!target)
        return -E_NOENT;
    return subcall_dispatch(v, FAMILY_VCPU, args[0], args, target);
}
