/* SPDX-License-Identifier: Apache-2.0 */
/* What only x86 has of the ABI: processors' state as a toolstack sets it, the map of memory, vcpu_op, parameters. */
#define ABI_X86_64 1
#include <string.h>
#include "tests/unit/abi.h"
#include "abi/xen/domctl.h"
#include "abi/xen/params.h"
#include "abi/xen/sysctl.h"
#include "abi/xen/version.h"
#include "arch/include/x86_state.h"
#include "vdev/x86_64/platform.h"
#include "vdev/x86_64/vlapic.h"
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/save.h>

#define BUFFER 0x1000
#define VCPUS 3

struct stream {
    struct hvm_save_descriptor header_d;
    struct hvm_save_header header;
    struct hvm_save_descriptor d;
    union {
        struct hvm_hw_cpu cpu;
        struct hvm_hw_mtrr mtrr;
    } u;
};

/* One that was made and has not run. */
static struct domain *new_domain(void)
{
    return make_domain_config(false, VCPUS, ARGUMENT_PAGES, 1023);
}

static int64_t context(struct domain *d, uint32_t cmd, uint64_t buffer, uint32_t *size)
{
    struct xen_domctl op = { .u.hvmcontext = { .size = *size, .buffer.p = (void *)(uintptr_t)buffer } };
    int64_t r = domctl(&op, cmd, d->id.v);

    *size = op.u.hvmcontext.size;
    return r;
}

/* Header, the record, end: what a toolstack makes to start a guest. */
static int64_t set_one(struct domain *d, const struct stream *s)
{
    struct hvm_save_descriptor end = { .typecode = HVM_SAVE_CODE(END) };
    uint32_t size = (uint32_t)(offsetof(struct stream, u) + s->d.length);

    put(dom0, at(BUFFER), s, size);
    put(dom0, at(BUFFER) + size, &end, sizeof(end));
    size += sizeof(end);
    return context(d, XEN_DOMCTL_sethvmcontext, at(BUFFER), &size);
}

static struct stream cpu_stream(uint16_t vcpu)
{
    struct stream s = {
        .header_d = { HVM_SAVE_CODE(HEADER), 0, HVM_SAVE_LENGTH(HEADER) },
        .header = { .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION },
        .d = { HVM_SAVE_CODE(CPU), vcpu, HVM_SAVE_LENGTH(CPU) },
    };

    s.u.cpu.rip = 0x1000200;
    s.u.cpu.rbx = 0x2000;
    s.u.cpu.cr0 = 0x11;
    s.u.cpu.cs_limit = s.u.cpu.ss_limit = UINT32_MAX;
    s.u.cpu.cs_arbytes = 0xc9b;
    s.u.cpu.ss_arbytes = 0xc93;
    s.u.cpu.tr_arbytes = 0x8b;
    s.u.cpu.tr_limit = 0x67;
    return s;
}

static bool is_down(const struct domain *d, unsigned vcpu)
{
    return atomic_load(&d->vcpus[vcpu]->pause_flags) & VCPU_DOWN;
}

/* Catches: records at other places than their sizes say, a short buffer filled, a vCPU left out. */
static void context_is_told(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct hvm_save_descriptor h;
    unsigned cpus = 0, mtrrs = 0;
    uint32_t size = 0, place = 0, least;

    assert_int_equal(context(d, XEN_DOMCTL_gethvmcontext, 0, &size), 0);
    least = size - 1;
    assert_int_equal(context(d, XEN_DOMCTL_gethvmcontext, at(BUFFER), &least), -E_NOSPC);
    assert_int_equal(context(d, XEN_DOMCTL_gethvmcontext, at(BUFFER), &size), 0);
    do {
        get(dom0, at(BUFFER) + place, &h, sizeof(h));
        assert_true(place || h.typecode == HVM_SAVE_CODE(HEADER));
        cpus += h.typecode == HVM_SAVE_CODE(CPU) && h.instance == cpus;
        mtrrs += h.typecode == HVM_SAVE_CODE(MTRR) && h.instance == mtrrs;
        place += (uint32_t)sizeof(h) + h.length;
    } while (h.typecode != HVM_SAVE_CODE(END) && place < size);
    assert_int_equal(place, size);
    assert_int_equal(cpus, VCPUS);
    assert_int_equal(mtrrs, VCPUS);
    size = 64;
    assert_int_equal(context(d, XEN_DOMCTL_gethvmcontext, NOWHERE, &size), -E_NOSPC);
    size = 1 << 20;
    assert_int_equal(context(d, XEN_DOMCTL_gethvmcontext, NOWHERE, &size), -E_FAULT);
}

