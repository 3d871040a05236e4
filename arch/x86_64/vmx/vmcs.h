/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the virtual machine control structure (Intel SDM volume 3, appendix B) and what stands in them (chapters 25 and 28). */
#ifndef X86_VMX_VMCS_H
#define X86_VMX_VMCS_H

#include "lib/assert.h"
#include "lib/types.h"

enum vmcs_field {
    /* 16 bits */
    VMCS_VPID = 0x0000,
    VMCS_INTERRUPT_STATUS = 0x0810,     /* what is requested (7:0) and in service (15:8) */
    VMCS_ES_SELECTOR = 0x0800,          /* CS, SS, DS, FS, GS, LDTR, TR follow, 2 apart */
    VMCS_HOST_ES = 0x0c00, VMCS_HOST_CS = 0x0c02, VMCS_HOST_SS = 0x0c04, VMCS_HOST_DS = 0x0c06, VMCS_HOST_FS = 0x0c08, VMCS_HOST_GS = 0x0c0a,
    VMCS_HOST_TR = 0x0c0c,
    /* 64 bits */
    VMCS_IO_MAP_A = 0x2000, VMCS_IO_MAP_B = 0x2002, VMCS_MSR_MAP = 0x2004, VMCS_TSC_OFFSET = 0x2010, VMCS_APIC_PAGE = 0x2012, VMCS_EPT = 0x201a,
    VMCS_EOI_EXITS = 0x201c,            /* four, 2 apart */
    VMCS_GUEST_PHYSICAL = 0x2400,
    VMCS_LINK = 0x2800, VMCS_DEBUGCTL = 0x2802, VMCS_PAT = 0x2804, VMCS_EFER = 0x2806,
    VMCS_PDPTE = 0x280a,                /* four, 2 apart */
    VMCS_HOST_PAT = 0x2c00, VMCS_HOST_EFER = 0x2c02,
    /* 32 bits */
    VMCS_PIN_CONTROLS = 0x4000, VMCS_CONTROLS = 0x4002, VMCS_EXCEPTIONS = 0x4004, VMCS_CR3_TARGETS = 0x400a, VMCS_EXIT_CONTROLS = 0x400c,
    VMCS_EXIT_STORE_COUNT = 0x400e, VMCS_EXIT_LOAD_COUNT = 0x4010, VMCS_ENTRY_CONTROLS = 0x4012, VMCS_ENTRY_LOAD_COUNT = 0x4014,
    VMCS_ENTRY_EVENT = 0x4016, VMCS_ENTRY_EVENT_CODE = 0x4018, VMCS_ENTRY_LENGTH = 0x401a, VMCS_TPR_THRESHOLD = 0x401c, VMCS_CONTROLS2 = 0x401e,
    VMCS_PAUSE_GAP = 0x4020, VMCS_PAUSE_WINDOW = 0x4022,
    VMCS_INSTRUCTION_ERROR = 0x4400, VMCS_EXIT_REASON = 0x4402, VMCS_EXIT_EVENT = 0x4404, VMCS_EXIT_EVENT_CODE = 0x4406,
    VMCS_DELIVERED = 0x4408, VMCS_DELIVERED_CODE = 0x440a, VMCS_INSTRUCTION_LENGTH = 0x440c,
    VMCS_ES_LIMIT = 0x4800,             /* in the order of the selectors, then GDTR, IDTR */
    VMCS_ES_RIGHTS = 0x4814,            /* in the order of the selectors */
    VMCS_SHADOW = 0x4824, VMCS_ACTIVITY = 0x4826, VMCS_SYSENTER_CS = 0x482a, VMCS_HOST_SYSENTER_CS = 0x4c00,
    /* as wide as a register */
    VMCS_CR0_OWN = 0x6000, VMCS_CR4_OWN = 0x6002, VMCS_CR0_SEEN = 0x6004, VMCS_CR4_SEEN = 0x6006, VMCS_QUALIFICATION = 0x6400,
    VMCS_CR0 = 0x6800, VMCS_CR3 = 0x6802, VMCS_CR4 = 0x6804,
    VMCS_ES_BASE = 0x6806,              /* in the order of the limits */
    VMCS_DR7 = 0x681a, VMCS_RSP = 0x681c, VMCS_RIP = 0x681e, VMCS_RFLAGS = 0x6820, VMCS_PENDING_DEBUG = 0x6822,
    VMCS_SYSENTER_ESP = 0x6824, VMCS_SYSENTER_EIP = 0x6826,
    VMCS_HOST_CR0 = 0x6c00, VMCS_HOST_CR3 = 0x6c02, VMCS_HOST_CR4 = 0x6c04, VMCS_HOST_FS_BASE = 0x6c06, VMCS_HOST_GS_BASE = 0x6c08,
    VMCS_HOST_TR_BASE = 0x6c0a, VMCS_HOST_GDTR_BASE = 0x6c0c, VMCS_HOST_IDTR_BASE = 0x6c0e, VMCS_HOST_SYSENTER_ESP = 0x6c10,
    VMCS_HOST_SYSENTER_EIP = 0x6c12, VMCS_HOST_RSP = 0x6c14, VMCS_HOST_RIP = 0x6c16
};

