/* SPDX-License-Identifier: Apache-2.0 */
/* SVM taken into use, and what it keeps of a vCPU (AMD64 APM volume 2, 15.4, 15.5, 15.30). */
#include "arch/include/mapping.h"
#include "arch/x86_64/svm/svm.h"
#include "cpuid_host.h"
#include "layout.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "msr.h"
#include "permissions.h"
#include "processor.h"

#define LEAF_SVM 0x8000000a
#define LEAF_HYPERVISOR 0x40000000
#define FEATURE_NEXT_RIP 3
#define FEATURE_CLEAN 5
#define FEATURE_DECODES 7
#define FEATURE_PAUSE_FILTER 10
#define FEATURE_PAUSE_THRESHOLD 12
/* A spinning guest is left after this many turns that follow each other within so many cycles. */
#define PAUSE_TURNS 3000
#define PAUSE_CYCLES 1000

#define INTERCEPTED_MISC1 \
    (MISC1_INTR | MISC1_NMI | MISC1_INIT | MISC1_RDPMC | MISC1_CPUID | MISC1_INVD | MISC1_HLT | MISC1_INVLPGA | MISC1_IO | MISC1_MSR | \
     MISC1_TASK_SWITCH | MISC1_SHUTDOWN)
#define INTERCEPTED_MISC2 (MISC2_SVM_INSTRUCTIONS | MISC2_WBINVD | MISC2_MONITOR | MISC2_XSETBV)
/* Alignment checks and debug exceptions that a guest brings about while they are delivered would never end (XSA-156). */
#define INTERCEPTED_EXCEPTIONS (BIT(VECTOR_DB) | BIT(VECTOR_AC) | BIT(VECTOR_MC))
#define ALL_DEBUG_REGISTERS 0xffff

static uint8_t host_save[MAX_CPUS][4096] ALIGNED(4096), host_vmcb[MAX_CPUS][4096] ALIGNED(4096);
static bool pause_filter;
bool svm_decodes, svm_is_qemu;

static void report(void)
{
    const struct virt_feature features[] = {
        { "next RIP", cpuid_bit(LEAF_SVM, CPUID_EDX, FEATURE_NEXT_RIP) }, { "exits of spinning guests", pause_filter },
        { "clean bits", cpuid_bit(LEAF_SVM, CPUID_EDX, FEATURE_CLEAN) }, { "decode assists", svm_decodes },
    };

    virt_report("SVM", features, ARRAY_SIZE(features));
}

/* The signature of its emulation of a processor, "TCGTCGTCGTCG". */
static bool is_qemu(void)
{
    return cpuid_word(LEAF_HYPERVISOR, 0, CPUID_EBX) == 0x54474354 && cpuid_word(LEAF_HYPERVISOR, 0, CPUID_ECX) == 0x43544743;
}

/* What a machine without all this is told: virt_check.c. */
const char *svm_init_cpu(void)
{
    uint64_t vm_cr;
    unsigned asids = cpuid_word(LEAF_SVM, 0, CPUID_EBX);

    if (asids < 2)
        return "the processor's SVM has no address space identifiers";
    if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVM_DISABLE) && !wrmsr_safe(MSR_VM_CR, vm_cr & ~(uint64_t)VM_CR_SVM_DISABLE))
        return "SVM cannot be switched on";
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, physical_of(host_save[cpu_id()]));
    if (cpu_id() == 0) {
        svm_msr_map_init();
        svm_asid_init(asids);
        svm_is_qemu = is_qemu();
        pause_filter = cpuid_bit(LEAF_SVM, CPUID_EDX, FEATURE_PAUSE_FILTER) && cpuid_bit(LEAF_SVM, CPUID_EDX, FEATURE_PAUSE_THRESHOLD);
        svm_decodes = cpuid_bit(LEAF_SVM, CPUID_EDX, FEATURE_DECODES);
        report();
    }
    return NULL;
}

