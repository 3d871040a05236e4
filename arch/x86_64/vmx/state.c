/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's segments and instruction pointer as the VMCS holds them, for everybody else (virt.h; Intel SDM volume 3, 25.4.1). */
#include "arch/x86_64/vmx/unpaged.h"
#include "lib/string.h"
#include "msr_numbers.h"
#include "processor.h"

#define SEGMENT_PRESENT BIT(7)

/* Places within the groups of fields: without rights for the two tables. */
static unsigned place_of(enum x86_segment_name s)
{
    static const uint8_t places[X86_SEGMENTS] = {
        [X86_ES] = 0, [X86_CS] = 1, [X86_SS] = 2, [X86_DS] = 3, [X86_FS] = 4, [X86_GS] = 5, [X86_LDTR] = 6, [X86_TR] = 7, [X86_GDTR] = 8,
        [X86_IDTR] = 9,
    };

    ASSERT(s < X86_SEGMENTS);
    return 2 * places[s];
}

static bool is_table(enum x86_segment_name s)
{
    return s == X86_GDTR || s == X86_IDTR;
}

/* Between a descriptor's bits with the gap and without. */
static uint32_t rights_of(uint16_t attributes)
{
    uint32_t rights = (attributes & 0xff) | (uint32_t)(attributes & 0xf00) << 4;

    return attributes & SEGMENT_PRESENT ? rights : rights | (uint32_t)RIGHTS_UNUSABLE;
}

static uint16_t attributes_of(uint64_t rights)
{
    return rights & RIGHTS_UNUSABLE ? 0 : (uint16_t)((rights & 0xff) | (rights >> 4 & 0xf00));
}

void vmcs_get_segment(enum x86_segment_name s, struct x86_segment *out)
{
    unsigned n = place_of(s);

    *out = (struct x86_segment){ .limit = (uint32_t)vmread(VMCS_ES_LIMIT + n), .base = vmread(VMCS_ES_BASE + n) };
    if (!is_table(s)) {
        out->selector = (uint16_t)vmread(VMCS_ES_SELECTOR + n);
        out->attributes = attributes_of(vmread(VMCS_ES_RIGHTS + n));
    }
}

void vmcs_set_segment(enum x86_segment_name s, const struct x86_segment *in)
{
    unsigned n = place_of(s);

    vmwrite(VMCS_ES_LIMIT + n, in->limit);
    vmwrite(VMCS_ES_BASE + n, in->base);
    if (!is_table(s)) {
        vmwrite(VMCS_ES_SELECTOR + n, in->selector);
        vmwrite(VMCS_ES_RIGHTS + n, rights_of(in->attributes));
    }
}

void vmx_get_segment(const struct vcpu *v, enum x86_segment_name s, struct x86_segment *out)
{
    vmcs_open(v);
    if (unlikely(v->arch.vmx.is_real))
        real_mode_get_segment(v, s, out);
    else
        vmcs_get_segment(s, out);
    vmcs_close(v);
}

void vmx_set_segment(struct vcpu *v, enum x86_segment_name s, const struct x86_segment *in)
{
    vmcs_open(v);
    if (unlikely(v->arch.vmx.is_real))
        real_mode_set_segment(v, s, in);
    else
        vmcs_set_segment(s, in);
    vmcs_close(v);
}

void vmx_vcpu_reset(struct vcpu *v)
{
    static const uint32_t cleared[] = { VMCS_ENTRY_EVENT, VMCS_SHADOW, VMCS_ACTIVITY, VMCS_DEBUGCTL, VMCS_PENDING_DEBUG };

    vmx_reset_msrs(v);
    vmcs_open(v);
    for (unsigned i = 0; i < ARRAY_SIZE(cleared); i++)
        vmwrite(cleared[i], 0);
    vmcs_close(v);
    vmx_set_control(v, VMCS_CONTROLS, CONTROL_INTERRUPT_WINDOW | CONTROL_NMI_WINDOW, false);
    memset(v->arch.vmx.dr, 0, sizeof(v->arch.vmx.dr));
}

/* The stack segment's level is the guest's (25.4.1). Of the current VMCS. */
static unsigned current_cpl(void)
{
    return (unsigned)(vmread(VMCS_ES_RIGHTS + 4) >> 5 & 3);
}

static bool current_is_64bit(void)
{
    return (vmread(VMCS_ES_RIGHTS + 2) & BIT(13)) && (vmread(VMCS_EFER) & EFER_LMA);
}

unsigned vmx_cpl(const struct vcpu *v)
{
    unsigned cpl;

    /* Virtual-8086 mode has the user's level, real mode the highest. */
    if (unlikely(v->arch.vmx.is_real))
        return 0;
    vmcs_open(v);
    cpl = current_cpl();
    vmcs_close(v);
    return cpl;
}

bool vmx_is_64bit(const struct vcpu *v)
{
    bool is_64bit;

    vmcs_open(v);
    is_64bit = current_is_64bit();
    vmcs_close(v);
    return is_64bit;
}

/* A step over it ends here. Not left to the field of pending debug exceptions: an entry with an interrupt forgets those (27.7.3). */
static NOINLINE void end_step(struct vcpu *v)
{
    vmwrite(VMCS_PENDING_DEBUG, 0);
    vmx_note_debug_causes(v, DR6_SINGLE_STEP);
    vmx_inject_exception(v, VECTOR_DB, VIRT_NO_ERROR_CODE, 0);
}

/* Of the vCPU that runs here. The shadow of STI and MOV SS is over. */
static inline void skip(struct vcpu *v, unsigned bytes, bool is_64bit)
{
    uint64_t rip = v->arch.regs.rip + bytes, shadow = vmread(VMCS_SHADOW);

    ASSERT(v->arch.vmx.is_current);
    v->arch.regs.rip = is_64bit ? rip : (uint32_t)rip;
    v->arch.regs.rflags &= ~(uint64_t)RFLAGS_RF;
    if (unlikely(shadow & (SHADOW_STI | SHADOW_MOV_SS)))
        vmwrite(VMCS_SHADOW, shadow & ~(uint64_t)(SHADOW_STI | SHADOW_MOV_SS));
    if (unlikely(v->arch.regs.rflags & RFLAGS_TF))
        end_step(v);
}

void vmx_skip(struct vcpu *v, unsigned bytes)
{
    skip(v, bytes, current_is_64bit());
}

HOT enum virt_code vmx_skip_hypercall(struct vcpu *v)
{
    bool is_64bit = current_is_64bit();

    skip(v, VIRT_HYPERCALL_BYTES, is_64bit);
    if (unlikely(current_cpl()))
        return VIRT_USER_CODE;
    return is_64bit ? VIRT_64BIT_KERNEL : VIRT_32BIT_KERNEL;
}
