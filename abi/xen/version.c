/* SPDX-License-Identifier: Apache-2.0 */
/* xen_version: who we are and what we can. (xen/version.h, xen/features.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "abi/xen/version.h"
#include "core/options.h"
#include "lib/string.h"

#define FAMILY_VERSION HYPERCALL(__HYPERVISOR_xen_version)

static int64_t version_number(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_VERSION, XENVER_version);
    return VERSION_MAJOR << 16 | VERSION_MINOR;
}

/* Write a fixed-size string field; the rest of the field is zero. */
static int64_t write_text(struct vcpu *v, uint64_t to, const char *text, char *field, size_t size)
{
    ASSERT(strlen(text) < size);
    memset(field, 0, size);
    string_copy(field, text, size);
    return write_guest(v, to, field, size);
}

static int64_t version_extra(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    xen_extraversion_t field;

    subcall_reached(FAMILY_VERSION, XENVER_extraversion);
    return write_text(v, args[1], VERSION_EXTRA, field, sizeof(field));
}

static int64_t version_compile_info(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_compile_info info = { .compiler = COMPILER, .compile_by = COMPILE_BY,
                                     .compile_domain = COMPILE_DOMAIN, .compile_date = COMPILE_DATE };

    subcall_reached(FAMILY_VERSION, XENVER_compile_info);
    return write_guest(v, args[1], &info, sizeof(info));
}

static int64_t version_capabilities(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    xen_capabilities_info_t field;

    subcall_reached(FAMILY_VERSION, XENVER_capabilities);
    return write_text(v, args[1], ABI_ARCH(version_capabilities)(), field, sizeof(field));
}

static int64_t version_changeset(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    xen_changeset_info_t field;

    subcall_reached(FAMILY_VERSION, XENVER_changeset);
    return write_text(v, args[1], VERSION_CHANGESET, field, sizeof(field));
}

/* Where the hypervisor lies is of no use to a translated guest and is not told. */
static int64_t version_platform(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_platform_parameters p = { .virt_start = 0 };

    subcall_reached(FAMILY_VERSION, XENVER_platform_parameters);
    return WRITE_STRUCT(v, args[1], &p, NARROW_xen_platform_parameters);
}

static uint32_t features_of(const struct domain *d)
{
    uint32_t f = 1u << XENFEAT_memory_op_vnode_supported | 1u << XENFEAT_writable_page_tables |
                 1u << XENFEAT_auto_translated_physmap | ABI_ARCH(version_features);

    if (d->is_control)
        f |= 1u << XENFEAT_dom0;
    f |= 1u << (d->direct_mapped ? XENFEAT_direct_mapped : XENFEAT_not_direct_mapped);
    return f;
}

static int64_t version_features(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct xen_feature_info info;
    int r = read_guest(v, &info, args[1], sizeof(info));

    if (r)
        return r;
    if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -E_INVAL;
    subcall_reached(FAMILY_VERSION, XENVER_get_features);
    info.submap = features_of(v->domain);
    return write_guest(v, args[1], &info, sizeof(info));
}

static int64_t version_page_size(struct vcpu *v UNUSED, const uint64_t args[6], void *op UNUSED)
{
    if (args[1])
        return -E_INVAL;
    subcall_reached(FAMILY_VERSION, XENVER_pagesize);
    return PAGE_SIZE;
}

static int64_t version_guest_handle(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    xen_domain_handle_t handle;

    STATIC_ASSERT(sizeof(handle) == sizeof(v->domain->uuid));
    subcall_reached(FAMILY_VERSION, XENVER_guest_handle);
    memcpy(handle, v->domain->uuid, sizeof(handle));
    return write_guest(v, args[1], handle, sizeof(handle));
}

static int64_t version_command_line(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    xen_commandline_t field;

    subcall_reached(FAMILY_VERSION, XENVER_commandline);
    return write_text(v, args[1], v->domain->is_control ? boot_options.text : "<denied>", field, sizeof(field));
}

/* The image is linked without one. */
static int64_t version_build_id(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_VERSION, XENVER_build_id);
    return -E_NODATA;
}

const struct subcall xen_version_subcalls[] = {
    SUBCALL(XENVER_version, CALLER_ANY, version_number),
    SUBCALL(XENVER_extraversion, CALLER_ANY, version_extra),
    SUBCALL(XENVER_compile_info, CALLER_ANY, version_compile_info),
    SUBCALL(XENVER_capabilities, CALLER_ANY, version_capabilities),
    SUBCALL(XENVER_changeset, CALLER_ANY, version_changeset),
    SUBCALL(XENVER_platform_parameters, CALLER_ANY, version_platform),
    SUBCALL(XENVER_get_features, CALLER_ANY, version_features),
    SUBCALL(XENVER_pagesize, CALLER_ANY, version_page_size),
    SUBCALL(XENVER_guest_handle, CALLER_ANY, version_guest_handle),
    SUBCALL(XENVER_commandline, CALLER_ANY, version_command_line),
    SUBCALL_REFUSED(XENVER_build_id, CALLER_CONTROL, version_build_id),
};
STATIC_ASSERT(ARRAY_SIZE(xen_version_subcalls) == XENVER_build_id + 1);

int64_t hypercall_xen_version(struct vcpu *v, const uint64_t args[6])
{
    return subcall_run(v, xen_version_subcalls, ARRAY_SIZE(xen_version_subcalls), -E_NOSYS, args[0], args, NULL);
}