/* Catches: registers under another's name, a vCPU that is not brought up, others that are. */
static void context_starts_a_vcpu(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct stream s = cpu_stream(0);
    struct x86_vcpu_state *got = &d->vcpus[0]->arch.x86_state;
    struct xen_domctl op = { .u.hvmcontext_partial = { .type = HVM_SAVE_CODE(CPU), .bufsz = sizeof(s.u.cpu),
                                                       .buffer.p = (void *)(uintptr_t)at(BUFFER) } };
    struct hvm_hw_cpu back;

    assert_int_equal(set_one(d, &s), 0);
    assert_false(is_down(d, 0));
    assert_true(is_down(d, 1));
    assert_int_equal(got->regs.rip, 0x1000200);
    assert_int_equal(got->regs.rbx, 0x2000);
    assert_int_equal(got->regs.rflags, 2);
    assert_int_equal(got->control.cr0, 0x11);
    assert_int_equal(got->segments[X86_CS].attributes, 0xc9b);
    assert_int_equal(got->segments[X86_TR].limit, 0x67);
    assert_int_equal(domctl(&op, XEN_DOMCTL_gethvmcontext_partial, d->id.v), 0);
    get(dom0, at(BUFFER), &back, sizeof(back));
    back.tsc = 0;
    s.u.cpu.rflags = 2;
    s.u.cpu.flags = XEN_X86_FPU_INITIALISED;
    /* Without paging an FS that nothing was said of is as the other segments for data. */
    assert_int_equal(s.u.cpu.fs_arbytes, 0);
    s.u.cpu.fs_sel = 0x10;
    s.u.cpu.fs_limit = UINT32_MAX;
    s.u.cpu.fs_arbytes = 0xc93;
    assert_memory_equal(&back, &s.u.cpu, sizeof(back));
    /* A second stream says anew who is up. */
    s = cpu_stream(1);
    assert_int_equal(set_one(d, &s), 0);
    assert_true(is_down(d, 0));
    assert_false(is_down(d, 1));
}

static void set_twice_is_refused(const struct stream *s, int error)
{
    struct domain *d = new_domain();

    assert_int_equal(set_one(d, s), error);
    for (unsigned i = 0; i < VCPUS; i++)
        assert_true(is_down(d, i));
}

/* Catches: each thing a stream can have wrong, taken or half taken. */
static void wrong_context_is_refused(void **state UNUSED)
{
    struct stream s = cpu_stream(VCPUS);
    struct domain *d = new_domain();
    uint32_t size;

    set_twice_is_refused(&s, -E_INVAL);
    s = cpu_stream(0), s.header.magic++;
    set_twice_is_refused(&s, -E_INVAL);
    s = cpu_stream(0), s.header_d.typecode = HVM_SAVE_CODE(CPU);
    set_twice_is_refused(&s, -E_INVAL);
    s = cpu_stream(0), s.d.length -= 8;
    set_twice_is_refused(&s, -E_INVAL);
    s = cpu_stream(0), s.d.typecode = HVM_SAVE_CODE(PIT);
    set_twice_is_refused(&s, -E_OPNOTSUPP);
    s = cpu_stream(0), s.u.cpu.pending_valid = 1;
    set_twice_is_refused(&s, -E_OPNOTSUPP);
    s = cpu_stream(0), s.u.cpu.flags = 2;
    set_twice_is_refused(&s, -E_OPNOTSUPP);
    s = cpu_stream(0), s.u.cpu.flags = XEN_X86_FPU_INITIALISED, s.u.cpu.fpu_regs[0] = 0xff;
    set_twice_is_refused(&s, -E_INVAL);
    s = cpu_stream(0), s.u.cpu.rip = UINT64_MAX;
    set_twice_is_refused(&s, -E_INVAL);
    s = cpu_stream(0);
    put(dom0, at(BUFFER), &s, sizeof(s));
    for (size = 1; size < sizeof(s.header_d) + sizeof(s.header); size += 7) {
        uint32_t n = size;

        assert_int_equal(context(d, XEN_DOMCTL_sethvmcontext, at(BUFFER), &n), -E_INVAL);
    }
    assert_int_equal(set_one(guest, &s), -E_BUSY);
    assert_int_equal(set_one(dom0, &s), -E_INVAL);
}

