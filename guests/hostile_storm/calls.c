/* SPDX-License-Identifier: Apache-2.0 */
/* Every sub-call that a guest without privilege may make, and what its structure is made of. */

#include "guests/hostile_storm/storm.h"

#include <stddef.h>
#include <xen/physdev.h>
#if defined(__x86_64__)
#include <xen/hvm/hvm_vcpu.h>
#endif

#define FIELDS_MAX 12
#define MULTICALL_MAX 4
#define BATCH_MAX 4

struct field {
    uint16_t offset;
    uint8_t size, kind;
};

/* How a call takes its structure. */
enum style { BY_POINTER, BATCH, PLAIN, PRIVATE };

struct shape {
    uint8_t family, style;
    uint16_t size;
    uint32_t command;
    int16_t learns_port, learns_handle; /* offset + 1 of a number given out */
    struct field fields[FIELDS_MAX];
};

#define F(type, member, what) { offsetof(type, member), sizeof(((type *)0)->member), K_##what }
#define SHAPE(family_, command_, how, type, ...) \
    { .family = __HYPERVISOR_##family_, .command = (command_), .style = (how), .size = sizeof(type), \
      .fields = { __VA_ARGS__ } }
#define ALONE(family_, command_) { .family = __HYPERVISOR_##family_, .command = (command_), .style = PLAIN }
#define PORT_SHAPE(command_, type, out, ...) \
    { .family = __HYPERVISOR_event_channel_op, .command = (command_), .style = BY_POINTER, .size = sizeof(type), \
      .learns_port = offsetof(type, out) + 1, .fields = { __VA_ARGS__ } }
#define DOMAIN_SHAPE(command_) \
    { .family = __HYPERVISOR_memory_op, .command = (command_), .style = BY_POINTER, .size = 2, \
      .fields = { { 0, 2, K_DOMID } } }

typedef struct xen_memory_reservation reservation;
typedef struct xen_add_to_physmap physmap;
typedef struct xen_add_to_physmap_batch physmaps;
typedef struct xen_remove_from_physmap unphysmap;
typedef struct gnttab_map_grant_ref gmap;
typedef struct gnttab_unmap_grant_ref gunmap;
typedef struct gnttab_unmap_and_replace greplace;
typedef struct gnttab_copy gcopy;
typedef struct gnttab_cache_flush gflush;
typedef struct gnttab_setup_table gsetup;
typedef struct gnttab_swap_grant_ref gswap;
typedef struct gnttab_get_status_frames gstatus;
#if defined(__x86_64__)
typedef struct xen_hvm_evtchn_upcall_vector upcall;
#endif

#define RESERVATION(command_) \
    SHAPE(memory_op, command_, BY_POINTER, reservation, F(reservation, extent_start, LIST), F(reservation, nr_extents, COUNT), \
          F(reservation, extent_order, ORDER), F(reservation, mem_flags, ZERO), F(reservation, domid, DOMID))
#define MAP_SHAPE \
    { .family = __HYPERVISOR_grant_table_op, .command = GNTTABOP_map_grant_ref, .style = BATCH, .size = sizeof(gmap), \
      .learns_handle = offsetof(gmap, handle) + 1, \
      .fields = { F(gmap, host_addr, ADDRESS), F(gmap, flags, MAP_FLAGS), F(gmap, ref, REF), F(gmap, dom, DOMID) } }
#define UNMAP_SHAPE \
    SHAPE(grant_table_op, GNTTABOP_unmap_grant_ref, BATCH, gunmap, F(gunmap, host_addr, ADDRESS), \
          F(gunmap, dev_bus_addr, ZERO), F(gunmap, handle, HANDLE))
#define COPY_SHAPE \
    SHAPE(grant_table_op, GNTTABOP_copy, BATCH, gcopy, F(gcopy, source.u.gmfn, REF), F(gcopy, source.domid, DOMID), \
          F(gcopy, source.offset, OFFSET), F(gcopy, dest.u.gmfn, GFN), F(gcopy, dest.domid, DOMID), \
          F(gcopy, dest.offset, OFFSET), F(gcopy, len, LENGTH), F(gcopy, flags, COPY_FLAGS))

