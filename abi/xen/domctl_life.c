/* SPDX-License-Identifier: Apache-2.0 */
/* domctl: a domain is made, held, let go, looked at and unmade. (xen/domctl.h) */
#include "abi/xen/domctl.h"
#include "arch/include/mapping.h"
#include "lib/print.h"
#include "lib/string.h"

#define CREATE_FLAGS (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap)

int create_refuse(const char *what, uint64_t value, int error)
{
    log_guest("createdomain: %s 0x%llx is not supported", what, (unsigned long long)value);
    return error;
}

static int check_create(const struct xen_domctl_createdomain *c)
{
    if (!(c->flags & XEN_DOMCTL_CDF_hvm))
        return create_refuse("a paravirtualised guest (type = \"pv\"; say \"pvh\"), with flags of", c->flags, -E_INVAL);
    if ((c->flags & ~(iommu_is_present() ? XEN_DOMCTL_CDF_iommu : 0)) != CREATE_FLAGS)
        return create_refuse("a set of flags of", c->flags, -E_INVAL);
    if (c->iommu_opts & ~(c->flags & XEN_DOMCTL_CDF_iommu ? XEN_DOMCTL_IOMMU_no_sharept : 0))
        return create_refuse("a set of IOMMU options of", c->iommu_opts, -E_INVAL);
    if (c->max_vcpus == 0 || c->max_vcpus > MAX_VCPUS)
        return create_refuse("a number of vCPUs of", c->max_vcpus, -E_INVAL);
    if (XEN_DOMCTL_GRANT_version(c->grant_opts) != 1 || c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask)
        return create_refuse("a set of grant options of", c->grant_opts, -E_INVAL);
    if (c->max_grant_frames == 0)
        return create_refuse("a grant table limit of", 0, -E_INVAL);
    if (c->vmtrace_size)
        return create_refuse("a trace buffer of", c->vmtrace_size, -E_INVAL);
    return ABI_ARCH(create_check)(&c->arch);
}

static void decode_create(const struct xen_domctl_createdomain *c, struct domain_config *config)
{
    *config = (struct domain_config){
        .flags = c->flags,
        .cpupool = c->cpupool_id,
        .iommu = c->flags & XEN_DOMCTL_CDF_iommu,
        .max_vcpus = c->max_vcpus,
        .max_event_port = MIN(c->max_evtchn_port, (uint32_t)INT32_MAX),
        .max_grant_frames = c->max_grant_frames < 0 ? 0 : (uint32_t)c->max_grant_frames,
        .max_maptrack_frames = c->max_maptrack_frames < 0 ? 0 : (uint32_t)c->max_maptrack_frames,
    };
    ABI_ARCH(create_decode)(&c->arch, config);
    memcpy(config->uuid, c->handle, sizeof(config->uuid));
}

/* What the new domain is held to beyond its configuration. An empty address space uses less than the default of table pages, and
 * nobody has mapped anything yet: neither limit can be too low. */
static void set_limits(struct domain *d, const struct xen_domctl_createdomain *c)
{
    int r = stage2_set_limit(&d->stage2, ABI_ARCH(create_table_pages));

    PANIC_IF(r, "a new domain has more than %u pages of tables", ABI_ARCH(create_table_pages));
    if (c->max_maptrack_frames == 0)
        r = grant_set_limits(d, d->grants.frames_limit, 0);
    ASSERT(r == 0);
}

/* Number 0 and those out of range ask for the next free one. The guest's structure is written to first, so that a domain is
 * not made whose number nobody gets to know. */
int64_t domctl_create(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    struct domain_config config;
    uint16_t id = call->op.domain;
    int r = check_create(&call->op.u.createdomain);

    if (!r)
        r = write_guest(v, args[0], &call->op, sizeof(call->op));
    if (r)
        return r;
    decode_create(&call->op.u.createdomain, &config);
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_createdomain);
    r = domain_create(DOMID(id && id < DOMID_FIRST_RESERVED ? id : 0xffff), &config, &call->d);
    if (r)
        return r;
    set_limits(call->d, &call->op.u.createdomain);
    call->op.domain = call->d->id.v;
    ABI_ARCH(create_answer)(call->d, &call->op.u.createdomain.arch);
    call->copy_back = true;
    return 0;
}

int64_t domctl_destroy(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    if (call->d == v->domain)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_destroydomain);
    return domain_destroy(call->d);
}

/* Counted once; then the call comes back until no vCPU is on a CPU any more. */
int64_t domctl_pause(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    int r;

    if (call->d == v->domain)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_pausedomain);
    if (!is_continued(args[1])) {
        r = domain_pause_by_controller(call->d);
        if (r)
            return r;
    }
    if (!domain_is_quiet(call->d)) {
        hypercall_set_arg(v, 1, CONTINUED(0));
        return -E_RESTART;
    }
    hypercall_set_arg(v, 1, 0);
    return 0;
}

