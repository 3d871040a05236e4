/* SPDX-License-Identifier: Apache-2.0 */
/* VMX taken into use, and what it keeps of a vCPU (Intel SDM volume 3, chapters 24 to 27, appendix A). */
#include "arch/include/mapping.h"
#include "arch/x86_64/vmx/unpaged.h"
#include "cpuid_host.h"
#include "idt.h"
#include "layout.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"
#include "msr.h"
#include "permissions.h"
#include "processor.h"
#include "stage2_format.h"
#include "stage2_space.h"
#include "tlb.h"

#define FEATURE_LOCKED BIT(0)
#define FEATURE_VMX BIT(2)
#define EPT_NEEDED (EPT_FOUR_LEVELS | EPT_WRITE_BACK | EPT_2MIB | EPT_INVEPT | EPT_INVEPT_SINGLE)
/* An EPT pointer's lower bits: tables are write-back, four levels (25.6.11). */
#define EPT_POINTER_BITS (6 | 3 << 3)
#define INVEPT_SINGLE 1
#define NO_LINK UINT64_MAX
/* A spinning guest is left when it has spun for that many cycles with less than that many between turns. */
#define PAUSE_WINDOW 300000
#define PAUSE_GAP 128

/* What is wanted of a group of controls; `optional` where the processor has it. */
struct controls {
    uint32_t msr, wanted, optional;
    uint32_t value;             /* what CPU 0 found */
};
static struct controls pin = { MSR_VMX_PIN, PIN_INTERRUPTS | PIN_NMI, PIN_VIRTUAL_NMIS, 0 };
static struct controls first = {
    MSR_VMX_CONTROLS, CONTROL_TSC_OFFSET | CONTROL_HLT | CONTROL_MWAIT | CONTROL_RDPMC | CONTROL_CR8 | CONTROL_MOV_DR | CONTROL_IO_MAP |
    CONTROL_MSR_MAP | CONTROL_MONITOR | CONTROL_SECOND, 0, 0,
};
static struct controls second = {
    MSR_VMX_CONTROLS2, CONTROL2_EPT | CONTROL2_WBINVD,
    CONTROL2_UNRESTRICTED | CONTROL2_VPID | CONTROL2_RDTSCP | CONTROL2_PAUSE_LOOP | CONTROL2_INVPCID | CONTROL2_XSAVES, 0,
};
static struct controls on_exit = {
    MSR_VMX_EXIT, EXIT_SAVE_DEBUG | EXIT_HOST_64BIT | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER, 0, 0,
};
static struct controls on_entry = { MSR_VMX_ENTRY, ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER, 0, 0 };

static uint8_t vmxon_region[MAX_CPUS][4096] ALIGNED(4096);
static PER_CPU(const struct vcpu *, loaded_vcpu);
extern uint64_t gdt[];
extern const char vmx_exit_entry[];

/* A capability's lower half: bits that must be set; its upper half: that may be (A.3). False: it lacks one that is wanted. */
static bool choose(struct controls *c)
{
    bool has_true = c->msr != MSR_VMX_CONTROLS2 && (rdmsr(MSR_VMX_BASIC) & VMX_BASIC_TRUE);
    uint64_t allowed = rdmsr(has_true ? MSR_VMX_TRUE(c->msr) : c->msr);
    uint32_t must = (uint32_t)allowed, may = (uint32_t)(allowed >> 32);

    c->value = (c->wanted | c->optional | must) & may;
    return (c->wanted & ~may) == 0;
}

static bool invpcid_is_offered(void)
{
    return cpuid_word(7, 0, CPUID_EBX) >> 10 & 1;
}

static const char *choose_controls(void)
{
    uint64_t ept;

    if (!choose(&pin) || !choose(&first) || !choose(&on_exit) || !choose(&on_entry))
        return "the processor's VMX is too old: it lacks maps of ports and MSRs, or the switching of PAT and EFER";
    if (!choose(&second))
        return second.value & CONTROL2_EPT ? "the processor's VMX is too old: it cannot stop a guest from emptying caches"
                                           : "the processor's VMX has no nested tables (EPT)";
    if (first.value & CONTROL_CR3)
        return "the processor's VMX is too old: a guest would be left for each change of its page tables";
    if (!invpcid_is_offered())
        second.value &= ~(uint32_t)CONTROL2_INVPCID;
    /* No processor has this alone: in real mode interrupts are the hypervisor's to deliver then. */
    if (second.value & CONTROL2_UNRESTRICTED)
        vmx_apic_choose(&first.value, &second.value);
    ept = rdmsr(MSR_VMX_EPT_VPID);
    if ((ept & EPT_NEEDED) != EPT_NEEDED)
        return "the processor's nested tables (EPT) lack blocks of 2 MiB or the instruction that invalidates them";
    return NULL;
}

