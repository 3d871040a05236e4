/* SPDX-License-Identifier: Apache-2.0 */
/* The state that x86's part of the ABI sets and gets: kept, and nothing behind it. A program counter of all ones is refused. */
#include "arch/include/x86_state.h"
#include "arch/include/x86_vcpu.h"
#include "core/domain.h"

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
