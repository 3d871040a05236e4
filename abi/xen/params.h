/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a domain (xen/hvm/params.h): who may do what with each is a table of the processor's directory. */
#ifndef ABI_XEN_PARAMS_H
#define ABI_XEN_PARAMS_H

#include "lib/compiler.h"

struct domain;

enum param_right {
    PARAM_NONE,             /* not one of ours */
    PARAM_GUEST_READS,      /* the toolstack writes it, the guest reads it */
    PARAM_GUEST_SETS,       /* either does either */
    PARAM_TOOLSTACK,        /* the toolstack's own */
};

/* Of HVM_NR_PARAMS. */
extern const uint8_t arm64_param_rights[], x86_param_rights[];
/* It is about to have this value: what follows from that, or the error. */
int arm64_param_effect(struct domain *d, uint32_t index, uint64_t value) MUST_CHECK;
int x86_param_effect(struct domain *d, uint32_t index, uint64_t value) MUST_CHECK;

#endif
