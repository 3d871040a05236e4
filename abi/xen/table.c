/* SPDX-License-Identifier: Apache-2.0 */
/* The table of hypercalls: every number has a row. tools/abi_table.py reads it. */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"

static int64_t not_implemented(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED)
{
    return -E_NOSYS;
}

/* Highest sub-call + 1 of each family, by its headers. */
#define FAMILY(number, function, args, who, table, last, error)                                             \
    [number] = { .name = #number, .handler = (function), .arguments = (args), .caller = (who),              \
                 .subcalls = (table), .subcall_count = (last) + 1, .default_error = -(error) }
/* A call of the headers that no guest of ours needs; docs/abi.md lists it as not done. */
#define ABSENT(number) [number] = { .name = #number, .handler = not_implemented, .default_error = -E_NOSYS }
/* A number without a name in the headers. */
#define HOLE(number) [number] = { .name = "", .handler = not_implemented, .default_error = -E_NOSYS }

const struct hypercall hypercall_table[64] = {
    FAMILY(__HYPERVISOR_platform_op, hypercall_platform_op, 1, CALLER_CONTROL, platform_subcalls, XENPF_get_symbol, E_NOSYS),
    FAMILY(__HYPERVISOR_memory_op, hypercall_memory_op, 2, CALLER_ANY, memory_subcalls, XENMEM_acquire_resource, E_NOSYS),
    FAMILY(__HYPERVISOR_multicall, hypercall_multicall, 2, CALLER_ANY, NULL, -1, E_NOSYS),
    FAMILY(__HYPERVISOR_xen_version, hypercall_xen_version, 2, CALLER_ANY, xen_version_subcalls, XENVER_build_id, E_NOSYS),
    FAMILY(__HYPERVISOR_console_io, hypercall_console_io, 3, CALLER_ANY, console_subcalls, CONSOLEIO_read, E_NOSYS),
    FAMILY(__HYPERVISOR_grant_table_op, hypercall_grant_table_op, 3, CALLER_ANY, grant_table_subcalls, GNTTABOP_cache_flush,
           E_NOSYS),
    FAMILY(__HYPERVISOR_vm_assist, hypercall_vm_assist, 2, CALLER_ANY, vm_assist_subcalls, VMASST_CMD_disable, E_NOSYS),
    FAMILY(__HYPERVISOR_vcpu_op, hypercall_vcpu_op, 3, CALLER_ANY, vcpu_subcalls, VCPUOP_register_vcpu_time_memory_area,
           E_INVAL),
    FAMILY(__HYPERVISOR_sched_op, hypercall_sched_op, 2, CALLER_ANY, sched_subcalls, SCHEDOP_pin_override, E_NOSYS),
    FAMILY(__HYPERVISOR_event_channel_op, hypercall_event_channel_op, 2, CALLER_ANY, event_channel_subcalls,
           EVTCHNOP_set_priority, E_NOSYS),
    FAMILY(__HYPERVISOR_hypfs_op, hypercall_hypfs_op, 5, CALLER_CONTROL, hypfs_subcalls, XEN_HYPFS_OP_write_contents, E_OPNOTSUPP),
    FAMILY(__HYPERVISOR_physdev_op, hypercall_physdev_op, 2, CALLER_ANY, physdev_subcalls, PHYSDEVOP_release_msix, E_NOSYS),
    FAMILY(__HYPERVISOR_hvm_op, hypercall_hvm_op, 2, CALLER_ANY, hvm_subcalls, HVMOP_altp2m, E_NOSYS),
    FAMILY(__HYPERVISOR_sysctl, hypercall_sysctl, 1, CALLER_CONTROL, sysctl_subcalls, XEN_SYSCTL_get_cpu_policy, E_NOSYS),
    FAMILY(__HYPERVISOR_domctl, hypercall_domctl, 1, CALLER_CONTROL, domctl_subcalls, XEN_DOMCTL_set_paging_mempool_size,
           E_NOSYS),

    ABSENT(__HYPERVISOR_set_trap_table),
    ABSENT(__HYPERVISOR_mmu_update),
    ABSENT(__HYPERVISOR_set_gdt),
    ABSENT(__HYPERVISOR_stack_switch),
    ABSENT(__HYPERVISOR_set_callbacks),
    ABSENT(__HYPERVISOR_fpu_taskswitch),
    ABSENT(__HYPERVISOR_sched_op_compat),
    ABSENT(__HYPERVISOR_set_debugreg),
    ABSENT(__HYPERVISOR_get_debugreg),
    ABSENT(__HYPERVISOR_update_descriptor),
    ABSENT(__HYPERVISOR_update_va_mapping),
    ABSENT(__HYPERVISOR_set_timer_op),
    ABSENT(__HYPERVISOR_event_channel_op_compat),
    ABSENT(__HYPERVISOR_physdev_op_compat),
    ABSENT(__HYPERVISOR_update_va_mapping_otherdomain),
    ABSENT(__HYPERVISOR_iret),
    ABSENT(__HYPERVISOR_set_segment_base),
    ABSENT(__HYPERVISOR_mmuext_op),
    ABSENT(__HYPERVISOR_xsm_op),
    ABSENT(__HYPERVISOR_nmi_op),
    ABSENT(__HYPERVISOR_callback_op),
    ABSENT(__HYPERVISOR_xenoprof_op),
    ABSENT(__HYPERVISOR_kexec_op),
    ABSENT(__HYPERVISOR_tmem_op),
    ABSENT(__HYPERVISOR_argo_op),
    ABSENT(__HYPERVISOR_xenpmu_op),
    ABSENT(__HYPERVISOR_dm_op),
    ABSENT(__HYPERVISOR_arch_0),
    ABSENT(__HYPERVISOR_arch_1),
    ABSENT(__HYPERVISOR_arch_2),
    ABSENT(__HYPERVISOR_arch_3),
    ABSENT(__HYPERVISOR_arch_4),
    ABSENT(__HYPERVISOR_arch_5),
    ABSENT(__HYPERVISOR_arch_6),
    ABSENT(__HYPERVISOR_arch_7),

    HOLE(11), HOLE(43), HOLE(44), HOLE(45), HOLE(46), HOLE(47),
    HOLE(56), HOLE(57), HOLE(58), HOLE(59), HOLE(60), HOLE(61), HOLE(62), HOLE(63),
};
