/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying to and from a guest: the only way to guest memory for hypercall arguments. Each byte is read once. Lengths are
 * bounded by the caller (at most 64 KiB a call); a page is looked up under the p2m lock and pinned while it is copied.
 * None of these may be called with LOCK_P2M or a later lock held.
 */
#ifndef MEM_GUEST_COPY_H
#define MEM_GUEST_COPY_H

#include "lib/types.h"

struct vcpu;
struct stage2;

enum copy_result {
    COPY_OK = 0,
    COPY_FAULT,     /* the guest's fault: -E_FAULT */
    COPY_RETRY,     /* stage 2 needs work: resolve (the copy functions have called stage2_resolve) and run the call again */
};

/* By virtual address of the current vCPU, which is v. */
enum copy_result copy_from_guest(struct vcpu *v, void *to, gva_t from, size_t n) MUST_CHECK;
enum copy_result copy_to_guest(struct vcpu *v, gva_t to, const void *from, size_t n) MUST_CHECK;
/* By guest-physical address of any domain. */
enum copy_result copy_from_gpa(struct stage2 *s, void *to, gpa_t from, size_t n) MUST_CHECK;
enum copy_result copy_to_gpa(struct stage2 *s, gpa_t to, const void *from, size_t n) MUST_CHECK;

/* The space a vCPU's guest-physical addresses mean. mem/ does not know domains: core defines it (core/guest_space.c). */
struct stage2 *guest_space(struct vcpu *v);

/* -E_FAULT, -E_RESTART or 0, for hypercall handlers. */
int copy_error(enum copy_result r);

#endif
