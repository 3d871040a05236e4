/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point and vector state of guests, switched as a whole when a vCPU leaves its CPU (AMD64 APM volume 2, 11.5). */
#ifndef X86_FPU_H
#define X86_FPU_H

#include "lib/types.h"

struct vcpu;

/* Its area, in reset state. -E_NOMEM. */
int fpu_vcpu_init(struct vcpu *v) MUST_CHECK;
void fpu_vcpu_destroy(struct vcpu *v);
/* As after INIT; v does not run. */
void fpu_vcpu_reset(struct vcpu *v);
/* The processor's registers are v's from now on / are stored. */
void fpu_load(struct vcpu *v);
void fpu_save(struct vcpu *v);

#endif