static void report(void)
{
    const struct virt_feature features[] = {
        { "unrestricted guest", second.value & CONTROL2_UNRESTRICTED }, { "pages of 1 GiB", rdmsr(MSR_VMX_EPT_VPID) & EPT_1GIB },
        { "VPID", second.value & CONTROL2_VPID }, { "virtual NMIs", pin.value & PIN_VIRTUAL_NMIS },
        { "RDTSCP", second.value & CONTROL2_RDTSCP }, { "INVPCID", second.value & CONTROL2_INVPCID },
        { "XSAVES", second.value & CONTROL2_XSAVES }, { "exits of spinning guests", second.value & CONTROL2_PAUSE_LOOP },
        { "virtual interrupt delivery", vmx_apic_is_there() },
    };

    virt_report("VMX", features, ARRAY_SIZE(features));
}

/* The BIOS may have left the switch open, then it is ours; or have locked it. */
static bool is_switched_on(void)
{
    uint64_t control = rdmsr(MSR_FEATURE_CONTROL);

    if (!(control & FEATURE_LOCKED))
        wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_LOCKED | FEATURE_VMX);
    return rdmsr(MSR_FEATURE_CONTROL) & FEATURE_VMX;
}

static void write_revision(void *region)
{
    *(uint32_t *)region = (uint32_t)rdmsr(MSR_VMX_BASIC) & INT32_MAX;
}

static const char *vmx_init_cpu(void)
{
    uint8_t *region = vmxon_region[cpu_id()];
    uint64_t pa = physical_of(region);
    const char *missing = NULL;
    bool ok;

    if (!is_switched_on())
        return "VT-x is switched off: in the BIOS set up, turn on 'Intel Virtualization Technology' (also called 'VT-x' or 'VMX')";
    if (cpu_id() == 0) {
        missing = choose_controls();
        if (missing)
            return missing;
        report();
        if (!(second.value & CONTROL2_UNRESTRICTED))
            unpaged_needed();
        stage2_format_use_ept();
        if (!(rdmsr(MSR_VMX_EPT_VPID) & EPT_1GIB))
            stage2_without_1gib();
        vmx_msr_map_init();
    }
    write_revision(region);
    write_cr4(read_cr4() | CR4_VMXE);
    __asm__ volatile("vmxon %1" : "=@cca"(ok) : "m"(pa) : "memory");
    return ok ? NULL : "the processor refuses VMXON";
}

/*
 * -- the current VMCS of a CPU --
 * A CPU may keep parts of a VMCS to itself until it clears it (25.1, 25.11.1), so it stays there, launched, while its vCPU comes back to the
 * same CPU. Another CPU that wants it asks for it by an NMI: the vCPU is loaded nowhere then, so nobody works with it.
 */

static void vmcs_load(const struct vcpu *v)
{
    bool ok;

    __asm__ volatile("vmptrld %1" : "=@cca"(ok) : "m"(v->arch.vmx.vmcs_pa) : "memory");
    PANIC_IF(!ok, "VMX: the VMCS of d%uv%u cannot be loaded", v->domain->id.v, v->id);
}

static void vmcs_clear(uint64_t pa)
{
    bool ok;

    __asm__ volatile("vmclear %1" : "=@cca"(ok) : "m"(pa) : "memory");
    PANIC_IF(!ok, "VMX: a VMCS cannot be cleared");
}

/* What each CPU asks one other for: a VMCS, and of whom (0: nothing, or the CPU and one). */
static struct { uint64_t pa; uint32_t of; } asked[MAX_CPUS];

static void vmx_nmi(void)
{
    for (unsigned i = 0; i < cpu_count(); i++) {
        if (atomic_load_acquire(&asked[i].of) != cpu_id() + 1)
            continue;
        vmcs_clear(asked[i].pa);
        atomic_store_release(&asked[i].of, 0u);
    }
}

/* All of it is in memory, and any CPU may load it. v is loaded nowhere. */
static void vmcs_to_memory(struct vcpu *v)
{
    struct vmx_vcpu *x = &v->arch.vmx;

    ASSERT(!x->is_current);
    if (x->cached_by == cpu_id()) {
        vmcs_clear(x->vmcs_pa);
    } else if (x->cached_by != MAX_CPUS) {
        asked[cpu_id()].pa = x->vmcs_pa;
        atomic_store_release(&asked[cpu_id()].of, x->cached_by + 1);
        cpu_interrupt_these((uint32_t)BIT(x->cached_by));
        ASSERT(!atomic_load(&asked[cpu_id()].of));
    }
    x->cached_by = MAX_CPUS;
    x->launched = false;
}

