/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/common/stage2_fault.h"
#include "core/domain.h"
#include "lib/error.h"

static enum stage2_fault resolve(struct domain *d, gfn_t gfn, bool is_write)
{
    int error = stage2_resolve_some(&d->stage2, gfn, is_write);

    if (error == -E_NOMEM)
        domain_crash(d, "no memory to resolve a page");
    return STAGE2_AGAIN;
}

/* The fault may be of the past: another CPU changes the table while this one walks it (break before make). */
enum stage2_fault stage2_fault_look(struct domain *d, gfn_t gfn, bool is_write, bool is_fetch)
{
    struct stage2_locked l;
    enum s2_type type;
    mfn_t mfn;

    if (gfn.v >> (arch_stage2_geometry()->address_bits - PAGE_SHIFT))
        return STAGE2_NOTHING;
    l = stage2_lock(&d->stage2);
    type = stage2_lookup(l, gfn, &mfn, NULL);
    stage2_unlock(l);
    if (type == S2_EMPTY || type == S2_DOORBELL)
        return STAGE2_NOTHING;
    if (type == S2_NEEDS_WORK)
        return resolve(d, gfn, is_write);
    if (is_write && !s2_type_is_writable(type))
        return STAGE2_DENIED;
    if (is_fetch && !s2_type_is_own(type))
        return STAGE2_DENIED;
    return STAGE2_AGAIN;
}