/* Grants and event channels first: FOCUS_SHARING takes only those. */
static const struct shape shapes[] = {
    MAP_SHAPE,
    MAP_SHAPE,
    UNMAP_SHAPE,
    UNMAP_SHAPE,
    COPY_SHAPE,
    COPY_SHAPE,
    SHAPE(grant_table_op, GNTTABOP_unmap_and_replace, BATCH, greplace, F(greplace, host_addr, ADDRESS),
          F(greplace, new_addr, ADDRESS), F(greplace, handle, HANDLE)),
    SHAPE(grant_table_op, GNTTABOP_swap_grant_ref, BATCH, gswap, F(gswap, ref_a, REF), F(gswap, ref_b, REF)),
    SHAPE(grant_table_op, GNTTABOP_cache_flush, BATCH, gflush, F(gflush, a, ADDRESS), F(gflush, offset, OFFSET),
          F(gflush, length, LENGTH), F(gflush, op, SMALL)),
    SHAPE(grant_table_op, GNTTABOP_setup_table, BATCH, gsetup, F(gsetup, dom, DOMID), F(gsetup, nr_frames, COUNT),
          F(gsetup, frame_list, POINTER)),
    SHAPE(grant_table_op, GNTTABOP_query_size, BATCH, struct gnttab_query_size, F(struct gnttab_query_size, dom, DOMID)),
    SHAPE(grant_table_op, GNTTABOP_set_version, BATCH, struct gnttab_set_version,
          F(struct gnttab_set_version, version, SMALL)),
    SHAPE(grant_table_op, GNTTABOP_get_version, BATCH, struct gnttab_get_version,
          F(struct gnttab_get_version, dom, DOMID)),
    SHAPE(grant_table_op, GNTTABOP_get_status_frames, BATCH, gstatus, F(gstatus, nr_frames, COUNT), F(gstatus, dom, DOMID),
          F(gstatus, frame_list, POINTER)),
    SHAPE(grant_table_op, GNTTABOP_transfer, BATCH, struct gnttab_transfer, F(struct gnttab_transfer, mfn, GFN),
          F(struct gnttab_transfer, domid, DOMID), F(struct gnttab_transfer, ref, REF)),
    SHAPE(grant_table_op, GNTTABOP_dump_table, BATCH, struct gnttab_dump_table, F(struct gnttab_dump_table, dom, DOMID)),
    PORT_SHAPE(EVTCHNOP_alloc_unbound, struct evtchn_alloc_unbound, port, F(struct evtchn_alloc_unbound, dom, DOMID),
               F(struct evtchn_alloc_unbound, remote_dom, DOMID)),
    PORT_SHAPE(EVTCHNOP_bind_interdomain, struct evtchn_bind_interdomain, local_port,
               F(struct evtchn_bind_interdomain, remote_dom, DOMID), F(struct evtchn_bind_interdomain, remote_port, PORT)),
    PORT_SHAPE(EVTCHNOP_bind_virq, struct evtchn_bind_virq, port, F(struct evtchn_bind_virq, virq, VIRQ),
               F(struct evtchn_bind_virq, vcpu, VCPU)),
    PORT_SHAPE(EVTCHNOP_bind_ipi, struct evtchn_bind_ipi, port, F(struct evtchn_bind_ipi, vcpu, VCPU)),
    SHAPE(event_channel_op, EVTCHNOP_bind_pirq, BY_POINTER, struct evtchn_bind_pirq, F(struct evtchn_bind_pirq, pirq, RAW)),
    SHAPE(event_channel_op, EVTCHNOP_close, BY_POINTER, struct evtchn_close, F(struct evtchn_close, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_close, BY_POINTER, struct evtchn_close, F(struct evtchn_close, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_send, BY_POINTER, struct evtchn_send, F(struct evtchn_send, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_send, BY_POINTER, struct evtchn_send, F(struct evtchn_send, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_status, BY_POINTER, struct evtchn_status, F(struct evtchn_status, dom, DOMID),
          F(struct evtchn_status, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_bind_vcpu, BY_POINTER, struct evtchn_bind_vcpu, F(struct evtchn_bind_vcpu, port, PORT),
          F(struct evtchn_bind_vcpu, vcpu, VCPU)),
    SHAPE(event_channel_op, EVTCHNOP_unmask, BY_POINTER, struct evtchn_unmask, F(struct evtchn_unmask, port, PORT)),
    SHAPE(event_channel_op, EVTCHNOP_reset, BY_POINTER, struct evtchn_reset, F(struct evtchn_reset, dom, DOMID)),
    SHAPE(event_channel_op, EVTCHNOP_init_control, BY_POINTER, struct evtchn_init_control,
          F(struct evtchn_init_control, control_gfn, GFN), F(struct evtchn_init_control, offset, OFFSET),
          F(struct evtchn_init_control, vcpu, VCPU)),
    SHAPE(event_channel_op, EVTCHNOP_expand_array, BY_POINTER, struct evtchn_expand_array,
          F(struct evtchn_expand_array, array_gfn, GFN)),
    SHAPE(event_channel_op, EVTCHNOP_set_priority, BY_POINTER, struct evtchn_set_priority,
          F(struct evtchn_set_priority, port, PORT), F(struct evtchn_set_priority, priority, COUNT)),
#define SHARING_SHAPES 32
    RESERVATION(XENMEM_populate_physmap),
    RESERVATION(XENMEM_populate_physmap),
    RESERVATION(XENMEM_decrease_reservation),
    RESERVATION(XENMEM_increase_reservation),
    SHAPE(memory_op, XENMEM_exchange, BY_POINTER, struct xen_memory_exchange, F(struct xen_memory_exchange, in.domid, DOMID)),
    ALONE(memory_op, XENMEM_maximum_ram_page),
    DOMAIN_SHAPE(XENMEM_current_reservation),
    DOMAIN_SHAPE(XENMEM_maximum_reservation),
    DOMAIN_SHAPE(XENMEM_maximum_gpfn),
    ALONE(memory_op, XENMEM_get_sharing_freed_pages),
    ALONE(memory_op, XENMEM_get_sharing_shared_pages),
    SHAPE(memory_op, XENMEM_add_to_physmap, BY_POINTER, physmap, F(physmap, domid, DOMID), F(physmap, size, ZERO),
          F(physmap, space, SPACE), F(physmap, idx, SMALL), F(physmap, gpfn, GFN)),
    SHAPE(memory_op, XENMEM_add_to_physmap_batch, BY_POINTER, physmaps, F(physmaps, domid, DOMID), F(physmaps, space, SPACE),
          F(physmaps, size, COUNT), F(physmaps, u.foreign_domid, DOMID), F(physmaps, idxs, LIST), F(physmaps, gpfns, LIST),
          F(physmaps, errs, POINTER)),
    SHAPE(memory_op, XENMEM_add_to_physmap_batch, BY_POINTER, physmaps, F(physmaps, domid, DOMID), F(physmaps, space, SPACE),
          F(physmaps, size, COUNT), F(physmaps, u.foreign_domid, ZERO), F(physmaps, idxs, LIST), F(physmaps, gpfns, LIST),
          F(physmaps, errs, POINTER)),
    SHAPE(memory_op, XENMEM_remove_from_physmap, BY_POINTER, unphysmap, F(unphysmap, domid, DOMID), F(unphysmap, gpfn, GFN)),
    SHAPE(memory_op, XENMEM_claim_pages, BY_POINTER, reservation, F(reservation, domid, DOMID)),
    SHAPE(memory_op, XENMEM_acquire_resource, BY_POINTER, struct xen_mem_acquire_resource,
          F(struct xen_mem_acquire_resource, domid, DOMID), F(struct xen_mem_acquire_resource, type, SMALL),
          F(struct xen_mem_acquire_resource, nr_frames, COUNT), F(struct xen_mem_acquire_resource, frame_list, LIST)),
    SHAPE(memory_op, XENMEM_get_vnumainfo, BY_POINTER, struct xen_vnuma_topology_info,
          F(struct xen_vnuma_topology_info, domid, DOMID)),
    ALONE(xen_version, XENVER_version),
    SHAPE(xen_version, XENVER_extraversion, BY_POINTER, xen_extraversion_t, { 0, 8, K_RAW }),
    SHAPE(xen_version, XENVER_compile_info, BY_POINTER, xen_compile_info_t, { 0, 8, K_RAW }),
    SHAPE(xen_version, XENVER_capabilities, BY_POINTER, uint64_t, { 0, 8, K_RAW }),
    SHAPE(xen_version, XENVER_changeset, BY_POINTER, uint64_t, { 0, 8, K_RAW }),
    SHAPE(xen_version, XENVER_platform_parameters, BY_POINTER, uint64_t, { 0, 8, K_RAW }),
    SHAPE(xen_version, XENVER_get_features, BY_POINTER, xen_feature_info_t, F(xen_feature_info_t, submap_idx, SMALL)),
    ALONE(xen_version, XENVER_pagesize),
    SHAPE(xen_version, XENVER_guest_handle, BY_POINTER, uint64_t, { 0, 8, K_RAW }),
    SHAPE(xen_version, XENVER_commandline, BY_POINTER, uint64_t, { 0, 8, K_RAW }),
    SHAPE(xen_version, XENVER_build_id, BY_POINTER, xen_build_id_t, F(xen_build_id_t, len, COUNT)),
    ALONE(vm_assist, VMASST_CMD_enable),
    ALONE(vm_assist, VMASST_CMD_disable),
    SHAPE(vcpu_op, VCPUOP_register_vcpu_info, BY_POINTER, vcpu_register_vcpu_info_t, F(vcpu_register_vcpu_info_t, mfn, GFN),
          F(vcpu_register_vcpu_info_t, offset, OFFSET)),
    SHAPE(vcpu_op, VCPUOP_register_runstate_memory_area, BY_POINTER, struct vcpu_register_runstate_memory_area,
          F(struct vcpu_register_runstate_memory_area, addr, POINTER)),
    ALONE(sched_op, SCHEDOP_yield),
    ALONE(sched_op, SCHEDOP_block),
    SHAPE(sched_op, SCHEDOP_poll, BY_POINTER, struct sched_poll, F(struct sched_poll, ports, LIST),
          F(struct sched_poll, nr_ports, COUNT), F(struct sched_poll, timeout, SMALL)),
    SHAPE(sched_op, SCHEDOP_shutdown_code, PRIVATE, struct sched_shutdown, F(struct sched_shutdown, reason, ZERO)),
    SHAPE(sched_op, SCHEDOP_remote_shutdown, BY_POINTER, struct sched_remote_shutdown,
          F(struct sched_remote_shutdown, domain_id, DOMID), F(struct sched_remote_shutdown, reason, SMALL)),
    SHAPE(sched_op, SCHEDOP_watchdog, PRIVATE, struct sched_watchdog, F(struct sched_watchdog, id, SMALL),
          F(struct sched_watchdog, timeout, FOREVER)),
    SHAPE(hvm_op, HVMOP_set_param, BY_POINTER, struct xen_hvm_param, F(struct xen_hvm_param, domid, DOMID),
          F(struct xen_hvm_param, index, COUNT), F(struct xen_hvm_param, value, RAW)),
    SHAPE(hvm_op, HVMOP_get_param, BY_POINTER, struct xen_hvm_param, F(struct xen_hvm_param, domid, DOMID),
          F(struct xen_hvm_param, index, COUNT)),
#if defined(__x86_64__)
    SHAPE(hvm_op, HVMOP_set_evtchn_upcall_vector, BY_POINTER, upcall, F(upcall, vcpu, VCPU), F(upcall, vector, VECTOR)),
    SHAPE(vcpu_op, VCPUOP_initialise, BY_POINTER, struct vcpu_hvm_context, F(struct vcpu_hvm_context, mode, MODE),
          F(struct vcpu_hvm_context, pad, ZERO), F(struct vcpu_hvm_context, cpu_regs.x86_64.rip, RIP),
          F(struct vcpu_hvm_context, cpu_regs.x86_64.rflags, ZERO), F(struct vcpu_hvm_context, cpu_regs.x86_64.cr0, CR0),
          F(struct vcpu_hvm_context, cpu_regs.x86_64.cr3, CR3), F(struct vcpu_hvm_context, cpu_regs.x86_64.cr4, CR4),
          F(struct vcpu_hvm_context, cpu_regs.x86_64.efer, EFER)),
    ALONE(vcpu_op, VCPUOP_up),
    ALONE(vcpu_op, VCPUOP_down),
    ALONE(vcpu_op, VCPUOP_is_up),
    SHAPE(vcpu_op, VCPUOP_get_runstate_info, BY_POINTER, vcpu_runstate_info_t, { 0, 4, K_RAW }),
    SHAPE(vcpu_op, VCPUOP_set_periodic_timer, BY_POINTER, struct vcpu_set_periodic_timer,
          F(struct vcpu_set_periodic_timer, period_ns, RAW)),
    ALONE(vcpu_op, VCPUOP_stop_periodic_timer),
    SHAPE(vcpu_op, VCPUOP_set_singleshot_timer, BY_POINTER, struct vcpu_set_singleshot_timer,
          F(struct vcpu_set_singleshot_timer, timeout_abs_ns, RAW), F(struct vcpu_set_singleshot_timer, flags, SMALL)),
    ALONE(vcpu_op, VCPUOP_stop_singleshot_timer),
    SHAPE(memory_op, XENMEM_memory_map, BY_POINTER, struct xen_memory_map, F(struct xen_memory_map, nr_entries, COUNT),
          F(struct xen_memory_map, buffer, LIST)),
    ALONE(console_io, CONSOLEIO_read),
#endif
};

/* With another command, or for another vCPU, a call of these would be the end of this guest. */
#if defined(__x86_64__)
#define IS_FATAL(family) ((family) == __HYPERVISOR_sched_op || (family) == __HYPERVISOR_vcpu_op)
#else
#define IS_FATAL(family) ((family) == __HYPERVISOR_sched_op)
#endif

/* What vCPU 1 never writes: arguments that would end this guest if they came out otherwise. */
static uint8_t private_area[2][256] ALIGNED(8);

static void put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        ((volatile uint8_t *)at)[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)((const volatile uint8_t *)at)[i] << (8 * i);
    return value;
}

/* What a list holds: frame numbers for the most part; the list is where a pointer to it says. */
static void fill_list(struct chance *c, uint64_t at)
{
    uint64_t area = storm.area;

    if (at - area > AREA_BYTES - 64)
        return;
    for (unsigned i = 0; i < 8; i++)
        put((uint8_t *)at + 8 * i, 8, value_of(c, chance_next(c) & 7 ? K_GFN : K_SMALL));
}

static void fill(struct chance *c, const struct shape *s, uint8_t *at)
{
    for (const struct field *f = s->fields; f < s->fields + FIELDS_MAX && f->size; f++) {
        uint64_t value = value_of(c, f->kind);

        put(at + f->offset, f->size, value);
        if (f->kind == K_LIST)
            fill_list(c, value);
    }
}

/* Where this vCPU's structure goes: anywhere, as odd as may be, in the area that both vCPUs write. */
static uint8_t *place(struct chance *c, const struct shape *s, unsigned cpu)
{
    uint64_t area = storm.area, at;

    if (s->style == PRIVATE)
        return private_area[cpu];
    at = chance_below(c, AREA_BYTES - BATCH_MAX * 512);
    if (chance_next(c) & 3)
        at &= ~7UL;
    return (uint8_t *)(area + at);
}

static const struct shape *choose(struct chance *c)
{
    return &shapes[chance_below(c, storm.focus == FOCUS_SHARING ? SHARING_SHAPES : ARRAY_SIZE(shapes))];
}

static void learn(const struct shape *s, const uint8_t *at, long rc)
{
    if (rc)
        return;
    if (s->learns_port)
        value_learn_port((uint32_t)get(at + s->learns_port - 1, 4));
    if (s->learns_handle)
        value_learn_handle((uint32_t)get(at + s->learns_handle - 1, 4));
}

/* The four arguments of a call, its structure filled. */
static uint8_t *prepare(struct chance *c, const struct shape *s, unsigned cpu, uint64_t args[4])
{
    uint8_t *at = place(c, s, cpu);
    unsigned n = 1;

    args[0] = s->command;
    args[1] = (uint64_t)at;
    args[2] = 0;
    args[3] = chance_next(c);
    if (s->style == PLAIN) { /* vm_assist's type, a vCPU; the others take none */
        args[1] = value_of(c, s->family == __HYPERVISOR_vcpu_op && s->command == VCPUOP_down ? K_SPARE : K_SMALL);
        return at;
    }
    if (s->style == BATCH) {
        args[2] = n = chance_next(c) & 3 ? 1 : 1 + (unsigned)chance_below(c, BATCH_MAX);
        if (chance_below(c, 32) == 0)
            args[2] = value_of(c, K_COUNT);
    }
    if (s->family == __HYPERVISOR_vcpu_op) {
        args[1] = value_of(c, K_VCPU);
        args[2] = (uint64_t)at;
    }
    for (unsigned i = 0; i < n; i++)
        fill(c, s, at + i * s->size);
    if (s->style != PRIVATE && chance_below(c, 32) == 0)
        args[s->family == __HYPERVISOR_vcpu_op ? 2 : 1] = value_of(c, K_POINTER);
    if (s->family == __HYPERVISOR_memory_op && chance_below(c, 64) == 0)
        args[0] |= chance_below(c, 16) << 6; /* as if it had been under way */
    return at;
}

static void call_multi(struct chance *c, unsigned cpu)
{
    uint8_t *list = (uint8_t *)(storm.area + 8 * chance_below(c, (AREA_BYTES - 4096) / 8));
    unsigned n = 1 + (unsigned)chance_below(c, MULTICALL_MAX);
    uint64_t args[4];

    for (unsigned i = 0; i < n; i++) {
        const struct shape *s = choose(c);

        if (IS_FATAL(s->family))
            s = shapes;
        prepare(c, s, cpu, args);
        put(list + 64 * i, 8, chance_below(c, 32) ? s->family : __HYPERVISOR_multicall);
        for (unsigned k = 0; k < 4; k++)
            put(list + 64 * i + 16 + 8 * k, 8, args[k]);
    }
    storm.last[cpu] = (uint64_t)__HYPERVISOR_multicall << 32;
    hypercall5(__HYPERVISOR_multicall, (uint64_t)list, n, 0, 0, 0);
}

/* Any number, any command, any arguments, but for what would end this guest. */
static void call_wild(struct chance *c, unsigned cpu)
{
    uint64_t number = chance_below(c, 72), args[5];

    args[0] = chance_below(c, 96);
    for (unsigned i = 1; i < 5; i++)
        args[i] = value_of(c, chance_next(c) & 1 ? K_POINTER : K_COUNT);
    if (number == __HYPERVISOR_sched_op &&
        (args[0] == SCHEDOP_shutdown || args[0] == SCHEDOP_remote_shutdown || args[0] == SCHEDOP_watchdog))
        args[0] = 32;
    if (number == __HYPERVISOR_vcpu_op && args[0] == VCPUOP_down)
        args[0] = VCPUOP_is_up;
    if (number == __HYPERVISOR_multicall)
        args[1] = args[0] = 0;
    if (number == __HYPERVISOR_console_io)
        args[1] = chance_below(c, 40);
    if (number == 70)
        number = chance_next(c);
    if ((uint32_t)number == __HYPERVISOR_sched_op || (uint32_t)number == __HYPERVISOR_multicall)
        args[0] = chance_next(c) & 1;
    storm.last[cpu] = number << 32 | args[0];
    hypercall5(number, args[0], args[1], args[2], args[3], args[4]);
}

void call_one(struct chance *c, unsigned cpu)
{
    const struct shape *s;
    uint64_t args[4];
    uint8_t *at;
    long rc;

    storm.made[cpu]++;
    switch (chance_below(c, storm.focus == FOCUS_SHARING ? 40 : 20)) {
    case 0:
        call_multi(c, cpu);
        return;
    case 1:
        call_wild(c, cpu);
        return;
    default:
        break;
    }
    s = choose(c);
    at = prepare(c, s, cpu, args);
    storm.last[cpu] = (uint64_t)s->family << 32 | args[0];
    rc = hypercall5(s->family, args[0], args[1], args[2], args[3], 0);
    storm.succeeded[cpu] += rc >= 0;
    learn(s, at, rc);
}

void scribble_grant(struct chance *c)
{
    struct grant_entry_v1 *table = (struct grant_entry_v1 *)(storm.base + TABLE_OFFSET);
    struct grant_entry_v1 *entry = &table[chance_below(c, 48)];

    if (chance_below(c, 4) == 0) {
        *(volatile uint16_t *)&entry->flags = 0; /* ended, whoever uses it */
        return;
    }
    entry->domid = (domid_t)value_of(c, K_DOMID);
    entry->frame = (uint32_t)value_of(c, K_GFN);
    *(volatile uint16_t *)&entry->flags = (uint16_t)(chance_next(c) & 7 ? GTF_permit_access | (chance_next(c) & GTF_readonly)
                                                                        : chance_next(c));
}