/* Pin-based controls (25.6.1) */
#define PIN_INTERRUPTS BIT(0)
#define PIN_NMI BIT(3)
#define PIN_VIRTUAL_NMIS BIT(5)
/* Processor-based controls (25.6.2) */
#define CONTROL_INTERRUPT_WINDOW BIT(2)
#define CONTROL_NMI_WINDOW BIT(22)
#define CONTROL_TPR_SHADOW BIT(21)
#define CONTROL_TSC_OFFSET BIT(3)
#define CONTROL_HLT BIT(7)
#define CONTROL_MWAIT BIT(10)
#define CONTROL_RDPMC BIT(11)
#define CONTROL_CR3 (BIT(15) | BIT(16))
#define CONTROL_CR8 (BIT(19) | BIT(20))
#define CONTROL_MOV_DR BIT(23)
#define CONTROL_IO_MAP BIT(25)
#define CONTROL_MSR_MAP BIT(28)
#define CONTROL_MONITOR BIT(29)
#define CONTROL_SECOND BIT(31)
#define CONTROL2_EPT BIT(1)
#define CONTROL2_RDTSCP BIT(3)
#define CONTROL2_X2APIC BIT(4)
#define CONTROL2_VPID BIT(5)
#define CONTROL2_WBINVD BIT(6)
#define CONTROL2_UNRESTRICTED BIT(7)
#define CONTROL2_APIC_REGISTERS BIT(8)
#define CONTROL2_DELIVERY BIT(9)
#define CONTROL2_PAUSE_LOOP BIT(10)
#define CONTROL2_INVPCID BIT(12)
#define CONTROL2_XSAVES BIT(20)
/* Exit and entry controls (25.7.1, 25.8.1) */
#define EXIT_SAVE_DEBUG BIT(2)
#define EXIT_HOST_64BIT BIT(9)
#define EXIT_SAVE_PAT BIT(18)
#define EXIT_LOAD_PAT BIT(19)
#define EXIT_SAVE_EFER BIT(20)
#define EXIT_LOAD_EFER BIT(21)
#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_LONG_MODE BIT(9)
#define ENTRY_LOAD_PAT BIT(14)
#define ENTRY_LOAD_EFER BIT(15)

/* Events (25.8.3, 25.9.2) */
#define EVENT_VALID BIT(31)
#define EVENT_HAS_CODE BIT(11)
#define EVENT_TYPE(e) ((unsigned)((e) >> 8 & 7))
#define EVENT_INTERRUPT 0
#define EVENT_NMI 2
#define EVENT_EXCEPTION 3
#define EVENT_SOFTWARE 4
#define EVENT_PRIVILEGED 5
#define EVENT_SOFTWARE_EXCEPTION 6
#define SHADOW_STI BIT(0)
#define SHADOW_MOV_SS BIT(1)
#define SHADOW_NMI BIT(3)
/* Access rights of a segment (25.4.1); 11:0 of the others as a descriptor has them, with a gap. */
#define RIGHTS_UNUSABLE BIT(16)

/* Capabilities (appendix A) */
#define MSR_VMX_BASIC 0x480
#define MSR_VMX_PIN 0x481
#define MSR_VMX_CONTROLS 0x482
#define MSR_VMX_EXIT 0x483
#define MSR_VMX_ENTRY 0x484
#define MSR_VMX_CONTROLS2 0x48b
#define MSR_VMX_EPT_VPID 0x48c
#define MSR_VMX_TRUE(msr) ((msr) + 0x48d - MSR_VMX_PIN)
#define VMX_BASIC_TRUE BIT(55)
#define EPT_FOUR_LEVELS BIT(6)
#define EPT_WRITE_BACK BIT(14)
#define EPT_2MIB BIT(16)
#define EPT_1GIB BIT(17)
#define EPT_INVEPT BIT(20)
#define EPT_INVEPT_SINGLE BIT(25)

enum vmx_exit_reason {
    VMX_EXIT_EXCEPTION, VMX_EXIT_INTERRUPT, VMX_EXIT_TRIPLE_FAULT, VMX_EXIT_INIT, VMX_EXIT_WINDOW = 7, VMX_EXIT_NMI_WINDOW, VMX_EXIT_TASK_SWITCH = 9,
    VMX_EXIT_CPUID, VMX_EXIT_GETSEC, VMX_EXIT_HLT, VMX_EXIT_INVD, VMX_EXIT_RDPMC = 15, VMX_EXIT_VMCALL = 18, VMX_EXIT_VMCLEAR,
    VMX_EXIT_VMXON = 27, VMX_EXIT_CR, VMX_EXIT_DR, VMX_EXIT_IO, VMX_EXIT_RDMSR, VMX_EXIT_WRMSR, VMX_EXIT_BAD_STATE, VMX_EXIT_BAD_MSR,
    VMX_EXIT_MWAIT = 36, VMX_EXIT_MONITOR = 39, VMX_EXIT_PAUSE, VMX_EXIT_MACHINE_CHECK, VMX_EXIT_EOI = 45, VMX_EXIT_EPT_VIOLATION = 48,
    VMX_EXIT_EPT_MISCONFIGURED, VMX_EXIT_INVEPT, VMX_EXIT_INVVPID = 53, VMX_EXIT_WBINVD, VMX_EXIT_XSETBV, VMX_EXIT_APIC_WRITE,
    VMX_EXIT_REASONS = 70
};

/* Of the current one. A field that is not there is a bug of ours. */
static inline uint64_t vmread(uint32_t field)
{
    uint64_t value;
    bool ok;

    __asm__ volatile("vmread %2, %0" : "=r"(value), "=@cca"(ok) : "r"((uint64_t)field) : "memory");
    ASSERT(ok);
    return value;
}

static inline void vmwrite(uint32_t field, uint64_t value)
{
    bool ok;

    __asm__ volatile("vmwrite %2, %1" : "=@cca"(ok) : "r"((uint64_t)field), "r"(value) : "memory");
    ASSERT(ok);
}

#endif