/* A stream of one record of vCPU 0. */
static int64_t set_record(struct domain *d, uint16_t code, const void *body, uint32_t length)
{
    struct hvm_save_descriptor h[2] = { { HVM_SAVE_CODE(HEADER), 0, HVM_SAVE_LENGTH(HEADER) }, { code, 0, length } };
    struct hvm_save_header header = { .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION };
    uint32_t size = sizeof(h) + sizeof(header) + length;

    put(dom0, at(BUFFER), &h[0], sizeof(h[0]));
    put(dom0, at(BUFFER) + sizeof(h[0]), &header, sizeof(header));
    put(dom0, at(BUFFER) + sizeof(h[0]) + sizeof(header), &h[1], sizeof(h[1]));
    put(dom0, at(BUFFER) + sizeof(h) + sizeof(header), body, length);
    return context(d, XEN_DOMCTL_sethvmcontext, at(BUFFER), &size);
}

/* Its body, of `size` bytes. */
static int64_t get_record(struct domain *d, uint32_t code, void *body, uint64_t size)
{
    struct xen_domctl op = { .u.hvmcontext_partial = { .type = code, .bufsz = size, .buffer.p = (void *)(uintptr_t)at(BUFFER) } };
    int64_t r = domctl(&op, XEN_DOMCTL_gethvmcontext_partial, d->id.v);

    if (!r)
        get(dom0, at(BUFFER), body, size);
    return r;
}