static void vmcs_load_here(struct vcpu *v)
{
    if (unlikely(v->arch.vmx.cached_by != cpu_id())) {
        vmcs_to_memory(v);
        v->arch.vmx.cached_by = cpu_id();
    }
    vmcs_load(v);
}

/* Where its VMCS is cached is nothing of v that anybody sees. */
void vmcs_borrow(const struct vcpu *v)
{
    vmcs_load_here((struct vcpu *)(uintptr_t)v);
}

void vmcs_return(void)
{
    const struct vcpu *loaded = THIS_CPU(loaded_vcpu);

    if (loaded)
        vmcs_load(loaded);
}

void vmx_set_control(struct vcpu *v, uint32_t field, uint64_t bit, bool on)
{
    uint64_t value;

    vmcs_open(v);
    value = vmread(field);
    vmwrite(field, on ? value | bit : value & ~bit);
    vmcs_close(v);
}

/* -- vCPUs -- */

static void write_guest_side(const struct vcpu *v)
{
    uint64_t io = permissions_io_map(v->domain);

    vmwrite(VMCS_PIN_CONTROLS, pin.value);
    vmwrite(VMCS_CONTROLS, first.value);
    vmwrite(VMCS_CONTROLS2, second.value);
    vmwrite(VMCS_EXIT_CONTROLS, on_exit.value);
    vmwrite(VMCS_ENTRY_CONTROLS, on_entry.value);
    vmwrite(VMCS_EXCEPTIONS, INTERCEPTED_EXCEPTIONS);
    vmwrite(VMCS_IO_MAP_A, io);
    vmwrite(VMCS_IO_MAP_B, io + PAGE_SIZE);
    vmwrite(VMCS_MSR_MAP, vmx_msr_map());
    vmwrite(VMCS_EPT, v->domain->stage2.arch.root.v | EPT_POINTER_BITS);
    /* Translations are told apart by the EPT pointer first: a domain's own numbers do. */
    if (second.value & CONTROL2_VPID)
        vmwrite(VMCS_VPID, 1 + v->id);
    vmwrite(VMCS_LINK, NO_LINK);
    if (second.value & CONTROL2_PAUSE_LOOP) {
        vmwrite(VMCS_PAUSE_GAP, PAUSE_GAP);
        vmwrite(VMCS_PAUSE_WINDOW, PAUSE_WINDOW);
    }
    for (uint32_t field = VMCS_CR3_TARGETS; field <= VMCS_ENTRY_LOAD_COUNT; field += 2) {
        if (field != VMCS_EXIT_CONTROLS && field != VMCS_ENTRY_CONTROLS)
            vmwrite(field, 0);
    }
}