static void prepare(struct vmcb *m, const struct domain *d)
{
    m->cr_reads = BIT(8);
    m->cr_writes = BIT(8) | (svm_is_qemu ? BIT(4) : 0);
    m->dr_reads = m->dr_writes = ALL_DEBUG_REGISTERS;
    m->exceptions = INTERCEPTED_EXCEPTIONS;
    m->misc1 = INTERCEPTED_MISC1 | (svm_is_qemu ? MISC1_CR0 : 0);
    m->misc2 = INTERCEPTED_MISC2;
    if (pause_filter) {
        m->misc1 |= MISC1_PAUSE;
        m->pause_count = PAUSE_TURNS;
        m->pause_threshold = PAUSE_CYCLES;
    }
    m->iopm = permissions_io_map(d);
    m->msrpm = svm_msr_map();
    m->v_intr = V_INTR_MASKING;
    m->nested_enable = 1;
    m->nested_cr3 = d->stage2.arch.root.v;
}

int svm_vcpu_init(struct vcpu *v)
{
    struct svm_vcpu *s = &v->arch.svm;

    STATIC_ASSERT(offsetof(struct arch_vcpu, svm.vmcb_pa) == SVM_VMCB_PA);
    STATIC_ASSERT(offsetof(struct arch_vcpu, svm.space_changes) == SVM_SPACE_CHANGES);
    STATIC_ASSERT(offsetof(struct arch_vcpu, svm.asid_changes) == SVM_ASID_CHANGES);
    s->vmcb = heap_alloc_pages(0);
    s->exited = s->vmcb && CONFIG(ASSERT) ? heap_alloc_pages(0) : NULL;
    if (!s->vmcb || (CONFIG(ASSERT) && !s->exited))
        return -E_NOMEM;
    s->vmcb_pa = mfn_to_hpa(arch_heap_frame(s->vmcb)).v;
    s->space_changes = &v->domain->stage2.arch.changes;
    s->asid_cpu = MAX_CPUS;
    prepare(s->vmcb, v->domain);
    return 0;
}

void svm_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.svm.vmcb)
        heap_free_pages(v->arch.svm.vmcb, 0);
    if (v->arch.svm.exited)
        heap_free_pages(v->arch.svm.exited, 0);
    v->arch.svm.vmcb = v->arch.svm.exited = NULL;
}

/* What this CPU knows of it is of another time. */
void svm_load(struct vcpu *v)
{
    vmcb_of(v)->clean = 0;
    svm_asid_load(v);
}

void svm_save(struct vcpu *v)
{
    if (v->arch.svm.dr_live)
        svm_unload_debug_registers(v);
}

void svm_run(struct vcpu *v)
{
    uint64_t host = physical_of(host_vmcb[cpu_id()]);

    STATIC_ASSERT(sizeof(host_vmcb[0]) == sizeof(struct vmcb));
    ASSERT(v == cpu_current_vcpu());
    /* What this CPU goes on with after each exit. */
    __asm__ volatile("vmsave %%rax" : : "a"(host) : "memory");
    svm_registers_to_vmcb(v);
    svm_loop(v, host);
}

const struct virt_ops svm_ops = {
    .init_cpu = svm_init_cpu,
    .vcpu_init = svm_vcpu_init,
    .vcpu_destroy = svm_vcpu_destroy,
    .vcpu_reset = svm_vcpu_reset,
    .load = svm_load,
    .save = svm_save,
    .run = svm_run,
    .inject_exception = svm_inject_exception,
    .inject_interrupt = svm_inject_interrupt,
    .inject_nmi = svm_inject_nmi,
    .interruptible = svm_interruptible,
    .get_segment = svm_get_segment,
    .set_segment = svm_set_segment,
    .get_control_registers = svm_get_control_registers,
    .set_control_registers = svm_set_control_registers,
    .cr4 = svm_cr4,
    .cpl = svm_cpl,
    .is_64bit = svm_is_64bit,
    .get_msr = svm_get_msr,
    .set_msr = svm_set_msr,
    .set_tsc_offset = svm_set_tsc_offset,
    .skip = svm_skip,
    .instruction = svm_instruction,
    .hypercall = { 0x0f, 0x01, 0xd9 },
};