/* Catches: a record that does not come back as it was set, one that is longer or shorter than it may be, what a vCPU cannot have. */
static void other_records_come_back(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct { struct hvm_hw_cpu_xsave x; uint8_t rest[832 - 576]; } fp = { .x = { .xcr0 = 7 } }, fp_back;
    struct { uint32_t count, pad; struct hvm_one_msr msr; } msrs = { .count = 1, .msr = { .index = 0x140, .val = 1 } }, msrs_back;
    struct hvm_tsc_adjust adjust = { 1 };
    struct hvm_hw_lapic apic;
    struct hvm_hw_lapic_regs page, page_back;
    uint32_t value = 0x1ff;

    fp.rest[5] = 0x55;
    assert_int_equal(set_record(d, CPU_XSAVE_CODE, &fp, sizeof(fp)), 0);
    assert_int_equal(get_record(d, CPU_XSAVE_CODE, &fp_back, sizeof(fp_back)), 0);
    assert_int_equal(fp_back.rest[5], 0x55);
    assert_int_equal(fp_back.x.xcr0, 7);
    assert_int_equal(fp_back.x.xfeature_mask, 7);
    assert_int_equal(set_record(d, CPU_XSAVE_CODE, &fp, sizeof(fp) - 8), 0);
    assert_int_equal(set_record(d, CPU_XSAVE_CODE, &fp, sizeof(fp.x) - 8), -E_INVAL);
    fp.x.xcr0 = 0;
    assert_int_equal(set_record(d, CPU_XSAVE_CODE, &fp, sizeof(fp)), -E_INVAL);
    assert_int_equal(get_record(d, CPU_XSAVE_CODE, &fp_back, sizeof(fp_back) - 1), -E_NOSPC);
    assert_int_equal(set_record(d, CPU_MSR_CODE, &msrs, sizeof(msrs)), 0);
    assert_int_equal(get_record(d, CPU_MSR_CODE, &msrs_back, sizeof(msrs_back)), 0);
    assert_int_equal(msrs_back.msr.val, 1);
    assert_int_equal(msrs_back.count, 1);
    msrs.msr.val = 2;
    assert_int_equal(set_record(d, CPU_MSR_CODE, &msrs, sizeof(msrs)), -E_INVAL);
    msrs.msr.index = 0x10;
    assert_int_equal(set_record(d, CPU_MSR_CODE, &msrs, sizeof(msrs)), -E_NXIO);
    msrs.count = 0;
    assert_int_equal(set_record(d, CPU_MSR_CODE, &msrs, sizeof(struct hvm_msr)), 0);
    assert_int_equal(set_record(d, CPU_MSR_CODE, &msrs, sizeof(msrs)), -E_INVAL);
    assert_int_equal(set_record(d, CPU_MSR_CODE, &msrs, 2), -E_INVAL);
    assert_int_equal(set_record(d, HVM_SAVE_CODE(TSC_ADJUST), &adjust, sizeof(adjust)), -E_OPNOTSUPP);
    assert_int_equal(vlapic_init(d->vcpus[0]), 0);
    assert_int_equal(get_record(d, HVM_SAVE_CODE(LAPIC), &apic, sizeof(apic)), 0);
    assert_int_equal(apic.apic_base_msr, 0xfee00900);
    assert_int_equal(apic.timer_divisor, 2);
    apic.apic_base_msr += 0x1000;
    assert_int_equal(set_record(d, HVM_SAVE_CODE(LAPIC), &apic, sizeof(apic)), -E_INVAL);
    assert_int_equal(get_record(d, HVM_SAVE_CODE(LAPIC_REGS), &page, sizeof(page)), 0);
    memcpy(page.data + 0xf0, &value, sizeof(value));
    memset(page.data + 0x200, 0xff, 1);
    memset(page.data + 0x212, 0x80, 1);
    assert_int_equal(set_record(d, HVM_SAVE_CODE(LAPIC_REGS), &page, sizeof(page)), 0);
    assert_int_equal(get_record(d, HVM_SAVE_CODE(LAPIC_REGS), &page_back, sizeof(page_back)), 0);
    page.data[0x200] = 0;               /* vectors that there are not */
    assert_memory_equal(&page, &page_back, sizeof(page));
    assert_int_equal(vlapic_highest(d->vcpus[0]), 32 + 23);
    assert_int_equal(set_record(d, HVM_SAVE_CODE(LAPIC_REGS), &page, sizeof(page) - 16), -E_INVAL);
    assert_int_equal(get_record(d, HVM_SAVE_CODE(IOAPIC), &page, sizeof(page)), -E_INVAL);
    assert_int_equal(get_record(d, 1u << 16 | HVM_SAVE_CODE(CPU), &page, sizeof(page)), -E_INVAL);
    vlapic_destroy(d->vcpus[0]);
}

static void memory_types_are_kept(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct stream s = cpu_stream(2);
    struct xen_domctl op = { .u.hvmcontext_partial = { .type = HVM_SAVE_CODE(MTRR), .instance = 2, .bufsz = sizeof(s.u.mtrr),
                                                       .buffer.p = (void *)(uintptr_t)at(BUFFER) } };
    struct hvm_hw_mtrr back;

    s.d = (struct hvm_save_descriptor){ HVM_SAVE_CODE(MTRR), 2, HVM_SAVE_LENGTH(MTRR) };
    memset(&s.u, 0, sizeof(s.u));
    s.u.mtrr.msr_mtrr_def_type = 0x806;
    s.u.mtrr.msr_mtrr_var[15] = 15;
    assert_int_equal(set_one(d, &s), 0);
    assert_true(is_down(d, 2));
    assert_int_equal(domctl(&op, XEN_DOMCTL_gethvmcontext_partial, d->id.v), 0);
    get(dom0, at(BUFFER), &back, sizeof(back));
    assert_int_equal(back.msr_mtrr_def_type, 0x806);
    assert_int_equal(back.msr_mtrr_var[15], 15);
    assert_int_equal(back.msr_pat_cr, 0x0007040600070406);
}

