/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The veneer's own interface: one table of hypercalls, each with a table of its sub-calls. A handler has two halves: decode
 * (copy from the guest, check everything, may fail) and invoke (a core operation).
 *
 * Permission is in the table and looked at before the handler; a handler that acts on a domain named by the caller resolves it
 * with target_domain(). A handler that must run again returns -E_RESTART (after it saved its place in the guest's arguments); the
 * dispatcher then repeats the guest's instruction.
 */
#ifndef ABI_XEN_HYPERCALL_H
#define ABI_XEN_HYPERCALL_H

#include "core/domain.h"
#include "lib/error.h"
#include "mem/guest_copy.h"

/* Who may call. */
enum caller {
    CALLER_ANY,             /* every domain */
    CALLER_CONTROL,         /* the control domain (dom0) */
};

/* One sub-call: args are the hypercall's arguments; `op` a family's copied-in structure, or NULL. Returns the ABI's result. */
typedef int64_t (*subcall_handler)(struct vcpu *v, const uint64_t args[6], void *op);

struct subcall {
    const char *name;           /* as in the headers, e.g. "XEN_DOMCTL_createdomain" */
    subcall_handler handler;    /* NULL: not implemented, answers the family's default error */
    uint8_t caller;             /* enum caller */
    uint8_t flags;
    uint64_t *reached;          /* count of invocations that got past decode; for the fuzzer */
};

struct hypercall {
    const char *name;
    int64_t (*handler)(struct vcpu *v, const uint64_t args[6]);
    uint8_t arguments;          /* used of the six */
    uint8_t caller;
    const struct subcall *subcalls;
    unsigned subcall_count;
    int default_error;          /* for sub-calls without a handler, e.g. -E_NOSYS */
};

/* Entry of a sub-call table: SUBCALL(XEN_DOMCTL_createdomain, CALLER_CONTROL, createdomain). The index is the number. */
#define SUBCALL(number, who, function) \
    [number] = { .name = #number, .handler = (function), .caller = (who) }
/* Known from the headers and not implemented; the table names it all the same. */
#define SUBCALL_MISSING(number, who) [number] = { .name = #number, .caller = (who) }

extern const struct hypercall hypercall_table[64];

/* Run one hypercall for v by table; used by upcall_hypercall and multicall. */
int64_t hypercall_dispatch(struct vcpu *v, unsigned number, const uint64_t args[6]);
/* Look up sub-call `number`, check permission, run it. */
int64_t subcall_dispatch(struct vcpu *v, const struct hypercall *h, uint64_t number, const uint64_t args[6], void *op);
/* A handler has decoded everything and now acts. Counted for the fuzzer, nothing otherwise. */
void subcall_reached(const struct hypercall *h, uint64_t number);

/* Families with files of their own. */
int64_t hypercall_event_channel_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_grant_table_op(struct vcpu *v, const uint64_t args[6]);
extern const struct subcall event_channel_subcalls[], grant_table_subcalls[];
extern const unsigned event_channel_subcall_count, grant_table_subcall_count;

/* Should a long operation of v stop here and continue later (an interrupt or a better vCPU waits)? Cheap. */
bool hypercall_preempt(void);

/* The domain that `id` means for the caller (DOMID_SELF: its own), or NULL: -E_SRCH. The pointer is good until the hypercall
 * returns. Acting on another domain than one's own needs is_control: then *error = -E_PERM. */
struct domain *target_domain(struct vcpu *v, uint16_t id, int *error);

/* Copy helpers that return -E_FAULT / -E_RESTART / 0. */
static inline int read_guest(struct vcpu *v, void *to, uint64_t from, size_t n)
{
    return copy_error(copy_from_guest(v, to, GVA(from), n));
}

static inline int write_guest(struct vcpu *v, uint64_t to, const void *from, size_t n)
{
    return copy_error(copy_to_guest(v, GVA(to), from, n));
}

#endif
