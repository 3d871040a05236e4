/* SPDX-License-Identifier: Apache-2.0 */
/* VCPUOP_register_vcpu_info: the structure moves into a page of the guest, which stays mapped in the arena (xen/vcpu.h). */
#include "core/domain.h"
#include "core/shared_info.h"
#include "lib/error.h"
#include "lib/string.h"

void *domain_map_shared(struct domain *d, gfn_t gfn, int *error)
{
    enum s2_type type;
    void *page;
    mfn_t mfn;

    *error = stage2_get_frame(&d->stage2, gfn, true, &mfn, &type);
    if (*error == -E_AGAIN) {
        *error = stage2_resolve(&d->stage2, gfn, true);
        if (!*error)
            *error = -E_RESTART;
        return NULL;
    }
    if (*error) {
        *error = -E_INVAL;
        return NULL;
    }
    page = s2_type_is_own(type) ? arena_map(&d->arena, mfn) : NULL;
    if (!page) {
        *error = s2_type_is_own(type) ? -E_NOMEM : -E_INVAL;
        frame_put(mfn);
    }
    return page;
}

/* Events that arrive in the old place while it moves are covered by marking everything pending in the new one. */
static void move(struct vcpu *v, void *info)
{
    ASSERT(!v->info_registered);
    if (v->info == v->dummy_info)
        memset(info, 0, sizeof(struct guest_vcpu_info));
    else
        memcpy(info, v->info, sizeof(struct guest_vcpu_info));
    atomic_store_release(&v->info, info);
    v->info_registered = true;
    event_mark_all_pending(v);
}

int vcpu_register_info(struct vcpu *v, gfn_t gfn, uint32_t offset)
{
    struct domain *d = v->domain;
    struct domain_locked l;
    void *page;
    int error;

    if (offset > PAGE_SIZE - sizeof(struct guest_vcpu_info) || !IS_ALIGNED(offset, sizeof(uint64_t)))
        return -E_NXIO;
    /* By the vCPU itself, or for one that is down. */
    if (v != cpu_current_vcpu() && !(atomic_load(&v->pause_flags) & VCPU_DOWN))
        return -E_INVAL;
    page = domain_map_shared(d, gfn, &error);
    if (!page)
        return error;
    l = domain_lock(d);
    if (v->info_registered || atomic_load(&d->life) != DOMAIN_ALIVE) {
        domain_unlock(l);
        arena_unmap(&d->arena, page);
        return -E_INVAL;
    }
    move(v, (char *)page + offset);
    domain_unlock(l);
    return 0;
}