static void tsc_is_native(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct xen_domctl op = { .u.tsc_info = { .tsc_mode = X86_TSC_NATIVE, .incarnation = 7 } };

    assert_int_equal(domctl(&op, XEN_DOMCTL_settscinfo, d->id.v), 0);
    memset(&op, 0, sizeof(op));
    assert_int_equal(domctl(&op, XEN_DOMCTL_gettscinfo, d->id.v), 0);
    assert_int_equal(op.u.tsc_info.tsc_mode, X86_TSC_NATIVE);
    assert_int_equal(op.u.tsc_info.incarnation, 7);
    assert_int_equal(op.u.tsc_info.gtsc_khz, arch_counter_khz());
    op = (struct xen_domctl){ .u.tsc_info = { .tsc_mode = X86_TSC_EMULATED } };
    assert_int_equal(domctl(&op, XEN_DOMCTL_settscinfo, d->id.v), -E_OPNOTSUPP);
    op = (struct xen_domctl){ .u.tsc_info = { .gtsc_khz = arch_counter_khz() + 1 } };
    assert_int_equal(domctl(&op, XEN_DOMCTL_settscinfo, d->id.v), -E_OPNOTSUPP);
}

static int64_t set_map(struct domain *d, uint32_t count, uint64_t from)
{
    struct xen_foreign_memory_map m = { .domid = d->id.v, .map = { .nr_entries = count, .buffer.p = (void *)(uintptr_t)from } };

    return memory_op(dom0, XENMEM_set_memory_map, &m, sizeof(m));
}

static int64_t read_map(struct domain *d, uint32_t *count)
{
    struct xen_memory_map m = { .nr_entries = *count, .buffer.p = (void *)(uintptr_t)at(BUFFER) };
    int64_t r = memory_op(d, XENMEM_memory_map, &m, sizeof(m));

    *count = m.nr_entries;
    return r;
}

