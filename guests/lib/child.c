/* SPDX-License-Identifier: Apache-2.0 */
/* What of events and of the toolstack of one file (domain.c) is arm64's own. */

#include "guests/lib/hypercall.h"

unsigned events_ppi(const void *fdt)
{
    unsigned node, len;
    const uint32_t *cells;

    if (!fdt)
        return GUEST_EVTCHN_PPI;
    node = fdt_find(fdt, "compatible", "xen,xen");
    ASSERT(node);
    cells = fdt_prop(fdt, node, "interrupts", &len);
    ASSERT(cells && len >= 12);
    return 16 + fdt_u32(cells, 1);
}

/* reg of the hypervisor node: the grant region, then regions that hold nothing of ours. */
void toolstack_init(const void *fdt)
{
    unsigned node = fdt_find(fdt, "compatible", "xen,xen");
    unsigned len, pick;
    const uint32_t *reg;

    ASSERT(node);
    reg = fdt_prop(fdt, node, "reg", &len);
    ASSERT(reg && len >= 16);
    pick = len >= 32 ? 2 : 0;
    toolstack_use(fdt_u64(reg, pick), fdt_u64(reg, pick + 1));
}

void domain_words(struct xen_domctl_createdomain *words)
{
    (void)words;
}

static long copy_image(domid_t id)
{
    size_t size = (size_t)(__image_end - _start);

    ASSERT(!(size & (PAGE_SIZE - 1)));
    for (size_t at = 0; at < size; at += PAGE_SIZE) {
        void *page = foreign_map(id, (CHILD_MEMORY_BASE + at) >> PAGE_SHIFT);
        long rc;

        if (!page)
            return -XEN_EFAULT;
        memcpy(page, _start + at, PAGE_SIZE);
        rc = foreign_unmap(page);
        if (rc)
            return rc;
    }
    return 0;
}

static long set_context(domid_t id, child_fn fn)
{
    struct vcpu_guest_context context = { .flags = VGCF_online, .sctlr = SCTLR_GUEST_INIT };
    struct xen_domctl op = { 0 };

    context.user_regs.pc64 = CHILD_MEMORY_BASE;
    context.user_regs.cpsr = PSR_GUEST64_INIT;
    context.user_regs.x0 = CHILD_MAGIC;
    context.user_regs.x1 = (uint64_t)((char *)fn - _start);
    context.user_regs.x2 = CHILD_SHARED_GPA;
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    return domctl(&op, XEN_DOMCTL_setvcpucontext, id);
}

long child_configure(domid_t id)
{
    struct xen_domctl op = { .u.address_size.size = 64 };

    return domctl(&op, XEN_DOMCTL_set_address_size, id);
}

long child_prepare(domid_t id, child_fn fn)
{
    long rc = copy_image(id);

    return rc ? rc : set_context(id, fn);
}
