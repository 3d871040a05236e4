/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: what only x86 has, but for the processors' state (hvm_context.c). (xen/domctl.h) */
#define ABI_X86_64 1
#include "abi/xen/domctl.h"
#include "abi/xen/x86_64/calls.h"
#include "arch/include/x86_vcpu.h"
#include "vdev/x86_64/platform.h"

#define PORTS 0x10000
#define MIB_SHIFT 20

/* Guests read the host's counter, whose frequency is constant; nothing is emulated. */
int64_t x86_set_tsc_info(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_tsc_info *in = &call->op.u.tsc_info;

    if (call->d == v->domain)
        return -E_INVAL;
    if (in->tsc_mode != X86_TSC_DEFAULT && in->tsc_mode != X86_TSC_NATIVE)
        return -E_OPNOTSUPP;
    if (in->gtsc_khz && in->gtsc_khz != arch_counter_khz())
        return -E_OPNOTSUPP;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_settscinfo);
    WRITE_ONCE(call->d->arch.x86.tsc_mode, (uint8_t)in->tsc_mode);
    WRITE_ONCE(call->d->arch.x86.tsc_incarnation, in->incarnation);
    return 0;
}

int64_t x86_get_tsc_info(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_tsc_info *out = &call->op.u.tsc_info;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_gettscinfo);
    *out = (struct xen_domctl_tsc_info){
        .tsc_mode = READ_ONCE(call->d->arch.x86.tsc_mode),
        .gtsc_khz = arch_counter_khz(),
        .incarnation = READ_ONCE(call->d->arch.x86.tsc_incarnation),
        .elapsed_nsec = (uint64_t)arch_time_now(),
    };
    call->copy_back = true;
    return 0;
}

/* The limit of table pages under its older name. There is no dirty log. */
int64_t x86_shadow_op(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_shadow_op *in = &call->op.u.shadow_op;

    if (call->d == v->domain)
        return -E_INVAL;
    if (in->op != XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION && in->op != XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION)
        return -E_OPNOTSUPP;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_shadow_op);
    if (in->op == XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION)
        return stage2_set_limit(&call->d->stage2, MAX((uint64_t)in->mb << (MIB_SHIFT - PAGE_SHIFT), UINT64_C(1)));
    in->mb = (uint32_t)((call->d->stage2.table_limit + (1u << (MIB_SHIFT - PAGE_SHIFT)) - 1) >> (MIB_SHIFT - PAGE_SHIFT));
    call->copy_back = true;
    return 0;
}

/* No guest gets a port of the host: taking one away is done, giving one is not. */
int64_t x86_ioport_permission(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_ioport_permission *in = &call->op.u.ioport_permission;

    if (call->d == v->domain || in->first_port >= PORTS || in->nr_ports > PORTS - in->first_port)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_ioport_permission);
    return in->allow_access ? -E_OPNOTSUPP : 0;
}

/* `xl trigger`: an NMI. A PVH guest has no buttons, and the reference knows neither of the other two. */
int64_t x86_send_trigger(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    static const int answers[] = {
        [XEN_DOMCTL_SENDTRIGGER_NMI] = 0, [XEN_DOMCTL_SENDTRIGGER_RESET] = -E_NOSYS, [XEN_DOMCTL_SENDTRIGGER_INIT] = -E_NOSYS,
        [XEN_DOMCTL_SENDTRIGGER_POWER] = -E_OPNOTSUPP, [XEN_DOMCTL_SENDTRIGGER_SLEEP] = -E_OPNOTSUPP,
    };
    struct domctl_call *call = op;
    const struct xen_domctl_sendtrigger *in = &call->op.u.sendtrigger;
    struct vcpu *target = domain_vcpu(call->d, in->vcpu);
    int answer = in->trigger < ARRAY_SIZE(answers) ? answers[array_index_nospec(in->trigger, ARRAY_SIZE(answers))] : -E_NOSYS;

    if (!target)
        return -E_SRCH;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_sendtrigger);
    if (!answer)
        x86_vcpu_raise_nmi(target);
    return answer;
}