static void start(struct domain *d)
{
    static const struct vcpu_start s = { .pc = 0x40000000 };

    assert_int_equal(vcpu_up(d->vcpus[0], &s), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
}

/* Catches: more entries than there is room for, a map that changes under a running guest, one that is lost with its domain. */
static void map_is_what_was_set(void **state UNUSED)
{
    struct x86_map_entry e[X86_MAP_ENTRIES] = { { 0, 0xa0000, 1 }, { 0x100000, 0x7f00000, 1 } }, got;
    struct domain *d = new_domain();
    uint32_t n = 8;

    put(dom0, at(BUFFER), e, sizeof(e));
    assert_int_equal(set_map(d, X86_MAP_ENTRIES + 1, at(BUFFER)), -E_INVAL);
    assert_int_equal(set_map(d, 1, NOWHERE), -E_FAULT);
    assert_int_equal(set_map(d, X86_MAP_ENTRIES, at(BUFFER)), 0);
    assert_int_equal(set_map(d, 2, at(BUFFER)), 0);
    start(d);
    assert_int_equal(set_map(d, 2, at(BUFFER)), -E_BUSY);
    assert_int_equal(read_map(d, &n), 0);
    assert_int_equal(n, 2);
    get(d, at(BUFFER) + sizeof(got), &got, sizeof(got));
    assert_memory_equal(&got, &e[1], sizeof(got));
    n = 1;
    assert_int_equal(read_map(d, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(read_map(guest, &n), -E_NOSYS);
}

static int map_without_memory(struct domain *d)
{
    uint64_t before = heap_objects_used();
    int64_t r;

    for (unsigned n = 1; n < 8; n++) {
        alloc_fail_nth(n);
        r = set_map(d, 2, at(BUFFER));
        alloc_fail_nth(0);
        if (r == 0)
            return (int)n;
        assert_int_equal(r, -E_NOMEM);
        assert_int_equal(heap_objects_used(), before);
    }
    return -1;
}

static void map_needs_memory(void **state UNUSED)
{
    struct x86_map_entry e[2] = { { 0, 0xa0000, 1 } };

    put(dom0, at(BUFFER), e, sizeof(e));
    assert_true(map_without_memory(new_domain()) > 1);
}

static int64_t vcpu_op(struct domain *d, uint32_t cmd, uint32_t vcpu, void *s, size_t n)
{
    int64_t r;

    if (s)
        put(d, at(0), s, n);
    r = call_as(d, __HYPERVISOR_vcpu_op, cmd, vcpu, at(0));
    if (s)
        get(d, at(0), s, n);
    return r;
}

/* Catches: a vCPU initialised twice, started without, in a mode that contradicts its registers. */
static void vcpu_is_initialised_once(void **state UNUSED)
{
    struct vcpu_hvm_context c = { .mode = VCPU_HVM_MODE_64B };
    struct vcpu_hvm_x86_64 *s = &c.cpu_regs.x86_64;
    struct vcpu *v = guest->vcpus[1];

    assert_int_equal(vcpu_op(guest, VCPUOP_up, 1, NULL, 0), -E_INVAL);
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 1, &c, sizeof(c)), -E_INVAL);
    *s = (struct vcpu_hvm_x86_64){ .rip = 0xffffffff81000000, .rsp = 0x1234, .cr0 = BIT(0) | BIT(31), .cr3 = 0x5000, .cr4 = BIT(5),
                                   .efer = BIT(8) };
    c.pad = 1;
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 1, &c, sizeof(c)), -E_INVAL);
    c.pad = 0;
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 0, &c, sizeof(c)), -E_EXIST);
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 1, &c, sizeof(c)), 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 1, &c, sizeof(c)), -E_EXIST);
    assert_int_equal(v->arch.x86_state.regs.rip, 0xffffffff81000000);
    assert_int_equal(v->arch.x86_state.control.efer, BIT(8) | BIT(10));
    assert_int_equal(v->arch.x86_state.segments[X86_CS].attributes, 0xa9b);
    assert_int_equal(vcpu_op(guest, VCPUOP_is_up, 1, NULL, 0), 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_up, 1, NULL, 0), 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_is_up, 1, NULL, 0), 1);
    assert_int_equal(vcpu_op(guest, VCPUOP_down, 1, NULL, 0), 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_is_up, 1, NULL, 0), 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_is_up, 2, NULL, 0), -E_NOENT);
}

static void vcpu_in_protected_mode(void **state UNUSED)
{
    struct vcpu_hvm_context c = { .mode = VCPU_HVM_MODE_32B };
    struct vcpu_hvm_x86_32 *s = &c.cpu_regs.x86_32;

    *s = (struct vcpu_hvm_x86_32){ .eip = 0x100000, .cr0 = 1, .cs_ar = 0xc9b, .cs_limit = 0xfff12345, .ds_ar = 0xc93, .ds_limit = UINT32_MAX,
                                   .ss_ar = 0xc93, .ss_limit = UINT32_MAX, .tr_ar = 0x8b, .tr_limit = 0x67 };
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 1, &c, sizeof(c)), -E_INVAL);
    s->cs_limit = UINT32_MAX;
    s->es_ar = 0x1000;
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 1, &c, sizeof(c)), -E_INVAL);
    s->es_ar = 0;
    assert_int_equal(vcpu_op(guest, VCPUOP_initialise, 1, &c, sizeof(c)), 0);
    assert_int_equal(guest->vcpus[1]->arch.x86_state.segments[X86_SS].limit, UINT32_MAX);
    assert_int_equal(guest->vcpus[1]->arch.x86_state.control.cr0, 0x11);
}

