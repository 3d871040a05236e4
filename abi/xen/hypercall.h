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

#include "abi/xen/narrow.h"
#include "core/domain.h"
#include "lib/error.h"
#include "mem/guest_copy.h"

/* Who may call. */
enum caller {
    CALLER_ANY = 0,         /* every domain */
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
} ALIGNED(64);                  /* a row is found by a shift */

/* Entry of a sub-call table: SUBCALL(XEN_DOMCTL_createdomain, CALLER_CONTROL, createdomain). The index is the number. */
#define SUBCALL(number, who, function) \
    [number] = { .name = #number, .handler = (function), .caller = (who) }
/* The same for one that is refused whatever its arguments, by an error of its own. */
#define SUBCALL_REFUSED(number, who, function) \
    [number] = { .name = #number, .handler = (function), .caller = (who) }
/* Known from the headers and not implemented; the table names it all the same. */
#define SUBCALL_MISSING(number, who) [number] = { .name = #number, .caller = (who) }
/* The same for a number that this architecture's headers hide. */
#define SUBCALL_HIDDEN(value, number, who) [value] = { .name = #number, .caller = (who) }
/* Of one architecture alone; the simulated processor has both's. X86_64's number may be hidden, so its value is given. */
#if defined(__x86_64__) && !CONFIG_HOST
#define SUBCALL_ARM64(number, who, function) [number] = { .name = #number, .caller = (who) }
#else
#define SUBCALL_ARM64(number, who, function) [number] = { .name = #number, .handler = (function), .caller = (who) }
#endif
#if defined(__x86_64__)
#define SUBCALL_X86_64(value, number, who, function) [value] = { .name = #number, .handler = (function), .caller = (who) }
#else
#define SUBCALL_X86_64(value, number, who, function) [value] = { .name = #number, .caller = (who) }
#endif
/* A call or sub-call that no table has a place for: of a family that this ABI has no use for on any architecture it runs on, or
 * of a second level below a sub-call. Named so that the check of tools/abi_table.py sees that it was not forgotten. */
#define NOT_PROVIDED(number) _Static_assert(sizeof(#number) > 1, #number)

extern const struct hypercall hypercall_table[64];

/* Run one hypercall for v by table; used by upcall_hypercall and multicall. */
int64_t hypercall_dispatch(struct vcpu *v, uint64_t number, const uint64_t args[6]);
/* Why v may not call what is CALLER_CONTROL's, or 0. The control domain has it in 64-bit code alone. */
static inline int control_refused(const struct vcpu *v)
{
    return !v->domain->is_control ? -E_PERM : vcpu_call_is_narrow(v) ? -E_NOSYS : 0;
}
/* Look up sub-call `number` in a table, check permission, run it. */
static inline int64_t subcall_run(struct vcpu *v, const struct subcall *table, unsigned count, int error, uint64_t number,
                                  const uint64_t args[6], void *op)
{
    const struct subcall *s;

    if (unlikely(number >= count))
        return error;
    s = &table[array_index_nospec(number, count)];
    if (unlikely(s->caller) && control_refused(v))
        return control_refused(v);
    if (unlikely(!s->handler))
        return error;
    return s->handler(v, args, op);
}
/* The same by the hypercall's own row. */
int64_t subcall_dispatch(struct vcpu *v, const struct hypercall *h, uint64_t number, const uint64_t args[6], void *op);
/* A handler has decoded everything and now acts. Counted in checked builds: the fuzzer and debug key 'c' show what was reached;
 * nothing otherwise. */
#if CONFIG_ASSERT
#define SUBCALLS_COUNTED 128
enum { REACHED_BY_CONTROL, REACHED_BY_OTHERS, REACHED_BY };
/* By the caller's kind, hypercall and sub-call number. */
extern uint32_t subcall_reached_count[REACHED_BY][64][SUBCALLS_COUNTED];
void subcall_reached(const struct hypercall *h, uint64_t number);
#else
static inline void subcall_reached(const struct hypercall *h UNUSED, uint64_t number UNUSED)
{
}
#endif
/* Debug key 'c': which sub-calls domains other than dom0 have got past their checks since the key was last pressed. Checked builds
 * only; by boot. */
void subcall_coverage_init(void);

/* Arguments for the next run of a call that is about to return -E_RESTART: in the registers, or in the guest's entry when the
 * call is one of a multicall. The `args` that the handler was given may change by it. */
void hypercall_set_arg(struct vcpu *v, unsigned n, uint64_t value);
/* A mark that a continuation leaves in an argument which the call itself does not use; whoever forges it harms only its own
 * call. low: 32 bits of progress. */
#define CONTINUED(low) (UINT64_C(0x56434e54) << 32 | (uint32_t)(low))
static inline bool is_continued(uint64_t arg)
{
    return arg >> 32 == 0x56434e54;
}

/* The hypercall families, by number in hypercall_table. */
#define HYPERCALL(number) (&hypercall_table[number])

/* Families with files of their own. */
int64_t hypercall_event_channel_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_grant_table_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_xen_version(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_multicall(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_sched_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_vcpu_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_hvm_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_memory_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_domctl(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_sysctl(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_platform_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_physdev_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_console_io(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_hypfs_op(struct vcpu *v, const uint64_t args[6]);
int64_t hypercall_vm_assist(struct vcpu *v, const uint64_t args[6]);
extern const struct subcall xen_version_subcalls[], sched_subcalls[], vcpu_subcalls[], hvm_subcalls[], memory_subcalls[];
extern const struct subcall domctl_subcalls[], sysctl_subcalls[], platform_subcalls[], physdev_subcalls[];
extern const struct subcall console_subcalls[], vm_assist_subcalls[], hypfs_subcalls[];
/* The arguments of the multicall entry that this CPU works on, or NULL. */
uint64_t *multicall_arguments(void);
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

/* The same for what a caller with 4-byte longs has in another layout: READ_STRUCT(v, &in, from, NARROW_sched_poll) of a struct sched_poll, and n
 * longs (frame numbers) of a list, from the first on. */
int narrow_read_struct(struct vcpu *v, void *to, uint64_t from, enum narrow_struct which) MUST_CHECK;
int narrow_write_struct(struct vcpu *v, uint64_t to, const void *from, enum narrow_struct which) MUST_CHECK;
int narrow_read_longs(struct vcpu *v, uint64_t *to, uint64_t list, uint64_t first, size_t n) MUST_CHECK;
size_t narrow_bytes(enum narrow_struct which);
void narrow_to_wide(enum narrow_struct which, const void *narrow, void *wide);
void wide_to_narrow(enum narrow_struct which, const void *wide, void *narrow);
static inline int read_sized(struct vcpu *v, void *to, uint64_t from, size_t n, enum narrow_struct which)
{
    return vcpu_call_is_narrow(v) ? narrow_read_struct(v, to, from, which) : read_guest(v, to, from, n);
}
static inline int write_sized(struct vcpu *v, uint64_t to, const void *from, size_t n, enum narrow_struct which)
{
    return vcpu_call_is_narrow(v) ? narrow_write_struct(v, to, from, which) : write_guest(v, to, from, n);
}
#define READ_STRUCT(v, to, from, which) read_sized(v, to, from, sizeof(*(to)), which)
#define WRITE_STRUCT(v, to, from, which) write_sized(v, to, from, sizeof(*(from)), which)
static inline int read_longs(struct vcpu *v, uint64_t *to, uint64_t list, uint64_t first, size_t n)
{
    return vcpu_call_is_narrow(v) ? narrow_read_longs(v, to, list, first, n) : read_guest(v, to, list + first * sizeof(*to), n * sizeof(*to));
}

/* For results of what has taken effect and must not run again: 0 or -E_FAULT, never -E_RESTART. */
int write_guest_result(struct vcpu *v, uint64_t to, const void *from, size_t n) MUST_CHECK;

/* Is gfn inside the guest-physical address space of this machine? */
bool gfn_is_valid(uint64_t gfn);

#endif
