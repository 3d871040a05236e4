/* SPDX-License-Identifier: Apache-2.0 */
/* vm_assist: on Arm one thing can be turned on, the update flag in the runstate area. (xen/xen.h, VMASST_*) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"

#define FAMILY_ASSIST HYPERCALL(__HYPERVISOR_vm_assist)
#define ASSISTS BIT(VMASST_TYPE_runstate_update_flag)

static bool assist_is_known(uint32_t type)
{
    return type < 64 && ASSISTS >> type & 1;
}

static int64_t op_enable(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    uint32_t type = (uint32_t)args[1];

    if (!assist_is_known(type))
        return -E_INVAL;
    subcall_reached(FAMILY_ASSIST, VMASST_CMD_enable);
    ASSERT(type < 64);
    atomic_fetch_or(&v->domain->vm_assist, BIT(type));
    return 0;
}

static int64_t op_disable(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    uint32_t type = (uint32_t)args[1];

    if (!assist_is_known(type))
        return -E_INVAL;
    subcall_reached(FAMILY_ASSIST, VMASST_CMD_disable);
    atomic_fetch_and(&v->domain->vm_assist, ~BIT(type));
    return 0;
}

const struct subcall vm_assist_subcalls[] = {
    SUBCALL(VMASST_CMD_enable, CALLER_ANY, op_enable),
    SUBCALL(VMASST_CMD_disable, CALLER_ANY, op_disable),
};

int64_t hypercall_vm_assist(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, FAMILY_ASSIST, (uint32_t)args[0], args, NULL);
}
