/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INIT and STARTUP (Intel SDM volume 3, 8.4.4.1): how a kernel brings up its other processors. INIT takes one down where it is; STARTUP starts
 * one that is down, in real mode at the page that its vector names, and is lost on one that runs.
 */
#include "arch/include/x86_vcpu.h"
#include "core/domain.h"
#include "lib/error.h"
#include "vdev/x86_64/vlapic.h"

#define STARTUP_PAGE_SHIFT 12

void vlapic_init_signal(struct vcpu *v)
{
    if (v != cpu_current_vcpu())
        vcpu_down(v);
    else
        log_guest("d%uv%u: INIT to itself is not done", v->domain->id.v, v->id);
}

/* Kernels send it twice: one that comes while the vCPU is still leaving its CPU may be lost. */
void vlapic_startup_signal(struct vcpu *v, unsigned vector)
{
    const struct vcpu_start start = { .pc = (uint64_t)vector << STARTUP_PAGE_SHIFT, .flags = X86_START_REAL_MODE };
    int error = vcpu_up(v, &start);

    ASSERT(vector < 256);
    if (error && error != -E_EXIST && error != -E_RESTART)
        log_guest("d%uv%u does not start: error %d", v->domain->id.v, v->id, error);
}
