/* SPDX-License-Identifier: Apache-2.0 */
/* platform_op: dom0 sets the host's wall clock; all else in it is x86's. (xen/platform.h) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "abi/xen/x86_64/calls.h"
#include "lib/print.h"

#define FAMILY_PLATFORM HYPERCALL(__HYPERVISOR_platform_op)
#define NSEC_PER_SEC 1000000000u

static int64_t set_time(uint64_t cmd, uint64_t seconds, uint32_t nanoseconds, uint64_t at)
{
    if (nanoseconds >= NSEC_PER_SEC || at > (uint64_t)NSEC_NEVER)
        return -E_INVAL;
    ASSERT(nanoseconds < NSEC_PER_SEC);
    subcall_reached(FAMILY_PLATFORM, cmd);
    wallclock_set(seconds, nanoseconds, (nsec_t)at);
    return 0;
}

static int64_t op_settime64(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    const struct xenpf_settime64 *t = &((struct xen_platform_op *)op)->u.settime64;

    return t->mbz ? -E_INVAL : set_time(XENPF_settime64, t->secs, t->nsecs, t->system_time);
}

static int64_t op_settime32(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    const struct xenpf_settime32 *t = &((struct xen_platform_op *)op)->u.settime32;

    return set_time(XENPF_settime32, t->secs, t->nsecs, t->system_time);
}

const struct subcall platform_subcalls[] = {
    SUBCALL(XENPF_settime32, CALLER_CONTROL, op_settime32),
    SUBCALL(XENPF_settime64, CALLER_CONTROL, op_settime64),
    SUBCALL_MISSING(XENPF_add_memtype, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_del_memtype, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_read_memtype, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_microcode_update, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_platform_quirk, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_efi_runtime_call, CALLER_CONTROL),
    SUBCALL_X86_64(XENPF_firmware_info, XENPF_firmware_info, CALLER_CONTROL, x86_firmware_info), /* only: that there is none */
    SUBCALL_MISSING(XENPF_enter_acpi_sleep, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_change_freq, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_getidletime, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_set_processor_pminfo, CALLER_CONTROL),
    SUBCALL_X86_64(XENPF_get_cpuinfo, XENPF_get_cpuinfo, CALLER_CONTROL, x86_cpu_info),
    SUBCALL_MISSING(XENPF_get_cpu_version, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_cpu_online, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_cpu_offline, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_cpu_hotadd, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_mem_hotadd, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_core_parking, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_resource_op, CALLER_CONTROL),
    SUBCALL_MISSING(XENPF_get_symbol, CALLER_CONTROL),
};
STATIC_ASSERT(ARRAY_SIZE(platform_subcalls) == XENPF_get_symbol + 1);

int64_t hypercall_platform_op(struct vcpu *v, const uint64_t args[6])
{
    struct xen_platform_op op;
    int r = read_guest(v, &op, args[0], sizeof(op));

    if (r)
        return r;
    if (op.interface_version != XENPF_INTERFACE_VERSION) {
        log_guest("d%u: platform_op of interface version 0x%x, this is 0x%x", v->domain->id.v, op.interface_version,
                  XENPF_INTERFACE_VERSION);
        return -E_ACCES;
    }
    return subcall_dispatch(v, FAMILY_PLATFORM, op.cmd, args, &op);
}
