/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what only x86 has, of calls with 4-byte longs, and of the hypervisor file system. */
#define ABI_X86_64 1
#include "tests/fuzz/shape_macros.h"
#include "lib/string.h"
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/save.h>

/* -- what fields point to -- */

/* A header, one record of a vCPU, and the end. */
static size_t make_stream(struct input *in, uint8_t *to)
{
    static const struct { uint16_t code, length; } kinds[] = {
        { HVM_SAVE_CODE(CPU), HVM_SAVE_LENGTH(CPU) }, { HVM_SAVE_CODE(MTRR), HVM_SAVE_LENGTH(MTRR) },
        { HVM_SAVE_CODE(LAPIC), HVM_SAVE_LENGTH(LAPIC) }, { HVM_SAVE_CODE(LAPIC_REGS), HVM_SAVE_LENGTH(LAPIC_REGS) },
        { HVM_SAVE_CODE(TSC_ADJUST), HVM_SAVE_LENGTH(TSC_ADJUST) }, { CPU_XSAVE_CODE, sizeof(struct hvm_hw_cpu_xsave) },
        { CPU_MSR_CODE, sizeof(struct hvm_msr) + sizeof(struct hvm_one_msr) }, { HVM_SAVE_CODE(PIT), HVM_SAVE_LENGTH(PIT) },
    };
    unsigned kind = (unsigned)take_below(in, ARRAY_SIZE(kinds));
    struct { struct hvm_save_descriptor d; struct hvm_save_header h; struct hvm_save_descriptor one; } head = {
        { HVM_SAVE_CODE(HEADER), 0, HVM_SAVE_LENGTH(HEADER) }, { .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION },
        { kinds[kind].code, (uint16_t)take_below(in, 3), take_byte(in) < 250 ? kinds[kind].length : take_byte(in) },
    };
    struct hvm_save_descriptor end = { .typecode = HVM_SAVE_CODE(END) };
    uint8_t *body = to + sizeof(head);

    memcpy(to, &head, sizeof(head));
    for (unsigned n = (unsigned)take_below(in, 24); n; n--)
        body[take_bytes(in, 2) % MAX(kinds[kind].length, 1)] = take_byte(in);
    memcpy(body + head.one.length, &end, sizeof(end));
    return sizeof(head) + head.one.length + sizeof(end);
}

static size_t make_leaves(struct input *in, uint8_t *to)
{
    static const uint32_t leaves[] = { 0, 1, 4, 7, 0xb, 0xd, 0x40000000, 0x80000000, 0x80000001, 0x80000007, 0x80000008 };
    struct xen_cpuid_leaf l[4];

    for (unsigned i = 0; i < ARRAY_SIZE(l); i++) {
        uint32_t leaf = leaves[take_below(in, ARRAY_SIZE(leaves))];

        l[i] = (struct xen_cpuid_leaf){ .leaf = leaf, .subleaf = leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd ? take_byte(in) & 1
                                                                                                                   : XEN_CPUID_NO_SUBLEAF,
                                        .b = (uint32_t)take_bytes(in, 4), .c = (uint32_t)take_bytes(in, 4), .d = (uint32_t)take_bytes(in, 4) };
        l[i].a = leaf & 0x7fffffff && leaf != 7 ? (uint32_t)take_bytes(in, 4) : take_byte(in) & 15;
    }
    memcpy(to, l, sizeof(l));
    return sizeof(l);
}

static size_t make_msrs(struct input *in, uint8_t *to)
{
    struct xen_msr_entry e[2] = { { .idx = 0xce, .val = (uint64_t)(take_byte(in) & 1) << 31 }, { .idx = 0x10a } };

    if (take_byte(in) > 230)
        e[take_byte(in) & 1].val = take_bytes(in, 8);
    memcpy(to, e, sizeof(e));
    return sizeof(e);
}

size_t x86_make_list(struct input *in, enum field_kind kind, uint8_t to[X86_LIST_ROOM])
{
    return kind == FIELD_STREAM ? make_stream(in, to) : kind == FIELD_LEAVES ? make_leaves(in, to) : make_msrs(in, to);
}

/* -- the table -- */

typedef struct xen_foreign_memory_map foreign_map;
typedef struct vcpu_hvm_context start;
typedef struct xen_hvm_evtchn_upcall_vector upcall;

/* In the layout of a caller with 4-byte longs. */
#define NARROW(call, sub, how, type, ...) \
    { .family = __HYPERVISOR_##call, .number = (sub), .style = STYLE_##how, .narrow = true, .size = sizeof(struct narrow_##type), \
      FIELDS(__VA_ARGS__) }
#define N(type, member, what) F(struct narrow_##type, member, what)
#define NV(type, member, what, v) FV(struct narrow_##type, member, what, v)
#define NARROW_PLAIN(call, sub, how) { .family = __HYPERVISOR_##call, .number = (sub), .style = STYLE_##how, .narrow = true }
#define NARROW_RESERVATION(sub) \
    NARROW(memory_op, sub, COMMAND, xen_memory_reservation, N(xen_memory_reservation, extent_start, GFNS), \
           NV(xen_memory_reservation, nr_extents, SMALL, 16), NV(xen_memory_reservation, extent_order, SMALL, 1), \
           N(xen_memory_reservation, domid, DOMAIN))