/* The last vCPU that goes down ends the domain. */
static void last_vcpu_down_is_the_end(void **state UNUSED)
{
    (void)vcpu_op(guest, VCPUOP_down, 0, NULL, 0);
    assert_true(guest->shut_down);
    assert_int_equal(guest->shutdown_code, SHUTDOWN_poweroff);
}

static void timers_of_vcpus(void **state UNUSED)
{
    struct vcpu_set_periodic_timer p = { .period_ns = 999999 };
    struct vcpu_set_singleshot_timer s = { .timeout_abs_ns = UINT64_MAX };
    struct vcpu_runstate_info info;

    assert_int_equal(vcpu_op(guest, VCPUOP_set_periodic_timer, 0, &p, sizeof(p)), -E_INVAL);
    p.period_ns = 1000000;
    assert_int_equal(vcpu_op(guest, VCPUOP_set_periodic_timer, 0, &p, sizeof(p)), 0);
    assert_int_equal(guest->vcpus[0]->period, 1000000);
    assert_int_equal(vcpu_op(guest, VCPUOP_stop_periodic_timer, 0, NULL, 0), 0);
    assert_int_equal(guest->vcpus[0]->period, 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_set_singleshot_timer, 0, &s, sizeof(s)), -E_INVAL);
    s = (struct vcpu_set_singleshot_timer){ .timeout_abs_ns = 0, .flags = VCPU_SSHOTTMR_future };
    assert_int_equal(vcpu_op(guest, VCPUOP_set_singleshot_timer, 0, &s, sizeof(s)), -E_TIME);
    s = (struct vcpu_set_singleshot_timer){ .timeout_abs_ns = (uint64_t)arch_time_now() + SEC(1) };
    assert_int_equal(vcpu_op(guest, VCPUOP_set_singleshot_timer, 1, &s, sizeof(s)), -E_INVAL);
    assert_int_equal(vcpu_op(guest, VCPUOP_set_singleshot_timer, 0, &s, sizeof(s)), 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_stop_singleshot_timer, 0, NULL, 0), 0);
    assert_int_equal(vcpu_op(guest, VCPUOP_get_runstate_info, 1, &info, sizeof(info)), 0);
    assert_int_equal(info.state, RUNSTATE_offline);
}

static void triggers(void **state UNUSED)
{
    struct xen_domctl op = { .u.sendtrigger = { .trigger = XEN_DOMCTL_SENDTRIGGER_NMI, .vcpu = 0 } };

    assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, guest->id.v), 0);
    assert_int_equal(guest->vcpus[0]->arch.nmis, 1);
    op.u.sendtrigger.vcpu = 7;
    assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, guest->id.v), -E_SRCH);
    op.u.sendtrigger.vcpu = 1;
    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_POWER;
    assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, guest->id.v), -E_OPNOTSUPP);
    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_RESET;
    assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, guest->id.v), -E_NOSYS);
    op.u.sendtrigger.trigger = UINT32_MAX;
    assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, guest->id.v), -E_NOSYS);
    assert_int_equal(guest->vcpus[1]->arch.nmis, 0);
}

/* How a guest says where it wants its events. */
static void upcall_vector(void **state UNUSED)
{
    struct xen_hvm_evtchn_upcall_vector in = { .vcpu = 1, .vector = 0xf };

    assert_int_equal(call_with(guest, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &in, sizeof(in)), -E_INVAL);
    in.vector = 0xf3;
    assert_int_equal(call_with(guest, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &in, sizeof(in)), 0);
    assert_int_equal(guest->vcpus[1]->arch.event_vector, 0xf3);
    in.vcpu = 9;
    assert_int_equal(call_with(guest, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &in, sizeof(in)), -E_NOENT);
    assert_int_equal(x86_param_effect(guest, HVM_PARAM_CALLBACK_IRQ, UINT64_C(2) << 56 | 0xf3), 0);
    assert_int_equal(guest->arch.event_vector, 0xf3);
    assert_int_equal(x86_param_effect(guest, HVM_PARAM_CALLBACK_IRQ, UINT64_C(2) << 56 | 0x0f), -E_INVAL);
    assert_int_equal(x86_param_effect(guest, HVM_PARAM_CALLBACK_IRQ, 1), 0);
    assert_int_equal(guest->arch.event_vector, 0);
    assert_int_equal(x86_param_effect(guest, HVM_PARAM_CALLBACK_IRQ, UINT64_C(3) << 56), -E_INVAL);
    assert_int_equal(x86_param_effect(guest, HVM_PARAM_NESTEDHVM, 1), -E_OPNOTSUPP);
    assert_int_equal(x86_param_rights[HVM_PARAM_CALLBACK_IRQ], PARAM_GUEST_SETS);
}

