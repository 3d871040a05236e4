/* SPDX-License-Identifier: Apache-2.0 */
/* The state that x86's part of the ABI sets and gets: kept, and nothing behind it. A program counter of all ones is refused. */
#include "arch/include/x86_state.h"
#include "arch/include/x86_vcpu.h"
#include "core/domain.h"
#include "lib/string.h"

void x86_state_get(const struct vcpu *v, struct x86_vcpu_state *out)
{
    ASSERT(v != cpu_current_vcpu());
    *out = v->arch.x86_state;
}

bool x86_state_set(struct vcpu *v, const struct x86_vcpu_state *in)
{
    ASSERT(v != cpu_current_vcpu());
    v->arch.x86_state = *in;
    return in->regs.rip != UINT64_MAX;
}

void x86_vcpu_raise_nmi(struct vcpu *v)
{
    (void)atomic_fetch_add(&v->arch.nmis, 1u);
    vcpu_wake(v);
}

uint32_t x86_fp_bytes(void)
{
    return sizeof(((struct vcpu *)0)->arch.x86_fp);
}

uint64_t x86_fp_features(void)
{
    return 7;
}

uint64_t x86_fp_get(const struct vcpu *v, void *area, uint32_t n)
{
    ASSERT(v != cpu_current_vcpu() && n <= sizeof(v->arch.x86_fp));
    memcpy(area, v->arch.x86_fp, n);
    return v->arch.x86_xcr0 ? v->arch.x86_xcr0 : 1;
}

/* A first byte of all ones is refused. */
bool x86_fp_set(struct vcpu *v, const void *area, uint32_t n, uint64_t xcr0)
{
    ASSERT(v != cpu_current_vcpu() && n <= sizeof(v->arch.x86_fp));
    if (*(const uint8_t *)area == UINT8_MAX)
        return false;
    memset(v->arch.x86_fp, 0, sizeof(v->arch.x86_fp));
    memcpy(v->arch.x86_fp, area, n);
    if (n > 512)
        v->arch.x86_xcr0 = xcr0;
    return true;
}