/* What this CPU goes on with after an exit (25.5). */
static void write_host_side(void)
{
    static const uint32_t selectors[] = { VMCS_HOST_ES, VMCS_HOST_SS, VMCS_HOST_DS, VMCS_HOST_FS, VMCS_HOST_GS };
    struct { uint16_t limit; uint64_t base; } PACKED idtr, gdtr;

    __asm__ volatile("sidt %0; sgdt %1" : "=m"(idtr), "=m"(gdtr));
    for (unsigned i = 0; i < ARRAY_SIZE(selectors); i++)
        vmwrite(selectors[i], 0);
    vmwrite(VMCS_HOST_CS, GDT_CODE);
    vmwrite(VMCS_HOST_TR, GDT_TSS(cpu_id()));
    vmwrite(VMCS_HOST_TR_BASE, idt_task_segment());
    vmwrite(VMCS_HOST_GDTR_BASE, gdtr.base);
    vmwrite(VMCS_HOST_IDTR_BASE, idtr.base);
    vmwrite(VMCS_HOST_FS_BASE, rdmsr(MSR_FS_BASE));
    vmwrite(VMCS_HOST_GS_BASE, rdmsr(MSR_GS_BASE));
    vmwrite(VMCS_HOST_CR0, read_cr0());
    vmwrite(VMCS_HOST_CR3, read_cr3());
    vmwrite(VMCS_HOST_CR4, read_cr4());
    vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
    vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
    vmwrite(VMCS_HOST_SYSENTER_CS, 0);
    vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
    vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
    vmwrite(VMCS_HOST_RSP, VMX_LOOP_STACK(cpu_id()));
    vmwrite(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
}

static int vmx_vcpu_init(struct vcpu *v)
{
    struct vmx_vcpu *x = &v->arch.vmx;
    int error;

    STATIC_ASSERT(offsetof(struct arch_vcpu, vmx.space_changes) == VMX_SPACE_CHANGES);
    STATIC_ASSERT(offsetof(struct arch_vcpu, vmx.seen_changes) == VMX_SEEN_CHANGES);
    STATIC_ASSERT(offsetof(struct arch_vcpu, vmx.launched) == VMX_LAUNCHED);
    x->vmcs = heap_alloc_pages(0);
    if (!x->vmcs)
        return -E_NOMEM;
    x->vmcs_pa = mfn_to_hpa(arch_heap_frame(x->vmcs)).v;
    x->space_changes = &v->domain->stage2.arch.changes;
    x->cpu = x->cached_by = MAX_CPUS;
    write_revision(x->vmcs);
    vmcs_clear(x->vmcs_pa);
    vmcs_open(v);
    write_guest_side(v);
    error = vmx_apic_init(v);
    vmcs_close(v);
    return error ? error : unpaged_vcpu_init(v);
}

static void vmx_vcpu_destroy(struct vcpu *v)
{
    if (!v->arch.vmx.vmcs)
        return;
    vmcs_to_memory(v);
    vmx_apic_destroy(v);
    unpaged_vcpu_destroy(v);
    heap_free_pages(v->arch.vmx.vmcs, 0);
    v->arch.vmx.vmcs = NULL;
}

void vmx_forget_space(struct vcpu *v)
{
    const struct { uint64_t pointer, zero; } what = { v->domain->stage2.arch.root.v | EPT_POINTER_BITS, 0 };
    bool ok;

    /* Before it is done: what is changed later is seen to be. */
    v->arch.vmx.seen_changes = atomic_load_acquire(v->arch.vmx.space_changes);
    __asm__ volatile("invept %1, %2" : "=@cca"(ok) : "m"(what), "r"(UINT64_C(INVEPT_SINGLE)) : "memory");
    ASSERT(ok);
}

static void vmx_load(struct vcpu *v)
{
    ASSERT(!THIS_CPU(loaded_vcpu));
    vmcs_load_here(v);
    v->arch.vmx.is_current = true;
    THIS_CPU(loaded_vcpu) = v;
    if (v->arch.vmx.cpu != cpu_id()) {
        write_host_side();
        vmx_forget_space(v);
        v->arch.vmx.cpu = cpu_id();
    }
    vmx_load_msrs(v);
    write_cr2(v->arch.vmx.cr2);
}

static void vmx_save(struct vcpu *v)
{
    ASSERT(THIS_CPU(loaded_vcpu) == v);
    v->arch.vmx.cr2 = read_cr2();
    vmx_save_msrs(v);
    if (v->arch.vmx.dr_live)
        vmx_unload_debug_registers(v);
    v->arch.vmx.is_current = false;
    THIS_CPU(loaded_vcpu) = NULL;
}

static void vmx_run(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu() && v == THIS_CPU(loaded_vcpu));
    if (v->arch.vmx.is_real)
        real_mode_flags(v);
    vmx_registers_to_vmcs(v);
    vmx_loop(v, VMX_LOOP_STACK(cpu_id()));
}

void vmx_refused(struct vcpu *v)
{
    panic("VMX: entering d%uv%u was refused: error %llu of chapter 31.4", v->domain->id.v, v->id,
          (unsigned long long)vmread(VMCS_INSTRUCTION_ERROR));
}

static void vmx_set_tsc_offset(struct vcpu *v, uint64_t offset)
{
    vmcs_open(v);
    vmwrite(VMCS_TSC_OFFSET, offset);
    vmcs_close(v);
}

bool vmx_has_virtual_nmis(void)
{
    return pin.value & PIN_VIRTUAL_NMIS;
}

const struct virt_ops vmx_ops = {
    .init_cpu = vmx_init_cpu,
    .vcpu_init = vmx_vcpu_init,
    .vcpu_destroy = vmx_vcpu_destroy,
    .vcpu_reset = vmx_vcpu_reset,
    .load = vmx_load,
    .save = vmx_save,
    .run = vmx_run,
    .inject_exception = vmx_inject_exception,
    .inject_interrupt = vmx_inject_interrupt,
    .deliver_interrupts = vmx_apic_deliver,
    .inject_nmi = vmx_inject_nmi,
    .interruptible = vmx_interruptible,
    .get_segment = vmx_get_segment,
    .set_segment = vmx_set_segment,
    .get_control_registers = vmx_get_control_registers,
    .cr4 = vmx_cr4,
    .set_control_registers = vmx_set_control_registers,
    .cpl = vmx_cpl,
    .is_64bit = vmx_is_64bit,
    .get_msr = vmx_get_msr,
    .set_msr = vmx_set_msr,
    .set_tsc_offset = vmx_set_tsc_offset,
    .nmi = vmx_nmi,
    .skip = vmx_skip,
    .hypercall = { 0x0f, 0x01, 0xc1 },
};
