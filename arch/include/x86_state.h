/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's processor state on x86-64, for the ABI's veneer; both arch/x86_64 and the simulated processor have it. */
#ifndef ARCH_X86_STATE_H
#define ARCH_X86_STATE_H

#include "arch/include/x86_registers.h"
#include "lib/compiler.h"

struct vcpu;

/* A segment or table register; attributes as AMD's VMCB packs them (APM volume 2, 15.5.1): type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10,
 * G 11; 0 in GDTR and IDTR. */
struct x86_segment {
    uint16_t selector, attributes;
    uint32_t limit;             /* in bytes */
    uint64_t base;
};
#define X86_SEGMENT_LONG (1 << 9)
enum x86_segment_name { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_LDTR, X86_TR, X86_GDTR, X86_IDTR, X86_SEGMENTS };

struct x86_control_registers {
    uint64_t cr0, cr2, cr3, cr4, efer, dr6, dr7;
};

/* The PAT after a reset (AMD64 APM volume 2, 7.8.2). */
#define X86_PAT_RESET UINT64_C(0x0007040600070406)

/* Model-specific registers of the state, by these places. */
enum x86_state_msr {
    STATE_STAR, STATE_LSTAR, STATE_CSTAR, STATE_SFMASK, STATE_KERNEL_GS, STATE_SYSENTER_CS, STATE_SYSENTER_ESP, STATE_SYSENTER_EIP,
    STATE_PAT, STATE_MSRS
};

#define X86_MTRR_VARIABLE 16
#define X86_MTRR_FIXED 11

/* Memory types by range: nothing follows them, they are what was written. */
struct x86_mtrr {
    uint64_t default_type, capabilities, variable[X86_MTRR_VARIABLE], fixed[X86_MTRR_FIXED];
};

struct x86_vcpu_state {
    struct x86_registers regs;
    struct x86_control_registers control;
    struct x86_segment segments[X86_SEGMENTS];
    uint64_t msr[STATE_MSRS];
};

/* v does not run. Set: false when the processor takes one of the values for no guest's; what it had then is not complete any more. */
void x86_state_get(const struct vcpu *v, struct x86_vcpu_state *out);
bool x86_state_set(struct vcpu *v, const struct x86_vcpu_state *in) MUST_CHECK;

/* v's floating-point and vector registers as XSAVE's standard format has them (AMD64 APM volume 2, 11.5); v does not run. Bytes of the whole,
 * or 0 where the processor has no XSAVE, and the components there are. Get: n bytes from the beginning; returns XCR0. Set: 512 bytes, the part
 * that FXSAVE has, with XCR0 as it is; or all up to n, where what is behind is in its initial state. False: nothing that a guest can have. */
uint32_t x86_fp_bytes(void);
uint64_t x86_fp_features(void);
uint64_t x86_fp_get(const struct vcpu *v, void *area, uint32_t n);
bool x86_fp_set(struct vcpu *v, const void *area, uint32_t n, uint64_t xcr0) MUST_CHECK;

#endif
