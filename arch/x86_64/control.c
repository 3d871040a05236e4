/* SPDX-License-Identifier: Apache-2.0 */
#include "core/domain.h"
#include "processor.h"
#include "virt.h"

#define CR0_DEFINED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | (uint64_t)CR0_PG)

static bool may_start_paging(const struct vcpu *v, const struct x86_control_registers *c)
{
    struct x86_segment code;

    if (!(c->efer & EFER_LME))
        return true;
    virt_get_segment(v, X86_CS, &code);
    return (c->cr4 & CR4_PAE) && !(code.attributes & X86_SEGMENT_LONG);
}

static bool may_stop_paging(const struct vcpu *v, const struct x86_control_registers *c)
{
    return !virt_is_64bit(v) && !(c->cr4 & CR4_PCIDE);
}

static bool is_valid(const struct vcpu *v, const struct x86_control_registers *c, uint64_t cr0)
{
    if (cr0 >> 32 || ((cr0 & CR0_PG) && !(cr0 & CR0_PE)) || ((cr0 & CR0_NW) && !(cr0 & CR0_CD)))
        return false;
    if (!((cr0 ^ c->cr0) & CR0_PG))
        return true;
    return cr0 & CR0_PG ? may_start_paging(v, c) : may_stop_paging(v, c);
}

bool x86_write_cr0(const struct vcpu *v, struct x86_control_registers *c, uint64_t cr0)
{
    if (!is_valid(v, c, cr0))
        return false;
    c->cr0 = (cr0 & CR0_DEFINED) | CR0_ET;
    c->efer &= ~(uint64_t)EFER_LMA;
    if ((cr0 & CR0_PG) && (c->efer & EFER_LME))
        c->efer |= EFER_LMA;
    ASSERT(!(c->efer & EFER_LMA) || (c->cr0 & CR0_PE));
    return true;
}
