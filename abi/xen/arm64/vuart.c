/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: the emulated UART. (xen/domctl.h) */
#include "abi/xen/domctl.h"
#include "abi/xen/layout.h"
#include "vdev/arm64/vpl011.h"

SAME_SIZE(struct xencons_interface, struct console_ring);
SAME_OFFSET(struct xencons_interface, out, struct console_ring, out);
SAME_OFFSET(struct xencons_interface, in_cons, struct console_ring, in_cons);
SAME_OFFSET(struct xencons_interface, in_prod, struct console_ring, in_prod);
SAME_OFFSET(struct xencons_interface, out_cons, struct console_ring, out_cons);
SAME_OFFSET(struct xencons_interface, out_prod, struct console_ring, out_prod);
STATIC_ASSERT(GUEST_PL011_SIZE == VPL011_SIZE && GUEST_VPL011_SPI == VPL011_IRQ);

static int check_vuart(const struct domctl_call *call)
{
    const struct xen_domctl_vuart_op *in = &call->op.u.vuart_op;

    if (in->pad[0] || in->pad[1] || in->cmd != XEN_DOMCTL_VUART_OP_INIT || !gfn_is_valid(in->gfn))
        return -E_INVAL;
    if (atomic_load(&call->d->started) && !vpl011_is_local(call->d))
        return -E_PERM;
    return in->type == XEN_DOMCTL_VUART_TYPE_VPL011 ? 0 : -E_OPNOTSUPP;
}

/* Under domain control, so that two calls do not make two. A domain that starts meanwhile is its toolstack's own mistake, and harmless:
 * the registers are there or not. */
int64_t domctl_vuart(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_vuart_op *in = &call->op.u.vuart_op;
    struct domain_locked l;
    int r = check_vuart(call);

    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_vuart_op);
    l = domain_lock(call->d);
    r = vpl011_create_ring(call->d, GFN(in->gfn), DOMID(in->console_domid), &in->evtchn);
    domain_unlock(l);
    call->copy_back = !r;
    return r;
}
