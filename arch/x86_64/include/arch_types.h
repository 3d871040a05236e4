/* SPDX-License-Identifier: Apache-2.0 */
/* What x86-64 keeps per domain and per vCPU; embedded in core's structures. */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include "arch/include/x86_registers.h"
#include "arch/include/x86_state.h"
#include "lib/types.h"
#include "vdev/mmio.h"
#include "vdev/x86_64/platform.h"
#include "vdev/x86_64/vioapic.h"
#include "vdev/x86_64/vlapic.h"

struct vmcb;
struct vpci;

/* The length of an instruction that exited, known since it was last looked at: svm/length.c. */
struct svm_known {
    uint64_t rip, cr3, exit_code, length;
};
#define SVM_KNOWN 32

/* SVM's part of a vCPU (svm/). run.S knows the first three by their place. */
struct svm_vcpu {
    uint64_t vmcb_pa;
    const uint64_t *space_changes;      /* how often the nested tables that it runs with were changed (stage2_tlb.c) */
    uint64_t asid_changes;              /* that count when it got its ASID */
    struct vmcb *vmcb;
    struct vmcb *exited;                /* checked builds: what the last exit left in it (svm/clean.c) */
    uint64_t asid_generation;
    uint64_t dr[4];                     /* DR0 to DR3, while they are not in the processor */
    uint64_t hidden_efer;               /* what of EFER it has but not the VMCB (svm/mov_cr.c) */
    uint32_t asid_cpu;
    bool dr_live;
    bool in_nmi;                        /* from an NMI until its IRET, which is intercepted */
    struct svm_known known[SVM_KNOWN];
};

/* VMX's (vmx/). run.S knows the first three by their place. */
#define VMX_SWITCHED_MSRS 6
struct vmx_vcpu {
    const uint64_t *space_changes;      /* as SVM's */
    uint64_t seen_changes;              /* that count when this CPU last forgot what it had cached */
    bool launched;                      /* entered since its VMCS was last cleared */
    bool is_current;                    /* its VMCS is what its CPU's VMREAD reads: it is loaded */
    bool dr_live;
    uint8_t msr_count;
    uint32_t cpu;                       /* whose host state stands in the VMCS */
    uint32_t cached_by;                 /* the CPU that may keep parts of the VMCS to itself; MAX_CPUS: all of it is in memory */
    void *vmcs;
    uint64_t vmcs_pa;
    uint64_t dr[4], dr6, cr2;           /* while they are not in the processor */
    uint64_t msrs[VMX_SWITCHED_MSRS];
    uint64_t eoi_exits[4];              /* vectors whose end exits, as its VMCS has them */
    bool has_x2apic;                    /* its VMCS is one of a guest with an x2APIC */
    bool is_unpaged, is_real;           /* on a processor where the guest's CR0.PG, and PE, cannot be clear (vmx/unpaged.h): these are kept, */
    uint64_t cr3, efer;
    struct x86_segment task, local;     /* and in real mode these */
    uint32_t vectors_limit;             /* of IDTR */
    void *unpaged_pages;                /* vCPU 0's: its domain's identity map and task segment */
};

struct arch_domain {
    struct vioapic *vioapic;    /* dom0's; NULL: it has none */
    struct vpci *vpci;          /* the same */
    struct mmio_space mmio;
    uint8_t event_vector;       /* of the event-channel upcall (HVM_PARAM_CALLBACK_IRQ); 0: none */
    struct x86_domain x86;
};

/* Where a page of its kernel's is, found out in run `run` and true until that ends (translate.c). */
struct guest_page {
    uint64_t page, run, gfn;    /* page: its address, and in bit 0 whether it may be written */
};
#define GUEST_PAGES 4

/* Where the six arguments of a hypercall lie side by side. */
#define ARCH_HYPERCALL_ARGS(v) ((v)->arch.regs.argument)

/* The exit code stores the registers by their place. */
struct arch_vcpu {
    struct x86_registers regs;
    union {
        struct svm_vcpu svm;
        struct vmx_vcpu vmx;
    };
    struct vlapic lapic;
    uint8_t event_vector;       /* HVMOP_set_evtchn_upcall_vector's, 0: the domain's */
    uint32_t event_waits;       /* atomic: what is to be given before it is entered: WAITS_* (vlapic.h) */
    void *fp;                   /* XSAVE's or FXSAVE's area, or NULL */
    uint64_t xcr0;
    uint64_t tsc_offset;        /* what its TSC has before the host's */
    const void *time_at;        /* the vcpu_info that the PV clock was written to, */
    uint64_t time_offset;       /* and for which offset */
    struct x86_vcpu x86;
    uint64_t runs;              /* counts its exits, and whenever it is loaded */
    struct guest_page pages[GUEST_PAGES];
};

#endif
