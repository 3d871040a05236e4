/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine control block (AMD64 APM volume 2, 15.5 and appendix B) and the codes of exits (appendix C). */
#ifndef X86_SVM_VMCB_H
#define X86_SVM_VMCB_H

#include "arch/x86_64/include/virt.h"
#include "lib/assert.h"

/* Intercepts of `misc1` and `misc2`. */
#define MISC1_INTR BIT(0)
#define MISC1_NMI BIT(1)
#define MISC1_INIT BIT(3)
#define MISC1_VINTR BIT(4)
#define MISC1_CR0 BIT(5)             /* writes that change more than TS and MP */
#define MISC1_RDPMC BIT(15)
#define MISC1_CPUID BIT(18)
#define MISC1_IRET BIT(20)
#define MISC1_INVD BIT(22)
#define MISC1_PAUSE BIT(23)
#define MISC1_HLT BIT(24)
#define MISC1_INVLPGA BIT(26)
#define MISC1_IO BIT(27)
#define MISC1_MSR BIT(28)
#define MISC1_TASK_SWITCH BIT(29)
#define MISC1_SHUTDOWN BIT(31)
#define MISC2_SVM_INSTRUCTIONS 0x7f     /* VMRUN, VMMCALL, VMLOAD, VMSAVE, STGI, CLGI, SKINIT */
#define MISC2_WBINVD BIT(9)
#define MISC2_MONITOR (BIT(10) | BIT(11) | BIT(12))
#define MISC2_XSETBV BIT(13)

#define V_IRQ BIT(8)
#define V_INTR_PRIORITY (UINT64_C(15) << 16)
#define V_IGNORE_TPR BIT(20)
#define V_INTR_MASKING BIT(24)
#define V_INTR_VECTOR_SHIFT 32

/* What a processor may go on with as it knows it, unless it is told that it was written (15.15.3). What is in no group it always reads. */
#define CLEAN_INTERCEPTS BIT(0)     /* and the TSC's offset, and what is a spinning guest */
#define CLEAN_MAPS BIT(1)
#define CLEAN_ASID BIT(2)
#define CLEAN_INTERRUPT BIT(3)
#define CLEAN_NESTED BIT(4)         /* the nested tables' root, and the PAT */
#define CLEAN_CONTROL BIT(5)        /* CR0, CR3, CR4, EFER */
#define CLEAN_DEBUG BIT(6)
#define CLEAN_TABLES BIT(7)         /* GDTR, IDTR */
#define CLEAN_SEGMENTS BIT(8)       /* ES, CS, SS, DS, and the privilege level */
#define CLEAN_CR2 BIT(9)
#define CLEAN_LAST_BRANCH BIT(10)
#define CLEAN_ALL 0x7ffu

#define TLB_KEEP 0
#define TLB_FLUSH_ALL 1

#define EVENT_VALID BIT(31)
#define EVENT_HAS_CODE BIT(11)
#define EVENT_TYPE(e) ((e) >> 8 & 7)
#define EVENT_INTERRUPT 0
#define EVENT_NMI 2
#define EVENT_EXCEPTION 3
#define EVENT_SOFTWARE 4

struct vmcb {
    uint16_t cr_reads, cr_writes, dr_reads, dr_writes;
    uint32_t exceptions, misc1, misc2;
    uint8_t reserved1[0x28];
    uint16_t pause_threshold, pause_count;
    uint64_t iopm, msrpm, tsc_offset;
    uint32_t asid;
    uint8_t tlb_control, reserved2[3];
    uint64_t v_intr, interrupt_shadow, exit_code, exit_info1, exit_info2, exit_int_info, nested_enable;
    uint8_t reserved3[0x10];
    uint64_t event, nested_cr3, lbr_enable;
    uint32_t clean, reserved4;
    uint64_t next_rip;
    uint8_t fetched, instruction[15];           /* how many bytes of the intercepted instruction: decode assists (15.8.4) */
    uint8_t reserved5[0x320];
    /* 0x400: the state save area */
    struct x86_segment_field { uint16_t selector, attributes; uint32_t limit; uint64_t base; }
        es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved6[0x2b], cpl, reserved7[4];
    uint64_t efer;
    uint8_t reserved8[0x70];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved9[0x58];
    uint64_t rsp;
    uint8_t reserved10[0x18];
    uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t reserved11[0x20];
    uint64_t pat, debugctl, br_from, br_to, last_from, last_to;
    uint8_t reserved12[0x968];
};
STATIC_ASSERT(offsetof(struct vmcb, pause_threshold) == 0x3c && offsetof(struct vmcb, asid) == 0x58);
STATIC_ASSERT(offsetof(struct vmcb, v_intr) == 0x60 && offsetof(struct vmcb, nested_enable) == 0x90);
STATIC_ASSERT(offsetof(struct vmcb, event) == 0xa8 && offsetof(struct vmcb, next_rip) == 0xc8);
STATIC_ASSERT(offsetof(struct vmcb, es) == 0x400 && offsetof(struct vmcb, cpl) == 0x4cb && offsetof(struct vmcb, efer) == 0x4d0);
STATIC_ASSERT(offsetof(struct vmcb, cr4) == 0x548 && offsetof(struct vmcb, rip) == 0x578 && offsetof(struct vmcb, rsp) == 0x5d8);
STATIC_ASSERT(offsetof(struct vmcb, rax) == 0x5f8 && offsetof(struct vmcb, cr2) == 0x640 && offsetof(struct vmcb, pat) == 0x668);
STATIC_ASSERT(sizeof(struct vmcb) == 4096);

enum svm_exit_code {
    SVM_EXIT_CR8_READ = 0x08, SVM_EXIT_CR4_WRITE = 0x14, SVM_EXIT_CR8_WRITE = 0x18, SVM_EXIT_DR_READ = 0x20, SVM_EXIT_DR_WRITE = 0x30, SVM_EXIT_EXCEPTION = 0x40,
    SVM_EXIT_INTR = 0x60, SVM_EXIT_NMI = 0x61, SVM_EXIT_INIT = 0x63, SVM_EXIT_VINTR = 0x64, SVM_EXIT_CR0_CHANGE = 0x65, SVM_EXIT_RDPMC = 0x6f,
    SVM_EXIT_CPUID = 0x72, SVM_EXIT_IRET = 0x74, SVM_EXIT_INVD = 0x76, SVM_EXIT_PAUSE = 0x77, SVM_EXIT_HLT = 0x78, SVM_EXIT_INVLPGA = 0x7a, SVM_EXIT_IO = 0x7b,
    SVM_EXIT_MSR = 0x7c, SVM_EXIT_TASK_SWITCH = 0x7d, SVM_EXIT_SHUTDOWN = 0x7f, SVM_EXIT_VMRUN = 0x80, SVM_EXIT_VMMCALL = 0x81,
    SVM_EXIT_SKINIT = 0x86, SVM_EXIT_WBINVD = 0x89, SVM_EXIT_MONITOR = 0x8a, SVM_EXIT_MWAIT = 0x8b, SVM_EXIT_MWAIT_ARMED = 0x8c,
    SVM_EXIT_XSETBV = 0x8d, SVM_EXIT_NESTED_FAULT = 0x400
};

#endif