const struct shape x86_shapes[] = {
    SHAPE(memory_op, XENMEM_memory_map, COMMAND, struct xen_memory_map, FV(struct xen_memory_map, nr_entries, SMALL, 8),
          F(struct xen_memory_map, buffer, BUFFER)),
    SHAPE(memory_op, XENMEM_set_memory_map, COMMAND, foreign_map, F(foreign_map, domid, DOMAIN), FV(foreign_map, map.nr_entries, SMALL, 8),
          F(foreign_map, map.buffer, BUFFER)),
    SHAPE(vcpu_op, VCPUOP_initialise, VCPU, start, FV(start, mode, FIXED, VCPU_HVM_MODE_32B), F(start, cpu_regs.x86_32.eip, RAW)),
    SHAPE(vcpu_op, VCPUOP_initialise, VCPU, start, FV(start, mode, FIXED, VCPU_HVM_MODE_64B), FV(start, cpu_regs.x86_64.cr0, FIXED, 0x80000001),
          FV(start, cpu_regs.x86_64.cr4, FIXED, 0x20), FV(start, cpu_regs.x86_64.efer, FIXED, 0x100), F(start, cpu_regs.x86_64.rip, RAW)),
    PLAIN(vcpu_op, VCPUOP_up, VCPU),
    PLAIN(vcpu_op, VCPUOP_down, VCPU),
    PLAIN(vcpu_op, VCPUOP_is_up, VCPU),
    SHAPE(vcpu_op, VCPUOP_get_runstate_info, VCPU, struct vcpu_runstate_info, F(struct vcpu_runstate_info, state, RAW)),
    SHAPE(vcpu_op, VCPUOP_set_periodic_timer, VCPU, struct vcpu_set_periodic_timer, FV(struct vcpu_set_periodic_timer, period_ns, FIXED, 1000000)),
    PLAIN(vcpu_op, VCPUOP_stop_periodic_timer, VCPU),
    SHAPE(vcpu_op, VCPUOP_set_singleshot_timer, VCPU, struct vcpu_set_singleshot_timer, F(struct vcpu_set_singleshot_timer, timeout_abs_ns, TIME),
          FV(struct vcpu_set_singleshot_timer, flags, SMALL, 1)),
    PLAIN(vcpu_op, VCPUOP_stop_singleshot_timer, VCPU),
    SHAPE(hvm_op, HVMOP_set_evtchn_upcall_vector, COMMAND, upcall, F(upcall, vcpu, VCPU), FV(upcall, vector, SMALL, 255)),
    PLATFORM(XENPF_firmware_info, FV(struct xen_platform_op, u.firmware_info.type, SMALL, 4)),
    PLATFORM(XENPF_get_cpuinfo, FV(struct xen_platform_op, u.pcpu_info.xen_cpuid, SMALL, 3)),
    SYSCTL(XEN_SYSCTL_get_cpu_levelling_caps, S(pad, RAW)),
    SYSCTL(XEN_SYSCTL_get_cpu_featureset, SV(cpu_featureset.index, SMALL, 5), SV(cpu_featureset.nr_features, SMALL, 30),
           S(cpu_featureset.features, BUFFER)),
    SYSCTL(XEN_SYSCTL_get_cpu_policy, SV(cpu_policy.index, SMALL, 5), SV(cpu_policy.nr_leaves, SMALL, 64), S(cpu_policy.leaves, BUFFER),
           SV(cpu_policy.nr_msrs, SMALL, 4), S(cpu_policy.msrs, BUFFER)),
    DOMCTL(XEN_DOMCTL_get_cpu_policy, UV(cpu_policy.nr_leaves, SMALL, 64), U(cpu_policy.leaves, BUFFER), UV(cpu_policy.nr_msrs, SMALL, 4),
           U(cpu_policy.msrs, BUFFER)),
    DOMCTL(XEN_DOMCTL_set_cpu_policy, UV(cpu_policy.nr_leaves, SMALL, 4), U(cpu_policy.leaves, LEAVES), UV(cpu_policy.nr_msrs, SMALL, 2),
           U(cpu_policy.msrs, MSRS)),
    DOMCTL(XEN_DOMCTL_gethvmcontext, UV(hvmcontext.size, FIXED, 16384), U(hvmcontext.buffer, BUFFER)),
    DOMCTL(XEN_DOMCTL_sethvmcontext, UV(hvmcontext.size, FIXED, 1200), U(hvmcontext.buffer, STREAM)),
    DOMCTL(XEN_DOMCTL_gethvmcontext_partial, UV(hvmcontext_partial.type, SMALL, 20), U(hvmcontext_partial.instance, VCPU),
           UV(hvmcontext_partial.bufsz, FIXED, 4096), U(hvmcontext_partial.buffer, BUFFER)),
    DOMCTL(XEN_DOMCTL_settscinfo, UV(tsc_info.tsc_mode, SMALL, 2), U(tsc_info.incarnation, RAW)),
    DOMCTL(XEN_DOMCTL_gettscinfo, U(tsc_info.incarnation, RAW)),
    DOMCTL(XEN_DOMCTL_shadow_op, UV(shadow_op.op, SMALL, 36), UV(shadow_op.mb, SMALL, 3)),
    DOMCTL(XEN_DOMCTL_shadow_op, UV(shadow_op.op, FIXED, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION), UV(shadow_op.mb, SMALL, 3)),
    DOMCTL(XEN_DOMCTL_ioport_permission, U(ioport_permission.first_port, RAW), UV(ioport_permission.nr_ports, SMALL, 20),
           UV(ioport_permission.allow_access, SMALL, 1)),
    DOMCTL(XEN_DOMCTL_sendtrigger, UV(sendtrigger.trigger, SMALL, 5), U(sendtrigger.vcpu, VCPU)),
    DOMCTL(XEN_DOMCTL_irq_permission, UV(irq_permission.pirq, SMALL, 80), UV(irq_permission.allow_access, SMALL, 1)),
    DOMCTL(XEN_DOMCTL_bind_pt_irq, UV(bind_pt_irq.irq_type, FIXED, PT_IRQ_TYPE_SPI), UV(bind_pt_irq.machine_irq, FIXED, 40),
           UV(bind_pt_irq.u.spi.spi, FIXED, 40)),
    DOMCTL(XEN_DOMCTL_vuart_op, UV(vuart_op.cmd, FIXED, XEN_DOMCTL_VUART_OP_INIT), U(vuart_op.gfn, GFN),
           UV(vuart_op.type, FIXED, XEN_DOMCTL_VUART_TYPE_VPL011), U(vuart_op.console_domid, DOMAIN)),
    PLAIN(hypfs_op, XEN_HYPFS_OP_get_version, COMMAND),
    PLAIN(hypfs_op, XEN_HYPFS_OP_get_version, VALUE),
    PLAIN(hypfs_op, XEN_HYPFS_OP_read, PATH),
    PLAIN(hypfs_op, XEN_HYPFS_OP_write_contents, PATH),
    /* 4-byte longs */
    NARROW_RESERVATION(XENMEM_populate_physmap),
    NARROW_RESERVATION(XENMEM_decrease_reservation),
    NARROW(memory_op, XENMEM_add_to_physmap, COMMAND, xen_add_to_physmap, N(xen_add_to_physmap, domid, DOMAIN),
           NV(xen_add_to_physmap, space, SMALL, 5), NV(xen_add_to_physmap, idx, SMALL, 5), N(xen_add_to_physmap, gpfn, GFN)),
    NARROW(memory_op, XENMEM_add_to_physmap_batch, COMMAND, xen_add_to_physmap_batch, N(xen_add_to_physmap_batch, domid, DOMAIN),
           NV(xen_add_to_physmap_batch, space, FIXED, XENMAPSPACE_grant_table), NV(xen_add_to_physmap_batch, size, SMALL, 16),
           N(xen_add_to_physmap_batch, idxs, NUMBERS), N(xen_add_to_physmap_batch, gpfns, GFNS), N(xen_add_to_physmap_batch, errs, BUFFER)),
    NARROW(memory_op, XENMEM_remove_from_physmap, COMMAND, xen_remove_from_physmap, N(xen_remove_from_physmap, domid, DOMAIN),
           N(xen_remove_from_physmap, gpfn, GFN)),
    NARROW(memory_op, XENMEM_memory_map, COMMAND, xen_memory_map, NV(xen_memory_map, nr_entries, SMALL, 8), N(xen_memory_map, buffer, BUFFER)),
    NARROW(grant_table_op, GNTTABOP_setup_table, ONE, gnttab_setup_table, N(gnttab_setup_table, dom, DOMAIN),
           NV(gnttab_setup_table, nr_frames, SMALL, 8), N(gnttab_setup_table, frame_list, GFNS)),
    NARROW(grant_table_op, GNTTABOP_copy, BATCH, gnttab_copy, N(gnttab_copy, source.u.gmfn, REF), N(gnttab_copy, source.domid, DOMAIN),
           NV(gnttab_copy, dest.domid, FIXED, DOMID_SELF), N(gnttab_copy, dest.u.gmfn, GFN), N(gnttab_copy, len, RAW),
           NV(gnttab_copy, flags, FIXED, GNTCOPY_source_gref)),
    NARROW(sched_op, SCHEDOP_poll, COMMAND, sched_poll, N(sched_poll, ports, PORTS), NV(sched_poll, nr_ports, SMALL, 8)),
    NARROW(vcpu_op, VCPUOP_set_singleshot_timer, VCPU, vcpu_set_singleshot_timer, N(vcpu_set_singleshot_timer, timeout_abs_ns, TIME)),
    NARROW_PLAIN(vcpu_op, VCPUOP_get_runstate_info, VCPU),
    NARROW_PLAIN(vm_assist, VMASST_CMD_enable, VALUE),
    NARROW_PLAIN(xen_version, XENVER_platform_parameters, COMMAND),
};
const unsigned x86_shape_count = sizeof(x86_shapes) / sizeof(x86_shapes[0]);