static void small_answers(void **state UNUSED)
{
    struct xen_sysctl_physinfo info = { 0 };
    struct xen_arch_domainconfig a = { .emulation_flags = XEN_X86_EMU_LAPIC };
    struct xen_domctl op = { .u.ioport_permission = { .first_port = 0x3f8, .nr_ports = 8, .allow_access = 1 } };
    struct domain *d = new_domain();

    x86_physinfo(&info);
    assert_int_equal(info.hw_cap[0], 0xffff0103);
    assert_int_equal(x86_create_check(&a), 0);
    a.emulation_flags = XEN_X86_EMU_ALL;
    assert_int_equal(x86_create_check(&a), -E_INVAL);
    a = (struct xen_arch_domainconfig){ 0, 0 };
    assert_int_equal(x86_create_check(&a), -E_INVAL);
    x86_create_answer(dom0, &a);
    assert_int_equal(a.emulation_flags, XEN_X86_EMU_LAPIC | XEN_X86_EMU_IOAPIC | XEN_X86_EMU_VPCI);
    assert_int_equal(domctl(&op, XEN_DOMCTL_ioport_permission, d->id.v), -E_OPNOTSUPP);
    op.u.ioport_permission.allow_access = 0;
    assert_int_equal(domctl(&op, XEN_DOMCTL_ioport_permission, d->id.v), 0);
    op.u.ioport_permission.nr_ports = 0x10000;
    assert_int_equal(domctl(&op, XEN_DOMCTL_ioport_permission, d->id.v), -E_INVAL);
    op = (struct xen_domctl){ .u.shadow_op = { .op = XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, .mb = 3 } };
    assert_int_equal(domctl(&op, XEN_DOMCTL_shadow_op, d->id.v), 0);
    op = (struct xen_domctl){ .u.shadow_op = { .op = XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION } };
    assert_int_equal(domctl(&op, XEN_DOMCTL_shadow_op, d->id.v), 0);
    assert_int_equal(op.u.shadow_op.mb, 3);
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
    assert_int_equal(domctl(&op, XEN_DOMCTL_shadow_op, d->id.v), -E_OPNOTSUPP);
    assert_string_equal(x86_version_capabilities(), "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(context_is_told, abi_setup),
        cmocka_unit_test_setup(context_starts_a_vcpu, abi_setup),
        cmocka_unit_test_setup(wrong_context_is_refused, abi_setup),
        cmocka_unit_test_setup(memory_types_are_kept, abi_setup), cmocka_unit_test_setup(other_records_come_back, abi_setup),
        cmocka_unit_test_setup(tsc_is_native, abi_setup),
        cmocka_unit_test_setup(map_is_what_was_set, abi_setup),
        cmocka_unit_test_setup(map_needs_memory, abi_setup),
        cmocka_unit_test_setup(vcpu_is_initialised_once, abi_setup),
        cmocka_unit_test_setup(vcpu_in_protected_mode, abi_setup),
        cmocka_unit_test_setup(last_vcpu_down_is_the_end, abi_setup),
        cmocka_unit_test_setup(timers_of_vcpus, abi_setup),
        cmocka_unit_test_setup(triggers, abi_setup),
        cmocka_unit_test_setup(upcall_vector, abi_setup),
        cmocka_unit_test_setup(small_answers, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
