/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of records that a vCPU has in the stream of hvm_context.c, in the order in which they stand there. */
#ifndef ABI_XEN_X86_64_RECORDS_H
#define ABI_XEN_X86_64_RECORDS_H

#include "abi/xen/domctl.h"
#include <xen/hvm/save.h>

/* No body is longer: XSAVE's with every component that is switched. */
#define RECORD_MAX 3072

struct record_kind {
    uint16_t code;
    uint32_t bytes;                 /* of the body, or 0: length() says it, which may say that this machine has no such record */
    uint32_t (*length)(void);
    /* The vCPU is held. encode: into zeros. take: checks everything; an error leaves the vCPU's state undefined. A record whose length is not
     * fixed comes with its own, no longer than this machine's. */
    void (*encode)(struct vcpu *v, void *out);
    int (*take)(struct vcpu *v, void *record, uint32_t length);
};
#define RECORD_KINDS 7
extern const struct record_kind record_kinds[RECORD_KINDS];

static inline uint32_t record_length(const struct record_kind *k)
{
    uint32_t n = k->length ? k->length() : k->bytes;

    ASSERT(n <= RECORD_MAX);
    return n;
}

#endif