int64_t domctl_unpause(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_unpausedomain);
    return domain_unpause_by_controller(call->d);
}

static void vcpus_info(const struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    uint32_t flags = XEN_DOMINF_blocked;

    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        const struct vcpu *v = d->vcpus[i];
        uint32_t pause;

        if (!v)
            continue;
        info->max_vcpu_id = i;
        info->cpu_time += (uint64_t)sched_unit_time(&v->unit);
        pause = atomic_load(&v->pause_flags);
        if (pause & VCPU_DOWN)
            continue;
        info->nr_online_vcpus++;
        if (!(pause & (VCPU_BLOCKED | VCPU_POLLING)))
            flags &= ~XEN_DOMINF_blocked;
        if (sched_unit_is_on_cpu(&v->unit))
            flags |= XEN_DOMINF_running;
    }
    if (info->nr_online_vcpus)
        info->flags |= flags;
}

static uint32_t life_flags(const struct domain *d)
{
    uint32_t flags = XEN_DOMINF_hvm_guest | XEN_DOMINF_hap;

    if (atomic_load(&d->life) != DOMAIN_ALIVE)
        flags |= XEN_DOMINF_dying;
    if (d->shut_down)
        flags |= XEN_DOMINF_shutdown | (uint32_t)d->shutdown_code << XEN_DOMINF_shutdownshift;
    if (atomic_load(&d->controller_pause_count))
        flags |= XEN_DOMINF_paused;
    if (d->debugger_attached)
        flags |= XEN_DOMINF_debugged;
    return flags;
}

/* Of so many claimed pages those that stand for places of its address space, which have their frames when they are touched. */
static uint64_t promised(const struct domain *d, uint64_t claim)
{
    return MIN(atomic_load(&d->stage2.mapped[S2_NEEDS_WORK]), claim);
}

/* Pages of a domain: its frames, and shared_info when it lies in its space: guests put it over a page of their RAM, which tools
 * count on. What it was promised is its own, or it would be told to balloon down to what it has touched; and what a one-to-one domain has
 * ballooned out is still its own. */
static uint64_t pages_of(const struct domain *d, uint64_t claim)
{
    uint64_t frames = atomic_load(&d->owner.frames);

    if (d->owner.one_to_one)
        return d->owner.home_frames;
    if (atomic_load(&d->life) != DOMAIN_ALIVE)
        return frames;
    return frames + promised(d, claim) + (frame_count(arch_heap_frame(d->shared_info)) > 1);
}

void domain_info(const struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    uint64_t claim = READ_ONCE(d->owner.claim);

    memset(info, 0, sizeof(*info));
    info->domain = d->id.v;
    info->flags = life_flags(d);
    vcpus_info(d, info);
    info->tot_pages = pages_of(d, claim);
    info->max_pages = MIN(d->owner.limit, (uint64_t)UINT32_MAX);      /* tools take that for no limit */
    info->outstanding_pages = claim - promised(d, claim);
    info->shared_info_frame = d->shared_info ? arch_heap_frame(d->shared_info).v : UINT64_MAX;
    memcpy(info->handle, d->uuid, sizeof(info->handle));
    info->cpupool = sched_group_pool(&d->sched)->id;
    info->gpaddr_bits = (uint8_t)arch_stage2_geometry()->address_bits;
    ABI_ARCH(create_answer)(d, &info->arch_config);
}

/* Of the domain named, or else of the next one after it. */
int64_t domctl_info(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    if (!call->d && call->op.domain >= DOMID_FIRST_RESERVED)
        return -E_INVAL;
    if (!call->d)
        call->d = domain_next(DOMID(call->op.domain));
    if (!call->d)
        return -E_SRCH;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_getdomaininfo);
    domain_info(call->d, &call->op.u.getdomaininfo);
    call->op.domain = call->d->id.v;
    call->copy_back = true;
    return 0;
}

int64_t domctl_set_handle(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_setdomainhandle);
    memcpy(call->d->uuid, call->op.u.setdomainhandle.handle, sizeof(call->d->uuid));
    return 0;
}

int64_t domctl_resume(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct domain_locked l;
    int r;

    if (call->d == v->domain)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_resumedomain);
    l = domain_lock(call->d);
    /* One that is not shut down goes on anyway. */
    r = atomic_load(&call->d->shut_down) ? domain_resume(l) : 0;
    domain_unlock(l);
    return r;
}

int64_t domctl_set_time_offset(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_settimeoffset);
    atomic_store(&call->d->time_offset_seconds, call->op.u.settimeoffset.time_offset_seconds);
    domain_update_wallclock(call->d);
    return 0;
}

/* On Arm the mark is only shown by getdomaininfo. */
int64_t domctl_set_debugging(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;

    if (call->d == v->domain)
        return -E_INVAL;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_setdebugging);
    call->d->debugger_attached = call->op.u.setdebugging.enable;
    return 0;
}
