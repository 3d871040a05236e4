/* SPDX-License-Identifier: Apache-2.0 */
/* hvm_op: numbers that a toolstack leaves for a guest to find, each with its own rule of who may see and change it.
 * (xen/hvm/hvm_op.h, xen/hvm/params.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/params.h"
#include "abi/xen/public.h"
#include "abi/xen/x86_64/calls.h"

#define FAMILY_HVM HYPERCALL(__HYPERVISOR_hvm_op)

/* The domain and parameter that `in` names, if v may set (read) it: 0, -E_INVAL, -E_PERM, -E_SRCH. */
static int check_param(struct vcpu *v, struct xen_hvm_param *in, bool set, struct domain **out)
{
    uint8_t right;
    int r;

    *out = NULL;
    if (in->index >= HVM_NR_PARAMS)
        return -E_INVAL;
    in->index = (uint32_t)array_index_nospec(in->index, HVM_NR_PARAMS);
    *out = target_domain(v, in->domid, &r);
    if (!*out)
        return r;
    right = ABI_ARCH(param_rights)[in->index];
    if (right == PARAM_NONE)
        return -E_INVAL;
    if (*out == v->domain && (right == PARAM_TOOLSTACK || (set && right != PARAM_GUEST_SETS)))
        return -E_PERM;
    return 0;
}

static int64_t op_set_param(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_hvm_param in;
    struct domain *d;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (!r)
        r = check_param(v, &in, true, &d);
    if (r)
        return r;
    STATIC_ASSERT(ARRAY_SIZE(d->hvm_params) >= HVM_NR_PARAMS);
    ASSERT(in.index < HVM_NR_PARAMS);
    subcall_reached(FAMILY_HVM, HVMOP_set_param);
    r = ABI_ARCH(param_effect)(d, in.index, in.value);
    if (!r)
        atomic_store(&d->hvm_params[in.index], in.value);
    return r;
}

static int64_t op_get_param(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_hvm_param in;
    struct domain *d;
    int r = read_guest(v, &in, args[1], sizeof(in));

    if (!r)
        r = check_param(v, &in, false, &d);
    if (r)
        return r;
    subcall_reached(FAMILY_HVM, HVMOP_get_param);
    in.value = atomic_load(&d->hvm_params[in.index]);
    return write_guest(v, args[1], &in, sizeof(in));
}

const struct subcall hvm_subcalls[] = {
    SUBCALL(HVMOP_set_param, CALLER_ANY, op_set_param),
    SUBCALL(HVMOP_get_param, CALLER_ANY, op_get_param),
    SUBCALL_HIDDEN(2, HVMOP_set_pci_intx_level, CALLER_CONTROL),
    SUBCALL_HIDDEN(3, HVMOP_set_isa_irq_level, CALLER_CONTROL),
    SUBCALL_HIDDEN(4, HVMOP_set_pci_link_route, CALLER_CONTROL),
    SUBCALL_MISSING(HVMOP_flush_tlbs, CALLER_ANY),
    SUBCALL_MISSING(HVMOP_pagetable_dying, CALLER_ANY),
    SUBCALL_MISSING(HVMOP_get_time, CALLER_ANY),
    SUBCALL_MISSING(HVMOP_xentrace, CALLER_ANY),
    SUBCALL_MISSING(HVMOP_set_mem_access, CALLER_CONTROL),
    SUBCALL_MISSING(HVMOP_get_mem_access, CALLER_CONTROL),
    SUBCALL_MISSING(HVMOP_get_mem_type, CALLER_ANY),
    SUBCALL_X86_64(23, HVMOP_set_evtchn_upcall_vector, CALLER_ANY, x86_set_upcall_vector),
    SUBCALL_MISSING(HVMOP_guest_request_vm_event, CALLER_ANY),
    SUBCALL_MISSING(HVMOP_altp2m, CALLER_ANY),
};
STATIC_ASSERT(ARRAY_SIZE(hvm_subcalls) == HVMOP_altp2m + 1);

int64_t hypercall_hvm_op(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, FAMILY_HVM, args[0], args, NULL);
}
